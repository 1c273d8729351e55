"""Products and their evidence files."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote_to_bytes

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from registry.api.bodies import Object
from registry.api.call import CallDep, LookDep, Reply, VersionDep
from registry.api.limits import StrictRoute
from registry.api.operation import EVERYONE, operation
from registry.api.paging import Page, PlaceDep
from registry.api.problems import FaceProblem
from registry.api.spelled import Hex256, HexId
from registry.core.calendar import write_instant
from registry.core.product.identifiers import InvalidIdentifier
from registry.core.product.product import MalformedProduct, Product
from registry.store import products
from registry.store.parties import OrganisationKind, Role
from registry.store.products import MediaType, ProductRow
from registry.usecases.application import keep_product
from registry.usecases.application.keep_product import EvidenceNotAccepted, ProductNotFound
from registry.usecases.party.identify_party import Party

router = APIRouter(prefix="/api/v1/products", tags=["products"], route_class=StrictRoute)
CONTENT_REFUSALS = (MalformedProduct, InvalidIdentifier)


class EvidenceView(BaseModel):
    """An evidence file: its content is at `/api/v1/products/{product}/evidence/{sha256}`."""

    sha256: str
    name: str
    media_type: str
    size: int
    added_at: str


class ProductView(BaseModel):
    """A product, with its evidence where one product is asked for."""

    id: str
    version: int
    content: dict[str, Any]
    created_at: str
    changed_at: str
    evidence: list[EvidenceView] | None = None

    @classmethod
    def of(cls, row: ProductRow, evidence: list[EvidenceView] | None = None) -> "ProductView":
        """Render a row."""
        return cls(
            id=row.id,
            version=row.version,
            content=row.content,
            created_at=write_instant(row.created_at),
            changed_at=write_instant(row.changed_at),
            evidence=evidence,
        )


@router.post("", **operation(ProductView, *CONTENT_REFUSALS, roles=[Role.EXPORTER], status=201))
def keep_a_product(body: Object, call: CallDep) -> Response:
    """Keep a product: description, HS code, manufacturer, basis of origin."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = keep_product.keep(tx, Product.parse(body), by=by, at=at, draw=call.node.draw)
        return Reply.of(ProductView.of(row), status=201, version=1, location=f"/api/v1/products/{row.id}")

    return call.once(work)


@router.get("", **operation(Page[ProductView], roles=[Role.EXPORTER]))
def list_products(look: LookDep, place: PlaceDep) -> Response:
    """List the organisation's products, newest first."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        by.require(Role.EXPORTER)
        rows = products.page(tx, by.organisation, after=place.after, limit=place.reach)
        shown, after = place.cut(rows, lambda row: (row.created_at, row.id))
        return Reply.of(Page[ProductView](items=[ProductView.of(row) for row in shown], next=after))

    return look.answer(work)


@router.get("/{id}", **operation(ProductView, ProductNotFound, roles=EVERYONE))
def read_product(id: HexId, look: LookDep) -> Response:
    """Read a product: one's own, or one that an application to one's body names."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        row = _visible(tx, id, by)
        evidence = [
            EvidenceView(
                sha256=file.sha256, name=file.name, media_type=media, size=size, added_at=write_instant(file.added_at)
            )
            for file, media, size in products.evidence(tx, id)
        ]
        return Reply.of(ProductView.of(row, evidence), version=row.version)

    return look.answer(work)


@router.put("/{id}", **operation(ProductView, ProductNotFound, *CONTENT_REFUSALS, roles=[Role.EXPORTER]))
def change_product(id: HexId, body: Object, version: VersionDep, call: CallDep) -> Response:
    """Change a product that is still as it was read."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = keep_product.change(tx, id, Product.parse(body), version=version, by=by, at=at, draw=call.node.draw)
        return Reply.of(ProductView.of(row), version=row.version)

    return call.once(work)


async def upload(request: Request) -> bytes:
    """Return the bytes that were sent; their length is limited before they get here."""
    return await request.body()


@router.post(
    "/{id}/evidence",
    **operation(
        EvidenceView, ProductNotFound, EvidenceNotAccepted, roles=[Role.EXPORTER], status=201, reads=tuple(MediaType)
    ),
)
def keep_evidence(
    id: HexId,
    call: CallDep,
    content: Annotated[bytes, Depends(upload)],
    name: Annotated[str, Header(alias="X-File-Name", max_length=800, description="UTF-8, best percent-encoded.")],
) -> Response:
    """Keep an evidence file (PDF, PNG or JPEG up to 10 MB) by its SHA-256."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        spelled = _file_name(name)
        sha256, media = keep_product.attach(tx, id, spelled, content, by=by, at=at, draw=call.node.draw)
        view = EvidenceView(
            sha256=sha256, name=spelled, media_type=media, size=len(content), added_at=write_instant(at)
        )
        return Reply.of(view, status=201, location=f"/api/v1/products/{id}/evidence/{sha256}")

    return call.once(work)


@router.get("/{id}/evidence/{sha256}", **operation(None, ProductNotFound, roles=EVERYONE, gives=tuple(MediaType)))
def read_evidence(id: HexId, sha256: Hex256, look: LookDep) -> Response:
    """Download an evidence file; never shown inside a page of this node."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        _visible(tx, id, by)
        found = products.file(tx, id, sha256)
        if found is None:
            raise ProductNotFound(id)
        kept, file = found
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}",
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return Reply(200, file.content, file.media_type, headers)

    return look.answer(work)


def _visible(tx: Session, id: str, by: Party) -> ProductRow:
    by.require(*EVERYONE)
    row = products.product(tx, id, organisation=by.organisation)
    if row is None and by.kind is OrganisationKind.BODY:
        row = products.named_in_application_to(tx, id, by.organisation)
    if row is None:
        raise ProductNotFound(id)
    return row


def _file_name(name: str) -> str:
    """Read a name: percent-encoded, or the bytes of UTF-8 as they came, which a header shows as Latin-1."""
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise FaceProblem("file-name-unreadable", "X-File-Name is not UTF-8") from None
