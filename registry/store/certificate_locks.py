"""Locks on certificates: a verdict that is being given, and a change of what it rests on, do not pass each other by.

Whoever locks several does so in one statement, in the order of their ids: nobody waits in a circle.
"""

from collections.abc import Collection

from sqlalchemy import Text, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from registry.core.certificate.relation import DUPLICATES, related_term
from registry.store.certificates import CertificateRow

_IN_ORDER = select(CertificateRow.id).order_by(CertificateRow.id)
_NAMED = CertificateRow.id == func.any(bindparam("ids", type_=ARRAY(Text)))
_NUMBERED = CertificateRow.number == func.any(bindparam("numbers", type_=ARRAY(Text)))
_RELATED = CertificateRow.terms.overlap(bindparam("terms", type_=ARRAY(Text)))
_HOLD = _IN_ORDER.where(or_(_NAMED, _NUMBERED)).with_for_update(read=True, key_share=True)
_CHANGE = _IN_ORDER.where(or_(_NAMED, _RELATED)).with_for_update()


def hold(tx: Session, *, ids: Collection[str], numbers: Collection[str]) -> None:
    """Let nothing be said of these certificates until the transaction ends; others hold them beside it."""
    tx.execute(_HOLD, {"ids": list(ids), "numbers": list(numbers)})


def lock_for_change(tx: Session, ids: Collection[str]) -> None:
    """Wait for whoever holds these certificates or their duplicates, which end with them, and let nobody hold them."""
    tx.execute(_CHANGE, {"ids": list(ids), "terms": [related_term(DUPLICATES, each) for each in ids]})
