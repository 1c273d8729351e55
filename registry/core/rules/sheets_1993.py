"""Rules on the sheets of a set, each a certificate with its own number, under the form of 1993 (S5 7.1.1)."""

from registry.core.codes.trilingual import Trilingual
from registry.core.rules.finding import Intake, Paths, Severity, Told, rule

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
    if follows is not None and first != follows:
        yield Told("items[0].seq", _expected(intake.sheet, follows))
    if follows is None and first == 1:
        yield Told("items[0].seq", _missing(intake.sheet - 1))
    last, after = intake.claims.items[-1].seq, intake.sheets.get(intake.sheet + 1)
    if after is not None and after.items[0].seq != last + 1:
        yield Told(f"items[{len(intake.claims.items) - 1}].seq", _goes_on(intake.sheet + 1, after.items[0].seq))


def _expected(sheet: int, number: int) -> Trilingual:
    return Trilingual(
        f"Лист {sheet} начинается с номера {number}.",
        f"Sheet {sheet} begins with number {number}.",
        f"{sheet}-varaq {number} raqamidan boshlanadi.",
    )


def _missing(sheet: int) -> Trilingual:
    return Trilingual(
        f"Лист {sheet} ещё не подан: с единицы начинается только лист 1.",
        f"Sheet {sheet} has not been applied for yet: only sheet 1 begins with one.",
        f"{sheet}-varaq hali topshirilmagan: faqat 1-varaq birdan boshlanadi.",
    )


def _goes_on(sheet: int, number: int) -> Trilingual:
    return Trilingual(
        f"Лист {sheet} уже подан и начинается с номера {number}: этот лист заканчивается номером {number - 1}.",
        f"Sheet {sheet} was applied for and begins with number {number}: this one ends with number {number - 1}.",
        f"{sheet}-varaq topshirilgan va {number} raqamidan boshlanadi: bu varaq {number - 1} raqami bilan tugaydi.",
    )


@rule(
    "sheet-place-left",
    Severity.SEVERE,
    "S4 8.2-8.3; S5 7.1.1",
    ru="Сертификат, который заменяется или дублируется, — лист комплекта, а этот не занимает его место.",
    en="The certificate that is replaced or duplicated is a sheet of a set, and this one does not take its place.",
    uz="Almashtirilayotgan yoki dublikati berilayotgan sertifikat toʻplam varagʻi, bu esa uning oʻrnini egallamaydi.",
)
def sheet_place_left(intake: Intake) -> Paths:
    """Find what stands for a sheet of a set without being that sheet: the set would be torn."""
    left = intake.place_left
    if left is not None:
        named = f'"sheet": {{"k": {left.k}, "n": {left.n}, "set": "{left.set}"}}'
        yield Told("sheet", Trilingual(f"Укажите {named}.", f"Say {named}.", f"{named} deb koʻrsating."))


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


SHEETS = (sheet_misnumbered, sheet_place_left, sheet_of_other_parties)
