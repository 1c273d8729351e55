"""Rules on how parties and goods are named: one spelling for each, in one script a word, and no other's look."""

from collections.abc import Iterator

from registry.core.product.names import mixes_scripts, skeleton
from registry.core.product.texts import texts
from registry.core.rules.finding import Intake, Paths, Severity, rule
from registry.core.rules.st1_parties import parties

_PARTY_BOXES = "S4 form, box 1; S5 annex 3, box 1"


@rule(
    "exporter-named-otherwise",
    Severity.WARNING,
    _PARTY_BOXES,
    ru="Организация с этим налоговым номером зарегистрирована под другим наименованием.",
    en="The organisation with this tax id is registered under another name.",
    uz="Bu soliq toʻlovchi raqamli tashkilot boshqa nom bilan roʻyxatga olingan.",
)
def exporter_named_otherwise(intake: Intake) -> Paths:
    """Find box 1 naming an organisation by its tax id, unlike the register; a mere look-alike is found apart."""
    registered = dict(intake.registered)
    if intake.principal_tax_id is not None and intake.principal_name is not None:
        registered[intake.principal_tax_id] = intake.principal_name
    for path, party in parties(intake):
        name = registered.get(party.tax_id or "")
        if path.startswith("consignor_exporter") and name is not None and skeleton(party.name) != skeleton(name):
            yield f"{path}.name"


@rule(
    "names-look-alike",
    Severity.WARNING,
    _PARTY_BOXES,
    ru="Наименование выглядит как другое, уже названное, но записано иначе (кавычки, регистр, ОАО кириллицей или "
    "латиницей): в документах оно должно быть одним и тем же.",
    en="The name looks like another that is named already, and is spelled otherwise (quotes, case, ОАО in Cyrillic or "
    "in Latin): it must be the same in all papers.",
    uz="Nom avval koʻrsatilgan nomga oʻxshaydi, lekin boshqacha yozilgan (qoʻshtirnoq, harf kattaligi, kirill yoki "
    "lotin ОАО): u barcha hujjatlarda bir xil boʻlishi kerak.",
)
def names_look_alike(intake: Intake) -> Paths:
    """Find a name with the skeleton and not the spelling of one before it, of the register's or of a kept product's."""
    spellings: dict[str, str] = {}
    for path, name in _names(intake):
        if path and spellings.get(skeleton(name), name) != name:
            yield path
        spellings.setdefault(skeleton(name), name)


@rule(
    "mixed-scripts",
    Severity.WARNING,
    "S4 9.3",
    ru="В одном слове смешаны буквы разных алфавитов, например латинские и кириллические.",
    en="Letters of different scripts, such as Latin and Cyrillic, are mixed within one word.",
    uz="Bitta soʻzda turli alifbo harflari, masalan lotin va kirill harflari, aralashib ketgan.",
)
def mixed_scripts(intake: Intake) -> Paths:
    """Find words of two scripts, which look right and match nothing: typos, so no ground for refusal."""
    return [path for path, text in texts(intake.claims.encode()) if mixes_scripts(text)]


def _names(intake: Intake) -> Iterator[tuple[str, str]]:
    """Return each name with its path; first, without a path, those that are kept, for they are the measure."""
    if intake.principal_name is not None:
        yield "", intake.principal_name
    for kept in intake.kept.values():
        yield "", kept.product.manufacturer.name
    for path, party in parties(intake):
        yield f"{path}.name", party.name
    yield "declaration.applicant", intake.claims.declaration.applicant
    mandate = intake.claims.mandate
    if mandate is not None:
        yield "mandate.principal", mandate.principal
        yield "mandate.agent", mandate.agent


NAMES = (
    exporter_named_otherwise,
    names_look_alike,
    mixed_scripts,
)
