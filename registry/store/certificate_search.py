"""Search certificates: a page of those that one may see and that meet every condition."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select, true, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from registry.core.certificate.lifecycle import FINAL, Standing
from registry.core.certificate.status_change import Status
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.certificates import CertificateRow, Source, StatusChangeRow, concerns, did_of

SPAN = 5_000
"""Among so many certificates a page is looked for: no question makes the database read and sort all that it holds."""
SCANS = ("enable_seqscan", "enable_indexscan", "enable_bitmapscan")
_SCANS = select(*(func.set_config(scan, bindparam(scan), true()) for scan in SCANS))
Position = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose certificates one sees: those that concern an organisation, those presented in a country, or all."""

    organisation: str | None = None
    presented_in: str | None = None

    def on(self, row: type[CertificateRow]) -> Iterator[ColumnElement[bool]]:
        """Give each condition on a row."""
        if self.organisation is not None:
            yield concerns(self.organisation, row)
        if self.presented_in is not None:
            yield row.presented_in == self.presented_in


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is asked for: all `terms` hold, and both ends of the days of issue count."""

    number: str | None = None
    terms: Sequence[str] = ()
    issued_from: date | None = None
    issued_until: date | None = None
    status: Standing | None = None

    def on(self, row: type[CertificateRow]) -> Iterator[ColumnElement[bool]]:
        """Give each condition on a row."""
        if self.number is not None:
            yield row.number == self.number
        if self.terms:
            yield row.terms.contains(list(self.terms))
        yield from self.days(row)
        if self.status is not None:
            yield _standing(row) == self.status

    def days(self, row: type[CertificateRow]) -> Iterator[ColumnElement[bool]]:
        """Give the conditions on the day of issue."""
        if self.issued_from is not None:
            yield row.issued_on >= self.issued_from
        if self.issued_until is not None:
            yield row.issued_on <= self.issued_until


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a page, and after which to go on where it was not filled and not everything was looked at."""

    rows: Sequence[CertificateRow]
    rest: Position | None = None


def page(tx: Session, scope: Scope, asked: Conditions, *, after: Position | None, limit: int) -> Found:
    """Return certificates, newest first, before the position `after`: those that are found among `SPAN`.

    They are looked for among all of a number, of the terms or of the days where these are so few, else among the newest
    that one sees.
    """
    few = _few(tx, asked)
    row = aliased(CertificateRow, (_newest(scope, after) if few is None else few.rows.limit(SPAN)).subquery())
    query = select(row).where(*scope.on(row), *asked.on(row), *_before(row, after))
    with _scanning(tx, bitmap=few is not None and few.bitmap):
        rows = tx.scalars(query.order_by(row.recorded_at.desc(), row.id.desc()).limit(limit)).all()
        if few is not None or len(rows) == limit:
            return Found(rows)
        last = select(row.recorded_at, row.id).order_by(row.recorded_at.desc(), row.id.desc()).offset(SPAN - 1).limit(1)
        end = tx.execute(last).one_or_none()
    return Found(rows, None if end is None else (end[0], end[1]))


@dataclass(frozen=True, slots=True)
class _Few:
    """Rows that one index finds; that of the terms knows no order, and answers by a bitmap."""

    rows: Select[CertificateRow]
    bitmap: bool = False


def _few(tx: Session, asked: Conditions) -> _Few | None:
    """Return what an index finds by one of the conditions alone, where that is no more than `SPAN` certificates."""
    rows, ways = select(CertificateRow), []
    if asked.number is not None:
        ways.append(_Few(rows.where(CertificateRow.number == asked.number).order_by(CertificateRow.number)))
    if asked.terms:
        ways.append(_Few(rows.where(CertificateRow.terms.contains(list(asked.terms))), bitmap=True))
    if days := list(asked.days(CertificateRow)):
        ways.append(_Few(rows.where(*days).order_by(CertificateRow.issued_on)))
    for way in ways:
        some = way.rows.with_only_columns(CertificateRow.issued_on).limit(SPAN + 1).subquery()
        with _scanning(tx, bitmap=way.bitmap):
            if tx.scalars(select(func.count()).select_from(some)).one() <= SPAN:
                return way
    return None


def _newest(scope: Scope, after: Position | None) -> Select[CertificateRow]:
    """Return the newest certificates that one sees: each kind of scope has an index in this order."""
    rows = select(CertificateRow).where(*_before(CertificateRow, after))
    if scope.organisation is None:
        return _newest_first(rows.where(*scope.on(CertificateRow)), CertificateRow)
    parts: list[Select[CertificateRow]] = []
    earlier: list[ColumnElement[bool]] = []
    for whose in (CertificateRow.organisation, CertificateRow.principal):
        parts.append(_newest_first(rows.where(whose == scope.organisation, *earlier), CertificateRow))
        earlier.append(whose.is_distinct_from(scope.organisation))
    issued = rows.where(CertificateRow.body == did_of(scope.organisation), *earlier)
    parts.append(_newest_first(issued, CertificateRow))
    row = aliased(CertificateRow, union_all(*parts).subquery())
    return _newest_first(select(row), row)


def _newest_first(rows: Select[CertificateRow], row: type[CertificateRow]) -> Select[CertificateRow]:
    return rows.order_by(row.recorded_at.desc(), row.id.desc()).limit(SPAN)


def _before(row: type[CertificateRow], after: Position | None) -> Iterator[ColumnElement[bool]]:
    if after is not None:
        yield tuple_(row.recorded_at, row.id) < after


@contextmanager
def _scanning(tx: Session, *, bitmap: bool) -> Iterator[None]:
    """Have the index alone answer: an estimate of how many meet a condition may be wrong by all of them."""
    shunned = {"enable_seqscan", "enable_indexscan" if bitmap else "enable_bitmapscan"}
    tx.execute(_SCANS, {scan: "off" if scan in shunned else "on" for scan in SCANS})
    yield
    tx.execute(_SCANS, dict.fromkeys(SCANS, "on"))


def _standing(row: type[CertificateRow]) -> ColumnElement[str]:
    """Return what a certificate is: annulled and replaced are for ever, of the other two the last recorded counts."""
    final = case((StatusChangeRow.status.in_(FINAL), 0), else_=1)
    newest = (
        select(StatusChangeRow.status)
        .where(StatusChangeRow.certificate == row.id)
        .order_by(final, StatusChangeRow.recorded_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(func.nullif(newest, Status.REINSTATED), Standing.IN_FORCE)


def verified(tx: Session, bodies: Collection[str]) -> Iterator[tuple[CertificateRow, Sequence[Act]]]:
    """Give each delivered certificate of these bodies that was verified here, with the acts of it, oldest first."""
    query = select(CertificateRow, Act).join(Act, Act.subject == CertificateRow.id)
    query = query.where(
        CertificateRow.source == Source.DELIVERED,
        CertificateRow.body.in_(bodies),
        Act.kind == Kind.VERIFICATION_MADE,
    )
    query = query.order_by(CertificateRow.id, Act.at, Act.seq).execution_options(yield_per=100)
    for row, found in groupby(tx.execute(query), key=lambda each: each[0]):
        yield row, [each[1] for each in found]
