"""The form of 1993, as between Belarus and Uzbekistan: 12 boxes, no criterion, no continuation (S5 7.1, annex 3).

The text of the Rules of 24 September 1993 is cited through S5, whose annex 3 shows the form.
"""

from registry.core.certificate.claims import NoteCode
from registry.core.rules.finding import Intake, Paths, Rule, Severity, rule
from registry.core.rules.sheets_1993 import SHEETS
from registry.core.rules.st1 import ST1
from registry.core.rules.st1_goods import items, weighed

_BY_ORDER = "по поручению"
_FOR_RESALE = "для последующей реализации"


@rule(
    "criterion-not-in-form",
    Severity.SEVERE,
    "S5 7.1, annex 3",
    ru="В форме 1993 года нет графы критерия происхождения.",
    en="The form of 1993 has no box for the origin criterion.",
    uz="1993-yilgi shaklda kelib chiqish mezoni grafasi yoʻq.",
)
def criterion_not_in_form(intake: Intake) -> Paths:
    """Find an origin criterion, for which the form of 1993 has no box."""
    return [f"{path}.origin_criterion" for path, item in items(intake) if item.origin_criterion is not None]


@rule(
    "consignor-shown",
    Severity.SEVERE,
    "S5 annex 3, box 1",
    ru="В графе 1 формы 1993 года указывается только экспортёр, без записи «по поручению».",
    en="Box 1 of the form of 1993 shows the exporter only, without «по поручению» (on behalf of).",
    uz="1993-yilgi shaklning 1-grafasida faqat eksport qiluvchi koʻrsatiladi, «по поручению» yozuvisiz.",
)
def consignor_shown(intake: Intake) -> Paths:
    """Find a consignor in box 1, which is the exporter's alone."""
    exporter = intake.claims.consignor_exporter
    if exporter.on_behalf_of is not None:
        yield "consignor_exporter.on_behalf_of"
    for name, text in (("name", exporter.name), ("address", exporter.address)):
        if _BY_ORDER in text.casefold():
            yield f"consignor_exporter.{name}"


@rule(
    "numbering-broken",
    Severity.SEVERE,
    "S5 7.1.1",
    ru="Товары пронумерованы не подряд или не с единицы.",
    en="The items are not numbered one after the other, from one on.",
    uz="Tovarlarning tartib raqamlari ketma-ket emas yoki birdan boshlanmagan.",
)
def numbering_broken(intake: Intake) -> Paths:
    """Find a gap; the first number is one, but that the sheet of a set goes on where the one before it ended."""
    first = 1 if intake.sheet is None else intake.claims.items[0].seq
    return [f"items[{index}].seq" for index, item in enumerate(intake.claims.items) if item.seq != first + index]


@rule(
    "gross-missing",
    Severity.SEVERE,
    "S5 annex 3, box 9",
    ru="В графе 9 указываются масса брутто и масса нетто; брутто не указана.",
    en="Box 9 states gross and net weight; the gross weight is missing.",
    uz="9-grafada brutto va netto vazn koʻrsatiladi; brutto vazn koʻrsatilmagan.",
)
def gross_missing(intake: Intake) -> Paths:
    """Find goods counted by weight that state it net only."""
    return [f"{path}.quantity.gross_kg" for path, item in weighed(intake) if item.quantity.gross is None]


@rule(
    "invoice-missing",
    Severity.SEVERE,
    "S5 7.1.1",
    ru="Не указан счёт-фактура: в форме 1993 года графа 10 обязательна на каждом листе.",
    en="The invoice is not stated: box 10 of the form of 1993 is mandatory on each sheet.",
    uz="Hisobvaraq-faktura koʻrsatilmagan: 1993-yilgi shaklda 10-grafa har bir varaqda toʻldirilishi shart.",
)
def invoice_missing(intake: Intake) -> Paths:
    """Find items without the invoice, which stands on each sheet, long-term contract or not."""
    return [f"{path}.invoice" for path, item in items(intake) if item.invoice is None]


@rule(
    "exhibition-not-in-form",
    Severity.SEVERE,
    "S5 5.5.3",
    ru="По правилам 1993 года отметка о выставке не применяется.",
    en="The note on an exhibition is not used under the Rules of 1993.",
    uz="1993-yilgi qoidalar boʻyicha koʻrgazma haqidagi belgi qoʻllanilmaydi.",
)
def exhibition_not_in_form(intake: Intake) -> Paths:
    """Find a note on an exhibition, which belongs to the Rules of 2009."""
    if intake.claims.notes(NoteCode.EXHIBITION):
        yield "official_notes"


@rule(
    "resale-not-in-form",
    Severity.SEVERE,
    "S5 5.5.3",
    ru="По правилам 1993 года запись «Для последующей реализации» не применяется.",
    en="«Для последующей реализации» (for later sale) is not used under the Rules of 1993.",
    uz="1993-yilgi qoidalar boʻyicha «Для последующей реализации» (keyinchalik sotish uchun) yozuvi qoʻllanilmaydi.",
)
def resale_not_in_form(intake: Intake) -> Paths:
    """Find goods without a buyer, which are certified under the Rules of 2009 only."""
    consignee = intake.claims.consignee_importer
    stated = [("consignee_importer.name", consignee.name), ("consignee_importer.address", consignee.address)]
    notes = enumerate(intake.claims.official_notes)
    stated += [(f"official_notes[{index}].text", note.text or "") for index, note in notes]
    return [path for path, text in stated if _FOR_RESALE in text.casefold()]


@rule(
    "weight-on-later-sheet",
    Severity.WARNING,
    "S5 7.1.1",
    ru="Лист продолжает нумерацию другого: общая масса указывается только на первом листе, графа 9 остаётся пустой.",
    en="The sheet continues another: the total weight stands on the first sheet only, box 9 of this one stays empty.",
    uz="Varaq boshqasining davomi: umumiy vazn faqat birinchi varaqda koʻrsatiladi, bu varaqda 9-grafa boʻsh qoladi.",
)
def weight_on_later_sheet(intake: Intake) -> Paths:
    """Find weights on a sheet of a set that is not its first."""
    if intake.sheet not in {None, 1}:
        for path, item in items(intake):
            stated = (("net_kg", item.quantity.net), ("gross_kg", item.quantity.gross))
            yield from (f"{path}.quantity.{name}" for name, weight in stated if weight is not None)


CIS_1993: tuple[Rule, ...] = (
    *ST1,
    criterion_not_in_form,
    consignor_shown,
    numbering_broken,
    gross_missing,
    weight_on_later_sheet,
    *SHEETS,
    invoice_missing,
    exhibition_not_in_form,
    resale_not_in_form,
)
