"""The keys of a running node, opened once under one passphrase; the root and list keys are not among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from registry.core.signature import Signer
from registry.signing.key_file import PRIVATE, FileSigner, NoteSigner

NODE, LOG, WITNESS = "node", "log", "witness"
DOCUMENT = "document-"
"""`document-<code>` is the document signer of the body with that code, `document-<code>.2` the next one."""


def document_keys(folder: Path, suffix: str) -> Mapping[str, Sequence[str]]:
    """Return the names of the document keys of each body that have a file with this suffix, oldest first."""
    names = [path.name.removesuffix(suffix) for path in folder.glob(f"{DOCUMENT}*{suffix}")]
    keys: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (name.partition(".")[0], int(name.partition(".")[2] or 1))):
        keys.setdefault(name.removeprefix(DOCUMENT).partition(".")[0], []).append(name)
    return keys


@dataclass(frozen=True, slots=True)
class Keyring:
    """The node key, the keys of log and witness, and the document signers of each body, oldest first."""

    node: Signer
    log: NoteSigner
    witness: NoteSigner
    documents: Mapping[str, Sequence[Signer]]

    @property
    def document_kids(self) -> frozenset[str]:
        """The kids of all document signers that are held."""
        return frozenset(signer.kid for signers in self.documents.values() for signer in signers)

    @classmethod
    def open(cls, folder: Path, secret: bytes) -> Self:
        """Open every key that a node needs; raises `KeyMissing` or `KeyLocked`."""
        return cls(
            FileSigner.open(folder, NODE, secret),
            NoteSigner.open(folder, LOG, secret),
            NoteSigner.open(folder, WITNESS, secret),
            {
                code: [FileSigner.open(folder, name, secret) for name in names]
                for code, names in document_keys(folder, PRIVATE).items()
            },
        )
