"""What the sources ask and no intake rule decides, row by row of the fields of ST-1 and step by step of its lifecycle.

Kept by hand, beside the rules, so that whoever reads their catalogue also reads what it does not hold.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """One demand of a box or a step that intake does not decide, its source, and why."""

    row: str
    demand: str
    source: str
    why: str


_PAPER = "It is about the paper: the electronic form has no back, erasures, seals or handwriting (S4 App. 4)."
_FILES = "The papers come as files that nothing here reads; a person compares them."
_AFTER = "It is about what comes after the application"

BOXES: tuple[Left, ...] = (
    Left(
        "consignor_exporter",
        "same name and address as in contract, invoice and declaration",
        "S4 form, box 1; S5 annex 3, box 1",
        f"{_FILES} Names within the application are compared with each other and with the register.",
    ),
    Left(
        "consignee_importer",
        "a natural person: «Для свободного обращения»",
        "S4 form, box 2; S5 annex 3, box 2",
        "Decided from the tax id of Belarus and Uzbekistan only; without it, or elsewhere, nothing tells a person.",
    ),
    Left(
        "consignee_importer",
        "the consignee acts «по поручению» of the importer: both are shown",
        "S5 annex 3, box 2",
        "Whether there is an importer behind the consignee stands in the contract, which nothing here reads.",
    ),
    Left(
        "transport",
        "as far as known",
        "S4 form, box 3; S5 annex 3, box 3",
        "What the applicant knows cannot be computed; that the box is empty is told.",
    ),
    Left(
        "registration_number",
        "the body's own pattern, consecutive",
        "S4 form, box 4; S5 7.1.1",
        "It is allotted at issue by the agreement's pattern; an application has none. The blank's number is paper.",
    ),
    Left(
        "official_notes[]",
        "Russian, no entries on the back, no erasures, corrections countersigned",
        "S4 7.1-7.5",
        _PAPER,
    ),
    Left(
        "official_notes[]",
        "the certificate that a note names exists, and its criterion is copied",
        "S4 8.2-8.4",
        "The other certificate may be of a third country or on paper only; its text is not part of the application.",
    ),
    Left(
        "official_notes[]",
        "re-export of goods with criterion Д into 1993: an inquiry confirms the change of heading",
        "S5 5.5.2",
        "An inquiry to the issuer of the parent certificate; its answer is a person's to judge.",
    ),
    Left(
        "items[].seq",
        "a set of sheets is complete",
        "S5 7.1.1",
        "Sheets are applied for one after the other: one that is still missing may yet come, or may be on paper.",
    ),
    Left(
        "items[].packages",
        "the number is that of the batch",
        "S4 form, box 7; S5 annex 3, box 7",
        _FILES,
    ),
    Left(
        "items[].description",
        "identifies the goods without doubt",
        "S4 form, box 8; S5 annex 3, box 8",
        "It is the examiner's judgement; only that there is Russian text is computed.",
    ),
    Left(
        "items[].description",
        "2009: one accompanying document where all goods share heading and criterion",
        "S4 form, box 8",
        "The claims have no member that cites such a document.",
    ),
    Left(
        "items[].origin_criterion",
        "the goods meet the criterion: change of heading, list of operations, ad valorem share, 5 % and 15 %, 3.1, 5.1",
        "S4 3.1, 5.1, annex 1; S5 5.5.2",
        "It takes materials, operations and prices, which an application does not state: the expert act decides.",
    ),
    Left(
        "items[].quantity",
        "the unit is that of the TN VED code",
        "S4 form, box 10; S5 annex 3, box 9",
        "No open table of TN VED with its units was found; that the unit is one of Recommendation 20 is computed.",
    ),
    Left(
        "items[].quantity",
        "the actual delivery exceeds by 5 % at most",
        "S4 7.4",
        "The delivery is known to the importing customs; the tolerance is a value of the agreement, 0 under 1993.",
    ),
    Left(
        "items[].invoice",
        "same transport documents: one batch",
        "S4 s.1, 6.4",
        "The claims have no member for transport documents; that invoices differ is told.",
    ),
    Left(
        "certification",
        "only bodies and signatories that were notified",
        "S4 6.5",
        "Not of the application: the trust list answers it at issue and in each verdict. Seals and blanks are paper.",
    ),
    Left(
        "declaration",
        "the applicant's signature",
        "S5 3.13",
        "Who applies is known by a token; a national electronic signature is not carried yet.",
    ),
    Left(
        "hs_code",
        "the code exists in TN VED",
        "domain 2.1",
        "No open table of TN VED was found; the digits and the agreement with the kept product are computed.",
    ),
)
"""By the rows of the fields of ST-1; what has no row here is decided by a rule."""

STEPS: tuple[Left, ...] = (
    Left(
        "Apply", "attests truth, keeps copies for 3 years", "S5 3.1-3.2", "A duty of the applicant outside this system."
    ),
    Left(
        "Apply",
        "importer or consignee as applicant, if the rules allow",
        "S5 3.1",
        "The agreement has no value that says whether they do: it is a warning, and a person decides.",
    ),
    Left(
        "Apply",
        "the scope of a power of attorney covers this application",
        "S5 3.1",
        "The scope in the claims is free text; a registered mandate names schemes, and submission is held to it.",
    ),
    Left(
        "Return/refuse at intake",
        "the electronic signature is the applicant's",
        "S5 3.13",
        "No national electronic signature is carried with an application yet.",
    ),
    Left(
        "Return/refuse at intake",
        "documents are complete: contract copy, invoice, expert act",
        "S5 3.13",
        "A file of evidence has a name and a digest, not a kind; only that a kept product has none is told.",
    ),
    Left(
        "Review",
        "the expert act covers these goods; its expert is not the examiner",
        "S5 3.15",
        "The goods of an act are free text, and who examines is known only later. That applicant, examiner and "
        "signatory are three people is held at each step (another-part).",
    ),
    Left(
        "Clock",
        "5 working days, stops with reason",
        "S5 4.2-4.3",
        f"{_AFTER}: the clock runs from the day of receipt, by confirmed calendars.",
    ),
    Left(
        "Draft check",
        "7 working days, silence",
        "S5 4.12",
        f"{_AFTER}: silence is noted by the node; figure and meaning are values of the agreement.",
    ),
    Left(
        "Issue",
        "in the central database by the next day",
        "S4 8.1, App. 4; S5 4.15",
        f"{_AFTER}: a certificate enters the log with its issue. Before, at or after export is decided by rules.",
    ),
    Left(
        "Errors",
        "a typo that does not affect reliability is no ground for refusal",
        "S4 9.3",
        "What it affects is judged by a person: rules on spelling only warn.",
    ),
    Left("Annul", "on invalid documents or false data, notified at once", "S4 9.4", f"{_AFTER}: two people decide it."),
    Left(
        "Specimens",
        "blanks, signatures, seals, names and addresses",
        "S4 6.5",
        f"{_PAPER} Names are in the trust list.",
    ),
    Left(
        "Present", "original, or its details in the declaration", "S4 6.1; S8", f"{_AFTER}: it is done at the border."
    ),
    Left(
        "Quantity",
        "certified + 5 %; unassembled goods in parts within 6 months",
        "S4 7.4, 4.2",
        f"{_AFTER}: customs count what is delivered.",
    ),
    Left(
        "Heading mismatch",
        "decided after a conclusion or expert act",
        "S4 6.6",
        f"{_AFTER}: customs see the declaration.",
    ),
    Left(
        "Refuse preference at release", "9.1", "S4 9.1", f"{_AFTER}: customs decide; a verdict is what they are given."
    ),
    Left("Refuse after release", "9.2", "S4 9.2", f"{_AFTER}: customs decide it after the repeat request."),
    Left(
        "Verification request",
        "reasoned or random; 3 months, repeat, 3 months",
        "S4 9-1",
        f"{_AFTER}; under 1993 no deadline was found, so it is a value of the agreement that may be absent.",
    ),
    Left("Restore preference", "within 12 months of the declaration", "S4 9-2", f"{_AFTER}: customs decide it."),
    Left("No detention", "a missing certificate is no ground", "S4 10.1", f"{_AFTER}: no verdict asks for detention."),
    Left("Retention", "3 years", "S4", f"{_AFTER}: nothing that was signed or logged is ever removed."),
    Left("Conformity docs", "status intervals", "S44, S45", "Another scheme than ST-1."),
    Left("Double use", "reserve, consume, release", "S25", f"{_AFTER}: it is found in the European Union only."),
    Left(
        "Declaration of origin",
        "instead of a certificate when the batch is USD 5,000 at most",
        "S4 6.2",
        "An application states no value, and whoever may declare may also ask for a certificate.",
    ),
    Left(
        "1993 Rules",
        "the text itself",
        "S5, S6",
        "It was not found: the rules of the form of 1993 are those that S5 and S6 tell.",
    ),
)
"""By the steps of the lifecycle, then what is of neither."""

LEFT: tuple[Left, ...] = BOXES + STEPS
