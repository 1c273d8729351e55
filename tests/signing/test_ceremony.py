from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from registry.core.identifiers import Did
from registry.core.tlog.note import KeyType
from registry.core.trust.document_signer import Purpose, Root, chain
from registry.signing.ceremony import LIFE, ROOT_LIFE, USE, Authority, make_key, make_root, renew_witness
from registry.signing.key_file import FileSigner, KeyExists, KeyLocked, KeyMissing, NoteSigner

AT = datetime(2026, 11, 1, 8, 30, 15, 999_999, tzinfo=UTC)
NAME = "by.registry.example"
BODY = f"did:web:{NAME}:bodies:bcci"
SECRET, OTHER = b"of the root", b"of the key"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "root", SECRET)
    make_root(authority, country="BY", env="demo", name=NAME, at=AT)
    return authority


def read_root(authority: Authority) -> Root:
    pem = (authority.folder / "root.cert.pem").read_bytes()
    return Root.parse(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))


def test_a_root_is_self_signed_on_p384_and_names_country_environment_and_authority(authority: Authority) -> None:
    root = read_root(authority)
    assert (root.country, root.env, root.name) == ("BY", "demo", NAME)
    public = root.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp384r1"
    whole = AT.replace(microsecond=0)
    assert root.certificate.not_valid_before_utc == whole
    assert root.certificate.not_valid_after_utc - whole <= ROOT_LIFE + timedelta(seconds=1)
    basic = root.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_is_for_one_purpose_and_lives_as_long_as_that_purpose_needs(
    authority: Authority, tmp_path: Path, purpose: Purpose
) -> None:
    made = make_key(authority, tmp_path / "node", "key", OTHER, purpose=purpose, uris=[BODY, f"{BODY}#x"], at=AT)
    signer = FileSigner.open(tmp_path / "node", "key", OTHER)
    assert signer.certificate == made.public_bytes(Encoding.DER)
    chained = chain(signer.certificate, read_root(authority), purpose, Did(BODY))
    assert signer.kid == chained.kid(BODY)
    assert chained.uris == {BODY, f"{BODY}#x"}
    assert chained.until - chained.from_ == LIFE[purpose]


def test_a_document_signer_outlives_what_it_signs() -> None:
    """Six months of use, then twelve of validity (shell model)."""
    assert LIFE[Purpose.DOCUMENT] - USE > timedelta(days=366)


def test_the_root_is_never_made_twice(authority: Authority) -> None:
    before = read_root(authority)
    with pytest.raises(KeyExists):
        make_root(authority, country="BY", env="demo", name=NAME, at=AT)
    assert read_root(authority) == before


def test_a_key_is_never_made_twice(authority: Authority, tmp_path: Path) -> None:
    def make() -> x509.Certificate:
        return make_key(authority, tmp_path, "key", OTHER, purpose=Purpose.NODE, uris=[f"did:web:{NAME}"], at=AT)

    first = make()
    with pytest.raises(KeyExists):
        make()
    assert FileSigner.open(tmp_path, "key", OTHER).certificate == first.public_bytes(Encoding.DER)


def test_without_the_root_or_its_passphrase_no_key_is_certified(authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    for refusal, wrong in (
        (KeyLocked, Authority(authority.folder, OTHER)),
        (KeyMissing, Authority(tmp_path / "nowhere", SECRET)),
    ):
        with pytest.raises(refusal):
            make_key(wrong, folder, "key", OTHER, purpose=Purpose.NODE, uris=[f"did:web:{NAME}"], at=AT)
    assert not folder.exists()


def test_a_witness_gets_its_next_key_under_the_next_name_and_no_key_is_lost(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing):
        renew_witness(tmp_path, "witness", NAME, OTHER)
    first = NoteSigner.make(tmp_path, "witness", f"{NAME}/witness", KeyType.COSIGNATURE, OTHER)
    second = renew_witness(tmp_path, "witness", NAME, OTHER)
    third = renew_witness(tmp_path, "witness", NAME, OTHER)
    assert [key.vkey.name for key in (second, third)] == [f"{NAME}/witness-2", f"{NAME}/witness-3"]
    kept = [NoteSigner.open(tmp_path, f"witness-{number}", OTHER).vkey for number in (1, 2, 3)]
    assert kept == [first.vkey, second.vkey, third.vkey]
    assert NoteSigner.open(tmp_path, "witness", OTHER).vkey == third.vkey


@pytest.mark.parametrize("left", ["private", "nothing"])
def test_a_renewal_that_was_broken_off_is_taken_up(tmp_path: Path, left: str) -> None:
    """The new private key stood in its place, and the old verifier key beside it; or the new key was only made."""
    NoteSigner.make(tmp_path, "witness", f"{NAME}/witness", KeyType.COSIGNATURE, OTHER)
    made = NoteSigner.make(tmp_path, "witness-2", f"{NAME}/witness-2", KeyType.COSIGNATURE, OTHER)
    if left == "private":
        for suffix in (".key.pem", ".vkey"):
            (tmp_path / f"witness-1{suffix}").write_bytes((tmp_path / f"witness{suffix}").read_bytes())
        (tmp_path / "witness.key.pem").write_bytes((tmp_path / "witness-2.key.pem").read_bytes())
    assert renew_witness(tmp_path, "witness", NAME, OTHER).vkey == made.vkey
    assert NoteSigner.open(tmp_path, "witness-1", OTHER).vkey.name == f"{NAME}/witness"
