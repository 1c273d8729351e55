"""The keys that a node had: after a restore, what one of them signed in its time is still the word of the node."""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.envelope.jose import Envelope
from registry.usecases.trust.believe_peers import Beliefs, every_list


def is_by_node(tx: Session, envelope: Envelope, did: str, beliefs: Beliefs, at: datetime) -> bool:
    """Tell whether a key that a list adopted here names, or once named, as a node's signed this, when the key held."""
    now = beliefs.node(did)
    if now is not None and now.chained.kid(did) == envelope.kid:
        return now.chained.valid_at(at) and envelope.is_signed_by(now.chained.key)
    pins = {country: believed.pin for country, believed in beliefs.lists.items()}
    for believed in every_list(tx, pins):
        known = believed.nodes.get(envelope.kid)
        if known is not None and known.row.id == did:
            return known.chained.valid_at(at) and envelope.is_signed_by(known.chained.key)
    return False
