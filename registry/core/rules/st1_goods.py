"""Rules on the goods, common to both forms of ST-1 (boxes 6 to 8, the quantity, and the kept product behind them)."""

import re
from collections.abc import Iterator
from decimal import Decimal

from registry.core.certificate.goods import Item
from registry.core.codes.packages import BULK, PACKAGES
from registry.core.codes.units import UNITS
from registry.core.product.identifiers import InvalidIdentifier, check_hs
from registry.core.rules.finding import Intake, Kept, Paths, Severity, rule

_QUANTITY_BOX = "S4 form, box 10; S5 annex 3, box 9"
_PACKAGES_BOX = "S4 form, box 7; S5 annex 3, box 7"
_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_HS_DIGITS = 6

KILOGRAMS = {
    "KGM": Decimal(1),
    "TNE": Decimal(1000),
    "DTN": Decimal(100),
    "KTN": Decimal(1_000_000),
    "2U": Decimal(1000),
    "HGM": Decimal("0.1"),
    "DJ": Decimal("0.01"),
    "GRM": Decimal("0.001"),
    "DG": Decimal("0.0001"),
    "CGM": Decimal("0.00001"),
    "MGM": Decimal("0.000001"),
    "MC": Decimal("1E-9"),
    "CTM": Decimal("0.0002"),
}
"""The metric units of weight of Recommendation 20, which are so many kilograms without rounding."""
_OTHERS = "LBR ONZ APZ CWA CWI STN LTN STI GRN DRI DRA DWT"
WEIGHTS = KILOGRAMS.keys() | frozenset(_OTHERS.split())
"""All units of weight, those of other measures among them; a weight of one substance in the goods is none."""


def items(intake: Intake) -> Iterator[tuple[str, Item]]:
    """Return each item with its path."""
    for index, item in enumerate(intake.claims.items):
        yield f"items[{index}]", item


def weighed(intake: Intake) -> Iterator[tuple[str, Item]]:
    """Return the items counted by weight; a sheet of a set that is not its first states none."""
    if intake.sheet in {None, 1}:
        yield from ((path, item) for path, item in items(intake) if item.quantity.unit in WEIGHTS)


@rule(
    "packages-missing",
    Severity.SEVERE,
    _PACKAGES_BOX,
    ru="Не указаны количество мест и вид упаковки.",
    en="Number and kind of packages are not stated.",
    uz="Yuk joylari soni va qadoq turi koʻrsatilmagan.",
)
def packages_missing(intake: Intake) -> Paths:
    """Find items without number and kind of packages; unpacked and bulk have codes too."""
    return [f"{path}.packages" for path, item in items(intake) if item.packages is None]


@rule(
    "package-kind-unknown",
    Severity.SEVERE,
    "UN/ECE Recommendation 21",
    ru="Нет такого кода вида упаковки.",
    en="There is no such code for a kind of package.",
    uz="Bunday qadoq turi kodi mavjud emas.",
)
def package_kind_unknown(intake: Intake) -> Paths:
    """Find kinds of package that are no code of Recommendation 21."""
    for path, item in items(intake):
        if item.packages is not None and item.packages.kind_code not in PACKAGES:
            yield f"{path}.packages.kind_code"


@rule(
    "packages-none",
    Severity.SEVERE,
    _PACKAGES_BOX,
    ru="Ноль мест бывает только у груза навалом или наливом.",
    en="Only goods in bulk have no packages.",
    uz="Yuk joylari soni faqat toʻkma yoki quyma yuklarda nolga teng boʻladi.",
)
def packages_none(intake: Intake) -> Paths:
    """Find goods that are not carried in bulk and yet have no package."""
    for path, item in items(intake):
        if item.packages is not None and item.packages.count == 0 and item.packages.kind_code not in BULK:
            yield f"{path}.packages.count"


@rule(
    "bulk-in-packages",
    Severity.INFO,
    _PACKAGES_BOX,
    ru="Груз идёт навалом или наливом, и всё же указано число мест.",
    en="The goods go in bulk, and yet a number of packages is stated.",
    uz="Yuk toʻkma yoki quyma holda tashiladi, shunga qaramay yuk joylari soni koʻrsatilgan.",
)
def bulk_in_packages(intake: Intake) -> Paths:
    """Find goods in bulk of which packages are counted, as wagons or tanks may be."""
    for path, item in items(intake):
        if item.packages is not None and item.packages.count and item.packages.kind_code in BULK:
            yield f"{path}.packages.count"


@rule(
    "description-not-russian",
    Severity.WARNING,
    "S4 7.1-7.5",
    ru="В описании товара нет русского текста, а сертификат заполняется на русском языке.",
    en="The description holds no Russian text, and the certificate is filled in in Russian.",
    uz="Tovar tavsifida ruscha matn yoʻq, sertifikat esa rus tilida toʻldiriladi.",
)
def description_not_russian(intake: Intake) -> Paths:
    """Find descriptions without Russian text, in which the certificate is filled in."""
    return [f"{path}.description" for path, item in items(intake) if not _CYRILLIC.search(item.description)]


@rule(
    "hs-code-invalid",
    Severity.SEVERE,
    "domain 2.1",
    ru="Код товара по ТН ВЭД: 6, 8 или 10 цифр.",
    en="The commodity code has 6, 8 or 10 digits.",
    uz="TIF TN boʻyicha tovar kodi 6, 8 yoki 10 ta raqamdan iborat.",
)
def hs_code_invalid(intake: Intake) -> Paths:
    """Find commodity codes without the six digits of the HS."""
    for path, item in items(intake):
        try:
            check_hs(item.hs_code)
        except InvalidIdentifier:
            yield f"{path}.hs_code"


@rule(
    "hs-code-not-of-product",
    Severity.WARNING,
    "S5 3.13",
    ru="Первые шесть цифр кода товара не те, что у сохранённого товара, на который он ссылается.",
    en="The first six digits of the commodity code are not those of the kept product that it refers to.",
    uz="Tovar kodining dastlabki olti raqami u havola qilgan saqlangan tovarnikiga mos kelmaydi.",
)
def hs_code_not_of_product(intake: Intake) -> Paths:
    """Find goods under another code of the HS than the product that they were filled from, and its papers."""
    for path, item, kept in _kept(intake):
        if item.hs_code[:_HS_DIGITS] != kept.product.hs_code[:_HS_DIGITS]:
            yield f"{path}.hs_code"


@rule(
    "evidence-missing",
    Severity.INFO,
    "S5 3.1-3.2, 3.13",
    ru="К сохранённому товару не приложен ни один документ.",
    en="No document is attached to the kept product.",
    uz="Saqlangan tovarga birorta ham hujjat ilova qilinmagan.",
)
def evidence_missing(intake: Intake) -> Paths:
    """Find goods whose kept product has no evidence; documents given once are referred to through it."""
    return [f"{path}.product" for path, _, kept in _kept(intake) if not kept.files]


@rule(
    "unit-unknown",
    Severity.SEVERE,
    "UN/ECE Recommendation 20",
    ru="Нет такого кода единицы измерения (килограмм: KGM, штука: C62).",
    en="There is no such code for a unit of measure (kilogram: KGM, piece: C62).",
    uz="Bunday oʻlchov birligi kodi mavjud emas (kilogramm: KGM, dona: C62).",
)
def unit_unknown(intake: Intake) -> Paths:
    """Find units that are no code of Recommendation 20."""
    return [f"{path}.quantity.unit" for path, item in items(intake) if item.quantity.unit not in UNITS]


@rule(
    "quantity-zero",
    Severity.SEVERE,
    _QUANTITY_BOX,
    ru="Количество товара равно нулю.",
    en="The quantity is zero.",
    uz="Tovar miqdori nolga teng.",
)
def quantity_zero(intake: Intake) -> Paths:
    """Find goods that there are none of."""
    return [f"{path}.quantity.value" for path, item in items(intake) if not item.quantity.amount]


@rule(
    "weight-zero",
    Severity.SEVERE,
    _QUANTITY_BOX,
    ru="Указанная масса товара равна нулю.",
    en="The weight that is stated is zero.",
    uz="Koʻrsatilgan tovar vazni nolga teng.",
)
def weight_zero(intake: Intake) -> Paths:
    """Find goods that weigh nothing; a weight that is not known is not stated."""
    for path, item in items(intake):
        stated = (("net_kg", item.quantity.net), ("gross_kg", item.quantity.gross))
        yield from (f"{path}.quantity.{name}" for name, weight in stated if weight == 0)


@rule(
    "net-above-gross",
    Severity.SEVERE,
    _QUANTITY_BOX,
    ru="Масса нетто больше массы брутто.",
    en="The net weight is above the gross weight.",
    uz="Netto vazn brutto vazndan katta.",
)
def net_above_gross(intake: Intake) -> Paths:
    """Find goods that weigh more than goods and packaging."""
    for path, item in items(intake):
        net, gross = item.quantity.net, item.quantity.gross
        if net is not None and gross is not None and net > gross:
            yield f"{path}.quantity.net_kg"


@rule(
    "net-missing",
    Severity.SEVERE,
    _QUANTITY_BOX,
    ru="Количество указано по массе, а масса нетто не указана.",
    en="The quantity is by weight, and the net weight is not stated.",
    uz="Miqdor vazn boʻyicha koʻrsatilgan, netto vazn esa koʻrsatilmagan.",
)
def net_missing(intake: Intake) -> Paths:
    """Find goods counted by weight without their net weight, which includes primary packaging."""
    return [f"{path}.quantity.net_kg" for path, item in weighed(intake) if item.quantity.net is None]


@rule(
    "net-differs",
    Severity.SEVERE,
    _QUANTITY_BOX,
    ru="Количество по массе не равно массе нетто.",
    en="The quantity by weight is not the net weight.",
    uz="Vazn boʻyicha miqdor netto vaznga teng emas.",
)
def net_differs(intake: Intake) -> Paths:
    """Find quantities by weight that are not the net weight."""
    for path, item in items(intake):
        kilograms, net = KILOGRAMS.get(item.quantity.unit), item.quantity.net
        if kilograms is not None and net is not None and item.quantity.amount * kilograms != net:
            yield f"{path}.quantity.value"


def _kept(intake: Intake) -> Iterator[tuple[str, Item, Kept]]:
    """Return the items that name a kept product, with it; one that is not known here says nothing."""
    for path, item in items(intake):
        kept = intake.kept.get(item.product or "")
        if kept is not None:
            yield path, item, kept


GOODS = (
    packages_missing,
    package_kind_unknown,
    packages_none,
    bulk_in_packages,
    description_not_russian,
    hs_code_invalid,
    hs_code_not_of_product,
    evidence_missing,
    unit_unknown,
    quantity_zero,
    weight_zero,
    net_above_gross,
    net_missing,
    net_differs,
)
