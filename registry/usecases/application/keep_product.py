"""Keep a product and its evidence files, once, for many applications."""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.errors import Conflict, NotFound, Unprocessable
from registry.core.product.product import Product
from registry.core.tlog.entry import Kind
from registry.store import acts, products
from registry.store.acts import Draw
from registry.store.parties import Role
from registry.store.products import MediaType, ProductRow
from registry.usecases.party.identify_party import Party

MAGIC = {MediaType.PDF: b"%PDF-", MediaType.PNG: b"\x89PNG\r\n\x1a\n", MediaType.JPEG: b"\xff\xd8\xff"}
EXTENSIONS = {MediaType.PDF: (".pdf",), MediaType.PNG: (".png",), MediaType.JPEG: (".jpg", ".jpeg")}
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069]{1,200}")


@dataclass(eq=False)
class ProductNotFound(NotFound):
    """No such product of the organisation that asks."""

    code: ClassVar[str] = "product-not-found"
    id: str

    def __str__(self) -> str:
        return "there is no such product"


@dataclass(eq=False)
class VersionStale(Conflict):
    """Someone changed it since it was read; the face answers 412."""

    code: ClassVar[str] = "version-stale"
    version: int

    def __str__(self) -> str:
        return f"it was changed meanwhile, and is at version {self.version}"


@dataclass(eq=False)
class EvidenceNotAccepted(Unprocessable):
    """The file is not what its name says, or of no kind that is kept."""

    code: ClassVar[str] = "evidence-not-accepted"
    reason: str

    def __str__(self) -> str:
        return f"the file is not kept: {self.reason}"


def keep(tx: Session, content: Product, *, by: Party, at: datetime, draw: Draw) -> ProductRow:
    """Keep a new product of the exporter's organisation; raises `InvalidIdentifier`."""
    by.require(Role.EXPORTER)
    content.check()
    encoded = content.encode()
    row = ProductRow(
        id=draw(16).hex(), organisation=by.organisation, version=1, content=encoded, created_at=at, changed_at=at
    )
    tx.add(row)
    tx.flush()
    _record(tx, row, encoded, by=by, at=at, draw=draw)
    return row


def change(tx: Session, id: str, content: Product, *, version: int, by: Party, at: datetime, draw: Draw) -> ProductRow:
    """Change a product that is still at `version`; raises `ProductNotFound` or `VersionStale`."""
    by.require(Role.EXPORTER)
    content.check()
    row = products.lock(tx, id, by.organisation)
    if row is None:
        raise ProductNotFound(id)
    if row.version != version:
        raise VersionStale(row.version)
    encoded = content.encode()
    row.content, row.version, row.changed_at = dict(encoded), row.version + 1, at
    tx.flush()
    _record(tx, row, encoded, by=by, at=at, draw=draw)
    return row


def attach(
    tx: Session, id: str, name: str, content: bytes, *, by: Party, at: datetime, draw: Draw
) -> tuple[str, MediaType]:
    """Keep a file and attach it as evidence; raises `ProductNotFound` or `EvidenceNotAccepted`."""
    by.require(Role.EXPORTER)
    media_type = recognise(name, content)
    row = products.lock(tx, id, by.organisation)
    if row is None:
        raise ProductNotFound(id)
    digest = sha256(content).hexdigest()
    products.keep_file(tx, digest, media_type, content)
    if products.attach(tx, id, digest, name, by=by.person, at=at):
        private: JsonObject = {"product": id, "sha256": digest, "name": name, "media_type": media_type.value}
        acts.record(tx, Kind.EVIDENCE_KEPT, private, by=by.actor, at=at, draw=draw, subject=id)
    return digest, media_type


def recognise(name: str, content: bytes) -> MediaType:
    """Tell what a file is by its first bytes and its name, which must agree; raises `EvidenceNotAccepted`."""
    if not _NAME.fullmatch(name):
        raise EvidenceNotAccepted("its name is empty, too long, or holds a slash or a control character")
    for media_type, magic in MAGIC.items():
        if content.startswith(magic):
            if name.lower().endswith(EXTENSIONS[media_type]):
                return media_type
            raise EvidenceNotAccepted(f"it is {media_type.value}, and its name says otherwise")
    raise EvidenceNotAccepted("it is neither PDF, PNG nor JPEG")


def _record(tx: Session, row: ProductRow, content: JsonObject, *, by: Party, at: datetime, draw: Draw) -> None:
    digest = canonical.digest(canonical.encode(content))
    private: JsonObject = {"product": row.id, "version": row.version, "sha256": digest}
    acts.record(tx, Kind.PRODUCT_KEPT, private, by=by.actor, at=at, draw=draw, subject=row.id)
