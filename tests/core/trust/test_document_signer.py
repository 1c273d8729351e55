from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from registry.core.identifiers import Did
from registry.core.trust.document_signer import ChainBroken, Purpose, Root, chain
from registry.signing.ceremony import Authority, make_key, make_root
from tests.core.world import AT, BORN, SCHEME, SECRET, World

SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
Edit = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]
DID = "did:web:by.registry.example:bodies:bcci"
KEY = ec.generate_private_key(ec.SECP256R1())
ROOT_KEY = ec.generate_private_key(ec.SECP384R1())
ROOT_NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "BY"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "demo"),
        x509.NameAttribute(NameOID.COMMON_NAME, "by.registry.example"),
    ]
)
USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.fixture(scope="module")
def root(world: World) -> Root:
    return Root.parse(world.by.root.public_bytes(Encoding.DER))


def make_own_root(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = ROOT_KEY,
    *,
    name: x509.Name = ROOT_NAME,
    ca: bool = True,
) -> bytes:
    builder = _builder(name, name, key.public_key())
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    signed = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(ROOT_KEY.public_key()), critical=False
    ).sign(ROOT_KEY, hashes.SHA384())
    return signed.public_bytes(Encoding.DER)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(7)
        .not_valid_before(BORN)
        .not_valid_after(BORN + timedelta(days=100))
    )


def make_leaf(
    *,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | None = None,
    usage: list[str] | None = None,
    uris: list[str] | None = None,
    without: type[x509.ExtensionType] | None = None,
    more: x509.ExtensionType | None = None,
    signer: ec.EllipticCurvePrivateKey = ROOT_KEY,
) -> bytes:
    purposes = [Purpose.DOCUMENT.value] if usage is None else usage
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (USAGE, True),
        (x509.ExtendedKeyUsage([x509.ObjectIdentifier(item) for item in purposes]), True),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris or [DID]]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT_KEY.public_key()), False),
    ]
    if more is not None:
        extensions.append((more, True))
    builder = _builder(SUBJECT, ROOT_NAME, key or KEY.public_key())
    for extension, critical in extensions:
        if without is None or not isinstance(extension, without):
            builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


OTHER = "key-of-another-purpose"


def broken(
    leaf: bytes, root: Root, purpose: Purpose = Purpose.DOCUMENT, did: str = DID, code: str = "chain-broken"
) -> str:
    with pytest.raises(ChainBroken) as refusal:
        chain(leaf, root, purpose, Did(did))
    assert refusal.value.code == code
    return str(refusal.value)


def test_a_key_of_the_ceremony_leads_to_its_root(world: World, root: Root) -> None:
    side = world.by
    chained = chain(side.document.certificate, root, Purpose.DOCUMENT, side.body)
    assert chained.kid(side.body) == side.document.kid
    assert chained.uris == {side.body, f"{side.body}#{SCHEME}"}
    assert (root.country, root.env, root.name) == ("BY", "demo", "by.registry.example")


def test_a_key_made_by_hand_leads_to_its_root() -> None:
    """So that each refusal below is for the one thing that differs."""
    assert chain(make_leaf(), Root.parse(make_own_root()), Purpose.DOCUMENT, Did(DID)).uris == {DID}


def test_a_certificate_is_within_its_dates_or_not(world: World, root: Root) -> None:
    chained = chain(world.by.document.certificate, root, Purpose.DOCUMENT, world.by.body)
    assert chained.valid_at(chained.from_)
    assert chained.valid_at(chained.until)
    assert not chained.valid_at(chained.from_ - timedelta(seconds=1))
    assert not chained.valid_at(chained.until + timedelta(seconds=1))


@pytest.mark.parametrize("purpose", [Purpose.LIST, Purpose.NODE])
def test_a_key_of_one_purpose_fails_in_another(world: World, root: Root, purpose: Purpose) -> None:
    assert "another purpose" in broken(world.by.document.certificate, root, purpose, code=OTHER)
    for certificate in (world.by.node.certificate, world.by.list_keys[0].certificate):
        assert "another purpose" in broken(certificate, root, code=OTHER)


@pytest.mark.parametrize(
    "usage",
    [
        [Purpose.DOCUMENT.value, Purpose.NODE.value],
        [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string],
        [ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string],
    ],
)
def test_a_key_for_more_than_one_purpose_or_for_any_is_refused(usage: list[str]) -> None:
    broken(make_leaf(usage=usage), Root.parse(make_own_root()), code=OTHER)


@pytest.mark.parametrize("without", [x509.ExtendedKeyUsage, x509.KeyUsage, x509.SubjectAlternativeName])
def test_a_certificate_without_an_extension_that_is_asked_for_is_refused(without: type[x509.ExtensionType]) -> None:
    broken(make_leaf(without=without), Root.parse(make_own_root()))


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    broken(make_leaf(more=unknown), Root.parse(make_own_root()))


def test_a_certificate_of_another_name_is_refused(world: World, root: Root) -> None:
    assert "does not name" in broken(world.by.document.certificate, root, did=f"{DID}x")
    assert "does not name" in broken(world.by.document.certificate, root, did="did:web:by.registry.example")


def test_another_root_of_the_same_name_vouches_for_nothing(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path, SECRET)
    twin = make_root(authority, country="BY", env="demo", name="by.registry.example", at=BORN)
    assert twin.subject == world.by.root.subject
    broken(world.by.document.certificate, Root.parse(twin.public_bytes(Encoding.DER)))
    theirs = make_key(authority, tmp_path, "d", SECRET, purpose=Purpose.DOCUMENT, uris=[DID], at=BORN)
    der = theirs.public_bytes(Encoding.DER)
    broken(der, Root.parse(world.by.root.public_bytes(Encoding.DER)))
    chained = chain(der, Root.parse(twin.public_bytes(Encoding.DER)), Purpose.DOCUMENT, Did(DID))
    assert chained.uris == {DID}


def test_a_certificate_by_another_key_under_the_name_of_the_root_is_refused() -> None:
    broken(make_leaf(signer=ec.generate_private_key(ec.SECP384R1())), Root.parse(make_own_root()))


def test_a_leaf_from_before_its_root_is_refused(world: World, root: Root, tmp_path: Path) -> None:
    early = make_key(
        world.by.authority,
        tmp_path,
        "early",
        SECRET,
        purpose=Purpose.DOCUMENT,
        uris=[DID],
        at=BORN - timedelta(days=1),
    )
    broken(early.public_bytes(Encoding.DER), root)


def test_an_expired_certificate_still_leads_to_the_root_and_says_its_dates(world: World, root: Root) -> None:
    """Whether a signature was good on its day is another question than whether its key is one of ours."""
    chained = chain(world.by.document.certificate, root, Purpose.DOCUMENT, world.by.body)
    assert not chained.valid_at(AT + timedelta(days=5_000))


def test_a_key_on_another_curve_is_refused() -> None:
    root = Root.parse(make_own_root())
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    assert "not on P-256" in broken(make_leaf(key=p384), root)
    broken(make_leaf(key=ed25519.Ed25519PrivateKey.generate().public_key()), root)


def test_a_root_does_not_pass_for_a_leaf_nor_a_leaf_for_a_root(world: World, root: Root) -> None:
    broken(world.by.root.public_bytes(Encoding.DER), root)
    for certificate in (world.by.document.certificate, b"", b"\x30\x00", b"garbage"):
        with pytest.raises(ChainBroken):
            Root.parse(certificate)


def test_a_root_that_may_not_certify_vouches_for_nothing() -> None:
    broken(make_leaf(), Root.parse(make_own_root(ca=False)))


def test_a_root_is_signed_by_itself_on_p384_and_names_country_environment_and_authority() -> None:
    with pytest.raises(ChainBroken, match="signed by itself"):
        Root.parse(make_own_root(ec.generate_private_key(ec.SECP384R1())))
    with pytest.raises(ChainBroken, match="P-384"):
        Root.parse(make_own_root(KEY))
    with pytest.raises(ChainBroken, match="P-384"):
        Root.parse(make_own_root(ed25519.Ed25519PrivateKey.generate()))
    for missing in range(3):
        attributes = [item for index, item in enumerate(ROOT_NAME) if index != missing]
        with pytest.raises(ChainBroken, match="names its country"):
            Root.parse(make_own_root(name=x509.Name(attributes)))
    twice = x509.Name([*ROOT_NAME, x509.NameAttribute(NameOID.COMMON_NAME, "another")])
    with pytest.raises(ChainBroken, match="names its country"):
        Root.parse(make_own_root(name=twice))


@pytest.mark.filterwarnings("ignore::Warning")  # cryptography warns of what it will refuse one day
def test_each_flipped_bit_of_a_certificate_is_refused_or_says_the_same(world: World, root: Root) -> None:
    """Only the count of unused bits of the signature can change unseen, where the signature ends in zeros."""
    for der, purpose, did in (
        (world.by.document.certificate, Purpose.DOCUMENT, world.by.body),
        (world.by.node.certificate, Purpose.NODE, world.by.node_id),
    ):
        known, passed = chain(der, root, purpose, did), 0
        for bit in range(len(der) * 8):
            flipped = bytearray(der)
            flipped[bit // 8] ^= 1 << bit % 8
            try:
                assert chain(bytes(flipped), root, purpose, did) == known
                passed += 1
            except ChainBroken:
                continue
        assert passed <= 3


@pytest.mark.filterwarnings("ignore::Warning")  # cryptography warns of what it will refuse one day
def test_each_flipped_byte_of_a_root_is_refused_or_says_the_same(world: World) -> None:
    known = Root.parse(der := world.by.root.public_bytes(Encoding.DER))
    for index in range(len(der)):
        for flip in (0x01, 0x05, 0x80, 0xFF):
            try:
                root = Root.parse(der[:index] + bytes([der[index] ^ flip]) + der[index + 1 :])
                assert root.certificate.tbs_certificate_bytes == known.certificate.tbs_certificate_bytes
            except ChainBroken:
                continue


def test_a_name_of_an_unknown_form_is_a_refusal(root: Root) -> None:
    """0x86 is a URI; 0x83 (X.400 address) and 0x85 (EDI party) are what no reader here knows."""
    der = make_leaf()
    place = der.index(bytes([0x86, len(DID)]) + DID.encode())
    for tag in (0x83, 0x85, 0xA3, 0xA5):
        assert "cannot be read" in broken(der[:place] + bytes([tag]) + der[place + 1 :], root)
