"""Two people: what one operator proposed, another confirms, and once; the acts alone say who proposed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Refused
from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Act
from registry.usecases.identify_party import Party


@dataclass(eq=False)
class SameOperator(Refused):
    """Whoever proposed it does not confirm it."""

    code: ClassVar[str] = "same-operator"

    def __str__(self) -> str:
        return "whoever proposed it cannot confirm it: another operator does"


def find_proposals(tx: Session, subject: str, kind: Kind, *, since: Act | None = None) -> Sequence[Act]:
    """Return who proposed just this, oldest first, after the act `since`: what was confirmed before is used up."""
    return [act for act in acts.about(tx, subject, kind) if since is None or act.seq > since.seq]


def by_another(proposals: Sequence[Act], by: Party) -> Act:
    """Return the newest of these proposals that another than `by` made; raises `SameOperator`."""
    others = [act for act in proposals if act.person not in {None, by.person}]
    if not others:
        raise SameOperator
    return others[-1]
