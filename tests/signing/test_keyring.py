from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.core.tlog.note import KeyType
from registry.core.trust.document_signer import Purpose
from registry.signing.ceremony import Authority, make_key, make_root
from registry.signing.key_file import KeyLocked, KeyMissing, NoteSigner
from registry.signing.keyring import LOG, NODE, WITNESS, Keyring, document_keys

AT = datetime(2026, 11, 1, tzinfo=UTC)
NAME = "by.registry.example"
SECRET = b"of the node"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = Authority(tmp_path / "root", b"of the root")
    make_root(authority, country="BY", env="demo", name=NAME, at=AT)
    node = tmp_path / "node"
    make_key(authority, node, NODE, SECRET, purpose=Purpose.NODE, uris=[f"did:web:{NAME}"], at=AT)
    for code in ("gcci", "bcci"):
        body = f"did:web:{NAME}:bodies:{code}"
        make_key(authority, node, f"document-{code}", SECRET, purpose=Purpose.DOCUMENT, uris=[body], at=AT)
    NoteSigner.make(node, LOG, f"{NAME}/log", KeyType.ED25519, SECRET)
    NoteSigner.make(node, WITNESS, f"{NAME}/witness", KeyType.COSIGNATURE, SECRET)
    return node


def test_a_node_opens_its_keys_and_starts_without_the_root(folder: Path) -> None:
    keyring = Keyring.open(folder, SECRET)
    assert keyring.node.kid.startswith(f"did:web:{NAME}#")
    assert keyring.log.vkey.name == f"{NAME}/log"
    assert keyring.witness.vkey.name == f"{NAME}/witness"
    assert list(keyring.documents) == ["bcci", "gcci"]
    (signer,) = keyring.documents["bcci"]
    assert signer.kid.startswith(f"did:web:{NAME}:bodies:bcci#")


def test_the_next_signers_of_a_body_stand_in_the_order_in_which_they_were_made(folder: Path) -> None:
    authority = Authority(folder.parent / "root", b"of the root")
    for number in range(2, 12):
        name, uris = f"document-bcci.{number}", [f"did:web:{NAME}:bodies:bcci"]
        make_key(authority, folder, name, SECRET, purpose=Purpose.DOCUMENT, uris=uris, at=AT)
    names = ["document-bcci", *(f"document-bcci.{number}" for number in range(2, 12))]
    assert document_keys(folder, ".cert.pem") == {"bcci": names, "gcci": ["document-gcci"]}
    keyring = Keyring.open(folder, SECRET)
    assert len({signer.kid for signer in keyring.documents["bcci"]}) == 11


def test_one_passphrase_opens_all_or_nothing(folder: Path) -> None:
    with pytest.raises(KeyLocked):
        Keyring.open(folder, b"another")


@pytest.mark.parametrize(
    "name",
    [
        "node.key.pem",
        "node.cert.pem",
        "log.key.pem",
        "log.vkey",
        "witness.key.pem",
        "witness.vkey",
        "document-bcci.cert.pem",
    ],
)
def test_a_missing_file_keeps_the_node_from_starting(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KeyMissing, match=name):
        Keyring.open(folder, SECRET)


def test_a_strangers_certificate_keeps_the_node_from_starting(folder: Path) -> None:
    (folder / "document-bcci.cert.pem").write_bytes((folder / "document-gcci.cert.pem").read_bytes())
    with pytest.raises(KeyLocked):
        Keyring.open(folder, SECRET)
