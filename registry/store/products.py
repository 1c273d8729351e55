"""What an exporter keeps once and reuses: products, and evidence files by their SHA-256."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.applications import Application
from registry.store.database import Row, one_of


class MediaType(StrEnum):
    """What an evidence file may be; told by its first bytes, never by its name."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"


class ProductRow(Row):
    """A product of one organisation; `version` is its ETag."""

    __tablename__ = "product"
    __table_args__ = (Index(None, "organisation", "created_at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    version: Mapped[int]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class EvidenceFile(Row):
    """The bytes of a file, once, whoever keeps it."""

    __tablename__ = "evidence_file"
    __table_args__ = (
        one_of("media_type", MediaType),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="is_its_digest"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    content: Mapped[bytes]


class ProductEvidence(Row):
    """A file as evidence of a product, under the name that the exporter gave it."""

    __tablename__ = "product_evidence"

    product: Mapped[str] = mapped_column(ForeignKey("product.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("evidence_file.sha256"), primary_key=True)
    name: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(ForeignKey("person.id"))


def product(tx: Session, id: str, *, organisation: str | None = None) -> ProductRow | None:
    """Return a product, of one organisation where that is asked."""
    query = select(ProductRow).where(ProductRow.id == id)
    if organisation is not None:
        query = query.where(ProductRow.organisation == organisation)
    return tx.scalar(query)


def named_in_application_to(tx: Session, id: str, body: str) -> ProductRow | None:
    """Return a product that an item of an application submitted to `body` names."""
    named = (
        select(Application.id)
        .where(
            Application.body == body,
            Application.submitted_at.is_not(None),
            Application.organisation == ProductRow.organisation,
            Application.claims.contains({"items": [{"product": id}]}),
        )
        .exists()
    )
    return tx.scalar(select(ProductRow).where(ProductRow.id == id, named))


def lock(tx: Session, id: str, organisation: str) -> ProductRow | None:
    """Return a product of an organisation, locked until the transaction ends."""
    return tx.scalar(
        select(ProductRow).where(ProductRow.id == id, ProductRow.organisation == organisation).with_for_update()
    )


def page(tx: Session, organisation: str, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[ProductRow]:
    """Return an organisation's products, newest first, before the position `after`."""
    query = (
        select(ProductRow)
        .where(ProductRow.organisation == organisation)
        .order_by(ProductRow.created_at.desc(), ProductRow.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(ProductRow.created_at, ProductRow.id) < after)
    return tx.scalars(query).all()


def keep_file(tx: Session, sha256: str, media_type: MediaType, content: bytes) -> None:
    """Keep a file; one that is kept already stays as it is."""
    tx.execute(
        insert(EvidenceFile)
        .values(sha256=sha256, media_type=media_type, content=content)
        .on_conflict_do_nothing(index_elements=["sha256"])
    )


def attach(tx: Session, product: str, sha256: str, name: str, *, by: str, at: datetime) -> bool:
    """Attach a kept file to a product; tells whether it was not attached before."""
    return (
        tx.scalar(
            insert(ProductEvidence)
            .values(product=product, sha256=sha256, name=name, added_at=at, added_by=by)
            .on_conflict_do_nothing()
            .returning(ProductEvidence.sha256)
        )
        is not None
    )


def evidence(tx: Session, product: str) -> Sequence[tuple[ProductEvidence, str, int]]:
    """Return the files of a product with media type and size, oldest first."""
    query = (
        select(ProductEvidence, EvidenceFile.media_type, func.length(EvidenceFile.content))
        .join(EvidenceFile, EvidenceFile.sha256 == ProductEvidence.sha256)
        .where(ProductEvidence.product == product)
        .order_by(ProductEvidence.added_at, ProductEvidence.sha256)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def file(tx: Session, product: str, sha256: str) -> tuple[ProductEvidence, EvidenceFile] | None:
    """Return a file that is evidence of a product."""
    found = tx.execute(
        select(ProductEvidence, EvidenceFile)
        .join(EvidenceFile, EvidenceFile.sha256 == ProductEvidence.sha256)
        .where(ProductEvidence.product == product, ProductEvidence.sha256 == sha256)
    ).one_or_none()
    return None if found is None else (found[0], found[1])
