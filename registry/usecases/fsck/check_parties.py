"""Ask whether parties, products and applications are as the acts on them say, whose private parts the log commits to.

No act repeats, so nobody vouches for: address, tax id, DID, code and role of an organisation; on whose behalf an act
was done; the SHA-256 of a token that one operator alone issued; whose a product or an application is; scheme, body and
destination of an application, why it was sent back, and who else plays a part in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from registry.core import canonical
from registry.core.application.lifecycle import State
from registry.core.calendar import write_instant
from registry.core.product.names import skeleton
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.annulments import Annulment
from registry.store.applications import Application
from registry.store.calendars import CalendarRow
from registry.store.clarifications import ClarificationProposal
from registry.store.parties import Mandate, Organisation, Person
from registry.store.products import ProductRow
from registry.store.tokens import Token
from registry.usecases.fsck.survey_rows import RowT, Survey, of, read_object, readable


@dataclass(frozen=True, slots=True)
class _Said:
    """What the newest act of some kinds says of a row."""

    private: Mapping[str, Any]
    at: datetime
    person: str | None


@dataclass(frozen=True, slots=True)
class _Repeated(Generic[RowT]):
    """A table that acts repeat: which acts, by which member they name the row, and what they say of it."""

    entity: type[RowT]
    name: str
    kinds: Sequence[Kind]
    member: str
    derive: Callable[[RowT, _Said], Mapping[str, object]]
    otherwise: Mapping[str, object] | None = None
    """What the columns are where there is no such act; None where there must be one."""


def check_parties(survey: Survey) -> None:
    """Check each table against the acts that repeat it, and calendars against those that confirmed them."""
    for repeated in _REPEATED:
        _compare(survey, repeated)
    _calendars(survey)


def _compare(survey: Survey, repeated: _Repeated[RowT]) -> None:
    """Read rows beside the newest act on each; name what differs, and acts whose row is not here."""
    table: Any = repeated.entity
    named = Act.private[repeated.member].astext
    newest = (
        select(named.label("named"), Act.id, readable(Act.private).label("private"), readable(Act.at).label("at"))
        .add_columns(Act.person)
        .ext(distinct_on(named))
        .where(Act.kind.in_(repeated.kinds), named.is_not(None))
        .order_by(named, Act.seq.desc())
        .subquery()
    )
    query = of(table, newest.c.private.label("private_"), newest.c.at.label("at_"), newest.c.person.label("person_"))
    query = query.outerjoin(newest, newest.c.named == table.id).order_by(table.id)
    for row, act in survey.rows(repeated.entity, query, counted=repeated.otherwise is None):
        where = f"{repeated.name} {act.id}"
        private = read_object(act.private_)
        if private is not None:
            derived = repeated.derive(row, _Said(private, act.at_, act.person_))
            survey.differ(where, row, derived, "its act says")
        elif repeated.otherwise is None:
            survey.say(where, "there is no act of it")
        else:
            survey.differ(where, row, repeated.otherwise, "its acts say")
    gone = ~select(table.id).where(table.id == newest.c.named).exists()
    for lost in survey.stream(select(newest.c.id, newest.c.named).where(gone).order_by(newest.c.id)):
        survey.say(f"act {lost.id}", f"it is about {repeated.name} {lost.named}, which is not here")


def _calendars(survey: Survey) -> None:
    """Ask whether each calendar is what its act confirmed, of days that another person proposed, and the reverse."""
    proposal = aliased(Act)
    proposed = select(proposal.id).where(
        proposal.kind == Kind.CALENDAR_PROPOSED,
        proposal.subject == CalendarRow.digest,
        proposal.person == CalendarRow.proposed_by,
    )
    query = of(
        CalendarRow,
        Act.person.label("person_"),
        readable(Act.at).label("at_"),
        readable(Act.private).label("private_"),
        proposed.exists().label("proposed"),
    ).outerjoin(Act, (Act.id == CalendarRow.act) & (Act.kind == Kind.CALENDAR_CONFIRMED))
    ordered = query.order_by(CalendarRow.country, CalendarRow.year, CalendarRow.version)
    for row, act in survey.rows(CalendarRow, ordered):
        where = f"calendar {row.country} {row.year} version {row.version}"
        said = read_object(act.private_) or {}
        derived = {name: said.get(name) for name in ("digest", "country", "year", "version")}
        survey.differ(where, row, derived | {"confirmed_by": act.person_, "confirmed_at": act.at_}, "its act says")
        if row.digest != canonical.digest(canonical.encode(row.content)):
            survey.say(where, "its days are not those that its digest names")
        if not act.proposed:
            survey.say(where, "whoever it names did not propose these days")
    kept = select(CalendarRow.act).where(CalendarRow.act == Act.id).exists()
    for lost in survey.tx.scalars(select(Act.id).where(Act.kind == Kind.CALENDAR_CONFIRMED, ~kept).order_by(Act.id)):
        survey.say(f"act {lost}", "it confirmed a calendar that is not here")


def _organisation(_row: Organisation, said: _Said) -> Mapping[str, object]:
    return {name: said.private.get(name) for name in ("kind", "country")} | {"registered_at": said.at}


def _called(row: Organisation, said: _Said) -> Mapping[str, object]:
    name = said.private.get("name")
    called = {"name": name, "look": None if row.look is None else skeleton(str(name))}
    return called | {member: said.private[member] for member in ("body_role",) if member in said.private}


def _person(_row: Person, said: _Said) -> Mapping[str, object]:
    return {name: said.private.get(name) for name in ("organisation", "name")} | {"registered_at": said.at}


def _token(row: Token, said: _Said) -> Mapping[str, object]:
    until = row.expires_at if write_instant(row.expires_at) == said.private.get("expires_at") else None
    derived = {"person": said.private.get("person"), "expires_at": until, "issued_at": said.at}
    digest = said.private.get("sha256")
    if digest is None:  # issued by one operator alone, as was done before two did
        return derived | {"proposed_by": None, "confirmed_by": None}
    return derived | {"sha256": row.sha256 if row.sha256.hex() == digest else None, "confirmed_by": said.person}


def _mandate(row: Mandate, said: _Said) -> Mapping[str, object]:
    until = row.until if row.until.isoformat() == said.private.get("until") else None
    named = {name: said.private.get(name) for name in ("principal", "agent", "schemes")}
    return {**named, "until": until, "granted_at": said.at}


def _product(row: ProductRow, said: _Said) -> Mapping[str, object]:
    digest = canonical.digest(canonical.encode(row.content))
    content = row.content if digest == said.private.get("sha256") else None
    return {"version": said.private.get("version"), "content": content, "changed_at": said.at}


def _application(row: Application, said: _Said) -> Mapping[str, object]:
    """Say what an application is after its last act; issuing, which the certificate's act records, comes after it."""
    private, claims = said.private, canonical.digest(canonical.encode(row.claims))
    derived: dict[str, object] = {
        "claims": row.claims if claims == private.get("claims") else None,
        "draft": row.draft if row.draft in {None, claims} else claims,
        "relations": private.get("relations", {}),
    }
    if (row.state, private.get("state")) == (State.ISSUED, State.APPROVED):
        return derived | {"version": _after(private.get("version")), "due_on": None}
    clock = None if row.clock is None else canonical.digest(canonical.encode(row.clock))
    derived["clock"] = row.clock if clock == private.get("clock") else private.get("clock")
    day = None if row.due_on is None else row.due_on.isoformat()
    derived["due_on"] = row.due_on if day == private.get("due_on") else private.get("due_on")
    return derived | {"state": private.get("state"), "version": private.get("version"), "changed_at": said.at}


def _after(version: object) -> object:
    return version + 1 if isinstance(version, int) else None


def _proposal(row: Annulment, said: _Said) -> Mapping[str, object]:
    since = str(said.private.get("effective_from")).startswith(row.effective_from.isoformat())
    return {
        "certificate": said.private.get("certificate"),
        "reason": said.private.get("reason"),
        "effective_from": row.effective_from if since else None,
        "proposed_by": said.person,
        "proposed_at": said.at,
        "application": said.private.get("application"),
        "draft": said.private.get("draft"),
    }


def _clarification(_row: ClarificationProposal, said: _Said) -> Mapping[str, object]:
    stated = {name: said.private.get(name) for name in ("certificate", "box", "old", "new", "reason")}
    return stated | {"proposed_by": said.person, "proposed_at": said.at}


_REPEATED: Sequence[_Repeated[Any]] = (
    _Repeated(Organisation, "organisation", (Kind.ORGANISATION_REGISTERED,), "organisation", _organisation),
    _Repeated(
        Organisation,
        "organisation",
        (Kind.ORGANISATION_REGISTERED, Kind.ORGANISATION_CHANGED),
        "organisation",
        _called,
        {},
    ),
    _Repeated(Person, "person", (Kind.PERSON_REGISTERED,), "person", _person),
    _Repeated(
        Person,
        "person",
        (Kind.PERSON_REGISTERED, Kind.PERSON_CHANGED),
        "person",
        lambda _row, said: {"roles": said.private.get("roles")},
        {},
    ),
    _Repeated(Token, "token", (Kind.TOKEN_ISSUED,), "token", _token),
    _Repeated(
        Token,
        "token",
        (Kind.TOKEN_REVOKED,),
        "token",
        lambda _row, said: {"person": said.private.get("person"), "revoked_at": said.at},
        {"revoked_at": None},
    ),
    _Repeated(Mandate, "mandate", (Kind.MANDATE_GRANTED,), "mandate", _mandate),
    _Repeated(
        Mandate,
        "mandate",
        (Kind.MANDATE_REVOKED,),
        "mandate",
        lambda _row, said: {"revoked_at": said.at},
        {"revoked_at": None},
    ),
    _Repeated(ProductRow, "product", (Kind.PRODUCT_KEPT,), "product", _product),
    _Repeated(
        Application,
        "application",
        tuple(kind for kind in Kind if kind.startswith("application.")),
        "application",
        _application,
    ),
    _Repeated(Annulment, "proposal", (Kind.ANNULMENT_PROPOSED, Kind.REPLACEMENT_PROPOSED), "proposal", _proposal),
    _Repeated(ClarificationProposal, "proposal", (Kind.CLARIFICATION_PROPOSED,), "proposal", _clarification),
    _Repeated(
        ClarificationProposal,
        "proposal",
        (Kind.CLARIFICATION_WITHDRAWN,),
        "proposal",
        lambda _row, said: {"withdrawn_at": said.at},
        {"withdrawn_at": None},
    ),
    _Repeated(
        ClarificationProposal,
        "proposal",
        (Kind.CERTIFICATE_CLARIFIED,),
        "proposal",
        lambda _row, said: {"confirmed_by": said.person},
        {"confirmed_by": None},
    ),
    _Repeated(
        Annulment,
        "proposal",
        (Kind.ANNULMENT_WITHDRAWN,),
        "proposal",
        lambda _row, said: {"withdrawn_at": said.at},
        {"withdrawn_at": None},
    ),
    _Repeated(
        Annulment,
        "proposal",
        (Kind.CERTIFICATE_STATUS,),
        "proposal",
        lambda _row, said: {"confirmed_by": said.person},
        {"confirmed_by": None},
    ),
)
"""Each table that acts repeat."""
