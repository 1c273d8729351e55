"""The keys of a running node, opened once under one passphrase; the root and list keys are not among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from registry.core.signature import Signer
from registry.signing.key_file import PRIVATE, FileSigner, NoteSigner

NODE, LOG, WITNESS = "node", "log", "witness"
DOCUMENT = "document-"
"""`document-<code>` is the document signer of the body with that code."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The node key, the keys of log and witness, and the document signer of each body."""

    node: Signer
    log: NoteSigner
    witness: NoteSigner
    documents: Mapping[str, Signer]

    @classmethod
    def open(cls, folder: Path, secret: bytes) -> Self:
        """Open every key that a node needs; raises `KeyMissing` or `KeyLocked`."""
        codes = [
            path.name.removeprefix(DOCUMENT).removesuffix(PRIVATE) for path in folder.glob(f"{DOCUMENT}*{PRIVATE}")
        ]
        return cls(
            FileSigner.open(folder, NODE, secret),
            NoteSigner.open(folder, LOG, secret),
            NoteSigner.open(folder, WITNESS, secret),
            {code: FileSigner.open(folder, f"{DOCUMENT}{code}", secret) for code in sorted(codes)},
        )
