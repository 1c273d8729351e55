"""Two countries in memory: Belarus and Uzbekistan, their keys, lists, agreement and logs, at one fixed moment `AT`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry.core.agreement import (
    Agreement,
    BodyNumbers,
    Effect,
    Environment,
    Form,
    Party,
    Quorum,
    Recognition,
    Silence,
)
from registry.core.calendar import LocalDate, Offset
from registry.core.certificate.credential import Certificate, Signatory, Subject
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.identifiers import ActId, Country, Did, Digest, Kid, authority_did, body_did, node_did
from registry.core.number_pattern import NumberPattern
from registry.core.signature import Signer
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.merkle import leaf_hash
from registry.core.tlog.note import KeyType, Note
from registry.core.tlog.proof import TlogProof
from registry.core.trust.agreement_adoption import believe_agreement
from registry.core.trust.believed_list import BelievedList, believe
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import Freshness, NamedList, Word, believe_freshness, word_of
from registry.core.trust.pin import Pin
from registry.core.trust.trust_list import (
    BodyRole,
    BodyRow,
    ListKey,
    LogKey,
    NodeRole,
    NodeRow,
    SignatoryRow,
    SignerRow,
    SignerStatus,
    TrustList,
    WitnessKey,
)
from registry.core.verification.bundle import DIGEST_BYTES, Bundle, Delivered, Heard, OpenBundle, Seen, open_bundle
from registry.core.verification.evidence import Evidence, Held, Standpoint, Trusted
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Verdict
from registry.core.verification.verify import verify
from registry.signing.ceremony import USE, Authority, make_key, make_root
from registry.signing.key_file import FileSigner, NoteSigner

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 21)
BORN = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = b"one passphrase for the tests"
SCHEME = "origin-st1"
_PLACES = {
    "BY": ("by.registry.example", Offset(180), "bcci", "БелТПП"),
    "UZ": ("uz.registry.example", Offset(300), "uzex", "Oʻzbekekspertiza"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One country: its root, its keys, and the trust list that its list keys sign."""

    country: str
    name: str
    offset: Offset
    code: str
    body_name: str
    authority: Authority
    root: x509.Certificate
    list_keys: tuple[FileSigner, ...]
    node: FileSigner
    document: FileSigner
    log: NoteSigner
    witness: NoteSigner

    @property
    def body(self) -> Did:
        return body_did(self.name, self.code)

    @property
    def node_id(self) -> Did:
        return node_did(self.name)

    @property
    def pin(self) -> Pin:
        return Pin(self.root.public_bytes(Encoding.DER), Environment.DEMO, 2, 1)

    def make_key(self, name: str, purpose: Purpose, uris: Sequence[str], at: datetime = BORN) -> FileSigner:
        """Certify one more key, in memory only as far as the world goes on."""
        folder = self.authority.folder / "more"
        if not (folder / f"{name}.key.pem").exists():
            make_key(self.authority, folder, name, SECRET, purpose=purpose, uris=uris, at=at)
        return FileSigner.open(folder, name, SECRET)

    def make_witness(self, name: str) -> NoteSigner:
        """Make one more key of this country's witness, called `name`; it is the same one when asked again."""
        folder, file = self.authority.folder / "more", name.replace("/", "-")
        if (folder / f"{file}.key.pem").exists():
            return NoteSigner.open(folder, file, SECRET)
        return NoteSigner.make(folder, file, name, KeyType.COSIGNATURE, SECRET)

    def make_list_keys(self, epoch: int) -> tuple[FileSigner, ...]:
        """Certify three list keys for a later epoch."""
        names = [f"epoch-{epoch}-{number}" for number in range(3)]
        return tuple(self.make_key(name, Purpose.LIST, [authority_did(self.name)]) for name in names)

    def signer_row(self, signer: FileSigner) -> SignerRow:
        """Return the row of a document signer, in use for all that its certificate allows."""
        until = x509.load_der_x509_certificate(signer.certificate).not_valid_after_utc
        return SignerRow(signer.kid, signer.certificate, BORN, until, BORN + USE, SignerStatus.ACTIVE)

    @property
    def trust_list(self) -> TrustList:
        """The list as it is at `AT`, before anyone changed it."""
        signatory = SignatoryRow("s-1", f"Signatory of {self.country}", date(2026, 1, 1), date(2027, 12, 31))
        return TrustList(
            country=self.country,
            env=Environment.DEMO,
            issuer=authority_did(self.name),
            epoch=1,
            version=1,
            issued_at=AT - timedelta(days=1),
            expires_at=AT + timedelta(days=29),
            list_keys=tuple(ListKey(key.kid, key.certificate) for key in self.list_keys),
            nodes=(
                NodeRow(
                    self.node_id,
                    f"Node of {self.country}",
                    (NodeRole.ISSUING, NodeRole.CUSTOMS),
                    self.node.certificate,
                    LogKey(f"{self.name}/log", self.log.vkey),
                    WitnessKey(f"{self.name}/witness", self.witness.vkey),
                ),
            ),
            bodies=(
                BodyRow(
                    self.body,
                    self.code,
                    self.body_name,
                    "Address",
                    BodyRole.AUTHORISED,
                    (SCHEME,),
                    (signatory,),
                    (self.signer_row(self.document),),
                ),
            ),
        )

    def named(self, text: str) -> NamedList:
        """Return how a statement names a list."""
        known = believe(text, self.pin)
        return NamedList(known.list.epoch, known.list.version, known.digest)

    def state(self, named: NamedList, *, by: Signer | None = None, **changes: Any) -> str:
        """Sign how fresh the word of this country's node is, by its key or by another."""
        said = Freshness(self.node_id, Environment.DEMO, AT, "0.1.0", named)
        return seal(replace(said, **changes).encode(), Typ.FRESHNESS, by or self.node).text

    def sign_list(self, trust_list: TrustList, by: Sequence[Signer] = ()) -> str:
        """Sign a list by `by`, or by the first two list keys."""
        return join(seal(trust_list.encode(), Typ.TRUST_LIST, key) for key in by or self.list_keys[:2])

    def believed(self, trust_list: TrustList | None = None, by: Sequence[Signer] = ()) -> BelievedList:
        """Return a list as it is believed under the pin."""
        return believe(self.sign_list(trust_list or self.trust_list, by), self.pin)


def with_body(trust_list: TrustList, **changes: Any) -> TrustList:
    """Return the list with its first body changed."""
    return replace(trust_list, bodies=(replace(trust_list.bodies[0], **changes), *trust_list.bodies[1:]))


def with_signer(trust_list: TrustList, **changes: Any) -> TrustList:
    """Return the list with the first signer of its first body changed."""
    first, *rest = trust_list.bodies[0].signers
    return with_body(trust_list, signers=(replace(first, **changes), *rest))


def with_node(trust_list: TrustList, **changes: Any) -> TrustList:
    """Return the list with its first node changed."""
    return replace(trust_list, nodes=(replace(trust_list.nodes[0], **changes), *trust_list.nodes[1:]))


@dataclass(frozen=True, slots=True)
class World:
    """Both countries and the agreement between them."""

    sides: Mapping[str, Side]
    agreement: Agreement

    @property
    def by(self) -> Side:
        return self.sides["BY"]

    @property
    def uz(self) -> Side:
        return self.sides["UZ"]

    def peer(self, country: str) -> Side:
        return next(side for side in self.sides.values() if side.country != country)

    def sign_agreement(self, agreement: Agreement, by: Sequence[Signer] = ()) -> str:
        """Sign an agreement by `by`, or by two list keys of each country."""
        keys = by or [key for side in self.sides.values() for key in side.list_keys[:2]]
        return join(seal(agreement.encode(), Typ.AGREEMENT, key) for key in keys)

    def certificate(self, country: str = "BY", **changes: Any) -> Certificate:
        """Return a certificate of `country` for the other one, with members or members of its subject changed."""
        side, peer = self.sides[country], self.peer(country)
        valid_from = changes.pop("valid_from", AT)
        issued = changes.pop("issue_date", side.offset.local_date(valid_from))
        number = changes.pop("number", f"{country}{peer.country}6101000001")
        subject = Subject(
            id="",
            type_=("CertificateOfOrigin",),
            agreement=self.agreement.id,
            env="demo",
            scheme=SCHEME,
            rules_set="CIS-2009",
            number=number,
            issued_in=country,
            presented_in=peer.country,
            issue_date=issued,
            signatory=Signatory("s-1", f"Signatory of {country}"),
            nonce="0123456789abcdef" * 2,
            claims={"items": [{"description": "шины", "seq": 1}]},
        )
        of_subject = {item.name for item in fields(Subject)} & changes.keys()
        subject = replace(subject, **{name: changes.pop(name) for name in of_subject})
        certificate = Certificate(
            node=side.name,
            body=side.code,
            body_name=side.body_name,
            valid_from=valid_from,
            valid_until=issued.plus_months(12).ends(),
            status_list="revocation",
            status_index=94567,
            subject=subject,
        )
        certificate = replace(certificate, **changes)
        return replace(certificate, subject=replace(subject, id=subject.id or f"{certificate.id}#goods"))

    def issue(self, country: str = "BY", *, signer: Signer | None = None, **changes: Any) -> Envelope:
        """Sign a certificate by the body's document signer, or by `signer`."""
        payload = self.certificate(country, **changes).encode()
        return seal(payload, Typ.CERTIFICATE, signer or self.sides[country].document)

    def checkpoint(
        self, country: str, entry: bytes = b"", *, by: Sequence[NoteSigner] | None = None, at: datetime = AT
    ) -> str:
        """Return a checkpoint over the one `entry` of a log, cosigned by the other side's witness, or by `by`."""
        side, peer = self.sides[country], self.peer(country)
        signed = side.log.sign(Checkpoint(f"{side.name}/log", 1, leaf_hash(entry)).encode())
        witnesses = [peer.witness] if by is None else by
        cosigned = tuple(witness.cosign(signed.text, at) for witness in witnesses)
        return Note(signed.text, signed.lines + cosigned).encode()

    def proof(self, issued_in: str, digest: Digest, kind: Kind = Kind.CERTIFICATE_ISSUED, **cosigned: Any) -> str:
        """Return the proof that the one leaf of the log of `issued_in` is about `digest`."""
        side, peer = self.sides[issued_in], self.peer(issued_in)
        leaf = Leaf(ActId("ab" * 16), kind, AT, side.body, Digest("cd" * 32), Country(peer.country), digest)
        entry = leaf.encode()
        return TlogProof(entry, 0, (), self.checkpoint(issued_in, entry, **cosigned)).encode()

    def change(
        self, shown: Envelope, status: Status, *, signer: Signer | None = None, day: date = TODAY, **more: Any
    ) -> str:
        """Sign a change of status of a certificate, effective from `day`."""
        known = Certificate.parse(shown.payload)
        side = self.sides[known.subject.issued_in]
        change = StatusChange(
            env="demo",
            issuer=known.issuer,
            certificate=known.id,
            digest=shown.digest,
            status=status,
            reason="the goods are others",
            effective_from=LocalDate(day, side.offset),
            recorded_at=AT,
            proposed_by="p-1",
            confirmed_by="p-2",
            nonce="89abcdef01234567" * 2,
            replaced_by=known.id + "9" if status is Status.REPLACED else None,
        )
        return seal(replace(change, **more).encode(), Typ.STATUS, signer or side.document).text

    def scene(self, issued_in: str = "BY") -> "Scene":
        """Return a good certificate before the customs of the other country."""
        lists = {side.country: side.sign_list(side.trust_list) for side in self.sides.values()}
        scene = Scene(self, issued_in, self.peer(issued_in).country, lists, (self.sign_agreement(self.agreement),))
        return scene.showing()


@dataclass(frozen=True, slots=True)
class Scene:
    """A certificate that is shown, and what the customs before which it is shown believe and hold."""

    world: World
    issued_in: str
    country: str
    lists: Mapping[str, str]
    agreements: tuple[str, ...]
    text: str = ""
    proof: str | None = None
    held: Held | None = None
    changes: tuple[str, ...] = ()
    original: tuple[str, ...] | None = ()
    """Changes of what it duplicates; None where that is not held."""
    seen: datetime | None = None
    """By when others than their signer had seen all changes; None: nobody dates them."""
    env: str = "demo"
    at: datetime = AT + timedelta(minutes=1)
    day: date | None = None
    stale_after: datetime = AT + timedelta(days=3)
    sequence: int = 1
    node: Signer | None = None
    heads: Mapping[str, datetime] = field(default_factory=dict)
    checkpoints: tuple[str, ...] = ()
    heard: datetime | None = None
    """By when everything of the issuer's node had come; None: lately."""
    freshness: str | None = None
    """What that node last said of how fresh its word is."""

    @property
    def word(self) -> datetime:
        return self.heard or max(AT, self.at - timedelta(hours=1))

    @property
    def issuer(self) -> Side:
        return self.world.sides[self.issued_in]

    @property
    def envelope(self) -> Envelope:
        return Envelope.parse(self.text, Typ.CERTIFICATE)

    def showing(self, envelope: Envelope | None = None, **changes: Any) -> "Scene":
        """Return the scene with another certificate, which is logged, proved and held as the first was."""
        shown = envelope or self.world.issue(self.issued_in, **changes)
        proof = self.world.proof(self.issued_in, shown.digest)
        return replace(self, text=shown.text, proof=proof, held=Held(shown.digest, AT, Standpoint.NODE, logged=True))

    def changed(self, status: Status, **more: Any) -> "Scene":
        """Return the scene with one more change of status held."""
        return replace(self, changes=(*self.changes, self.world.change(self.envelope, status, **more)))

    def holding(self, **changes: Any) -> "Scene":
        """Return the scene with what is held of the certificate changed."""
        assert self.held is not None
        return replace(self, held=replace(self.held, **changes))

    def listing(self, edit: Callable[[TrustList], TrustList], country: str = "") -> "Scene":
        """Return the scene with another list of the issuing country (or `country`) adopted."""
        side = self.world.sides[country or self.issued_in]
        return replace(self, lists={**self.lists, side.country: side.sign_list(edit(side.trust_list))})

    def agreeing(self, **changes: Any) -> "Scene":
        """Return the scene with another agreement in force, which the certificate names."""
        agreement = replace(self.world.agreement, **changes)
        return replace(self, agreements=(self.world.sign_agreement(agreement),)).showing(agreement=agreement.id)

    def pins(self) -> dict[str, Pin]:
        return {side.country: side.pin for side in self.world.sides.values()}

    def trusted(self) -> Trusted:
        """Return what the node of the country believes."""
        lists = {country: believe(text, self.world.sides[country].pin) for country, text in self.lists.items()}
        agreements = [believe_agreement(text, lists) for text in self.agreements]
        known: dict[str, Agreement] = {agreement.id: agreement for agreement in agreements}
        return Trusted(self.env, self.country, lists, known, AT, heads=self.heads, words=self.words(lists))

    def words(self, lists: Mapping[str, BelievedList]) -> Mapping[str, Word]:
        """Return how fresh the word of the issuer's node is."""
        node = self.issuer.node_id
        if self.freshness is None:
            return {node: Word(self.word)}
        said = believe_freshness(self.freshness, node, lists, self.env)
        return {node: word_of(said, lists[self.issued_in], self.word)}

    def stating(self, **changes: Any) -> "Scene":
        """Return the scene with a statement of the issuer's node, which names the newest list, changed."""
        named = changes.pop("trust_list", None) or self.issuer.named(self.lists[self.issued_in])
        return replace(self, freshness=self.issuer.state(named, **changes))

    def online(self) -> Verdict:
        """Ask at the node of the country."""
        evidence = Evidence(self.held, self.changes, self.original, dict(self.dated))
        shown = Presentation(self.text, self.proof)
        return verify(shown, self.trusted(), lambda *_: evidence, at=self.at, day=self.day)

    @property
    def dated(self) -> Sequence[tuple[Digest, datetime]]:
        texts = (*self.changes, *(self.original or ())) if self.seen else ()
        return [(Envelope.parse(text, Typ.STATUS).digest, self.seen) for text in texts if self.seen]

    def bundle(self) -> Bundle:
        """Return the bundle that the node of the country would make of what it believes and holds."""
        delivered = [
            Delivered(held.recorded_at, held.logged, bytes.fromhex(held.digest)[:DIGEST_BYTES])
            for held in (self.held,)
            if held is not None
        ]
        return Bundle(
            issuer=node_did(self.world.sides[self.country].name),
            env=self.env,
            country=self.country,
            sequence=self.sequence,
            made_at=AT,
            stale_after=self.stale_after,
            lists=tuple(self.lists.values()),
            agreements=self.agreements,
            changes=self.changes + (self.original or ()),
            delivered=tuple(delivered),
            checkpoints=self.checkpoints,
            heard=(Heard(self.issuer.node_id, self.heard or AT),),
            freshness=() if self.freshness is None else (self.freshness,),
            seen=tuple(Seen(digest, at) for digest, at in self.dated),
        )

    def open(self, bundle: Bundle | None = None) -> OpenBundle:
        """Sign the bundle by the country's node, and open it on a device."""
        node = self.node or self.world.sides[self.country].node
        text = seal((bundle or self.bundle()).encode(), Typ.BUNDLE, node).text
        return open_bundle(text, self.pins())

    def offline(self) -> Verdict:
        """Ask on a device that carries the bundle."""
        device = self.open()
        shown = Presentation(self.text, self.proof)
        return verify(shown, device.trusted, device.read, at=self.at, day=self.day)


def build(folder: Path) -> World:
    """Hold the ceremonies of both countries in `folder`, and let them agree."""
    sides = {country: _build_side(folder / country, country) for country in _PLACES}
    return World(sides, _agree(sides))


def _build_side(folder: Path, country: str) -> Side:
    name, offset, code, body_name = _PLACES[country]
    authority = Authority(folder, SECRET)
    root = make_root(authority, country=country, env="demo", name=name, at=BORN)
    body = body_did(name, code)

    def certify(key: str, purpose: Purpose, *uris: str) -> FileSigner:
        make_key(authority, folder, key, SECRET, purpose=purpose, uris=uris, at=BORN)
        return FileSigner.open(folder, key, SECRET)

    return Side(
        country,
        name,
        offset,
        code,
        body_name,
        authority,
        root,
        tuple(certify(f"list-{number}", Purpose.LIST, authority_did(name)) for number in range(3)),
        certify("node", Purpose.NODE, node_did(name)),
        certify(f"document-{code}", Purpose.DOCUMENT, body, f"{body}#{SCHEME}"),
        NoteSigner.make(folder, "log", f"{name}/log", KeyType.ED25519, SECRET),
        NoteSigner.make(folder, "witness", f"{name}/witness", KeyType.COSIGNATURE, SECRET),
    )


def _agree(sides: Mapping[str, Side]) -> Agreement:
    parties = [
        Party(side.country, side.offset, (side.node_id,), f"Customs of {side.country}", f"Chamber of {side.country}")
        for side in sides.values()
    ]
    recognitions = [
        Recognition(
            SCHEME,
            "CIS-2009",
            issued_in,
            presented_in,
            date(2026, 1, 1),
            Effect.RECOGNISED,
            Form.ELECTRONIC,
            validity_months=12,
            tolerance_percent="5",
        )
        for issued_in, presented_in in (("BY", "UZ"), ("UZ", "BY"))
    ]
    return Agreement(
        env=Environment.DEMO,
        title="Agreement of two countries",
        from_=date(2026, 1, 1),
        parties=tuple(parties),
        recognitions=tuple(recognitions),
        numbers=tuple(
            BodyNumbers(side.body, NumberPattern("{issued_in}{presented_in}{year:1}101{serial:6}"))
            for side in sides.values()
        ),
        silence=Silence.ACCEPTED,
        log_required_after_hours=24,
        witnesses=tuple(Quorum(country, 1) for country in sides),
    )


@dataclass(frozen=True, slots=True)
class RenamedSigner:
    """A signer that signs under a kid that is not its own."""

    kid: Kid
    signer: Signer

    def sign(self, message: bytes) -> bytes:
        return self.signer.sign(message)
