"""Rules on who applies, exports and imports, common to both forms of ST-1 (boxes 1, 2 and the declaration)."""

from collections.abc import Iterator
from contextlib import suppress

from registry.core.codes.countries import COUNTRIES
from registry.core.product.identifiers import InvalidIdentifier, check_tax_id
from registry.core.product.product import Party
from registry.core.rules.finding import Intake, Paths, Severity, rule

_FREE_CIRCULATION = "для свободного обращения"
_JSHSHIR_DIGITS = 14


def parties(intake: Intake) -> Iterator[tuple[str, Party]]:
    """Return each party that is named in boxes 1 and 2, with its path."""
    claims = intake.claims
    for path, trader in (
        ("consignor_exporter", claims.consignor_exporter),
        ("consignee_importer", claims.consignee_importer),
    ):
        yield path, trader
        if trader.on_behalf_of is not None:
            yield f"{path}.on_behalf_of", trader.on_behalf_of


@rule(
    "country-unknown",
    Severity.SEVERE,
    "ISO 3166-1",
    ru="Нет такого двухбуквенного кода страны.",
    en="There is no such two-letter country code.",
    uz="Bunday ikki harfli davlat kodi mavjud emas.",
)
def country_unknown(intake: Intake) -> Paths:
    """Find countries that are no code of ISO 3166-1 alpha-2."""
    stated = [(f"{path}.country", party.country) for path, party in parties(intake)]
    stated.append(("declaration.origin_country", intake.claims.declaration.origin_country))
    stated += [("issued_in", intake.issued_in), ("presented_in", intake.presented_in)]
    return [path for path, country in stated if country not in COUNTRIES]


@rule(
    "tax-id-invalid",
    Severity.SEVERE,
    "domain 2.1",
    ru="Налоговый номер (УНП, СТИР, ПИНФЛ) записан неверно или не сходится с контрольной цифрой.",
    en="The tax id (UNP, STIR, JShShIR) is misspelled or does not agree with its control digit.",
    uz="Soliq toʻlovchi raqami (UNP, STIR, JShShIR) notoʻgʻri yozilgan yoki nazorat raqamiga mos kelmaydi.",
)
def tax_id_invalid(intake: Intake) -> Paths:
    """Find tax ids without the form, or against the control digit, that their country knows."""
    for path, party in parties(intake):
        if party.tax_id is not None:
            try:
                check_tax_id(party.country, party.tax_id)
            except InvalidIdentifier:
                yield f"{path}.tax_id"


@rule(
    "tax-id-unchecked",
    Severity.INFO,
    "domain 2.1",
    ru="Налоговый номер этой страны здесь не проверяется.",
    en="Tax ids of this country are not checked here.",
    uz="Ushbu davlatning soliq toʻlovchi raqami bu yerda tekshirilmaydi.",
)
def tax_id_unchecked(intake: Intake) -> Paths:
    """Find tax ids in which no fault was looked for."""
    for path, party in parties(intake):
        with suppress(InvalidIdentifier):
            if party.tax_id is not None and not check_tax_id(party.country, party.tax_id):
                yield f"{path}.tax_id"


@rule(
    "consignee-elsewhere",
    Severity.WARNING,
    "S4 s.1, 6.4",
    ru="Грузополучатель находится не в стране, в которой предъявляется сертификат.",
    en="The consignee is not in the country where the certificate is presented.",
    uz="Yuk qabul qiluvchi sertifikat taqdim etiladigan davlatda joylashmagan.",
)
def consignee_elsewhere(intake: Intake) -> Paths:
    """Find a consignee outside the country to which the batch goes."""
    if intake.claims.consignee_importer.country != intake.presented_in:
        yield "consignee_importer.country"


@rule(
    "consignee-natural-person",
    Severity.WARNING,
    "S4 form, box 2; S5 annex 3, box 2",
    ru="Получатель, по его номеру, физическое лицо: в графе 2 ожидается запись «Для свободного обращения».",
    en="By its tax id the consignee is a natural person: box 2 wants «Для свободного обращения».",
    uz="Raqamiga koʻra yuk qabul qiluvchi jismoniy shaxs: 2-grafada «Для свободного обращения» yozuvi boʻlishi kerak.",
)
def consignee_natural_person(intake: Intake) -> Paths:
    """Find goods for a natural person that are not marked for free circulation."""
    consignee = intake.claims.consignee_importer
    tax_id = consignee.tax_id or ""
    natural = {"BY": tax_id[:1].isalpha(), "UZ": len(tax_id) == _JSHSHIR_DIGITS}.get(consignee.country, False)
    if natural and _FREE_CIRCULATION not in f"{consignee.name} {consignee.address}".casefold():
        yield "consignee_importer.name"


@rule(
    "on-behalf-of-itself",
    Severity.WARNING,
    "S4 form, box 1, 2; S5 annex 3, box 2",
    ru="Запись «по поручению» называет ту же организацию; она нужна, только когда это разные лица.",
    en="The entry «по поручению» (on behalf of) names the same party; it stands only where the two are different.",
    uz="«По поручению» (topshirigʻiga binoan) yozuvida oʻsha tashkilotning oʻzi koʻrsatilgan; u faqat ular turli "
    "shaxslar boʻlganda yoziladi.",
)
def on_behalf_of_itself(intake: Intake) -> Paths:
    """Find a party that acts on behalf of itself, by its name or by its tax id in its country."""
    claims = intake.claims
    for path, trader in (
        ("consignor_exporter", claims.consignor_exporter),
        ("consignee_importer", claims.consignee_importer),
    ):
        behind = trader.on_behalf_of
        if behind is not None:
            one_number = (trader.country, trader.tax_id) == (behind.country, behind.tax_id)
            if trader.name == behind.name or (one_number and trader.tax_id is not None):
                yield f"{path}.on_behalf_of"


@rule(
    "applicant-without-mandate",
    Severity.WARNING,
    "S5 3.1",
    ru="Заявитель не экспортёр, и доверенность на него не указана.",
    en="The applicant is not the exporter, and no power of attorney names them.",
    uz="Ariza beruvchi eksport qiluvchi emas va uning nomiga ishonchnoma koʻrsatilmagan.",
)
def applicant_without_mandate(intake: Intake) -> Paths:
    """Find an applicant who is neither exporter, consignor nor agent by power of attorney; producers are looked at."""
    claims = intake.claims
    may_apply = _principals(intake)
    if claims.mandate is not None:
        may_apply.add(claims.mandate.agent)
    if claims.declaration.applicant not in may_apply and not intake.mandated:
        yield "declaration.applicant"


@rule(
    "exporter-is-another",
    Severity.WARNING,
    "S5 3.1",
    ru="Экспортёр в графе 1 — не та организация, для которой подана заявка: сверьте с документами.",
    en="The exporter of box 1 is not the organisation that the application is for: compare with the papers.",
    uz="1-grafadagi eksport qiluvchi ariza kimning nomidan berilgan boʻlsa, oʻsha tashkilot emas: hujjatlar bilan "
    "solishtiring.",
)
def exporter_is_another(intake: Intake) -> Paths:
    """Find a box 1 that names neither, by their tax ids, the principal as exporter nor as the one behind it."""
    exporter = intake.claims.consignor_exporter
    named = {exporter.tax_id, None if exporter.on_behalf_of is None else exporter.on_behalf_of.tax_id}
    if intake.principal_tax_id is not None and intake.principal_tax_id not in named:
        yield "consignor_exporter.tax_id"


@rule(
    "mandate-not-registered",
    Severity.SEVERE,
    "S5 3.1, 3.13",
    ru="Доверенность организации, для которой подана заявка, не зарегистрирована или не действует сегодня.",
    en="No power of attorney of the organisation that the application is for is registered and holds today.",
    uz="Ariza kimning nomidan berilgan boʻlsa, oʻsha tashkilotning ishonchnomasi roʻyxatga olinmagan yoki bugun amal "
    "qilmaydi.",
)
def mandate_not_registered(intake: Intake) -> Paths:
    """Find an agent whose mandate is not registered; the same blocks the submission itself."""
    if intake.by_agent and not intake.mandated:
        yield "principal"


@rule(
    "mandate-expired",
    Severity.SEVERE,
    "S5 3.13",
    ru="Срок доверенности истёк.",
    en="The power of attorney has expired.",
    uz="Ishonchnomaning muddati oʻtgan.",
)
def mandate_expired(intake: Intake) -> Paths:
    """Find an expired power of attorney."""
    mandate = intake.claims.mandate
    if mandate is not None and mandate.until < intake.today:
        yield "mandate.until"


@rule(
    "mandate-of-others",
    Severity.WARNING,
    "S5 3.1, 3.13",
    ru="Доверенность выдана не экспортёром этой заявки или не её заявителю.",
    en="The power of attorney is not of this application's exporter, or not for its applicant.",
    uz="Ishonchnoma ushbu arizadagi eksport qiluvchi tomonidan yoki ushbu ariza beruvchiga berilmagan.",
)
def mandate_of_others(intake: Intake) -> Paths:
    """Find a power of attorney whose principal is not in box 1, or whose agent is not the applicant."""
    mandate = intake.claims.mandate
    if mandate is not None:
        if mandate.principal not in _principals(intake):
            yield "mandate.principal"
        if mandate.agent != intake.claims.declaration.applicant:
            yield "mandate.agent"


@rule(
    "mandate-without-scope",
    Severity.WARNING,
    "S5 3.1",
    ru="Не указано, на какие действия выдана доверенность.",
    en="What the power of attorney is for is not stated.",
    uz="Ishonchnoma qaysi harakatlar uchun berilgani koʻrsatilmagan.",
)
def mandate_without_scope(intake: Intake) -> Paths:
    """Find a power of attorney that does not say how far it goes, so that nobody can see whether it holds for this."""
    mandate = intake.claims.mandate
    if mandate is not None and mandate.scope is None:
        yield "mandate.scope"


def _principals(intake: Intake) -> set[str]:
    """Return the names of exporter and consignor."""
    exporter = intake.claims.consignor_exporter
    return {exporter.name} if exporter.on_behalf_of is None else {exporter.name, exporter.on_behalf_of.name}


PARTIES = (
    country_unknown,
    tax_id_invalid,
    tax_id_unchecked,
    consignee_elsewhere,
    consignee_natural_person,
    on_behalf_of_itself,
    applicant_without_mandate,
    exporter_is_another,
    mandate_not_registered,
    mandate_expired,
    mandate_of_others,
    mandate_without_scope,
)
