"""Keep again what messages carried that came back: certificates and changes of ours, under their numbers and indices.

What left this node under a number, an id and a status index is known again, so that none is ever given twice.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application.lifecycle import Move, Part, State
from registry.core.canonical import Json
from registry.core.certificate.claims import Claims
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import StatusChange
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.reconciliation import StatementPart
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Unprocessable
from registry.core.tlog.entry import Kind, Leaf
from registry.core.verification.presentation import Delivery
from registry.store import (
    acts,
    annulments,
    applications,
    certificates,
    clarifications,
    log,
    parties,
    reconciliations,
    status_indices,
)
from registry.store.acts import Actor, Draw
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, Source
from registry.usecases.application import run_clock
from registry.usecases.certificate.change_status import end_proposal, keep_change
from registry.usecases.certificate.clarify_certificate import end_proposal as end_clarification
from registry.usecases.certificate.clarify_certificate import keep_clarification
from registry.usecases.channel.take_change import clarification_of
from registry.usecases.channel.take_statement import keep_part
from registry.usecases.party.find_exporter import exporter_of
from registry.usecases.recovery.tell_lost import tell_lost
from registry.usecases.recovery.tell_twice import applied_alike, tell_twice
from registry.usecases.tlog.read_log import prove_entry
from registry.usecases.trust.believe_peers import Beliefs

_PROPOSED = ("box", "old", "new", "reason", "proposed_by")
"""What a clarification says of the proposal that it came of."""


@dataclass(eq=False)
class RecalledNotOurs(Unprocessable):
    """What the peer gave back as ours is not signed by this node, or by a signer that this country's list knows."""

    code: ClassVar[str] = "recalled-not-ours"
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"message {self.seq} that came back is not taken: {self.reason}"


@dataclass
class TakenMessages:
    """What came back: how many messages, the ids of certificates, the digests of changes, and whom to look at."""

    sent: int = 0
    received: int = 0
    certificates: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    logged_anew: list[tuple[str, int]] = field(default_factory=list)
    """Body and year of each certificate whose entry of the log is gone."""
    look_at: dict[str, str] = field(default_factory=dict)
    """Applications that are open here and say what a certificate says that was issued already: that certificate."""
    astray: list[str] = field(default_factory=list)
    """Digests of messages that the peer held in place of ours, and whose contents have no place here."""
    entries_lost: list[str] = field(default_factory=list)
    """Digests of what the log says of certificates, and nobody has."""
    twice: list[str] = field(default_factory=list)
    """Certificates that came back beside others for the same thing."""


@dataclass
class Contents:
    """One run: whose certificates, what the log holds without an act, and what is done on whose behalf."""

    tx: Session
    country: str
    beliefs: Beliefs
    by: Actor
    at: datetime
    draw: Draw
    taken: TakenMessages = field(default_factory=TakenMessages)

    def __post_init__(self) -> None:
        leaves = ((row.index, Leaf.parse(row.leaf)) for row in log.recovered(self.tx))
        self.leaves = {(leaf.kind, str(leaf.digest)): index for index, leaf in leaves}

    def keep(self, message: Message) -> tuple[int | None, str | None, bool]:
        """Keep what a message carried; return where the log has it, its act, and whether its proof was to follow."""
        pending = False
        if message.kind is MessageKind.CERTIFICATE_STATUS:
            index, act = self._keep_change(message)
        elif message.kind is MessageKind.CERTIFICATE_CLARIFIED:
            index, act = self._keep_clarification(message)
        elif message.kind is MessageKind.CERTIFICATE_LOGGED:
            index, act = self._keep_proof(message)
        elif message.kind is MessageKind.RECONCILIATION:
            index, act = self._keep_statement(message)
        elif message.kind is MessageKind.EPOCH_BEGUN:
            index, act = self._find(Kind.EPOCH_BEGUN, message.to, EpochBegun.of(message).digest)
        else:
            delivery = Delivery.of(message.body)
            pending = delivery.presentation.proof is None
            index, act = self._keep_certificate(delivery, message.seq)
        return index, act, pending

    def finish(self) -> None:
        """Prove what came back, and tell people of what did not, and of what stands twice now."""
        self._prove()
        self.taken.entries_lost += tell_lost(self.tx, at=self.at)
        self.taken.twice += tell_twice(self.tx, self.taken.certificates, self.taken.look_at, at=self.at)

    def _prove(self) -> None:
        """Give each certificate that came back without a proof the one that the log, as it came back, has."""
        for certificate in self.taken.certificates:
            row = certificates.certificate(self.tx, certificate)
            assert row is not None
            index = self.leaves.get((Kind.CERTIFICATE_ISSUED, row.digest))
            proof = None if row.proof is not None or index is None else prove_entry(self.tx, index)
            if proof is not None:
                row.proof = proof.encode()
        self.tx.flush()

    def _keep_certificate(self, delivery: Delivery, seq: int) -> tuple[int | None, str | None]:
        envelope = Envelope.parse(delivery.presentation.certificate, Typ.CERTIFICATE)
        certificate = Certificate.parse(envelope.payload)
        index, act = self._find(Kind.CERTIFICATE_ISSUED, certificate.id, envelope.digest)
        if certificates.by_digest(self.tx, envelope.digest) is None:
            self._check_signer(envelope, certificate.issuer, seq)
            anew = None
            if index is None:
                to, at = certificate.subject.presented_in, certificate.valid_from
                anew = self._record(Kind.CERTIFICATE_ISSUED, certificate.id, envelope.digest, to, at)
            self._restore(envelope, certificate, delivery, anew)
        return index, act

    def _keep_proof(self, message: Message) -> tuple[int | None, str | None]:
        digest = str(message.body.get("digest"))
        row = certificates.by_digest(self.tx, digest)
        if row is not None and row.source == Source.RECOVERED and row.proof is None:
            row.proof = str(message.body.get("proof"))
        return self._find(Kind.CERTIFICATE_ISSUED, str(message.body.get("certificate")), digest)

    def _keep_change(self, message: Message) -> tuple[int | None, str | None]:
        envelope = Envelope.parse(str(message.body.get("change")), Typ.STATUS)
        change = StatusChange.parse(envelope.payload)
        index, act = self._find(Kind.CERTIFICATE_STATUS, change.certificate, envelope.digest)
        if certificates.change_by_digest(self.tx, envelope.digest) is None:
            anew = self._beside(Kind.CERTIFICATE_STATUS, envelope, change, message.seq, logged=index is not None)
            self._end(change)
            keep_change(self.tx, envelope, change, anew)
            self.taken.changes.append(envelope.digest)
        return index, act

    def _keep_clarification(self, message: Message) -> tuple[int | None, str | None]:
        envelope = clarification_of(message)
        said = Clarification.parse(envelope.payload)
        index, act = self._find(Kind.CERTIFICATE_CLARIFIED, said.certificate, envelope.digest)
        if clarifications.by_digest(self.tx, envelope.digest) is None:
            anew = self._beside(Kind.CERTIFICATE_CLARIFIED, envelope, said, message.seq, logged=index is not None)
            self._end(said)
            keep_clarification(self.tx, envelope, said, anew)
        return index, act

    def _keep_statement(self, message: Message) -> tuple[int | None, str | None]:
        """Keep what we said of a month: it is said once, so nothing is said anew."""
        part = StatementPart.parse(message.body)
        index, act = self._find(Kind.MONTH_STATED, message.to, part.digest)
        if reconciliations.by_digest(self.tx, part.digest) is None:
            keep_part(self.tx, part, message, peer=message.to)
        return index, act

    def _beside(
        self, kind: Kind, envelope: Envelope, said: StatusChange | Clarification, seq: int, *, logged: bool
    ) -> str | None:
        """Check what was said beside a certificate of ours; return the act that is recorded anew where none is left."""
        self._check_signer(envelope, said.issuer, seq)
        row = certificates.certificate(self.tx, said.certificate)
        if row is None or row.digest != said.digest:
            raise RecalledNotOurs(seq, "the certificate that it is about is not here")
        if logged:
            return None
        return self._record(kind, said.certificate, envelope.digest, row.presented_in, said.recorded_at)

    def _end(self, said: StatusChange | Clarification) -> None:
        """End the proposal that waits here, of which this came: it was confirmed, and is not confirmed again."""
        if isinstance(said, StatusChange):
            annulment = annulments.waiting(self.tx, said.certificate)
            if annulment is not None:
                end_proposal(self.tx, annulment, by=self.by, at=self.at, draw=self.draw)
            return
        waiting = clarifications.waiting(self.tx, said.certificate)
        if waiting is not None and all(getattr(waiting, name) == getattr(said, name) for name in _PROPOSED):
            end_clarification(self.tx, waiting, by=self.by, at=self.at, draw=self.draw)

    def _find(self, kind: Kind, certificate: str, digest: str) -> tuple[int | None, str | None]:
        """Return where the log holds what was carried, and its act where that is here: it may hold neither."""
        found = log.find_digest(self.tx, kind, certificate, digest)
        return found or (self.leaves.get((kind, digest)), None)

    def _check_signer(self, envelope: Envelope, issuer: str, seq: int) -> None:
        known = self.beliefs.list_of(self.country).signers.get(envelope.kid)
        if known is None or envelope.signer != issuer or not envelope.is_signed_by(known.chained.key):
            raise RecalledNotOurs(seq, "no signer of the adopted list of this country signed what it carries")

    def _record(self, kind: Kind, certificate: str, digest: str, to: str, at: datetime) -> str:
        """Record anew what the log lost with its entry, as of when it was: nothing that was issued is without a leaf.

        It is sent again with the proof that this entry gets; the peer has it already, and takes the proof.
        """
        private: dict[str, Json] = {"certificate": certificate, "recovered": True}
        return acts.record(
            self.tx,
            kind,
            private,
            by=self.by,
            at=at,
            draw=self.draw,
            to=to,
            digest=digest,
            subject=certificate,
        )

    def _restore(self, envelope: Envelope, certificate: Certificate, delivery: Delivery, act: str | None) -> None:
        """Keep a certificate again; where its application is lost, the exporter that it names holds it."""
        body = parties.organisation_by_did(self.tx, certificate.issuer)
        application = self._claim_application(certificate, None if body is None else body.id)
        exporter = exporter_of(self.tx, Claims.parse(certificate.subject.claims)) if application is None else None
        holder = None if exporter is None else exporter.id
        row = CertificateRow(
            source=Source.RECOVERED,
            recorded_at=certificate.valid_from,
            proof=delivery.presentation.proof,
            act=act,
            organisation=holder if application is None else application.organisation,
            principal=holder if application is None else application.principal,
            application=None if application is None else application.id,
            signatory=None if application is None else certificate.subject.signatory.id,
            registered_on=None if delivery.outside is None else delivery.outside.registered_on,
            due_on=None if delivery.outside is None else delivery.outside.due_on,
            **certificates.index_columns(envelope, certificate),
        )
        self.tx.add(row)
        self.tx.flush()
        status_indices.keep_index(self.tx, row.status_list, row.status_index)
        self.taken.certificates.append(row.id)
        if act is not None:
            self.taken.logged_anew.append((row.body, row.year))

    def _claim_application(self, certificate: Certificate, body: str | None) -> Application | None:
        """Find the application that waits for this very certificate and end it, so that it is not issued again.

        One that was not that far at the time of the backup, or has moved since the certificate was issued, is not the
        one that it came from, whatever it says: that is left to people, who are told of it.
        """
        signatory, at = certificate.subject.signatory.id, certificate.valid_from
        same = [each for each in applied_alike(self.tx, certificate, body) if each.state != State.ISSUED]
        for each in same:
            came_before = each.state == State.APPROVED and each.changed_at <= at
            if came_before and parties.person(self.tx, signatory) is not None:
                part = applications.claim_part(self.tx, each.id, signatory, Part.SIGNATORY, at)
                if part is Part.SIGNATORY:
                    each.state, each.version, each.changed_at = State.ISSUED, each.version + 1, at
                    run_clock.turn(self.tx, each, Move.ISSUE, at=at)
                    self.tx.flush()
                    return each
        self.taken.look_at.update((each.id, certificate.id) for each in same)
        return None
