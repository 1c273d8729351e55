"""Customs' answer: the verdict on a certificate, by number or by file, kept as an act."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.calendar import read_day
from registry.core.canonical import Json
from registry.core.certificate.credential import Certificate
from registry.core.certificate.relation import is_duplicate, sheet_place
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict, Malformed, RegistryError
from registry.core.tlog.entry import Kind
from registry.core.verification.evidence import Trusted
from registry.core.verification.preference import SHEET_OF_SET, SHEETS_MISSING
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Finding, Outcome, Verdict
from registry.core.verification.verify import verify
from registry.store import acts, certificate_locks, certificates
from registry.store.acts import Act, Draw
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.usecases.application.read_evidence import reader
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.verification.read_number import normal_number

NAMED = 20
"""So many missing sheets are named; of more, how many."""


@dataclass(eq=False)
class NumberAmbiguous(Conflict):
    """Several certificates bear the number: bodies, and after ten years the same body, repeat it."""

    code: ClassVar[str] = "number-ambiguous"
    candidates: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.candidates)} certificates bear this number; name the one that is meant by its id"


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict that was given and kept, under the id of its act."""

    id: str
    verdict: Verdict
    certificate: CertificateRow | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the certificate under a number (and an id, where several bear it), or the one that is shown."""

    number: str = ""
    id: str | None = None
    shown: str | None = None
    day: str | None = None


def ask(
    tx: Session,
    question: Question,
    beliefs: Beliefs,
    *,
    env: str,
    country: str,
    by: Party,
    at: datetime,
    draw: Draw,
    holder: str | None = None,
) -> Verification:
    """Answer one question, of customs or of a holder. Raises `NumberAmbiguous`, and what reading it raises."""
    day = None if question.day is None else read_day(question.day)
    if question.shown is None:
        return by_number(
            tx,
            question.number,
            beliefs,
            id=question.id,
            env=env,
            country=country,
            day=day,
            by=by,
            at=at,
            draw=draw,
            holder=holder,
        )
    shown = Presentation.parse(question.shown)
    return by_file(tx, shown, beliefs, env=env, country=country, day=day, by=by, at=at, draw=draw, holder=holder)


def ask_all(
    tx: Session,
    questions: Sequence[Question],
    beliefs: Beliefs,
    *,
    env: str,
    country: str,
    by: Party,
    at: datetime,
    draw: Draw,
) -> Iterator[Verification | RegistryError]:
    """Answer questions one after the other, each as if it were alone; one that is refused leaves the others theirs.

    A refusal comes before anything is kept of its question, so that nothing has to be undone. No answer is held on to:
    what is judged may be a thousand times the largest certificate.
    """
    numbers = [normal_number(question.number) for question in questions if question.shown is None]
    certificate_locks.hold(tx, ids=list(_shown_in(questions)), numbers=numbers)
    for question in questions:
        try:
            yield ask(tx, question, beliefs, env=env, country=country, by=by, at=at, draw=draw)
        except (Malformed, Conflict) as refusal:
            yield refusal


def by_file(
    tx: Session,
    presentation: Presentation,
    beliefs: Beliefs,
    *,
    env: str,
    country: str,
    day: date | None,
    by: Party,
    at: datetime,
    draw: Draw,
    holder: str | None = None,
) -> Verification:
    """Judge what a holder shows, as of a local day; the verdict is kept whatever it is.

    `holder` is the organisation that asks for itself: it is told of no certificate but the very one that it shows.
    """
    by.require(Role.CUSTOMS if holder is None else Role.IMPORTER)
    seen: list[CertificateRow] = []
    trusted = _trusted(beliefs, env, country)
    verdict = verify(presentation, trusted, reader(tx, seen, hold=True), at=at, day=day)
    shown: dict[str, Json] = {"shown": canonical.digest(presentation.certificate.encode(errors="replace"))}
    row = seen[0] if seen and (holder is None or _is_shown(presentation, seen[0])) else None
    return _keep(tx, verdict, row, shown, day, by=by, at=at, draw=draw, holder=holder)


def by_number(
    tx: Session,
    number: str,
    beliefs: Beliefs,
    *,
    id: str | None,
    env: str,
    country: str,
    day: date | None,
    by: Party,
    at: datetime,
    draw: Draw,
    holder: str | None = None,
) -> Verification:
    """Judge the certificate held under a number; one that is not held is INDETERMINATE, never invalid.

    What is presented elsewhere is judged, and not shown: who asks may not read it by its id either.

    Raises `NumberAmbiguous` where several bear it and `id` names none of them.
    """
    by.require(Role.CUSTOMS if holder is None else Role.IMPORTER)
    spelled = normal_number(number)
    held: Sequence[CertificateRow] = certificates.by_number(tx, spelled, id, hold=True)
    if len(held) > 1:
        raise NumberAmbiguous(tuple(row.id for row in held))
    if not held:
        code = "not-delivered" if spelled.isascii() else "number-not-latin"
        missing = Finding(Check.DELIVERED, Outcome.UNKNOWN, code, as_of=beliefs.newest_word(country))
        return _keep(
            tx, Verdict.of([missing], at), None, {"number": spelled}, day, by=by, at=at, draw=draw, holder=holder
        )
    row = held[0]
    trusted = _trusted(beliefs, env, country)
    verdict = verify(Presentation(row.envelope, row.proof), trusted, reader(tx, [row]), at=at, day=day)
    kept = _keep(tx, verdict, row, {"number": spelled}, day, by=by, at=at, draw=draw, holder=holder)
    return kept if row.presented_in == country else replace(kept, certificate=None)


def _trusted(beliefs: Beliefs, env: str, country: str) -> Trusted:
    newest = beliefs.newest_word(country)
    return Trusted(
        env,
        country,
        beliefs.lists,
        beliefs.agreements,
        newest,
        heads=beliefs.heads,
        words=beliefs.words,
        adopted=beliefs.adopted,
    )


def list_verifications(
    tx: Session, *, number: str | None, after: tuple[datetime, int] | None, limit: int, by: Party
) -> Sequence[Act]:
    """Return the verifications of the asker's organisation, newest first; of one number, held here or not."""
    by.require(Role.CUSTOMS, Role.IMPORTER)
    about = None if number is None else subjects_of(tx, number)
    return acts.page(
        tx, after=after, limit=limit, kind=Kind.VERIFICATION_MADE, organisation=by.organisation, about=about
    )


def subjects_of(tx: Session, number: str) -> list[str]:
    """Return what verifications of a number are about: the certificates that bear it, and it where none did then."""
    spelled = normal_number(number)
    return [spelled, *(row.id for row in certificates.by_number(tx, spelled))]


def _shown_in(questions: Iterable[Question]) -> Iterator[str]:
    """Give the id of each certificate that is shown; what cannot be read is told where it is judged."""
    for question in questions:
        if question.shown is not None:
            with suppress(RegistryError):
                shown = Presentation.parse(question.shown).certificate
                yield Certificate.parse(Envelope.parse(shown, Typ.CERTIFICATE).payload).id


def _is_shown(presentation: Presentation, row: CertificateRow) -> bool:
    return Envelope.parse(presentation.certificate, Typ.CERTIFICATE).digest == row.digest


def _with_sheets(tx: Session, verdict: Verdict, row: CertificateRow | None) -> Verdict:
    """Name, beside the verdict on a sheet, the sheets of its set that are not here or not in force (S5 7.1.1).

    An incomplete set is no state: each sheet certifies its own goods, and another may yet come.
    """
    place = None if row is None else sheet_place(row.terms)
    if row is None or place is None or not any(each.code == SHEET_OF_SET.code for each in verdict.preference):
        return verdict
    term, _, count = place
    in_force = certificates.terms_in_force(tx, row.body, term)
    others = (sheet_place(terms) for terms in in_force if not is_duplicate(terms))
    here = {other[1] for other in others if other is not None}
    missing = [str(k) for k in range(1, count + 1) if k not in here]
    if not missing:
        return verdict
    named = ", ".join(missing[:NAMED]) + ("" if len(missing) <= NAMED else f" and {len(missing) - NAMED} more")
    found = SHEETS_MISSING.of(f"sheets {named} of {count}")
    return replace(verdict, preference=(*verdict.preference, found))


def _keep(
    tx: Session,
    verdict: Verdict,
    row: CertificateRow | None,
    asked: dict[str, Json],
    day: date | None,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
    holder: str | None,
) -> Verification:
    verdict = _with_sheets(tx, verdict, row)
    private: dict[str, Json] = {"verdict": verdict.encode(), **asked}
    if row is not None:
        private |= {"certificate": row.id, "digest": row.digest}
    if day is not None:
        private["day"] = day.isoformat()
    if holder is not None:
        private["holder"] = holder
    number = asked.get("number")
    missing = None if number is None else str(number)
    subject = missing if row is None else row.id
    act = acts.record(tx, Kind.VERIFICATION_MADE, private, by=by.actor, at=at, draw=draw, subject=subject)
    return Verification(act, verdict, row)
