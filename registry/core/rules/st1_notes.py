"""Rules on the official notes and on what they rest on, common to both forms of ST-1 (box 5, the export)."""

from collections.abc import Mapping

from registry.core.agreement import Form
from registry.core.certificate.claims import NoteCode
from registry.core.record import encode
from registry.core.rules.finding import Intake, Paths, Severity, rule

_NOTES_BOX = "S4 form, box 5; S5 annex 3, box 5"
_WANTED: Mapping[NoteCode, tuple[str, ...]] = {
    NoteCode.DUPLICATE: ("number", "date"),
    NoteCode.ISSUED_IN_LIEU: ("number", "date"),
    NoteCode.BASED_ON: ("number", "date", "body"),
    NoteCode.EXHIBITION: ("text",),
    NoteCode.MADE_IN_OLD_STOCK: ("text",),
}
_RELATED = frozenset({NoteCode.DUPLICATE, NoteCode.ISSUED_IN_LIEU})


@rule(
    "retrospective-note-missing",
    Severity.SEVERE,
    "S4 8.1",
    ru="Товар уже вывезен: в графе 5 нужна отметка «Выдан впоследствии».",
    en="The goods have left: box 5 wants the note «Выдан впоследствии» (issued retrospectively).",
    uz="Tovar olib chiqib ketilgan: 5-grafada «Выдан впоследствии» (keyinchalik berilgan) belgisi boʻlishi kerak.",
)
def retrospective_note_missing(intake: Intake) -> Paths:
    """Find that goods have left, and the certificate does not say so; what a duplicate says its original said."""
    if _exported(intake) and not intake.claims.notes(NoteCode.ISSUED_RETROSPECTIVELY, NoteCode.DUPLICATE):
        yield "official_notes"


@rule(
    "retrospective-proof-missing",
    Severity.SEVERE,
    "S4 8.1",
    ru="Для выдачи после вывоза нужны дата вывоза и таможенная декларация с отметкой таможни.",
    en="Issue after export wants the date of export and the export declaration with the mark of customs.",
    uz="Tovar olib chiqilgandan keyin berish uchun olib chiqish sanasi va bojxona belgisi qoʻyilgan bojxona "
    "deklaratsiyasi kerak.",
)
def retrospective_proof_missing(intake: Intake) -> Paths:
    """Find issue after export without proof of export; a duplicate stands for what was issued already (S4 8.2)."""
    export = intake.claims.export
    if intake.claims.notes(NoteCode.DUPLICATE):
        return
    if _exported(intake) or intake.claims.notes(NoteCode.ISSUED_RETROSPECTIVELY):
        if export is None or export.date is None:
            yield "export.date"
        if export is None or export.declaration is None:
            yield "export.declaration"


@rule(
    "retrospective-too-early",
    Severity.WARNING,
    "S4 8.1",
    ru="Есть отметка «Выдан впоследствии», а товар ещё не вывезен.",
    en="The note «Выдан впоследствии» (issued retrospectively) stands, and the goods have not left yet.",
    uz="«Выдан впоследствии» (keyinchalik berilgan) belgisi bor, tovar esa hali olib chiqilmagan.",
)
def retrospective_too_early(intake: Intake) -> Paths:
    """Find retrospective issue for goods that have not left before this day."""
    export = intake.claims.export
    left_later = export is not None and export.date is not None and export.date >= intake.today
    if left_later and intake.claims.notes(NoteCode.ISSUED_RETROSPECTIVELY):
        yield "export.date"


@rule(
    "note-incomplete",
    Severity.SEVERE,
    _NOTES_BOX,
    ru="Отметка графы 5 неполна: нужны номер и дата (и орган) другого сертификата или текст.",
    en="The note of box 5 is incomplete: it wants number and date (and body) of the other certificate, or its text.",
    uz="5-grafadagi belgi toʻliq emas: boshqa sertifikatning raqami, sanasi (va bergan organi) yoki matn kerak.",
)
def note_incomplete(intake: Intake) -> Paths:
    """Find notes that refer to a certificate without naming it, or announce a text without stating it."""
    for index, note in enumerate(intake.claims.official_notes):
        stated = encode(note)
        yield from (f"official_notes[{index}].{name}" for name in _WANTED.get(note.code, ()) if name not in stated)


@rule(
    "note-without-relation",
    Severity.SEVERE,
    "S4 8.2-8.3",
    ru="Отметка «Дубликат» или «Выдан взамен» не относится к сертификату, который назван в заявке.",
    en="The note «Дубликат» (duplicate) or «Выдан взамен» (in lieu) is of no certificate that is named beside it.",
    uz="«Дубликат» (dublikat) yoki «Выдан взамен» (oʻrniga berilgan) belgisi arizada koʻrsatilgan sertifikatga "
    "tegishli emas.",
)
def note_without_relation(intake: Intake) -> Paths:
    """Find a note that the certificate stands for another, where no relation names that: the other would not end."""
    stated: set[NoteCode] = set()
    for index, note in enumerate(intake.claims.official_notes):
        if note.code in _RELATED and (note.code not in intake.related or note.code in stated):
            yield f"official_notes[{index}].code"
        stated.add(note.code)


@rule(
    "note-dated-later",
    Severity.WARNING,
    _NOTES_BOX,
    ru="Сертификат, на который ссылается отметка графы 5, датирован днём, который ещё не наступил.",
    en="The certificate that the note of box 5 refers to is of a day that is yet to come.",
    uz="5-grafadagi belgi havola qilgan sertifikat hali kelmagan sana bilan belgilangan.",
)
def note_dated_later(intake: Intake) -> Paths:
    """Find notes on a certificate of a later day than this: it cannot be lost, replaced or built on yet."""
    for index, note in enumerate(intake.claims.official_notes):
        if note.date is not None and note.date > intake.today:
            yield f"official_notes[{index}].date"


@rule(
    "copy-applied-for",
    Severity.WARNING,
    _NOTES_BOX,
    ru="«КОПИЯ» носит тот же номер, что и сертификат, а по заявке выдаётся новый номер.",
    en="A «КОПИЯ» (copy) has the number of its certificate, and what is applied for here gets a new number.",
    uz="«КОПИЯ» (nusxa) sertifikatning oʻz raqamini saqlaydi, ariza boʻyicha esa yangi raqam beriladi.",
)
def copy_applied_for(intake: Intake) -> Paths:
    """Find an application for a copy, which is no certificate of its own."""
    for index, note in enumerate(intake.claims.official_notes):
        if note.code is NoteCode.COPY:
            yield f"official_notes[{index}].code"


@rule(
    "duplicate-of-electronic",
    Severity.SEVERE,
    "S7",
    ru="У электронных сертификатов дубликатов нет.",
    en="Electronic certificates have no duplicates.",
    uz="Elektron sertifikatlarning dublikati boʻlmaydi.",
)
def duplicate_of_electronic(intake: Intake) -> Paths:
    """Find a duplicate of what is electronic and cannot be lost: Uzbekistan's, and where the agreement says so."""
    electronic = intake.issued_in == "UZ" or intake.form is Form.ELECTRONIC
    if electronic and intake.claims.notes(NoteCode.DUPLICATE):
        yield "official_notes"


@rule(
    "duplicate-too-late",
    Severity.SEVERE,
    "S4 8.2; S5 4.7",
    ru="Дубликат действует со дня выдачи утраченного сертификата, и этот срок уже истёк.",
    en="A duplicate is valid from the day of the lost certificate, and that validity has ended.",
    uz="Dublikat yoʻqolgan sertifikat berilgan kundan boshlab amal qiladi va bu muddat allaqachon tugagan.",
)
def duplicate_too_late(intake: Intake) -> Paths:
    """Find a duplicate of a certificate that has expired, whatever was agreed since that was issued."""
    if intake.lost_until is not None and intake.lost_until < intake.today:
        for index, note in enumerate(intake.claims.official_notes):
            if note.code is NoteCode.DUPLICATE:
                yield f"official_notes[{index}].date"


def _exported(intake: Intake) -> bool:
    export = intake.claims.export
    return export is not None and export.date is not None and export.date < intake.today


NOTES = (
    retrospective_note_missing,
    retrospective_proof_missing,
    retrospective_too_early,
    note_incomplete,
    note_without_relation,
    note_dated_later,
    copy_applied_for,
    duplicate_of_electronic,
    duplicate_too_late,
)
