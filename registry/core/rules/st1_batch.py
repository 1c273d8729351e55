"""Rules on the batch and its commercial papers, common to both forms of ST-1 (box 3, the invoices, the contract)."""

from registry.core.rules.finding import Intake, Paths, Severity, rule
from registry.core.rules.st1_goods import items


@rule(
    "transport-not-stated",
    Severity.INFO,
    "S4 form, box 3; S5 annex 3, box 3",
    ru="Средства транспорта и маршрут не указаны: это допускается, если они неизвестны.",
    en="Means and route of transport are not stated, as is allowed where they are not known.",
    uz="Transport vositalari va yoʻnalish koʻrsatilmagan: ular nomaʼlum boʻlsa, bunga yoʻl qoʻyiladi.",
)
def transport_not_stated(intake: Intake) -> Paths:
    """Find an empty box 3, which is filled in as far as known."""
    if intake.claims.transport is None:
        yield "transport"


@rule(
    "several-invoices",
    Severity.INFO,
    "S4 s.1, 6.4",
    ru="Счетов-фактур несколько, а сертификат выдаётся на одну партию: по одним транспортным документам.",
    en="There are several invoices, and a certificate is for one batch: under the same transport documents.",
    uz="Hisobvaraq-fakturalar bir nechta, sertifikat esa bitta tovar partiyasiga: bir xil transport hujjatlari "
    "boʻyicha beriladi.",
)
def several_invoices(intake: Intake) -> Paths:
    """Find items under another invoice than the first that is stated: a person looks whether they travel together."""
    first = None
    for path, item in items(intake):
        first = first or item.invoice
        if item.invoice is not None and item.invoice != first:
            yield f"{path}.invoice"


@rule(
    "invoice-dated-later",
    Severity.WARNING,
    "S4 form, box 11; S5 annex 3, box 10",
    ru="Дата счёта-фактуры ещё не наступила.",
    en="The date of the invoice is yet to come.",
    uz="Hisobvaraq-faktura sanasi hali kelmagan.",
)
def invoice_dated_later(intake: Intake) -> Paths:
    """Find an invoice of a later day than this, which the application cannot have with it."""
    for path, item in items(intake):
        if item.invoice is not None and item.invoice.date > intake.today:
            yield f"{path}.invoice.date"


@rule(
    "contract-missing",
    Severity.WARNING,
    "S5 3.13",
    ru="Не указан внешнеторговый договор.",
    en="The contract of sale is not stated.",
    uz="Tashqi savdo shartnomasi koʻrsatilmagan.",
)
def contract_missing(intake: Intake) -> Paths:
    """Find an application without the contract, which is among its documents."""
    if intake.claims.contract is None:
        yield "contract"


@rule(
    "contract-dated-later",
    Severity.WARNING,
    "S5 3.13",
    ru="Дата внешнеторгового договора ещё не наступила.",
    en="The date of the contract of sale is yet to come.",
    uz="Tashqi savdo shartnomasining sanasi hali kelmagan.",
)
def contract_dated_later(intake: Intake) -> Paths:
    """Find a contract of a later day than this, which the application cannot have with it."""
    contract = intake.claims.contract
    if contract is not None and contract.date > intake.today:
        yield "contract.date"


BATCH = (
    transport_not_stated,
    several_invoices,
    invoice_dated_later,
    contract_missing,
    contract_dated_later,
)
