from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from registry.core.signature import thumbprint, verify_es256
from registry.core.tlog.note import KeyType, MalformedVerifierKey, VerifierKey
from registry.signing.key_file import (
    CERTIFICATE,
    PRIVATE,
    VERIFIER,
    FileSigner,
    KeyExists,
    KeyLocked,
    KeyMissing,
    NoteSigner,
    read_certificate,
    read_p256,
    write_new,
    write_private,
)

SECRET = b"open sesame"
DID = "did:web:by.registry.example"
AT = datetime(2026, 11, 1, tzinfo=UTC)


def certify(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName | None
) -> None:
    subject = x509.Name([])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, AT, AT + timedelta(days=1))
    if names is not None:
        builder = builder.add_extension(names, critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}{CERTIFICATE}").write_bytes(pem)


def uri(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) for name in names])


@pytest.fixture
def key(tmp_path: Path) -> ec.EllipticCurvePrivateKey:
    made = ec.generate_private_key(ec.SECP256R1())
    write_private(tmp_path, "node", made, SECRET)
    certify(tmp_path, "node", made, uri(DID, f"{DID}#x"))
    return made


def test_a_key_opens_under_its_passphrase_and_signs_for_its_first_name(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey
) -> None:
    signer = FileSigner.open(tmp_path, "node", SECRET)
    assert signer.kid == f"{DID}#{thumbprint(key.public_key())}"
    assert x509.load_der_x509_certificate(signer.certificate).public_key() == key.public_key()
    assert verify_es256(key.public_key(), signer.sign(b"message"), b"message")
    assert read_p256(tmp_path, "node", SECRET).private_numbers() == key.private_numbers()


def test_a_key_is_encrypted_and_only_its_owner_may_read_it(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path = tmp_path / f"node{PRIVATE}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert key is not None


def test_a_key_is_never_printed(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    assert "_key" not in repr(FileSigner.open(tmp_path, "node", SECRET))
    assert str(key.private_numbers().private_value) not in repr(FileSigner.open(tmp_path, "node", SECRET))
    note = NoteSigner.make(tmp_path, "log", "by/log", KeyType.ED25519, SECRET)
    assert "_key" not in repr(note)


@pytest.mark.usefixtures("key")
def test_another_passphrase_opens_nothing(tmp_path: Path) -> None:
    for secret in (b"x", SECRET + b" ", b""):
        with pytest.raises(KeyLocked, match="does not open") as refused:
            FileSigner.open(tmp_path, "node", secret)
        assert refused.value.code == "key-locked"
        assert "sesame" not in str(refused.value)


def test_without_a_passphrase_no_key_is_written(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        write_private(tmp_path, "node", ec.generate_private_key(ec.SECP256R1()), b"")
    assert not list(tmp_path.iterdir())


def test_a_key_is_never_overwritten(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    before = (tmp_path / f"node{PRIVATE}").read_bytes()
    with pytest.raises(KeyExists, match="never overwritten") as refused:
        write_private(tmp_path, "node", key, SECRET)
    assert refused.value.code == "key-exists"
    assert (tmp_path / f"node{PRIVATE}").read_bytes() == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyExists):
        write_new(tmp_path / "link", b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    path = write_new(tmp_path / "a" / "b", b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("lost", [PRIVATE, CERTIFICATE])
@pytest.mark.usefixtures("key")
def test_a_missing_file_is_named(tmp_path: Path, lost: str) -> None:
    (tmp_path / f"node{lost}").unlink()
    with pytest.raises(KeyMissing, match=f"node{lost}") as refused:
        FileSigner.open(tmp_path, "node", SECRET)
    assert refused.value.code == "key-missing"


@pytest.mark.usefixtures("key")
def test_a_certificate_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / f"node{CERTIFICATE}").write_bytes(b"garbage")
    with pytest.raises(KeyMissing):
        read_certificate(tmp_path, "node")


@pytest.mark.usefixtures("key")
def test_a_strangers_certificate_beside_the_key_is_refused(tmp_path: Path) -> None:
    certify(tmp_path, "node", ec.generate_private_key(ec.SECP256R1()), uri(DID))
    with pytest.raises(KeyLocked):
        FileSigner.open(tmp_path, "node", SECRET)


@pytest.mark.parametrize("names", [None, x509.SubjectAlternativeName([x509.DNSName("by.example")])])
def test_a_certificate_without_a_did_is_refused(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName | None
) -> None:
    certify(tmp_path, "node", key, names)
    with pytest.raises(KeyLocked):
        FileSigner.open(tmp_path, "node", SECRET)


def test_a_root_key_signs_no_envelopes(tmp_path: Path) -> None:
    root = ec.generate_private_key(ec.SECP384R1())
    write_private(tmp_path, "root", root, SECRET)
    certify(tmp_path, "root", root, uri(DID))
    assert read_p256(tmp_path, "root", SECRET).curve.name == "secp384r1"
    with pytest.raises(KeyLocked):
        FileSigner.open(tmp_path, "root", SECRET)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path, "node", ed25519.Ed25519PrivateKey.generate(), SECRET)
    with pytest.raises(KeyLocked, match="no key of its kind"):
        read_p256(tmp_path, "node", SECRET)
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET),
    )
    (tmp_path / f"rsa{PRIVATE}").write_bytes(pem)
    with pytest.raises(KeyLocked):
        read_p256(tmp_path, "rsa", SECRET)


def test_a_key_that_is_not_encrypted_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / f"node{PRIVATE}").write_bytes(pem)
    with pytest.raises(KeyLocked):
        read_p256(tmp_path, "node", SECRET)


def test_a_key_for_notes_opens_and_signs(tmp_path: Path) -> None:
    made = NoteSigner.make(tmp_path, "log", "by.registry.example/log", KeyType.ED25519, SECRET)
    opened = NoteSigner.open(tmp_path, "log", SECRET)
    assert opened.vkey == made.vkey
    assert opened.sign("origin\n1\nroot\n").verified([made.vkey]) == "origin\n1\nroot\n"
    assert VerifierKey.parse((tmp_path / f"log{VERIFIER}").read_text().strip()) == made.vkey
    with pytest.raises(KeyExists):
        NoteSigner.make(tmp_path, "log", "by.registry.example/log", KeyType.ED25519, SECRET)
    assert NoteSigner.open(tmp_path, "log", SECRET).vkey == made.vkey


def test_a_key_for_notes_needs_its_passphrase_and_both_files(tmp_path: Path) -> None:
    made = NoteSigner.make(tmp_path, "log", "by/log", KeyType.ED25519, SECRET)
    with pytest.raises(KeyLocked):
        NoteSigner.open(tmp_path, "log", b"x")
    with pytest.raises(KeyMissing):
        NoteSigner.open(tmp_path, "witness", SECRET)
    (tmp_path / f"log{VERIFIER}").unlink()
    with pytest.raises(KeyMissing):
        NoteSigner.open(tmp_path, "log", SECRET)
    (tmp_path / f"log{VERIFIER}").write_bytes(b"\xff")
    with pytest.raises(MalformedVerifierKey):
        NoteSigner.open(tmp_path, "log", SECRET)
    other = NoteSigner.make(tmp_path, "other", "by/log", KeyType.ED25519, SECRET)
    assert other.vkey != made.vkey
    (tmp_path / f"log{VERIFIER}").write_text(other.vkey.encode())
    with pytest.raises(KeyLocked):
        NoteSigner.open(tmp_path, "log", SECRET)


def test_a_p256_key_signs_no_notes(tmp_path: Path) -> None:
    made = NoteSigner.make(tmp_path, "log", "by/log", KeyType.ED25519, SECRET)
    write_private(tmp_path, "node", ec.generate_private_key(ec.SECP256R1()), SECRET)
    (tmp_path / f"node{VERIFIER}").write_text(made.vkey.encode())
    with pytest.raises(KeyLocked):
        NoteSigner.open(tmp_path, "node", SECRET)
