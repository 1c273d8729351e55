"""The auditor's acts: who did what, when, on whose behalf, where in the log; and a look at what is private of one."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from registry.api.bodies import Reason
from registry.api.call import CallDep, LookDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import Page, PlaceDep
from registry.api.problems import FaceProblem
from registry.api.spelled import HexId, Instant
from registry.core.calendar import PeriodReversed, read_instant, write_instant
from registry.core.tlog.entry import Kind
from registry.core.verification.dossier import Place, Selection
from registry.store import acts
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.audit import read_act, search_acts
from registry.usecases.audit.read_act import ActLost, ActNotFound
from registry.usecases.audit.search_acts import Found, LostAct
from registry.usecases.party.identify_party import Party

router = APIRouter(prefix="/api/v1/acts", tags=["acts"], route_class=StrictRoute)
TLOG_PROOF = "text/vnd.tlog-proof"
AUDITORS = {Role.AUDITOR: Reach.NODE}


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
    taken_back: Annotated[
        int | None,
        Field(description="The entry of the log whose leaf was taken back without its act: of that all else is lost."),
    ] = None

    @classmethod
    def of_found(cls, found: Found) -> "ActView":
        """Render an act, or what is left of one that is lost."""
        return cls(**(_public(found) if isinstance(found, Act) else _left(found)))


class ActLookView(ActView):
    """An act with its private part: the leaf's `private` is SHA-256 over the salt and the bytes of `committed`."""

    private: Annotated[dict[str, Any], Field(description="What happened, and why.")]
    committed: Annotated[str, Field(description="The private part in the one spelling that was committed to.")]
    salt: Annotated[str, Field(description="In hex.")]
    leaf: Annotated[str, Field(description="The entry of the log.")]
    differs: Annotated[
        list[str] | None,
        Field(description="What of the act is not what was logged: it was altered since. Absent where nothing is."),
    ] = None

    @classmethod
    def of(cls, row: Act) -> "ActLookView":
        """Render a row."""
        return cls(
            **_public(row),
            private=row.private,
            committed=acts.committed(row).decode(),
            salt=row.salt.hex(),
            leaf=row.leaf.decode(errors="replace"),
            differs=read_act.differing(row) or None,
        )


def _left(lost: LostAct) -> dict[str, Any]:
    leaf = lost.leaf
    known = {"id": leaf.id, "kind": leaf.kind, "by": leaf.by, "to": leaf.to, "digest": leaf.digest}
    unknown = dict.fromkeys(("person", "organisation", "subject"))
    return {"at": write_instant(leaf.at), **known, **unknown, "taken_back": lost.index}


def _public(row: Act) -> dict[str, Any]:
    names = ("id", "kind", "by", "person", "organisation", "subject", "to", "digest")
    return {"at": write_instant(row.at), **{name: getattr(row, name) for name in names}}


def _position(found: Found) -> tuple[datetime, str]:
    place = search_acts.place_of(found)
    return place.at, str(place.seq)


@router.get("", **operation(Page[ActView], PeriodReversed, roles=AUDITORS))
def list_acts(
    look: LookDep,
    place: PlaceDep,
    from_: Annotated[
        Instant | None, Query(alias="from", description="From then on, as `2026-11-21T09:30:00Z`.")
    ] = None,
    until: Annotated[Instant | None, Query(description="Up to then, and then too.")] = None,
    kind: Annotated[Kind | None, Query(description="Only acts of this kind.")] = None,
    person: Annotated[str | None, Query(max_length=64)] = None,
    organisation: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[
        str | None, Query(max_length=400, description="Id of an application, a certificate, ...")
    ] = None,
    number: Annotated[
        str | None,
        Query(
            max_length=400,
            description="Number or id of a certificate: acts about it, and about the application that it came from.",
        ),
    ] = None,
) -> Response:
    """List acts, newest first, those among them that were lost and whose leaf was taken back after a restore."""
    selection = Selection(
        from_=None if from_ is None else read_instant(from_),
        until=None if until is None else read_instant(until),
        kind=kind,
        person=person,
        organisation=organisation,
        subject=subject,
        number=number,
    )
    after = None if place.numbered is None else Place(*place.numbered)

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        rows = search_acts.search(tx, selection, after=after, limit=place.reach, by=by)
        shown, cursor = place.cut(rows, _position)
        return Reply.of(Page[ActView](items=[ActView.of_found(row) for row in shown], next=cursor))

    return look.answer(work)


@router.post("/{id}/look", **operation(ActLookView, ActNotFound, ActLost, roles=AUDITORS, hides=ActNotFound))
def look_at_act(id: HexId, body: Reason, call: CallDep) -> Response:
    """Look at the private part of an act, with its salt; the look is itself an act, with its reason."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        return Reply.of(ActLookView.of(read_act.look(tx, id, body.reason, by=by, at=at, draw=call.node.draw)))

    return call.once(work)


@router.get(
    "/{id}/proof",
    **operation(None, ActNotFound, ActLost, "proof-pending", roles=AUDITORS, hides=ActNotFound, gives=[TLOG_PROOF]),
)
def prove_act(id: HexId, look: LookDep) -> Response:
    """Prove that the log holds an act, or the leaf that is left of it (c2sp.org/tlog-proof)."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        proof = read_act.prove_act(tx, id, by=by)
        if proof is None:
            raise FaceProblem("proof-pending", "no published checkpoint covers it yet", {"Retry-After": "1"})
        return Reply(200, proof.encode().encode(), TLOG_PROOF)

    return look.answer(work)
