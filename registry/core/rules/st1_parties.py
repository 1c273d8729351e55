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
)
def consignee_natural_person(intake: Intake) -> Paths:
    """Find goods for a natural person that are not marked for free circulation."""
    consignee = intake.claims.consignee_importer
    tax_id = consignee.tax_id or ""
    natural = {"BY": tax_id[:1].isalpha(), "UZ": len(tax_id) == _JSHSHIR_DIGITS}.get(consignee.country, False)
    if natural and _FREE_CIRCULATION not in f"{consignee.name} {consignee.address}".casefold():
        yield "consignee_importer.name"


@rule(
    "applicant-without-mandate",
    Severity.WARNING,
    "S5 3.1",
    ru="Заявитель не экспортёр, и доверенность на него не указана.",
    en="The applicant is not the exporter, and no power of attorney names them.",
)
def applicant_without_mandate(intake: Intake) -> Paths:
    """Find an applicant who is neither exporter, consignor nor agent by power of attorney; producers are looked at."""
    claims = intake.claims
    exporter = claims.consignor_exporter
    may_apply = {exporter.name}
    if exporter.on_behalf_of is not None:
        may_apply.add(exporter.on_behalf_of.name)
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
)
def mandate_expired(intake: Intake) -> Paths:
    """Find an expired power of attorney."""
    mandate = intake.claims.mandate
    if mandate is not None and mandate.until < intake.today:
        yield "mandate.until"


PARTIES = (
    country_unknown,
    tax_id_invalid,
    tax_id_unchecked,
    consignee_elsewhere,
    consignee_natural_person,
    applicant_without_mandate,
    exporter_is_another,
    mandate_not_registered,
    mandate_expired,
)
