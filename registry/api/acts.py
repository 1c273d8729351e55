"""The auditor's list of acts: who did what, when, on whose behalf, and where in the log."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from registry.api.call import LookDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.paging import Page, PlaceDep
from registry.api.problems import FaceProblem
from registry.core.calendar import write_instant
from registry.core.errors import NotFound
from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.identify_party import Party
from registry.usecases.read_log import prove

router = APIRouter(prefix="/api/v1/acts", tags=["acts"], route_class=StrictRoute)
IdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
TLOG_PROOF = "text/vnd.tlog-proof"


class ActNotFound(NotFound):
    """No such act."""

    code = "act-not-found"

    def __str__(self) -> str:
        return "there is no such act"


class ActView(BaseModel):
    """An act without its private part."""

    id: str
    at: str
    kind: str
    by: str
    person: str | None
    organisation: str | None
    subject: str | None
    to: str | None
    digest: str | None

    @classmethod
    def of(cls, row: Act) -> "ActView":
        """Render a row."""
        return cls(
            id=row.id,
            at=write_instant(row.at),
            kind=row.kind,
            by=row.by,
            person=row.person,
            organisation=row.organisation,
            subject=row.subject,
            to=row.to,
            digest=row.digest,
        )


@router.get("", **operation(Page[ActView], roles=[Role.AUDITOR]))
def list_acts(
    look: LookDep,
    place: PlaceDep,
    kind: Annotated[Kind | None, Query(description="Only acts of this kind.")] = None,
    person: Annotated[str | None, Query(max_length=64)] = None,
    organisation: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[
        str | None, Query(max_length=400, description="Id of an application, a certificate, ...")
    ] = None,
) -> Response:
    """List acts, newest first."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        by.require(Role.AUDITOR)
        rows = acts.page(
            tx,
            after=place.after,
            limit=place.reach,
            kind=kind,
            person=person,
            organisation=organisation,
            subject=subject,
        )
        shown, after = place.cut(rows, lambda row: (row.at, row.id))
        return Reply.of(Page[ActView](items=[ActView.of(row) for row in shown], next=after))

    return look.answer(work)


@router.get("/{id}/proof", **operation(None, ActNotFound, "proof-pending", roles=[Role.AUDITOR], gives=[TLOG_PROOF]))
def prove_act(id: IdPath, look: LookDep) -> Response:
    """Prove that the log holds an act (c2sp.org/tlog-proof)."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        by.require(Role.AUDITOR)
        if acts.find(tx, id) is None:
            raise ActNotFound
        proof = prove(tx, id)
        if proof is None:
            raise FaceProblem("proof-pending", "the log has not taken it in yet", {"Retry-After": "1"})
        return Reply(200, proof.encode().encode(), TLOG_PROOF)

    return look.answer(work)
