"""Tell whom it concerns when a key is revoked from before: goods may have passed on what it signed, or be stopped."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.envelope.jose import Envelope, Typ
from registry.core.trust.trust_list import SignerRow, SignerStatus
from registry.core.verification.beside import is_dated
from registry.core.verification.evidence import ReadEvidence, Trusted
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication, Verdict
from registry.core.verification.verify import ON_ARRIVAL, verify
from registry.store import certificate_search, said, tasks
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.trust.believe_peers import Beliefs

_KIND, _UNDATED = TaskKind.SIGNER_REVOKED_AFTER_USE, TaskKind.SIGNER_REVOKED_UNDATED


def tell_users(
    tx: Session, beliefs: Beliefs, trusted: Trusted, read: Callable[[Session], ReadEvidence], *, at: datetime
) -> int:
    """Open a task, once, at each customs service that found good what a revoked key signed; return how many.

    What the log held before the key was revoked stays good, and opens none. A holder who asked before declaring has
    let no goods pass.
    """
    told = 0
    for organisation, row, verifications in _found_good(tx, _revoked(beliefs)):
        verdict = verify(Presentation(row.envelope, row.proof), trusted, read(tx), at=at, asked=ON_ARRIVAL)
        subject = f"{row.digest} at {organisation}"
        if verdict.indication is not Indication.TOTAL_FAILED or tasks.was_opened(tx, _KIND, subject):
            continue
        detail: dict[str, Json] = {
            "certificate": row.id,
            "digest": row.digest,
            "kid": Envelope.parse(row.envelope, Typ.CERTIFICATE).kid,
            "verifications": list(verifications),
        }
        tasks.open_task(tx, _KIND, subject, detail, role=Role.CUSTOMS, at=at, organisation=organisation)
        told += 1
    return told


def tell_operators(tx: Session, beliefs: Beliefs, *, at: datetime) -> None:
    """Open a task, once, for each word beside a certificate that a revoked key signed before anyone else saw it.

    It counted, and is open from now on: people find out whose word it was (decision 0031).
    """
    revoked = _revoked(beliefs)
    for typ, word in said.by_bodies(tx, _bodies(revoked)):
        envelope = Envelope.parse(word.text, typ)
        signer = revoked.get(envelope.kid)
        if signer is None or is_dated(signer, word.seen) or tasks.was_opened(tx, _UNDATED, word.digest):
            continue
        about = envelope.payload["certificate"]
        detail: dict[str, Json] = {"certificate": about, "digest": word.digest, "kid": envelope.kid}
        tasks.open_task(tx, _UNDATED, word.digest, detail, role=Role.OPERATOR, at=at)


def _revoked(beliefs: Beliefs) -> dict[str, SignerRow]:
    """Return the keys of document signers that are revoked."""
    signers = (item for believed in beliefs.lists.values() for item in believed.signers.items())
    return {kid: known.row for kid, known in signers if known.row.status is SignerStatus.REVOKED}


def _bodies(kids: Collection[str]) -> set[str]:
    return {kid.partition("#")[0] for kid in kids}


def _found_good(tx: Session, kids: Collection[str]) -> Iterator[tuple[str, CertificateRow, Sequence[str]]]:
    """Give each certificate of these keys that a customs service found good here, with its verifications."""
    for row, made in certificate_search.verified(tx, _bodies(kids)):
        if Envelope.parse(row.envelope, Typ.CERTIFICATE).kid not in kids:
            continue
        used: dict[str, list[str]] = {}
        for act in made:
            good = Verdict.parse(act.private["verdict"]).indication is Indication.TOTAL_PASSED
            if good and act.organisation is not None and "holder" not in act.private:
                used.setdefault(act.organisation, []).append(act.id)
        yield from ((organisation, row, ids) for organisation, ids in used.items())
