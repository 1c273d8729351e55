"""Which organisation of this country a certificate names as its exporter."""

from sqlalchemy.orm import Session

from registry.core.certificate.claims import Claims
from registry.store import parties
from registry.store.parties import Organisation


def exporter_of(tx: Session, claims: Claims) -> Organisation | None:
    """Return the exporter that is registered here under the tax id that the certificate names: it may read it."""
    party = claims.exporters[-1]
    return None if party.tax_id is None else parties.organisation_by_tax_id(tx, party.country, party.tax_id)
