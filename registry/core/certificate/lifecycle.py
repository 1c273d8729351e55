"""Standings and moves of a certificate, who approves each, and how many people that takes (domain 3; S4 8.3, 9.4).

A move is the word of a signed change of status. Annulled and replaced never revert: no move starts from them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from registry.core.certificate.status_change import Status
from registry.core.errors import Conflict, Refused, Unprocessable
from registry.core.product.names import names_one


class Standing(StrEnum):
    """Where a certificate stands by the changes that are held of it; it begins in force, with its issue."""

    IN_FORCE = "in-force"
    SUSPENDED = "suspended"
    ANNULLED = "annulled"
    REPLACED = "replaced"


class Approver(StrEnum):
    """Who of the issuing body takes part in a move: the names are those of the roles."""

    SIGNATORY = "signatory"
    EXAMINER = "examiner"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who may propose a move, and who may confirm it; these are always two different people."""

    proposes: frozenset[Approver]
    confirms: frozenset[Approver]
    people: int = 2


MOVES: Mapping[tuple[Standing, Status], Standing] = MappingProxyType(
    {
        (Standing.IN_FORCE, Status.ANNULLED): Standing.ANNULLED,
        (Standing.IN_FORCE, Status.REPLACED): Standing.REPLACED,
        (Standing.IN_FORCE, Status.SUSPENDED): Standing.SUSPENDED,
        (Standing.SUSPENDED, Status.REINSTATED): Standing.IN_FORCE,
        (Standing.SUSPENDED, Status.ANNULLED): Standing.ANNULLED,
        (Standing.SUSPENDED, Status.REPLACED): Standing.REPLACED,
    }
)
FINAL = frozenset({Standing.ANNULLED, Standing.REPLACED})
"""What no later change takes back."""
PAUSES = frozenset({Status.SUSPENDED, Status.REINSTATED})
"""Moves that exist only where the scheme knows them; ST-1 does not (S4 10.1)."""

_SIGNATORY = frozenset({Approver.SIGNATORY})
_EITHER = frozenset({Approver.SIGNATORY, Approver.EXAMINER})
APPROVALS: Mapping[Status, Approval] = MappingProxyType(
    {
        Status.ANNULLED: Approval(_SIGNATORY, _EITHER),
        Status.REPLACED: Approval(_SIGNATORY, _SIGNATORY),  # who issues the new one confirms: only a signatory signs
        Status.SUSPENDED: Approval(_SIGNATORY, _EITHER),
        Status.REINSTATED: Approval(_SIGNATORY, _EITHER),
    }
)
CLARIFICATION = Approval(_SIGNATORY, _EITHER)
"""A clarification leaves the standing as it is, and is approved like a change of it (R09 9-2.2)."""


@dataclass(eq=False)
class AlreadyAnnulled(Conflict):
    """The certificate is annulled, or replaced: both are for ever."""

    code: ClassVar[str] = "already-annulled"
    status: Standing

    def __str__(self) -> str:
        return f"the certificate is {self.status}"


@dataclass(eq=False)
class IllegalChange(Conflict):
    """The certificate stands where this change of status does not start from."""

    code: ClassVar[str] = "illegal-change"
    status: Standing
    change: Status

    def __str__(self) -> str:
        return f"a certificate that is {self.status} cannot be {self.change}"


@dataclass(eq=False)
class ChangeNotInScheme(Unprocessable):
    """Certificates of this scheme cannot be suspended."""

    code: ClassVar[str] = "change-not-in-scheme"
    clause: ClassVar[str | None] = "S4 10.1"
    change: Status

    def __str__(self) -> str:
        return f"a certificate of this scheme is never {self.change}"


@dataclass(eq=False)
class SamePerson(Refused):
    """Whoever proposes does not confirm."""

    code: ClassVar[str] = "same-person"

    def __str__(self) -> str:
        return "whoever proposed it cannot confirm it"


@dataclass(eq=False)
class SameName(Refused):
    """Whoever approves bears the name of the other who does: one person may be registered twice."""

    code: ClassVar[str] = "same-name"
    clause: ClassVar[str | None] = "S5 3.15"
    name: str

    def __str__(self) -> str:
        return (
            f"whoever proposed or examined it is called {self.name}: two people approve, and namesakes are told apart "
            "when both are registered by first name and patronymic in full"
        )


@dataclass(eq=False)
class ProposalDiffers(Conflict):
    """What is proposed now is not what the confirmer says to have read: it may have been withdrawn since."""

    code: ClassVar[str] = "proposal-differs"
    proposal: str

    def __str__(self) -> str:
        return "what is confirmed is not what is proposed now: read it again"


def advance(standing: Standing, change: Status, *, pauses: bool) -> Standing:
    """Return where `change` leads to; `pauses` tells whether the scheme knows suspension.

    Raises `ChangeNotInScheme`, `AlreadyAnnulled`, `IllegalChange`.
    """
    if change in PAUSES and not pauses:
        raise ChangeNotInScheme(change)
    if standing in FINAL:
        raise AlreadyAnnulled(standing)
    try:
        return MOVES[standing, change]
    except KeyError:
        raise IllegalChange(standing, change) from None


def standing_after(changes: Iterable[Status]) -> Standing:
    """Return where a certificate stands after changes in the order in which they were recorded."""
    standing = Standing.IN_FORCE
    for change in changes:
        standing = MOVES.get((standing, change), standing)
    return standing


def check_read(proposed: str, read: str | None) -> None:
    """Check that what is confirmed is what was read, by the ids of the proposals; raises `ProposalDiffers`."""
    if proposed != read:
        raise ProposalDiffers(proposed)


def check_people(proposed_by: str, confirmed_by: str) -> None:
    """Check that two different people approve; raises `SamePerson`."""
    if proposed_by == confirmed_by:
        raise SamePerson


def check_names(other: str, name: str) -> None:
    """Check that who approves is not, by the name, the `other` who did, registered twice; raises `SameName`."""
    if names_one(other, name):
        raise SameName(other)
