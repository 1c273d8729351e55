"""Rules on origin, dates, notes and papers, common to both forms of ST-1 (boxes 4, 5, the declaration and annexes)."""

from collections.abc import Mapping

from registry.core.certificate.claims import NoteCode
from registry.core.record import encode
from registry.core.rules.finding import Intake, Paths, Severity, rule

_WANTED: Mapping[NoteCode, tuple[str, ...]] = {
    NoteCode.DUPLICATE: ("number", "date"),
    NoteCode.ISSUED_IN_LIEU: ("number", "date"),
    NoteCode.BASED_ON: ("number", "date", "body"),
    NoteCode.EXHIBITION: ("text",),
    NoteCode.MADE_IN_OLD_STOCK: ("text",),
}


@rule(
    "not-agreed",
    Severity.SEVERE,
    "S4 6.1, App. 4",
    ru="Действующее соглашение не предусматривает такого сертификата в этом направлении.",
    en="No agreement in force provides for this certificate in this direction.",
)
def not_agreed(intake: Intake) -> Paths:
    """Find that no agreement is in force, outside of which nothing is recognised."""
    if intake.agreed_rules_set is None:
        yield "scheme"


@rule(
    "rules-set-not-agreed",
    Severity.SEVERE,
    "S5 fn 2, 2.1.3",
    ru="Для этого направления и дня соглашение устанавливает другие правила определения происхождения.",
    en="The agreement sets other rules of origin for this direction and day.",
)
def rules_set_not_agreed(intake: Intake) -> Paths:
    """Find another choice than the agreement's between the Rules of 1993 and of 2009."""
    if intake.agreed_rules_set not in {None, intake.rules_set}:
        yield "rules_set"


@rule(
    "origin-elsewhere",
    Severity.SEVERE,
    "S4 8.4; S5 5.5.2",
    ru="Страна происхождения не та, в которой выдаётся сертификат, и нет отметки о сертификате-основании.",
    en="The country of origin is not the issuing country, and no note names the certificate this is based on.",
)
def origin_elsewhere(intake: Intake) -> Paths:
    """Find goods of another country that are not certified on the basis of another certificate."""
    claims = intake.claims
    if claims.declaration.origin_country != intake.issued_in and not claims.notes(NoteCode.BASED_ON):
        yield "declaration.origin_country"


@rule(
    "presented-where-issued",
    Severity.SEVERE,
    "S4 8.4; S5 5.5.2",
    ru="Сертификат выдаётся и предъявляется в одной стране, и нет отметки о сертификате-основании.",
    en="The certificate is issued and presented in one country, and no note names the certificate this is based on.",
)
def presented_where_issued(intake: Intake) -> Paths:
    """Find a certificate for the country that issues it, other than for a part of goods under customs control."""
    if intake.issued_in == intake.presented_in and not intake.claims.notes(NoteCode.BASED_ON):
        yield "presented_in"


@rule(
    "declared-later",
    Severity.SEVERE,
    "S4 form, box 13; S5 annex 3, box 12",
    ru="Дата декларации заявителя ещё не наступила.",
    en="The date of the applicant's declaration is yet to come.",
)
def declared_later(intake: Intake) -> Paths:
    """Find a declaration of a later day than the certification."""
    if intake.claims.declaration.date > intake.today:
        yield "declaration.date"


@rule(
    "retrospective-note-missing",
    Severity.SEVERE,
    "S4 8.1",
    ru="Товар уже вывезен: в графе 5 нужна отметка «Выдан впоследствии».",
    en="The goods have left: box 5 wants the note «Выдан впоследствии» (issued retrospectively).",
)
def retrospective_note_missing(intake: Intake) -> Paths:
    """Find that goods have left, and the certificate does not say so."""
    if _exported(intake) and not intake.claims.notes(NoteCode.ISSUED_RETROSPECTIVELY):
        yield "official_notes"


@rule(
    "retrospective-proof-missing",
    Severity.SEVERE,
    "S4 8.1",
    ru="Для выдачи после вывоза нужны дата вывоза и таможенная декларация с отметкой таможни.",
    en="Issue after export wants the date of export and the export declaration with the mark of customs.",
)
def retrospective_proof_missing(intake: Intake) -> Paths:
    """Find issue after export without proof of export."""
    export = intake.claims.export
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
    "S4 form, box 5; S5 annex 3, box 5",
    ru="Отметка графы 5 неполна: нужны номер и дата (и орган) другого сертификата или текст.",
    en="The note of box 5 is incomplete: it wants number and date (and body) of the other certificate, or its text.",
)
def note_incomplete(intake: Intake) -> Paths:
    """Find notes that refer to a certificate without naming it, or announce a text without stating it."""
    for index, note in enumerate(intake.claims.official_notes):
        stated = encode(note)
        yield from (f"official_notes[{index}].{name}" for name in _WANTED.get(note.code, ()) if name not in stated)


@rule(
    "duplicate-of-electronic",
    Severity.SEVERE,
    "S7",
    ru="Электронные сертификаты Узбекистана дубликатов не имеют.",
    en="Electronic certificates of Uzbekistan have no duplicates.",
)
def duplicate_of_electronic(intake: Intake) -> Paths:
    """Find a duplicate of what is electronic and cannot be lost."""
    if intake.issued_in == "UZ" and intake.claims.notes(NoteCode.DUPLICATE):
        yield "official_notes"


@rule(
    "contract-missing",
    Severity.WARNING,
    "S5 3.13",
    ru="Не указан внешнеторговый договор.",
    en="The contract of sale is not stated.",
)
def contract_missing(intake: Intake) -> Paths:
    """Find an application without the contract, which is among its documents."""
    if intake.claims.contract is None:
        yield "contract"


@rule(
    "expert-act-missing",
    Severity.INFO,
    "S5 3.15",
    ru="Акт экспертизы не указан; до удостоверения он понадобится.",
    en="The expert act is not stated; it is wanted before certification.",
)
def expert_act_missing(intake: Intake) -> Paths:
    """Find that the expert act, on which a signatory certifies, is yet to be stated."""
    if intake.claims.expert_act is None:
        yield "expert_act"


@rule(
    "expert-act-expired",
    Severity.SEVERE,
    "S5 3.13",
    ru="Срок действия акта экспертизы истёк.",
    en="The expert act has expired.",
)
def expert_act_expired(intake: Intake) -> Paths:
    """Find an expert act past its date."""
    act = intake.claims.expert_act
    if act is not None and act.until < intake.today:
        yield "expert_act.until"


@rule(
    "expert-act-of-other-rules",
    Severity.SEVERE,
    "S5 3.13",
    ru="Акт экспертизы составлен по другим правилам определения происхождения.",
    en="The expert act was made by other rules of origin.",
)
def expert_act_of_other_rules(intake: Intake) -> Paths:
    """Find an expert act that does not match the form applied for."""
    act = intake.claims.expert_act
    if act is not None and act.rules_set not in {None, intake.rules_set}:
        yield "expert_act.rules_set"


def _exported(intake: Intake) -> bool:
    export = intake.claims.export
    return export is not None and export.date is not None and export.date < intake.today


PAPERS = (
    not_agreed,
    rules_set_not_agreed,
    origin_elsewhere,
    presented_where_issued,
    declared_later,
    retrospective_note_missing,
    retrospective_proof_missing,
    retrospective_too_early,
    note_incomplete,
    duplicate_of_electronic,
    contract_missing,
    expert_act_missing,
    expert_act_expired,
    expert_act_of_other_rules,
)
