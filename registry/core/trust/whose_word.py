"""Whose word a signed text is that a node carries: its body's, nobody's, or that of a key which no list knows yet.

A node key signs messages and nothing that a body says: whoever stole one can carry any text, and none that counts.
"""

from collections.abc import Iterable
from enum import Enum

from registry.core.envelope.jose import Envelope
from registry.core.trust.believed_list import BelievedList


class Whose(Enum):
    """Who signed a text that a node carries for one of its bodies."""

    BODY = "body"
    """A list knows the key as a document signer, and the signature verifies."""
    OPEN = "open"
    """No list knows the key: one that is on its way may (formats 8)."""
    NOBODY = "nobody"
    """It is no key of a body of that node, or it did not sign this: no list to come makes it anybody's."""


def whose(envelope: Envelope, node: str, lists: Iterable[BelievedList]) -> Whose:
    """Tell whose word a text is that `node` carries for a body of its own."""
    if not envelope.signer.startswith(f"{node}:bodies:"):
        return Whose.NOBODY
    found = (adopted.signers.get(envelope.kid) for adopted in lists)
    signer = next((known for known in found if known is not None), None)
    if signer is None:
        return Whose.OPEN
    return Whose.BODY if envelope.is_signed_by(signer.chained.key) else Whose.NOBODY
