"""The goods of a certificate: boxes 6 to 11 of the form of 2009, 6 to 10 of the form of 1993 (domain 2.1)."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypeAlias

from registry.core.identifiers import HEX_128

Amount: TypeAlias = Annotated[
    str,
    re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{0,5}[1-9])?"),
    "it is spelled as 20000 or 20000.5: a point, no spaces, no zeros at the end",
]
"""A decimal in its one spelling: no sign, no zeros before or after that say nothing, six places at most."""
ProductId: TypeAlias = Annotated[str, HEX_128]


@dataclass(frozen=True, slots=True)
class Packages:
    """How many packages of which kind (UN/ECE Recommendation 21); goods in bulk number none."""

    count: int
    kind_code: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """Why the goods count as originating: П, Д with the heading, К, or a dash (S4, box 9)."""

    code: str
    heading: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """Quantity by the unit of the commodity code, and weights; `net_kg` includes primary packaging (S4, box 10)."""

    value: Amount
    unit: str
    net_kg: Amount | None = None
    gross_kg: Amount | None = None

    @property
    def amount(self) -> Decimal:
        """The value as a number."""
        return Decimal(self.value)

    @property
    def net(self) -> Decimal | None:
        """The net weight in kilograms as a number."""
        return None if self.net_kg is None else Decimal(self.net_kg)

    @property
    def gross(self) -> Decimal | None:
        """The gross weight in kilograms as a number."""
        return None if self.gross_kg is None else Decimal(self.gross_kg)


@dataclass(frozen=True, slots=True)
class Invoice:
    """The commercial paper that the goods travel under."""

    number: str
    date: dt.date
    kind: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of goods; `product` names the kept product it was filled from."""

    seq: int
    description: str
    hs_code: str
    quantity: Quantity
    packages: Packages | None = None
    origin_criterion: Criterion | None = None
    invoice: Invoice | None = None
    product: ProductId | None = None
