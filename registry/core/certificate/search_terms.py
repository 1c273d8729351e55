"""What a certificate is found by beside its number: consignee, exporter, heading, relations (domain 2.1)."""

from collections.abc import Callable, Iterator

from registry.core.certificate.claims import Claims, MalformedClaims
from registry.core.certificate.credential import Certificate
from registry.core.product.product import Party

HEADING_LENGTHS = (4, 6, 8, 10)
LONGEST = 200
"""Characters of a name that tell: an index has no room for more."""


def search_terms(certificate: Certificate) -> list[str]:
    """Return every term that a certificate is found by; one whose claims cannot be read is found by its relations."""
    terms = {term for relation in certificate.subject.relations for term in relation.terms}
    try:
        claims = Claims.parse(certificate.subject.claims)
    except MalformedClaims:
        return sorted(terms)
    terms |= {term for party in claims.importers for term in _names(party, importer_term)}
    terms |= {term for party in claims.exporters for term in _names(party, exporter_term)}
    codes = {item.hs_code for item in claims.items}
    terms |= {heading_term(code[:length]) for code in codes for length in HEADING_LENGTHS if length <= len(code)}
    return sorted(terms)


def importer_term(text: str) -> str:
    """Return the term of a consignee, or of whom it acts for, by tax id or whole name."""
    return f"importer:{_folded(text)}"


def exporter_term(text: str) -> str:
    """Return the term of a consignor, or of whom it acts for, by tax id or whole name."""
    return f"exporter:{_folded(text)}"


def heading_term(code: str) -> str:
    """Return the term of goods under a heading of the HS, or under a finer code."""
    return f"hs:{code}"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()[:LONGEST]


def _names(party: Party, term: Callable[[str], str]) -> Iterator[str]:
    yield term(party.name)
    if party.tax_id is not None:
        yield term(party.tax_id)
