"""Whoever made the expert act neither examines nor signs: the act is evidence for both (S5 3.15).

The act names its expert in words, so people are told apart by their names as they look, by surname and initials.
"""

from dataclasses import dataclass
from typing import ClassVar

from registry.core.certificate.claims import Claims
from registry.core.errors import Refused, Unprocessable
from registry.core.product.names import names_one


@dataclass(eq=False)
class ExaminerIsExpert(Refused):
    """The examiner bears the name of the expert on whose act the application rests."""

    code: ClassVar[str] = "examiner-is-expert"
    clause: ClassVar[str | None] = "S5 3.15"
    expert: str

    def __str__(self) -> str:
        return "whoever made the expert act does not examine the application"


@dataclass(eq=False)
class SignatoryIsExpert(Refused):
    """The signatory bears the name of the expert on whose act the application rests."""

    code: ClassVar[str] = "signatory-is-expert"
    clause: ClassVar[str | None] = "S5 3.15"
    expert: str

    def __str__(self) -> str:
        return "whoever made the expert act does not certify by it"


@dataclass(eq=False)
class ExpertActMissing(Unprocessable):
    """No expert act is stated, which certification rests on: the application is sent back for it."""

    code: ClassVar[str] = "expert-act-wanted"
    clause: ClassVar[str | None] = "S5 3.15"

    def __str__(self) -> str:
        return "the application states no expert act, and what is certified rests on one"


def check_stated(claims: Claims) -> None:
    """Check that the expert act is stated before the draft is offered; raises `ExpertActMissing`."""
    if claims.expert_act is None:
        raise ExpertActMissing


def check_examiner(claims: Claims, name: str) -> None:
    """Check that the expert of the act is another person than who examines; raises `ExaminerIsExpert`."""
    if _is_expert(claims, name):
        raise ExaminerIsExpert(name)


def check_signatory(claims: Claims, name: str) -> None:
    """Check that the expert of the act is another person than who certifies; raises `SignatoryIsExpert`."""
    if _is_expert(claims, name):
        raise SignatoryIsExpert(name)


def _is_expert(claims: Claims, name: str) -> bool:
    return claims.expert_act is not None and names_one(claims.expert_act.expert, name)
