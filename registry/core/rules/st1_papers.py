"""Rules on agreement, origin, declaration and expert act, common to both forms of ST-1 (box 4, the declaration)."""

from registry.core.certificate.claims import NoteCode
from registry.core.rules.finding import Intake, Paths, Severity, rule


@rule(
    "not-agreed",
    Severity.SEVERE,
    "S4 6.1, App. 4",
    ru="Действующее соглашение не предусматривает такого сертификата в этом направлении.",
    en="No agreement in force provides for this certificate in this direction.",
    uz="Amaldagi kelishuvda ushbu yoʻnalish boʻyicha bunday sertifikat nazarda tutilmagan.",
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
    uz="Ushbu yoʻnalish va kun uchun kelishuvda kelib chiqishni aniqlashning boshqa qoidalari belgilangan.",
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
    uz="Kelib chiqish davlati sertifikat beriladigan davlat emas va asos boʻlgan sertifikat haqida belgi yoʻq.",
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
    uz="Sertifikat bitta davlatda beriladi va taqdim etiladi, asos boʻlgan sertifikat haqida esa belgi yoʻq.",
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
    uz="Ariza beruvchi deklaratsiyasining sanasi hali kelmagan.",
)
def declared_later(intake: Intake) -> Paths:
    """Find a declaration of a later day than the certification."""
    if intake.claims.declaration.date > intake.today:
        yield "declaration.date"


@rule(
    "expert-act-missing",
    Severity.INFO,
    "S5 3.15",
    ru="Акт экспертизы не указан; до удостоверения он понадобится.",
    en="The expert act is not stated; it is wanted before certification.",
    uz="Ekspertiza dalolatnomasi koʻrsatilmagan; tasdiqlashgacha u kerak boʻladi.",
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
    uz="Ekspertiza dalolatnomasining amal qilish muddati oʻtgan.",
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
    uz="Ekspertiza dalolatnomasi kelib chiqishni aniqlashning boshqa qoidalari boʻyicha tuzilgan.",
)
def expert_act_of_other_rules(intake: Intake) -> Paths:
    """Find an expert act that does not match the form applied for."""
    act = intake.claims.expert_act
    if act is not None and act.rules_set not in {None, intake.rules_set}:
        yield "expert_act.rules_set"


@rule(
    "expert-act-incomplete",
    Severity.WARNING,
    "S5 3.13",
    ru="Не указано, на какие товары и по каким правилам составлен акт экспертизы.",
    en="Which goods the expert act covers, and by which rules it was made, is not stated.",
    uz="Ekspertiza dalolatnomasi qaysi tovarlarga va qaysi qoidalar boʻyicha tuzilgani koʻrsatilmagan.",
)
def expert_act_incomplete(intake: Intake) -> Paths:
    """Find an expert act that cannot be compared with goods and form, because it is not stated what it is on."""
    act = intake.claims.expert_act
    if act is not None:
        yield from (
            f"expert_act.{name}" for name, stated in (("goods", act.goods), ("rules_set", act.rules_set)) if not stated
        )


PAPERS = (
    not_agreed,
    rules_set_not_agreed,
    origin_elsewhere,
    presented_where_issued,
    declared_later,
    expert_act_missing,
    expert_act_expired,
    expert_act_of_other_rules,
    expert_act_incomplete,
)
