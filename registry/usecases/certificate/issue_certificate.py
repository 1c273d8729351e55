"""Issue: in one transaction the number, the signature, our own verifier's word, the rows and the act."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement, NotAgreed
from registry.core.application import lifecycle
from registry.core.application.lifecycle import Move, Part, State
from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate, Signatory, Subject
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import certificate_id
from registry.core.scheme.catalogue import find_scheme
from registry.core.tlog.entry import Kind
from registry.core.verification.evidence import Evidence, Held, Standpoint, Trusted
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication, Verdict
from registry.core.verification.verify import AT_ISSUE, verify
from registry.store import acts, certificates, serials, status_indices
from registry.store.acts import Draw
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, Source
from registry.store.parties import Role
from registry.usecases.application import run_clock
from registry.usecases.application.check_application import ask_again
from registry.usecases.application.check_expert import check_signatory
from registry.usecases.application.find_application import ApplicationNotFound, find, play
from registry.usecases.application.place_sheet import relations_of
from registry.usecases.application.relate_certificate import original_of
from registry.usecases.application.submit_application import DraftDiffers
from registry.usecases.certificate.change_status import sign_change
from registry.usecases.certificate.replace_certificate import open_replacement
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import Issuer

STATUS_LIST = "revocation-1"
LIST_LENGTH = 131_072
"""Bits of a status list (Bitstring Status List 1.0): the least that hides which certificate is looked up."""
DRAWS = 64


@dataclass(eq=False)
class NotIssuable(Unprocessable):
    """Our own verifier would not pass what would be signed; nothing was."""

    code: ClassVar[str] = "not-issuable"
    check: str
    finding: str
    sentence: str

    def __str__(self) -> str:
        return f"the certificate would not verify: {self.check}: {self.sentence}"


@dataclass(eq=False)
class GoodsHaveLeft(Conflict):
    """The goods have left since the draft was approved, and it does not say so: it is sent back, and submitted anew."""

    code: ClassVar[str] = "goods-have-left"
    clause: ClassVar[str | None] = "S4 8.1"

    def __str__(self) -> str:
        return "the goods have left, and the approved draft has no note that it is issued retrospectively"


def issue(
    tx: Session,
    id: str,
    draft: str,
    issuer: Issuer,
    beliefs: Beliefs,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
    read: str | None = None,
) -> CertificateRow:
    """Issue the certificate of an approved application whose draft is `draft`.

    What it replaces ends in the same transaction, as the proposal `read` says (S4 8.3).

    Raises `IllegalMove` (also when another signatory was first), `AnotherPart`, `SameName`, `DraftDiffers`,
    `NotAgreed`, `SignatoryIsExpert`, `SignerMissing`, `NumbersExhausted`, `NotIssuable`, `GoodsHaveLeft`,
    `FindingsSevere`, and what `open_replacement` and `original_of` raise.
    """
    by.require(Role.SIGNATORY)
    row = find(tx, id, by=by, lock=True)
    if row.body != by.organisation or by.code is None:
        raise ApplicationNotFound(id)
    issued_state = lifecycle.advance(State(row.state), Move.ISSUE)
    claims = Claims.parse(row.claims)
    if draft != row.draft or claims.digest != row.draft:
        raise DraftDiffers(row.draft or "")
    play(tx, row, Part.SIGNATORY, by=by, at=at)
    check_signatory(claims, by.name)
    relations = relations_of(row)
    replacing = open_replacement(tx, row, read, by=by)
    signer = issuer.signer(by.code, beliefs.lists, at)
    body = beliefs.list_of(row.issued_in).body(str(by.did))
    if body is None:
        raise NotAgreed(f"the adopted trust list of {row.issued_in} does not name {by.did}")
    scheme, rules_set = find_scheme(row.scheme, row.rules_set)
    issue_date = beliefs.offset(row.issued_in, at).local_date(at)
    agreement, recognition = beliefs.agreed(scheme.name, row.issued_in, row.presented_in, issue_date.day)
    original = original_of(tx, row, recognition, by=by.organisation)
    if claims.noted_on(issue_date.day) != claims:
        raise GoodsHaveLeft
    ask_again(tx, row, beliefs, at=at)
    run_clock.turn(tx, row, Move.ISSUE, at=at)
    row.state = issued_state
    row.version += 1
    row.changed_at = at
    tx.flush()
    indices = (int.from_bytes(draw(4)) % LIST_LENGTH for _ in range(DRAWS))
    index = status_indices.draw_index(tx, STATUS_LIST, indices)
    nonce = draw(16).hex()
    name = next(iter(body.issues_as(issue_date.day)), body.name)  # on the day of a change the one that all lists know
    number = _allot(tx, agreement, row, str(by.did), issue_date.day.year)
    subject = Subject(
        id=certificate_id(issuer.name, by.code, issue_date.day.year, number) + "#goods",
        type_=("CertificateOfOrigin",),
        agreement=agreement.id,
        env=issuer.env,
        scheme=scheme.name,
        rules_set=rules_set,
        number=number,
        issued_in=row.issued_in,
        presented_in=row.presented_in,
        issue_date=issue_date,
        signatory=Signatory(by.person, by.name),
        nonce=nonce,
        claims=claims.encode(),
        relations=tuple(relations[kind] for kind in sorted(relations)),
    )
    certificate = Certificate(
        node=issuer.name,
        body=by.code,
        body_name=name,
        valid_from=at,
        valid_until=agreement.valid_until(issue_date, recognition) if original is None else original.valid_until,
        status_list=STATUS_LIST,
        status_index=index,
        subject=subject,
    )
    envelope = seal(certificate.encode(), Typ.CERTIFICATE, signer)
    check(envelope, issuer, beliefs, at=at)
    act = acts.record(
        tx,
        Kind.CERTIFICATE_ISSUED,
        {"certificate": certificate.id, "application": row.id, "number": number, "signatory": by.person},
        by=by.actor,
        at=at,
        draw=draw,
        to=row.presented_in,
        digest=envelope.digest,
        subject=certificate.id,
    )
    issued = CertificateRow(
        source=Source.ISSUED,
        recorded_at=at,
        act=act,
        organisation=row.organisation,
        principal=row.principal,
        application=row.id,
        signatory=by.person,
        **certificates.index_columns(envelope, certificate),
    )
    tx.add(issued)
    tx.flush()
    if replacing is not None:
        old, replaced_by = (replacing.row, replacing.certificate, replacing.proposal), issued.id
        sign_change(tx, *old, signer, beliefs.lists, issue_date, by=by, at=at, draw=draw, replaced_by=replaced_by)
    return issued


def _allot(tx: Session, agreement: Agreement, row: Application, body: str, year: int) -> str:
    """Allot the next number of a body that none of its own systems has used. Raises `NumbersExhausted`."""
    pattern = agreement.pattern(body)
    while True:
        serial = serials.allot(tx, body, year)
        number = pattern.number(issued_in=row.issued_in, presented_in=row.presented_in, year=year, serial=serial)
        if certificates.numbered(tx, country=row.issued_in, body=body, year=year, number=number) is None:
            return number


def check(envelope: Envelope, issuer: Issuer, beliefs: Beliefs, *, at: datetime) -> Verdict:
    """Ask our own verifier before the commit: all but log and delivery must pass. Raises `NotIssuable`."""
    trusted = Trusted(issuer.env, None, beliefs.lists, beliefs.agreements, at)
    held = Held(envelope.digest, at, Standpoint.ISSUER, logged=False)
    verdict = verify(Presentation(envelope.text), trusted, lambda _c, _d: Evidence(held), at=at, asked=AT_ISSUE)
    if verdict.indication is not Indication.TOTAL_PASSED:
        decisive = verdict.decisive
        assert decisive is not None
        raise NotIssuable(decisive.check, decisive.code, decisive.sentence)
    return verdict
