"""Draft an application, check it, submit or withdraw it, and answer to the draft: the applicant's work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.application import lifecycle
from registry.core.application.lifecycle import IllegalMove, Move, Part, State
from registry.core.canonical import JsonObject
from registry.core.certificate.claims import Claims
from registry.core.envelope.jose import Typ, check_size
from registry.core.errors import Conflict, Refused
from registry.core.rules.finding import Finding
from registry.core.scheme.catalogue import find_scheme
from registry.core.tlog.entry import Kind
from registry.store import parties, products
from registry.store.acts import Draw
from registry.store.applications import Application
from registry.store.parties import Role
from registry.usecases.application import run_clock
from registry.usecases.application.check_application import check, mandated, refuse_severe
from registry.usecases.application.find_application import ApplicationNotFound, find, play, record
from registry.usecases.application.keep_product import ProductNotFound, VersionStale
from registry.usecases.application.place_sheet import Sheet, check_place
from registry.usecases.application.relate_certificate import Related, check_related, relate
from registry.usecases.party.identify_party import Party
from registry.usecases.party.register_party import PartyNotFound, find_body
from registry.usecases.trust.believe_peers import Beliefs

BESIDE_CLAIMS = 10_000
"""Characters that a certificate has beside its claims, at the most."""


@dataclass(eq=False)
class MandateMissing(Refused):
    """The agent has no power of attorney of the principal for this scheme today."""

    code: ClassVar[str] = "mandate-missing"
    clause: ClassVar[str | None] = "S5 3.1, 3.13"
    scheme: str

    def __str__(self) -> str:
        return f"no mandate of the principal for {self.scheme} holds today"


@dataclass(eq=False)
class DraftDiffers(Conflict):
    """The draft that is accepted or issued is not the one that the examiner approved."""

    code: ClassVar[str] = "draft-differs"
    draft: str

    def __str__(self) -> str:
        return f"the draft that was offered is {self.draft}"


@dataclass(frozen=True, slots=True)
class Form:
    """What an applicant fills in: scheme, direction, the body, the principal where that is another, and the boxes.

    What came through a single window has a shorter clock, and silence refuses it (S5 4.2, 4.12).
    """

    scheme: str
    rules_set: str
    presented_in: str
    body: str
    claims: JsonObject
    principal: str | None = None
    single_window: bool = False
    related: Related | None = None
    sheet: Sheet | None = None


def draft(tx: Session, form: Form, *, country: str, by: Party, at: datetime, draw: Draw) -> Application:
    """Draft an application; what the rules say of it is another question (`check`). The drafter is its applicant."""
    by.require(Role.EXPORTER)
    row = Application(
        id=draw(16).hex(),
        organisation=by.organisation,
        issued_in=country,
        state=State.DRAFT,
        version=1,
        created_at=at,
        changed_at=at,
        **_columns(tx, form, by),
    )
    relate(tx, row, form.related, form.sheet, by=by.organisation, draw=draw)
    tx.add(row)
    tx.flush()
    play(tx, row, Part.APPLICANT, by=by, at=at)
    record(tx, Kind.APPLICATION_DRAFTED, row, by=by, at=at, draw=draw)
    return row


def change(tx: Session, id: str, form: Form, *, version: int, by: Party, at: datetime, draw: Draw) -> Application:
    """Change a draft that is still at `version`; raises `IllegalMove` once it is submitted, or `VersionStale`."""
    by.require(Role.EXPORTER)
    row = find(tx, id, by=by, lock=True)
    _own(row, by)
    if row.version != version:
        raise VersionStale(row.version)
    if row.state != State.DRAFT:
        raise IllegalMove(State(row.state), Move.SUBMIT)
    play(tx, row, Part.APPLICANT, by=by, at=at)
    for column, value in _columns(tx, form, by).items():
        setattr(row, column, value)
    relate(tx, row, form.related, form.sheet, by=by.organisation, draw=draw)
    _touch(row, at)
    tx.flush()
    record(tx, Kind.APPLICATION_CHANGED, row, by=by, at=at, draw=draw)
    return row


def submit(
    tx: Session, id: str, beliefs: Beliefs, *, by: Party, at: datetime, draw: Draw
) -> tuple[Application, Sequence[Finding]]:
    """Submit a draft, with the note that the goods have left where they have.

    Raises `FindingsSevere`, `MandateMissing`, `IllegalMove`, `AnotherPart`, `SheetTaken`, and what `check_related`
    raises where what it names is not, or no longer, one to replace or duplicate so.
    """
    by.require(Role.EXPORTER)
    row = find(tx, id, by=by, lock=True)
    _own(row, by)
    row.state = lifecycle.advance(State(row.state), Move.SUBMIT)
    play(tx, row, Part.APPLICANT, by=by, at=at)
    today = beliefs.local_day(row.issued_in, at)
    if row.principal != row.organisation and not mandated(tx, row, today):
        raise MandateMissing(row.scheme)
    check_related(tx, row, organisation=by.organisation)
    check_place(tx, row)
    row.claims = dict(Claims.parse(row.claims).noted_on(today).encode())
    findings = check(tx, row, beliefs, at=at)
    refuse_severe(findings)
    row.submitted_at, row.reason = at, None
    run_clock.start(tx, row, beliefs, at=at)
    _touch(row, at)
    tx.flush()
    record(tx, Kind.APPLICATION_SUBMITTED, row, by=by, at=at, draw=draw)
    return row, findings


def withdraw(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Withdraw an application that is not approved yet."""
    return _answer(tx, id, Move.WITHDRAW, Kind.APPLICATION_WITHDRAWN, None, None, by=by, at=at, draw=draw)


def accept(tx: Session, id: str, offered: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Accept the draft whose digest is `offered` (S5 4.12); raises `DraftDiffers`."""
    return _answer(tx, id, Move.ACCEPT, Kind.APPLICATION_ACCEPTED, offered, None, by=by, at=at, draw=draw)


def object_to(tx: Session, id: str, offered: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Object to the draft whose digest is `offered`, with a reason: it goes back to examination (S5 4.12)."""
    return _answer(tx, id, Move.OBJECT, Kind.APPLICATION_OBJECTED, offered, reason, by=by, at=at, draw=draw)


def _answer(
    tx: Session,
    id: str,
    move: Move,
    kind: Kind,
    offered: str | None,
    reason: str | None,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
) -> Application:
    by.require(Role.EXPORTER)
    row = find(tx, id, by=by, lock=True)
    _own(row, by)
    row.state = lifecycle.advance(_heard(row, at), move)
    if offered is not None and row.draft != offered:
        raise DraftDiffers(row.draft or "")
    play(tx, row, Part.APPLICANT, by=by, at=at)
    if move is Move.OBJECT:
        row.draft = None
    row.reason = reason
    run_clock.turn(tx, row, move, at=at)
    _touch(row, at)
    tx.flush()
    more = {} if reason is None else {"reason": reason}
    record(tx, kind, row, by=by, at=at, draw=draw, **more)
    return row


def _heard(row: Application, at: datetime) -> State:
    """Return the state in which an answer finds an application: silence was heard before what comes after its time.

    The node notes the silence when it next looks; until then this answer is refused as it will be afterwards.
    """
    state, heard = State(row.state), run_clock.silence(row)
    return lifecycle.advance(state, heard[0]) if heard is not None and heard[1] < at else state


def _own(row: Application, by: Party) -> None:
    """Check that the application is of the asker's organisation: a body sees it, and does not answer for it."""
    if by.organisation not in {row.organisation, row.principal}:
        raise ApplicationNotFound(row.id)


def _touch(row: Application, at: datetime) -> None:
    row.version += 1
    row.changed_at = at


def _columns(tx: Session, form: Form, by: Party) -> dict[str, object]:
    """Return the columns that a form fills; raises where scheme, body, principal or a product does not exist."""
    find_scheme(form.scheme, form.rules_set)
    claims = Claims.draft(form.claims, by.organisation_name)
    check_size(len(canonical.encode(claims.encode())) * 4 // 3 + BESIDE_CLAIMS, Typ.CERTIFICATE)
    body = find_body(tx, form.body)
    principal = form.principal or by.organisation
    if principal != by.organisation and parties.organisation(tx, principal) is None:
        raise PartyNotFound("principal", principal)
    for item in claims.items:
        if item.product is not None and products.product(tx, item.product, organisation=by.organisation) is None:
            raise ProductNotFound(item.product)
    return {
        "principal": principal,
        "body": body.id,
        "scheme": form.scheme,
        "rules_set": form.rules_set,
        "presented_in": form.presented_in,
        "claims": dict(claims.encode()),
        "single_window": form.single_window,
    }
