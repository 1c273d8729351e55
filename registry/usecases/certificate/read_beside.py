"""Read what is shown beside a verdict: changes, clarifications, who names the certificate, the sheets of its set."""

from dataclasses import replace

from sqlalchemy.orm import Session

from registry.core.certificate.credential import Certificate
from registry.core.certificate.relation import DUPLICATES, REPLACES, SHEET_OF, related_term
from registry.core.identifiers import Digest
from registry.core.verification.beside import Beside, Named, believe_beside
from registry.core.verification.evidence import Trusted, earliest
from registry.store import certificates, said
from registry.store.certificates import CertificateRow
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import read


def read_beside(tx: Session, row: CertificateRow, beliefs: Beliefs, env: str) -> Beside:
    """Return what stands beside a certificate that is held; what its body does not vouch for is left out."""
    certificate, digest = read(row), Digest(row.digest)
    trusted = Trusted(env, None, beliefs.lists, beliefs.agreements, None)
    changes, mended = said.changes(tx, row.id), said.clarifications(tx, row.id)
    seen = earliest((each.digest, each.seen) for each in (*changes, *mended))
    sheet = certificate.relation(SHEET_OF)
    terms = [related_term(kind, row.id) for kind in (REPLACES, DUPLICATES)]
    of_one_body = [
        other
        for related in certificates.by_terms(tx, terms if sheet is None else [*terms, sheet.term])
        if (other := read(related)).issuer == certificate.issuer
    ]
    sheets = [] if sheet is None else _sheets(of_one_body, str(sheet.set))
    return replace(
        believe_beside(
            [each.text for each in changes], [each.text for each in mended], certificate, digest, trusted, seen
        ),
        named_by=[named for other in of_one_body for named in _naming(other, row.id)],
        sheets=sorted(sheets, key=lambda each: (each.k, each.number)),
    )


def _naming(other: Certificate, id: str) -> list[Named]:
    related = (other.relation(kind) for kind in (REPLACES, DUPLICATES))
    return [
        Named(relation.kind, other.id, other.subject.number)
        for relation in related
        if relation is not None and relation.certificate == id
    ]


def _sheets(others: list[Certificate], set_: str) -> list[Named]:
    of_set = ((other, relation) for other in others if (relation := other.relation(SHEET_OF)) is not None)
    return [
        Named(SHEET_OF, other.id, other.subject.number, relation.k or 0)
        for other, relation in of_set
        if relation.set == set_
    ]
