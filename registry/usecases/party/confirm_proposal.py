"""Two people: what one operator proposed, another confirms, and once; the acts alone say who proposed.

What they compare is a digest that came by another way than the proposal, spoken and typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Refused
from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class SameOperator(Refused):
    """Whoever proposed it does not confirm it."""

    code: ClassVar[str] = "same-operator"

    def __str__(self) -> str:
        return "whoever proposed it cannot confirm it: another operator does"


def find_proposals(tx: Session, subject: str, kind: Kind, *, since: Act | None = None) -> Sequence[Act]:
    """Return who proposed just this, oldest first, after the act `since`: what was confirmed before is used up.

    What does not stand any more does not count.
    """
    proposed = [act for act in acts.about(tx, subject, kind) if since is None or act.seq > since.seq]
    said = acts.of_roles(tx, {act.person for act in proposed})
    return [act for act in proposed if stands(act, said)]


def stands(proposal: Act, said: Sequence[Act]) -> bool:
    """Tell whether whoever proposed was an operator then and ever since, by the acts on their roles.

    A role that is given again brings no proposal back, nor does one of before a ceremony, which takes it from everyone:
    one human might confirm under another name what they proposed under this one. No clock moves the order of acts.
    """
    after = [act for act in said if act.subject == proposal.person and act.seq > proposal.seq]
    lost = any(Role.OPERATOR not in act.private["roles"] for act in after)
    return was_operator(proposal.person, proposal, said) and not lost


def was_operator(person: str | None, when: Act, said: Sequence[Act]) -> bool:
    """Tell whether a person was an operator at an act, by the acts before it on their roles, in their order."""
    roles = [act.private["roles"] for act in said if act.subject == person and act.seq < when.seq]
    return bool(roles) and Role.OPERATOR in roles[-1]


def by_another(proposals: Sequence[Act], by: Party) -> Act:
    """Return the newest of these proposals that another than `by` made; raises `SameOperator`."""
    others = [act for act in proposals if act.person != by.person]
    if not others:
        raise SameOperator
    return others[-1]


def spoken(digest: str) -> str:
    """Return a digest in groups of four, as it is read out over a telephone."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def heard(text: str) -> str:
    """Return the digest that someone typed as they heard it: neither spaces nor capitals matter."""
    return "".join(text.split()).lower()
