"""Ask whether adopted trust lists and agreements are what the pins vouch for, and gather the keys that they name.

What anyone else signed is checked by these keys, of every list that was ever adopted: a key that was replaced signed
what it signed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from registry.core.agreement import Agreement
from registry.core.envelope.jose import Envelope, Typ, parse_joint
from registry.core.errors import RegistryError
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import KeyType, Note, VerifierKey
from registry.core.trust.agreement_adoption import believe_agreement, lists_that_signed
from registry.core.trust.believed_list import BelievedList, believe
from registry.core.trust.trust_list import TrustList
from registry.store.acts import Act
from registry.store.peers import AgreementRow, TrustListRow
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable
from registry.usecases.trust.believe_peers import Beliefs, Pins

_MOMENT = timedelta(seconds=1)


@dataclass
class Adopted:
    """Every list and agreement that holds, with when it was adopted, and every key that they name."""

    lists: list[tuple[datetime, BelievedList]] = field(default_factory=list)
    agreements: list[tuple[datetime, Agreement]] = field(default_factory=list)
    keys: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)
    logs: dict[str, set[VerifierKey]] = field(default_factory=dict)
    witnesses: dict[tuple[str, bytes], VerifierKey] = field(default_factory=dict)
    _beliefs: dict[tuple[int, int], Beliefs] = field(default_factory=dict)

    def add_list(self, at: datetime, believed: BelievedList) -> None:
        """Believe a list, and know the keys that it names."""
        self.lists.append((at, believed))
        self.keys |= {kid: signer.chained.key for kid, signer in believed.signers.items()}
        for kid, node in believed.nodes.items():
            self.keys[kid] = node.chained.key
            self.logs.setdefault(node.row.log.origin, set()).add(node.row.log.vkey)
            self.witnesses |= {(key.name, key.id): key for key in node.row.witness_keys()}

    def add_agreement(self, at: datetime, agreement: Agreement) -> None:
        """Believe an agreement, and know the neutral witnesses that it names."""
        self.agreements.append((at, agreement))
        self.witnesses |= {(each.vkey.name, each.vkey.id): each.vkey for each in agreement.neutral_witnesses}

    def newest(self, at: datetime | None = None) -> Mapping[str, BelievedList]:
        """Return the newest list of each country, of those adopted by `at` where that is asked."""
        known = (believed for adopted, believed in self.lists if at is None or adopted <= at)
        return {
            each.list.country: each for each in sorted(known, key=lambda each: (each.list.epoch, each.list.version))
        }

    def newest_first(self) -> Sequence[BelievedList]:
        """Return every list, the newest of each country before the others."""
        lists = [believed for _, believed in self.lists]
        return sorted(lists, key=lambda each: (each.list.epoch, each.list.version), reverse=True)

    def beliefs(self, at: datetime | None = None) -> Beliefs:
        """Return what was believed at a moment, or is now."""
        lists = sum(at is None or adopted <= at for adopted, _ in self.lists)
        agreements = [each for adopted, each in self.agreements if at is None or adopted <= at]
        moment = (lists, len(agreements))
        if moment not in self._beliefs:
            self._beliefs[moment] = Beliefs(self.newest(at), {each.id: each for each in agreements})
        return self._beliefs[moment]

    def moments(self, at: datetime) -> Iterator[Beliefs]:
        """Return what was believed at a moment, just before it, and now: in one second the order is open."""
        yield from (self.beliefs(at), self.beliefs(at - _MOMENT), self.beliefs())

    def refusal(self, did: str, note: Note, at: datetime) -> RegistryError | None:
        """Return why a note did not meet what is asked of the log of a node, as it was agreed at a moment."""
        refused: RegistryError | None = None
        for beliefs in self.moments(at):
            try:
                for policy in beliefs.log_policies(did, at):
                    policy.check(note)
            except RegistryError as refusal:
                refused = refused or refusal
            else:
                return None
        return refused

    def vouched_at(self, did: str, note: Note, at: datetime) -> set[datetime | None]:
        """Return when the witnesses vouched for a note, by each policy that it could be measured by."""
        times: set[datetime | None] = set()
        for beliefs in self.moments(at):
            try:
                times |= {policy.check(note).at for policy in beliefs.log_policies(did, at)} or {None}
            except RegistryError:
                times.add(None)
        return times

    def signed(self, envelope: Envelope) -> str | None:
        """Return what is wrong with the signature of an envelope."""
        key = self.keys.get(envelope.kid)
        if key is None:
            return f"no adopted list knows {envelope.kid}"
        return None if envelope.is_signed_by(key) else "its signature does not verify"

    def unsigned_lines(self, note: Note, logs: Sequence[VerifierKey], *, ours: bool) -> Iterator[str]:
        """Return what is wrong with each line of a note; in one that is `ours`, a line of a stranger is wrong too."""
        known = {(key.name, key.id): key for key in logs} | self.witnesses
        for line in note.lines:
            key, alone = known.get((line.name, line.id)), Note(note.text, (line,))
            try:
                if key is None:
                    if ours:
                        yield f"a line of {line.name} is of no known key"
                elif key.type is KeyType.ED25519:
                    alone.verified([key])
                else:
                    cosigned_at(alone, key)
            except RegistryError as refusal:
                yield str(refusal)


def check_adopted(survey: Survey, pins: Pins) -> Adopted:
    """Check every adopted list and agreement, and return what holds."""
    adopted = Adopted()
    _lists(survey, pins, adopted)
    _agreements(survey, adopted)
    for kinds, row, what in (
        ((Kind.TRUST_PUBLISHED, Kind.TRUST_ADOPTED), TrustListRow.act, "it adopted a trust list that is not here"),
        ((Kind.AGREEMENT_ADOPTED,), AgreementRow.act, "it adopted an agreement that is not here"),
    ):
        lost = select(Act.id).where(Act.kind.in_(kinds), ~select(row).where(row == Act.id).exists()).order_by(Act.id)
        for act in survey.tx.scalars(lost):
            survey.say(f"act {act}", what)
    return adopted


def _lists(survey: Survey, pins: Pins, adopted: Adopted) -> None:
    query = of(TrustListRow, *_ACT).outerjoin(Act, Act.id == TrustListRow.act)
    for row, act in survey.rows(
        TrustListRow, query.order_by(TrustListRow.country, TrustListRow.epoch, TrustListRow.version), batch=10
    ):
        where = f"trust list {row.country} {row.epoch}.{row.version}"
        try:
            envelope = parse_joint(row.text, Typ.TRUST_LIST)[0]
            signed = TrustList.parse(envelope.payload)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        said = {"country": signed.country, "epoch": signed.epoch, "version": signed.version}
        derived = {**said, "digest": envelope.payload_digest}
        survey.differ(where, row, derived)
        if (act.digest_, act.at_, read_object(act.private_)) != (envelope.payload_digest, row.adopted_at, said):
            survey.say(where, "it was not adopted by its act")
        if row.country not in pins:
            survey.say(where, f"no root of {row.country} is pinned here")
            continue
        try:
            adopted.add_list(row.adopted_at, believe(row.text, pins[row.country]))
        except RegistryError as refusal:
            # a root that was pinned anew does not vouch for the lists of epochs before it; their acts do
            if signed.epoch >= pins[row.country].epoch:
                survey.say(where, str(refusal))


def _agreements(survey: Survey, adopted: Adopted) -> None:
    """Believe each agreement by the newest lists, or by earlier ones that were adopted here."""
    query = of(AgreementRow, *_ACT).outerjoin(Act, Act.id == AgreementRow.act)
    for row, act in survey.rows(AgreementRow, query.order_by(AgreementRow.adopted_at, AgreementRow.id), batch=10):
        where = f"agreement {row.id}"
        try:
            try:
                agreement = believe_agreement(row.text, adopted.newest())
            except RegistryError:
                agreement = believe_agreement(row.text, lists_that_signed(row.text, adopted.newest_first()))
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(where, row, {"id": agreement.id})
        said = {"agreement": agreement.id, "title": agreement.title}
        if (act.digest_, act.at_, read_object(act.private_)) != (agreement.id, row.adopted_at, said):
            survey.say(where, "it was not adopted by its act")
        adopted.add_agreement(row.adopted_at, agreement)


_ACT = (
    Act.digest.label("digest_"),
    readable(Act.at).label("at_"),
    readable(Act.private).label("private_"),
)
