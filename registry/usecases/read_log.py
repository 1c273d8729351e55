"""Prove that an act is in the log, against the first checkpoint that covers it."""

from functools import partial

from sqlalchemy.orm import Session

from registry.core.tlog.merkle import prove_inclusion
from registry.core.tlog.proof import TlogProof
from registry.store import acts, log


def prove(tx: Session, act: str) -> TlogProof | None:
    """Return the proof of an act (c2sp.org/tlog-proof); None while the log has not numbered it."""
    index = log.index_of(tx, act)
    if index is None:
        return None
    checkpoint = log.first_checkpoint(tx, index)
    recorded = acts.find(tx, act)
    assert checkpoint is not None
    assert recorded is not None
    hashes = prove_inclusion(index, checkpoint.size, partial(log.hashes, tx))
    return TlogProof(recorded.leaf, index, tuple(hashes), checkpoint.note)


def newest_checkpoint(tx: Session) -> str | None:
    """Return the newest signed checkpoint; None while the log is empty."""
    newest = log.newest_checkpoint(tx)
    return None if newest is None else newest.note
