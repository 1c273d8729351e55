"""A witness's word: as of a moment, the largest consistent tree that it saw (c2sp.org/tlog-cosignature@v1.0.1)."""

from collections.abc import Callable
from datetime import UTC, datetime

from registry.core.signature import verify_ed25519, verify_mldsa44
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import KeyType, Note, SignatureLine, VerifierKey, WrongSignature

_TIME_BYTES = 8
_LATEST = int(datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp())
_MAX_NAME = 255


def cosign(text: str, key: VerifierKey, sign: Callable[[bytes], bytes], at: datetime) -> SignatureLine:
    """Cosign the text of a checkpoint as of `at`, by the private half of an Ed25519 `key`."""
    assert key.type is KeyType.COSIGNATURE
    time = int(at.timestamp())
    line = SignatureLine(key.name, key.id, time.to_bytes(_TIME_BYTES) + sign(_message(key, text, time)))
    assert cosigned_at(Note(text, (line,)), key) == at
    return line


def cosigned_at(note: Note, key: VerifierKey) -> datetime | None:
    """Return when the witness of `key` cosigned the note, the first time where it did so twice; None where it did not.

    Raises `WrongSignature` where a line that names the key does not verify: then nothing in the note is believed.
    """
    assert key.type is not KeyType.ED25519
    verify = verify_mldsa44 if key.type is KeyType.MLDSA44_COSIGNATURE else verify_ed25519
    times = []
    for field in note.signatures_by(key):
        time, signature = int.from_bytes(field[:_TIME_BYTES]), field[_TIME_BYTES:]
        if not 0 < time <= _LATEST or not verify(key.public, signature, _message(key, note.text, time)):
            raise WrongSignature(key.name)
        times.append(time)
    return datetime.fromtimestamp(min(times), UTC) if times else None


def _message(key: VerifierKey, text: str, time: int) -> bytes:
    """Return what is signed: by Ed25519 the whole text, by ML-DSA-44 the tree as a subtree from 0."""
    if key.type is KeyType.COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    checkpoint = Checkpoint.parse(text)
    return b"".join(
        (
            b"subtree/v1\n\0",
            _counted(key.name),
            time.to_bytes(_TIME_BYTES),
            _counted(checkpoint.origin),
            (0).to_bytes(_TIME_BYTES),
            checkpoint.size.to_bytes(_TIME_BYTES),
            checkpoint.root,
        )
    )


def _counted(name: str) -> bytes:
    """Return a name behind its length; one that does not fit a byte was never signed under."""
    data = name.encode()
    if len(data) > _MAX_NAME:
        raise WrongSignature(name)
    return len(data).to_bytes() + data
