"""Tell the customs that found a certificate good when it is annulled: goods may have passed on it."""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.certificate.relation import DUPLICATES, related_term
from registry.core.certificate.status_change import StatusChange
from registry.core.tlog.entry import Kind
from registry.core.verification.verdict import Indication, Verdict
from registry.store import acts, certificates, tasks
from registry.store.acts import Act
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.store.tasks import TaskKind


def tell_users(tx: Session, row: CertificateRow, change: StatusChange, *, at: datetime) -> int:
    """Open a task at each customs service that found the certificate good on a day when it was not; return how many.

    A verdict of an earlier day than that from which the certificate no longer holds stays right: it opens none. A
    holder who asked before declaring has let no goods pass. What ends an original ends its duplicates (S4 8.2): who
    found one of these good is told, too.
    """
    duplicates = certificates.by_terms(tx, [related_term(DUPLICATES, row.id)])
    return sum(_tell(tx, each, change, at) for each in (row, *duplicates) if each.body == row.body)


def _tell(tx: Session, row: CertificateRow, change: StatusChange, at: datetime) -> int:
    used: dict[str, list[Json]] = {}
    for act in acts.about(tx, row.id, Kind.VERIFICATION_MADE):
        if act.organisation is not None and "holder" not in act.private and _found_good(act, change):
            used.setdefault(act.organisation, []).append(act.id)
    for organisation, verifications in used.items():
        detail: dict[str, Json] = {
            "certificate": row.id,
            "digest": row.digest,
            "status": change.status,
            "effective_from": change.effective_from.encode(),
            "verifications": verifications,
        }
        subject = f"{row.digest} at {organisation}"
        tasks.open_task(
            tx, TaskKind.ANNULLED_AFTER_USE, subject, detail, role=Role.CUSTOMS, at=at, organisation=organisation
        )
    return len(used)


def _found_good(act: Act, change: StatusChange) -> bool:
    since = change.effective_from
    day = act.private.get("day") or since.offset.local_date(act.at).day.isoformat()
    return Verdict.parse(act.private["verdict"]).indication is Indication.TOTAL_PASSED and day >= since.day.isoformat()
