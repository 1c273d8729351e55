import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.tlog.checkpoint import Checkpoint, MalformedCheckpoint
from registry.core.tlog.merkle import EMPTY_ROOT, MAX_SIZE, leaf_hash, new_hashes, tree_root
from registry.core.tlog.note import Note, VerifierKey, write_base64

ROOT = write_base64(EMPTY_ROOT)
CHECKPOINT = Checkpoint("by.example/log", 7, EMPTY_ROOT)


@given(
    st.text(st.characters(exclude_characters="\n"), min_size=1),
    st.integers(0, MAX_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_is_read_back(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(checkpoint.encode()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log\n7\n{ROOT}",
        f"log\n7\n{ROOT}\n\n",
        f"log\n7\n{ROOT}\nextension\n",
        f"\n7\n{ROOT}\n",
        f"7\n{ROOT}\n",
        f"log\n{ROOT}\n7\n",
        f"log\n\n{ROOT}\n",
        f"log\n07\n{ROOT}\n",
        f"log\n+7\n{ROOT}\n",
        f"log\n-7\n{ROOT}\n",
        f"log\n-0\n{ROOT}\n",
        f"log\n 7\n{ROOT}\n",
        f"log\n1_0\n{ROOT}\n",
        f"log\n٧\n{ROOT}\n",
        f"log\n7.0\n{ROOT}\n",
        f"log\n{2**63}\n{ROOT}\n",
        "log\n" + "9" * 10_000 + f"\n{ROOT}\n",
        "log\n7\n\n",
        f"log\n7\n{ROOT[:-1]}\n",
        f"log\n7\n{ROOT[:-2]}V=\n",
        f"log\n7\n{write_base64(EMPTY_ROOT + b'x')}\n",
        f"log\n7\n{ROOT.replace('+', '-').replace('/', '_')}\n",
    ],
)
def test_a_checkpoint_in_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpoint, match="the checkpoint cannot be read: "):
        Checkpoint.parse(text)


def test_each_changed_or_removed_character_is_refused_or_says_something_else() -> None:
    text = CHECKPOINT.encode()
    for place in range(len(text)):
        for instead in ("", "=", "\n", "\0", "0", "é"):
            changed = text[:place] + instead + text[place + 1 :]
            try:
                checkpoint = Checkpoint.parse(changed)
            except MalformedCheckpoint:
                continue
            assert checkpoint.encode() == changed
            assert (checkpoint == CHECKPOINT) == (changed == text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 0, EMPTY_ROOT), ("a\nb", 0, EMPTY_ROOT), ("a", -1, EMPTY_ROOT), ("a", 2**63, EMPTY_ROOT), ("a", 0, b"")],
)
def test_a_checkpoint_that_could_not_be_read_back_cannot_be_made(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(AssertionError):
        Checkpoint(origin, size, root)


def test_the_checkpoints_of_another_implementation_verify_and_have_our_roots(vectors: Path) -> None:
    folder = vectors / "tessera-log"
    key = VerifierKey.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
    bundle = (folder / "tile" / "entries" / "000.p" / "15").read_bytes()
    leaves = []
    while bundle:
        length = int.from_bytes(bundle[:2])
        leaves.append(leaf_hash(bundle[2 : 2 + length]))
        bundle = bundle[2 + length :]
    stored = {(level, index): node for level, index, node in new_hashes(0, leaves, lambda _: [])}
    for size in range(16):
        note = Note.parse((folder / f"checkpoint.{size}").read_text())
        checkpoint = Checkpoint.parse(note.verified([key]))
        assert checkpoint.encode() == note.text
        root = tree_root(size, lambda wanted: [stored[place] for place in wanted])
        assert checkpoint == Checkpoint("example.com/log/testdata", size, root)


def test_checkpoints_with_a_line_of_a_witness_verify_by_the_log(vectors: Path) -> None:
    keys = json.loads((vectors / "own-logs" / "keys.json").read_text())
    key = VerifierKey.parse(keys["log_vkey"])
    witness = VerifierKey.parse(keys["witness_vkey"])
    for file in (vectors / "own-logs").glob("log-*/checkpoint*"):
        note = Note.parse(file.read_text())
        assert note.encode() == file.read_text()
        assert Checkpoint.parse(note.verified([key])).origin == keys["origin"]
        assert [len(signature) for signature in note.signatures_by(witness)] == [72]
