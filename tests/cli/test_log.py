"""`registry log`: static files that any server can carry, proofs, policies, and evidence of a split."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import MAX_ENTRY
from registry.core.tlog.follow import TileReader
from registry.core.tlog.merkle import leaf_hash, prove_inclusion, tree_root, verify_inclusion
from registry.core.tlog.note import Note
from registry.core.tlog.policy import Policy
from registry.core.tlog.proof import TlogProof
from registry.core.tlog.tile import Tile, read_entries, tiles
from registry.store import checkpoints, log
from registry.usecases.tlog.publish_log import published_note
from registry.usecases.tlog.read_log import prove_entry, read_tile
from tests.cli.log_commands import Registry, command_line, content, grow, refused
from tests.independent.leaves import check_leaves
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of
from tests.usecases.fsck import lived


@pytest.fixture
def minsk(
    forge: Forge, corridor: Corridor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Registry:
    return command_line(environment_of(forge, corridor.by, tmp_path), monkeypatch, capfd)


@pytest.fixture
def tashkent(
    forge: Forge, corridor: Corridor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Registry:
    return command_line(environment_of(forge, corridor.uz, tmp_path), monkeypatch, capfd)


def exported(registry: Registry, folder: Path) -> Any:
    done = registry("log", "export", str(folder), "--json")
    assert (done.code, done.err) == (0, ""), done
    return json.loads(done.out)


def expected(country: Country) -> dict[str, bytes]:
    """Return the files of the published log."""
    with country.node.database.read() as tx:
        size, note = checkpoints.published_size(tx), published_note(tx)
        assert note is not None
        files = {tile.path: read_tile(tx, tile, size) for tile in tiles(size)}
    return files | {"checkpoint": note.encode()}


def test_an_export_writes_only_what_is_new_and_drops_what_full_tiles_stand_in_for(
    corridor: Corridor, minsk: Registry, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    folder = tmp_path / "srv" / "log"
    grow(by, uz, 255)
    assert exported(minsk, folder) == {"folder": str(folder), "size": 255, "since": 0, "tiles": 2}
    assert content(folder) == expected(by)
    assert set(content(folder)) == {"checkpoint", "tile/0/000.p/255", "tile/entries/000.p/255"}
    grow(by, uz, 256)
    assert exported(minsk, folder) == {"folder": str(folder), "size": 256, "since": 255, "tiles": 3}
    assert set(content(folder)) == {"checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"}
    assert not list(folder.rglob("000.p")) or not (folder / "tile/0/000.p").exists()
    full = {path: (folder / path).stat().st_ino for path in ("tile/0/000", "tile/entries/000")}
    grow(by, uz, 257)
    assert exported(minsk, folder) == {"folder": str(folder), "size": 257, "since": 256, "tiles": 2}
    assert {path: (folder / path).stat().st_ino for path in full} == full
    grow(by, uz, 259)
    assert exported(minsk, folder)["tiles"] == 2
    assert content(folder).keys() >= expected(by).keys()
    assert exported(minsk, folder) == {"folder": str(folder), "size": 259, "since": 259, "tiles": 0}
    done = minsk("log", "export", str(folder))
    assert (done.code, done.out) == (0, f"folder: {folder}\nsize: 259\nsince: 259\ntiles: 0\n")


@pytest.mark.parametrize("before", ["the partial tiles are gone", "the checkpoint is written"])
def test_an_export_that_was_interrupted_is_taken_up(
    corridor: Corridor, minsk: Registry, tmp_path: Path, before: str
) -> None:
    by, uz = corridor.by, corridor.uz
    folder = tmp_path / "log"
    grow(by, uz, 255)
    exported(minsk, folder)
    old = (folder / "checkpoint").read_bytes()
    partial = content(folder)
    grow(by, uz, 300)
    if before == "the checkpoint is written":
        exported(minsk, folder)
    (folder / "checkpoint").write_bytes(old)
    (folder / "tile/0/000").write_bytes(expected(by)["tile/0/000"])
    (folder / "tile/entries/.000.new").write_bytes(b"half of it")
    if before == "the partial tiles are gone":
        assert partial.items() <= content(folder).items()
    assert exported(minsk, folder) == {"folder": str(folder), "size": 300, "since": 255, "tiles": 5}
    assert content(folder) == expected(by)


def test_a_folder_of_another_log_or_of_a_longer_one_is_refused_and_left_alone(
    corridor: Corridor, minsk: Registry, tashkent: Registry, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    grow(by, uz, 100)
    grow(uz, by, 100)
    folder = tmp_path / "log"
    exported(tashkent, folder)
    signer = by.node.keyring.log
    longer, other = (
        signer.sign(Checkpoint(signer.vkey.name, size, bytes(32)).encode()).encode().encode() for size in (101, 100)
    )
    garbage = b"\xff this is a file that someone else put here\n"
    for held, said in (
        (None, "its checkpoint is of uz.registry.example/log"),
        (longer, "it has 101 entries, and 100 are published"),
        (other, "its first 100 entries are others than ours"),
        (garbage, "the signed note cannot be read"),
    ):
        if held is not None:
            (folder / "checkpoint").write_bytes(held)
        before = content(folder)
        refused(minsk("log", "export", str(folder)), "folder-of-another-log", said)
        assert content(folder) == before


def test_an_export_says_what_is_not_there_and_what_is_in_its_way(
    corridor: Corridor, minsk: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    refused(minsk("log", "export", str(folder)), "nothing-published", "no witness has cosigned one")
    assert not folder.exists()
    corridor.by.sequence()
    refused(minsk("log", "export", str(folder)), "nothing-published")
    corridor.by.witnessed(corridor.uz)
    folder.write_text("a file")
    refused(minsk("log", "export", str(folder)), "folder-unusable", str(folder))
    assert folder.read_text() == "a file"
    folder.unlink()
    folder.mkdir()
    (folder / "tile").write_text("a file")
    refused(minsk("log", "export", str(folder)), "folder-unusable", "tile")
    assert not (folder / "checkpoint").exists()


def test_a_proof_is_of_an_act_or_a_certificate_and_waits_for_the_witnesses(
    corridor: Corridor, minsk: Registry, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    act = str(issued.act)
    refused(minsk("log", "prove", act), "proof-pending", "no published checkpoint covers it yet")
    refused(minsk("log", "prove", "f" * 32), "nothing-to-prove", "no act has this id here")
    by.sequence()
    refused(minsk("log", "prove", issued.id), "proof-pending", "no published checkpoint covers it yet")
    by.witnessed(uz)
    out = tmp_path / "act.tlog-proof"
    assert minsk("log", "prove", act, "--out", str(out)) == (0, "", "")
    done = minsk("log", "prove", issued.id)
    assert (done.code, done.out, done.err) == (0, out.read_text(), "")
    nowhere = minsk("log", "prove", act, "--out", str(out / "below a file"))
    assert (nowhere.code, "cannot be written" in nowhere.err) == (2, True)
    proof = TlogProof.parse(done.out)
    policy = Policy.parse(minsk("log", "policy").out)
    checkpoint = policy.check(Note.parse(proof.checkpoint_note)).checkpoint
    assert proof.extra is not None
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(proof.extra), list(proof.hashes), checkpoint.root)


def test_the_policy_is_what_other_programs_read(corridor: Corridor, minsk: Registry) -> None:
    done = minsk("log", "policy")
    assert (done.code, done.err) == (0, "")
    policy = Policy.parse(done.out)
    assert [known.vkey for known in policy.logs] == [corridor.by.node.keyring.log.vkey]
    assert [known.vkey for known in policy.witnesses] == [corridor.uz.node.keyring.witness.vkey]
    assert done.out.startswith("log by.registry.example/log+")


def test_two_signed_notes_prove_a_split_and_nothing_less_does(
    corridor: Corridor, minsk: Registry, tmp_path: Path
) -> None:
    signer = corridor.by.node.keyring.log
    files = {}
    for name, size, root in (("a", 5, 1), ("b", 5, 2), ("same", 5, 1), ("longer", 9, 3)):
        files[name] = tmp_path / name
        files[name].write_text(signer.sign(Checkpoint(signer.vkey.name, size, bytes([root]) * 32).encode()).encode())
    key = ("--key", signer.vkey.encode())
    done = minsk("log", "evidence", str(files["a"]), str(files["b"]), *key)
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [
        ["first", "second", "finding"],
        [str(files["a"]), str(files["b"]), "split"],
    ]
    done = minsk("log", "evidence", *map(str, files.values()), *key, "--json")
    assert done.code == 0
    found = {(Path(row["first"]).name, Path(row["second"]).name): row["finding"] for row in json.loads(done.out)}
    assert found == {
        ("a", "b"): "split",
        ("a", "same"): "same",
        ("a", "longer"): "open",
        ("b", "same"): "split",
        ("b", "longer"): "open",
        ("same", "longer"): "open",
    }
    for other in ("same", "longer"):
        assert minsk("log", "evidence", str(files["a"]), str(files[other]), *key).code == 1
    policy = tmp_path / "policy"
    policy.write_text(minsk("log", "policy").out)
    by_policy = ("--policy", str(policy))
    assert minsk("log", "evidence", str(files["a"]), str(files["b"]), *by_policy).code == 0
    stranger = corridor.uz.node.keyring.log.vkey.encode()
    refused(
        minsk("log", "evidence", str(files["a"]), str(files["b"]), "--key", stranger),
        "note-unfit",
        str(files["a"]),
        str(files["b"]),
        "note-not-signed",
    )
    cosigner = corridor.uz.node.keyring.witness.vkey.encode()
    misused = minsk("log", "evidence", str(files["a"]), str(files["b"]), "--key", cosigner)
    assert (misused.code, "Traceback" in misused.err) == (2, False)
    refused(minsk("log", "evidence", str(files["a"]), str(files["b"]), "--key", "no key"), "malformed-verifier-key")
    for words in (
        (str(files["a"]), *key),
        (str(files["a"]), str(files["b"])),
        (str(files["a"]), str(files["b"]), *key, *by_policy),
        (str(files["a"]), str(tmp_path / "none"), *key),
    ):
        assert minsk("log", "evidence", *words).code == 2
    (tmp_path / "torn").write_text(files["b"].read_text()[:-9])
    torn = str(tmp_path / "torn")
    refused(minsk("log", "evidence", str(files["a"]), torn, *key), "note-unfit", torn, "malformed-note")
    done = minsk("log", "evidence", str(files["a"]), torn, str(files["b"]), *key)
    assert (done.code, done.err.count("note-unfit"), "split" in done.out) == (0, 1, True)


def test_the_evidence_that_a_node_holds_convinces_anyone(
    corridor: Corridor, tashkent: Registry, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    done = tashkent("log", "splits")
    assert done == (0, "none: every log that is followed here only grew\n", "")
    grow(by, uz, 100)
    lived.split(by, uz)
    folder = tmp_path / "evidence"
    (row,) = json.loads(tashkent("log", "splits", "--json").out)
    assert row["origin"] == "by.registry.example/log"
    done = tashkent("log", "splits", "--folder", str(folder))
    assert (done.code, row["id"] in done.out) == (0, True)
    shown, known = (str(folder / f"{row['id'][:16]}.{which}") for which in ("shown", "known"))
    done = tashkent("log", "evidence", shown, known, "--key", by.node.keyring.log.vkey.encode())
    assert (done.code, done.out.endswith("split\n")) == (0, True)


def test_an_entry_of_the_largest_size_is_served_and_proved(
    forge: Forge, corridor: Corridor, minsk: Registry, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    largest = (b"the largest entry " * 4000)[:MAX_ENTRY]
    grow(by, uz, 254)
    by.draft()
    with forge.breaking(by) as tx:
        act = tx.execute(text("SELECT act FROM log_queue ORDER BY seq LIMIT 1")).scalar_one()
        tx.execute(text("UPDATE act SET leaf = :leaf WHERE id = :act"), {"leaf": largest, "act": act})
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        index = log.index_of(tx, act)
        assert index is not None
        proof = prove_entry(tx, index)
        size = checkpoints.published_size(tx)
    assert proof is not None
    again = TlogProof.parse(proof.encode())
    assert again.extra == largest
    checkpoint = Checkpoint.parse(Note.parse(again.checkpoint_note).text)
    verify_inclusion(index, checkpoint.size, leaf_hash(largest), list(again.hashes), checkpoint.root)
    folder = tmp_path / "log"
    exported(minsk, folder)
    bundle = Tile(None, index // 256, min(256, size - index // 256 * 256))
    entries = read_entries((folder / bundle.path).read_bytes(), bundle.width)
    assert entries[index - bundle.start] == largest
    read = TileReader(size, lambda tile: (folder / tile.path).read_bytes())
    root = tree_root(size, read)
    assert Checkpoint.parse(Note.parse((folder / "checkpoint").read_text()).text).root == root
    verify_inclusion(index, size, leaf_hash(largest), prove_inclusion(index, size, read), root)


def test_the_public_logs_of_two_countries_that_lived_tell_nothing_more(forge: Forge) -> None:
    with forge.corridor() as corridor:
        lived.live(corridor)
        for country in (corridor.by, corridor.uz):
            with country.node.database.read() as tx:
                size = checkpoints.published_size(tx)
                assert check_leaves(tx, log.leaves(tx, 0, size), {"BY", "UZ"}) == size > 30
