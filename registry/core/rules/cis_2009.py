"""The form of 2009, between the parties of the Rules of 20 November 2009: 13 boxes, a criterion for each item (S4)."""

from registry.core.certificate.claims import NoteCode
from registry.core.rules.finding import Intake, Paths, Rule, Severity, rule
from registry.core.rules.st1 import ST1
from registry.core.rules.st1_goods import items

_CRITERION_BOX = "S4 form, box 9"
_INVOICE_BOX = "S4 form, box 11"
_PROCESSED = "Д"
_DASH = "-"
_CODES = frozenset({"П", _PROCESSED, "К", _DASH})
_HEADING_DIGITS = 4


@rule(
    "criterion-missing",
    Severity.SEVERE,
    _CRITERION_BOX,
    ru="Не указан критерий происхождения товара.",
    en="The origin criterion of the goods is not stated.",
    uz="Tovarning kelib chiqish mezoni koʻrsatilmagan.",
)
def criterion_missing(intake: Intake) -> Paths:
    """Find items that do not state why their goods originate."""
    return [f"{path}.origin_criterion" for path, item in items(intake) if item.origin_criterion is None]


@rule(
    "criterion-unknown",
    Severity.SEVERE,
    _CRITERION_BOX,
    ru="Критерий происхождения: П, Д, К (кириллицей) или прочерк.",
    en="The origin criterion is П, Д, К, in Cyrillic letters, or a dash.",
    uz="Kelib chiqish mezoni: П, Д, К (kirill harflarida) yoki chiziqcha.",
)
def criterion_unknown(intake: Intake) -> Paths:
    """Find criteria other than wholly produced, sufficiently processed, cumulation, or a dash."""
    for path, item in items(intake):
        if item.origin_criterion is not None and item.origin_criterion.code not in _CODES:
            yield f"{path}.origin_criterion.code"


@rule(
    "criterion-heading-differs",
    Severity.SEVERE,
    _CRITERION_BOX,
    ru="При критерии Д указываются первые четыре цифры кода этого товара.",
    en="With criterion Д stand the first four digits of the commodity code of these goods.",
    uz="Д mezonida aynan shu tovar kodining dastlabki toʻrt raqami koʻrsatiladi.",
)
def criterion_heading_differs(intake: Intake) -> Paths:
    """Find sufficient processing that does not name the heading of the goods themselves."""
    for path, item in items(intake):
        criterion = item.origin_criterion
        processed = criterion is not None and criterion.code == _PROCESSED
        if processed and criterion is not None and criterion.heading != item.hs_code[:_HEADING_DIGITS]:
            yield f"{path}.origin_criterion.heading"


@rule(
    "criterion-heading-superfluous",
    Severity.SEVERE,
    _CRITERION_BOX,
    ru="Товарная позиция указывается только при критерии Д.",
    en="A heading stands with criterion Д only.",
    uz="Tovar pozitsiyasi faqat Д mezonida koʻrsatiladi.",
)
def criterion_heading_superfluous(intake: Intake) -> Paths:
    """Find headings beside another criterion than sufficient processing."""
    for path, item in items(intake):
        criterion = item.origin_criterion
        if criterion is not None and criterion.heading is not None and criterion.code != _PROCESSED:
            yield f"{path}.origin_criterion.heading"


@rule(
    "criterion-dash-unfounded",
    Severity.SEVERE,
    "S4 8.4, 8.7",
    ru="Прочерк вместо критерия допускается только в сертификате, выданном на основании или взамен другого.",
    en="A dash instead of the criterion stands only in a certificate based on, or in lieu of, another.",
    uz="Mezon oʻrniga chiziqcha faqat boshqa sertifikat asosida yoki uning oʻrniga berilgan sertifikatda qoʻyiladi.",
)
def criterion_dash_unfounded(intake: Intake) -> Paths:
    """Find dashes outside the cases of 8.4 and 8.7, where a note names the other certificate."""
    if not intake.claims.notes(NoteCode.BASED_ON, NoteCode.ISSUED_IN_LIEU):
        for path, item in items(intake):
            if item.origin_criterion is not None and item.origin_criterion.code == _DASH:
                yield f"{path}.origin_criterion.code"


@rule(
    "numbering-broken",
    Severity.SEVERE,
    "S4 form, box 6",
    ru="Номера товаров идут не подряд с единицы.",
    en="The items are not numbered one after the other from one.",
    uz="Tovarlarning tartib raqamlari birdan boshlab ketma-ket emas.",
)
def numbering_broken(intake: Intake) -> Paths:
    """Find a gap counting from one: an extra sheet has the same registration number, so it is the same certificate."""
    return [f"items[{index}].seq" for index, item in enumerate(intake.claims.items) if item.seq != index + 1]


@rule(
    "invoice-missing",
    Severity.SEVERE,
    _INVOICE_BOX,
    ru="Не указан счёт-фактура.",
    en="The invoice is not stated.",
    uz="Hisobvaraq-faktura koʻrsatilmagan.",
)
def invoice_missing(intake: Intake) -> Paths:
    """Find items without an invoice, where no long-term contract excuses it."""
    return [] if _long_term(intake) else _without_invoice(intake)


@rule(
    "invoice-later",
    Severity.INFO,
    _INVOICE_BOX,
    ru="Счёт-фактура не указан: это допускается при долгосрочном договоре.",
    en="The invoice is not stated, as a long-term contract allows.",
    uz="Hisobvaraq-faktura koʻrsatilmagan: uzoq muddatli shartnomada bunga yoʻl qoʻyiladi.",
)
def invoice_later(intake: Intake) -> Paths:
    """Find items without an invoice that a long-term contract excuses."""
    return _without_invoice(intake) if _long_term(intake) else []


@rule(
    "sheet-not-in-form",
    Severity.SEVERE,
    "S4 form, box 6; S5 7.1.1",
    ru="Комплект листов применяется только по форме 1993 года; здесь дополнительный лист носит тот же номер.",
    en="Sets of sheets belong to the form of 1993; here an extra sheet has the same number.",
    uz="Varaqlar toʻplami faqat 1993-yilgi shaklda qoʻllanadi; bu yerda qoʻshimcha varaq oʻsha raqamga ega.",
)
def sheet_not_in_form(intake: Intake) -> Paths:
    """Find a sheet of a set, for which the form of 2009 has extra sheets instead."""
    if intake.sheet is not None:
        yield "sheet"


def _long_term(intake: Intake) -> bool:
    return intake.claims.contract is not None and intake.claims.contract.long_term


def _without_invoice(intake: Intake) -> list[str]:
    return [f"{path}.invoice" for path, item in items(intake) if item.invoice is None]


CIS_2009: tuple[Rule, ...] = (
    *ST1,
    criterion_missing,
    criterion_unknown,
    criterion_heading_differs,
    criterion_heading_superfluous,
    criterion_dash_unfounded,
    numbering_broken,
    sheet_not_in_form,
    invoice_missing,
    invoice_later,
)
