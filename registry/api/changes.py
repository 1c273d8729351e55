"""Changes: what customs subscribes to, by asking again from the cursor that it was given last."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from registry.api.beside_views import ClarificationView, StatusView
from registry.api.call import LookDep, Reply
from registry.api.certificate_views import NamedCertificate
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import PlaceDep, cursor
from registry.core.calendar import write_instant
from registry.store.arrivals import Arrived
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party
from registry.usecases.verification import follow_changes
from registry.usecases.verification.follow_changes import ChangesRenumbered

router = APIRouter(prefix="/api/v1/changes", tags=["changes"], route_class=StrictRoute)


class ChangeView(BaseModel):
    """A certificate that was delivered, a change of its status, or a clarification; `at`: when it was recorded here."""

    kind: Literal["delivered", "status", "clarified"]
    at: str
    certificate: NamedCertificate
    status: StatusView | None = None
    clarification: ClarificationView | None = None

    @classmethod
    def of(cls, arrived: Arrived) -> "ChangeView":
        """Render what arrived."""
        arrival, certificate, change, mended = arrived
        return cls(
            kind="status" if change else "clarified" if mended else "delivered",
            at=write_instant(arrival.at),
            certificate=NamedCertificate.of(certificate),
            status=None if change is None else StatusView.of(change, certificate),
            clarification=None if mended is None else ClarificationView.of(mended),
        )


class ChangesView(BaseModel):
    """What came, oldest first; with `cursor` one asks for what comes after it, now or later."""

    items: list[ChangeView]
    cursor: Annotated[str | None, Field(description="Absent only while nothing has ever come.")] = None
    more: Annotated[bool, Field(description="Whether more has come already.")]


@router.get("", **operation(ChangesView, ChangesRenumbered, roles={Role.CUSTOMS: Reach.COUNTRY}))
def follow(
    look: LookDep,
    place: PlaceDep,
    after: Annotated[str | None, Query(max_length=200, description="The `cursor` that was given last.")] = None,
) -> Response:
    """Follow what comes to this node of certificates presented here: in order, none missed, none twice.

    An empty page keeps the cursor: ask again with it.
    """
    where = place.numbered

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        came = follow_changes.follow(tx, where, country=look.node.settings.country, limit=place.reach, by=by)
        shown = came[: place.limit]
        last = cursor(shown[-1][0].at, str(shown[-1][0].seq)) if shown else after
        items = [ChangeView.of(each) for each in shown]
        return Reply.of(ChangesView(items=items, cursor=last, more=len(came) > len(shown)))

    return look.answer(work)
