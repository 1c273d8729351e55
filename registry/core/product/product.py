"""The product file: what an exporter states once about goods and reuses in applications (S5 3.1-3.2)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry.core.canonical import JsonObject
from registry.core.errors import Malformed
from registry.core.product.identifiers import check_gtin, check_hs, check_tax_id
from registry.core.product.texts import texts, unfit
from registry.core.record import MalformedRecord, decode, encode


@dataclass(eq=False)
class MalformedProduct(Malformed):
    """The product is not of the shape, or holds a text not in the spelling, that is kept."""

    code: ClassVar[str] = "malformed-product"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path or 'the product'} {self.reason}"


@dataclass(frozen=True, slots=True)
class Party:
    """A firm or person as the papers name it: the same name and address in contract, invoice and declaration."""

    name: str
    address: str
    country: str
    tax_id: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """Goods, who makes them, and what their origin rests on."""

    description: str
    hs_code: str
    manufacturer: Party
    origin_basis: str
    gtin: str | None = None

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read exactly what `encode` writes; raises `MalformedProduct` naming the path. Digits are `check`ed apart."""
        for path, text in texts(value):
            if reason := unfit(text, lines=path == "description"):
                raise MalformedProduct(path, reason)
        try:
            return decode(cls, value)
        except MalformedRecord as error:
            raise MalformedProduct(error.path, error.reason) from None

    def encode(self) -> JsonObject:
        """Write the product as the object that is kept."""
        return encode(self)

    def check(self) -> None:
        """Raise `InvalidIdentifier` for a commodity code, GTIN or tax id that cannot be one."""
        check_hs(self.hs_code)
        if self.gtin is not None:
            check_gtin(self.gtin)
        if self.manufacturer.tax_id is not None:
            check_tax_id(self.manufacturer.country, self.manufacturer.tax_id)
