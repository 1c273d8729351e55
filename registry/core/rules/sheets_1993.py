"""Rules on the sheets of a set, each a certificate with its own number, under the form of 1993 (S5 7.1.1)."""

from registry.core.rules.finding import Intake, Paths, Severity, rule

_SHEETS = "S5 7.1.1"


@rule(
    "sheet-misnumbered",
    Severity.SEVERE,
    _SHEETS,
    ru="Нумерация товаров сквозная: первый лист начинается с единицы, каждый следующий продолжает предыдущий.",
    en="Items are numbered through: the first sheet begins with one, each later one goes on where the last ended.",
    uz="Tovarlar uzluksiz raqamlanadi: birinchi varaq birdan boshlanadi, keyingisi oldingisini davom ettiradi.",
)
def sheet_misnumbered(intake: Intake) -> Paths:
    """Find a sheet whose numbers do not go on from the sheet before it, or into the one after it, which came first."""
    if intake.sheet is None:
        return
    first, before = intake.claims.items[0].seq, intake.sheets.get(intake.sheet - 1)
    follows = 1 if intake.sheet == 1 else None if before is None else before.items[-1].seq + 1
    if first != follows and (follows is not None or first == 1):
        yield "items[0].seq"
    last, after = intake.claims.items[-1].seq, intake.sheets.get(intake.sheet + 1)
    if after is not None and after.items[0].seq != last + 1:
        yield f"items[{len(intake.claims.items) - 1}].seq"


@rule(
    "sheet-of-other-parties",
    Severity.SEVERE,
    "S5 7.1.1; S4 s.1",
    ru="Листы одного комплекта — на одну партию: отправитель и получатель у них одни.",
    en="The sheets of one set are for one batch: consignor and consignee are the same on each.",
    uz="Bitta toʻplam varaqlari bitta partiyaga: joʻnatuvchi va qabul qiluvchi ularning barchasida bir xil.",
)
def sheet_of_other_parties(intake: Intake) -> Paths:
    """Find a sheet of another consignor or consignee than the other sheets of its set."""
    for name in ("consignor_exporter", "consignee_importer"):
        if any(getattr(other, name) != getattr(intake.claims, name) for other in intake.sheets.values()):
            yield name


SHEETS = (sheet_misnumbered, sheet_of_other_parties)
