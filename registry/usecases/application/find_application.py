"""An application that concerns the asker, the part that they play in it, and the acts on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application.lifecycle import Part
from registry.core.canonical import Json
from registry.core.certificate.claims import Claims
from registry.core.certificate.lifecycle import check_names
from registry.core.errors import NotFound, Refused
from registry.core.tlog.entry import Kind
from registry.store import acts, applications
from registry.store.acts import Actor, Draw
from registry.store.applications import Application
from registry.usecases.application import run_clock
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class ApplicationNotFound(NotFound):
    """No such application, or none of an organisation that the one who asks works for."""

    code: ClassVar[str] = "application-not-found"
    id: str

    def __str__(self) -> str:
        return "there is no such application"


@dataclass(eq=False)
class AnotherPart(Refused):
    """The person plays another part in this application: applicant, examiner and signatory are three people."""

    code: ClassVar[str] = "another-part"
    clause: ClassVar[str | None] = "S5 3.15"
    played: Part
    asked: Part

    def __str__(self) -> str:
        return f"whoever is {self.played} of an application cannot be its {self.asked}"


def find(tx: Session, id: str, *, by: Party, lock: bool = False) -> Application:
    """Return an application that concerns the asker's organisation; raises `ApplicationNotFound`."""
    row = applications.seen_by(tx, id, by.organisation, lock=lock)
    if row is None:
        raise ApplicationNotFound(id)
    return row


_APPROVE = {Part.EXAMINER: Part.SIGNATORY, Part.SIGNATORY: Part.EXAMINER}
"""Two people approve every certificate: who plays the one part is told apart from who plays the other by name, too."""


def play(tx: Session, row: Application, part: Part, *, by: Party, at: datetime) -> None:
    """Let the person play `part` in the application.

    Raises `AnotherPart` where they play another, and `SameName` where one of their name is the other who approves.
    """
    played = applications.claim_part(tx, row.id, by.person, part, at)
    if played is not part:
        raise AnotherPart(played, part)
    if part in _APPROVE:
        for name in applications.players(tx, row.id, _APPROVE[part]):
            check_names(name, by.name)


def record(
    tx: Session, kind: Kind, row: Application, *, by: Party | Actor, at: datetime, draw: Draw, **more: str
) -> None:
    """Record an act on an application; the private row names its claims by their digest, and its clock."""
    digest = Claims.parse(row.claims).digest
    about: dict[str, Json] = {"application": row.id, "state": row.state, "claims": digest, "version": row.version}
    if row.relations:
        about["relations"] = row.relations
    actor = by.actor if isinstance(by, Party) else by
    acts.record(tx, kind, about | run_clock.told(row) | more, by=actor, at=at, draw=draw, subject=row.id)
