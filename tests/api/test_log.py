"""The log as static files, the witness by every row of its specification, and the mirror of the other's log."""

from hashlib import sha256

import pytest
from sqlalchemy import text

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.follow import Edge, TileReader
from registry.core.tlog.merkle import EMPTY_ROOT, prove_consistency, prove_inclusion, verify_inclusion
from registry.core.tlog.merkle import leaf_hash as hash_of
from registry.core.tlog.note import Note, SignatureLine, write_base64
from registry.core.tlog.tile import Tile, read_entries
from registry.core.tlog.witness import Growth
from registry.store import mirror
from registry.store.guard import Mark, of_witness
from registry.usecases.tlog import mirror_log
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor, Country, Forge

ORIGIN = "by.registry.example/log"
TEXT = {"Content-Type": "text/plain"}


def published(country: Country, by: Country) -> int:
    country.sequence()
    country.witnessed(by)
    return len(country.acts())


def tile(office: Office, tile: Tile, prefix: str = "/log") -> bytes:
    answer = office.get(f"{prefix}/{tile.path}")
    assert answer.status_code == 200, answer.text
    assert "immutable" in answer.headers["cache-control"]
    return answer.content


def test_anyone_derives_the_log_from_its_files(corridor: Corridor, minsk: Office) -> None:
    size = published(corridor.by, corridor.uz)
    checkpoint = Checkpoint.parse(Note.parse(minsk.get("/log/checkpoint").text).text)
    entries = read_entries(tile(minsk, Tile(None, 0, size)), size)
    edge, _ = Edge().grown(entries)
    assert (edge.size, edge.root) == (checkpoint.size, checkpoint.root)
    read = TileReader(size, lambda wanted: tile(minsk, wanted))
    for index in (0, size // 2, size - 1):
        verify_inclusion(index, size, hash_of(entries[index]), prove_inclusion(index, size, read), edge.root)


def test_what_is_not_published_is_not_served(corridor: Corridor, minsk: Office) -> None:
    corridor.by.sequence()
    for path in ("0/000.p/1", "entries/000.p/1"):
        assert_problem(minsk.get(f"/log/tile/{path}"), 404, "tile-not-found")
    size = published(corridor.by, corridor.uz)
    for path in (f"0/000.p/{size + 1}", "0/000", "1/000.p/1", "entries/001.p/1"):
        assert_problem(minsk.get(f"/log/tile/{path}"), 404, "tile-not-found")


def test_entries_of_which_an_act_was_removed_or_altered_are_not_served(
    forge: Forge, corridor: Corridor, minsk: Office
) -> None:
    """Whoever reads a bundle keeps it for ever: what was not logged so leaves nobody a wrong one."""
    by = corridor.by
    row = by.issued()
    size = published(by, corridor.uz)
    with forge.breaking(by) as tx:
        tx.execute(text("UPDATE act SET leaf = leaf || ' ' WHERE id = :id"), {"id": row.act})
    problem = assert_problem(minsk.get(f"/log/tile/entries/000.p/{size}"), 503, "entries-damaged")
    assert f"entries 0 to {size - 1}" in problem["title"]
    with forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM act WHERE id = :id"), {"id": row.act})
    assert_problem(minsk.get(f"/log/tile/entries/000.p/{size}"), 503, "entries-damaged")
    auditor = minsk.desk("auditor")
    for refused in (
        auditor.get(f"/api/v1/acts/{row.act}/proof"),
        auditor.post(f"/api/v1/acts/{row.act}/look", {"reason": "кто удалил?"}),
    ):
        assert assert_problem(refused, 404, "act-lost")["entry"] is not None
    assert len(tile(minsk, Tile(0, 0, size))) == 32 * size


@pytest.mark.parametrize("path", ["0", "0/0", "0/000.p/0", "0/000.p/256", "64/000", "data/000", "0/x000/000", "-1/000"])
def test_a_path_that_is_no_tile_is_malformed(minsk: Office, path: str) -> None:
    assert_problem(minsk.get(f"/log/tile/{path}"), 400, "malformed-tile")


def ask(office: Office, growth: str) -> tuple[int, str, str]:
    answer = office.http.post("/witness/add-checkpoint", content=growth.encode(), headers=TEXT)
    return answer.status_code, answer.headers["content-type"].partition(";")[0], answer.text


def grown(country: Country, size: int, root: bytes, old: int, *proof: bytes) -> str:
    log = country.node.keyring.log
    note = log.sign(Checkpoint(log.vkey.name, size, root).encode())
    return Growth(old, proof, note, Checkpoint.parse(note.text)).encode()


def test_the_witness_answers_every_row_of_its_specification(corridor: Corridor, tashkent: Office) -> None:
    """c2sp.org/tlog-witness of 2026-07, in the order of its rules."""
    by, uz = corridor.by, corridor.uz
    key, one, two = uz.node.keyring.witness.vkey, b"\x01" * 32, b"\x02" * 32
    shown = f"/witness/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    malformed = ("", "old x\n\n", "old 1\n" + 64 * f"{write_base64(one)}\n" + "\n" + grown(by, 5, one, 0)[7:])
    for request in (*malformed, grown(by, 5, one, 0).replace("old 0", "old 6")):
        status, _, text = ask(tashkent, request)
        assert (status, "malformed-growth" in text) == (400, True)
    assert (ask(tashkent, grown(uz, 5, one, 0))[0], assert_problem(tashkent.get(shown), 404)["code"]) == (
        404,
        "nothing-witnessed",
    )
    unsigned = grown(by, 5, one, 0)
    head, _, line = unsigned.removesuffix("\n").rpartition("\n")
    forged = SignatureLine(ORIGIN, by.node.keyring.log.vkey.id, bytes(64)).encode()
    stranger = SignatureLine("stranger.example/log", b"abcd", bytes(64)).encode()
    for lines in (forged, stranger, f"{line}\n{forged}"):
        assert ask(tashkent, f"{head}\n{lines}\n")[0] == 403
    assert ask(tashkent, grown(by, 5, one, 3))[:3] == (409, "text/x.tlog.size", "0\n")
    assert ask(tashkent, grown(by, 0, one, 0))[0] == 422
    assert ask(tashkent, grown(by, 5, one, 0, two))[0] == 422
    status, media_type, text = ask(tashkent, grown(by, 0, EMPTY_ROOT, 0))
    assert (status, media_type) == (200, "text/plain")
    status, _, text = ask(tashkent, unsigned)
    assert status == 200
    note = Note.parse(unsigned.partition("\n\n")[2])
    cosigned = Note(note.text, (*note.lines, SignatureLine.parse(text.removesuffix("\n"))))
    assert cosigned_at(cosigned, key) == corridor.clock()
    assert tashkent.get(shown).text == cosigned.encode()
    assert ask(tashkent, unsigned)[:3] == (409, "text/x.tlog.size", "5\n")
    assert ask(tashkent, grown(by, 5, one, 5))[0] == 200
    assert ask(tashkent, grown(by, 5, two, 5))[0] == 422
    assert ask(tashkent, grown(by, 6, two, 5, two))[0] == 422
    assert uz.node.guard.mark(of_witness(key.name, ORIGIN)) == Mark(5, one.hex())


def test_a_witness_restored_from_a_backup_is_silent(corridor: Corridor, tashkent: Office) -> None:
    by, uz = corridor.by, corridor.uz
    what = of_witness(uz.node.keyring.witness.vkey.name, ORIGIN)
    uz.node.guard.advance(what, Mark(9, "ff"))
    status, _, text = ask(tashkent, grown(by, 5, b"\x01" * 32, 0))
    assert (status, "witness-behind" in text) == (503, True)
    uz.node.guard.path.write_text("broken")
    status, _, text = ask(tashkent, grown(by, 5, b"\x01" * 32, 0))
    assert (status, "guard-broken" in text) == (503, True)


def test_a_cosignature_that_the_guard_cannot_remember_does_not_leave(corridor: Corridor, tashkent: Office) -> None:
    corridor.uz.node.guard.path.with_name(f"{corridor.uz.node.guard.path.name}.new").mkdir()
    status, _, text = ask(tashkent, grown(corridor.by, 5, b"\x01" * 32, 0))
    assert (status, "guard-broken" in text, "\N{EM DASH}" in text) == (503, True, False)


def test_the_mirror_of_a_log_serves_what_the_log_serves(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    by, uz = corridor.by, corridor.uz
    prefix = f"/log/mirror/{sha256(ORIGIN.encode()).hexdigest()}"
    for path in ("checkpoint", "tile/0/000.p/1"):
        assert_problem(tashkent.get(f"{prefix}/{path}"), 404, "not-mirrored")
    size = published(by, uz)
    note = minsk.get("/log/checkpoint").text
    with uz.node.database.read() as tx:
        shown = mirror_log.read_shown(tx, note, by.did, uz.beliefs(), at=uz.clock())
    with uz.tx() as tx:
        entries = read_entries(tile(minsk, Tile(None, 0, size)), size)
        proof = prove_consistency(size, size, TileReader(size, lambda wanted: tile(minsk, wanted)))
        mirror_log.grow(tx, shown, entries, proof, at=uz.clock())
    assert tashkent.get(f"{prefix}/checkpoint").text == note
    for wanted in (Tile(0, 0, size), Tile(None, 0, size), Tile(None, 0, 3)):
        assert tile(tashkent, wanted, prefix) == tile(minsk, wanted)
    assert_problem(tashkent.get(f"{prefix}/tile/0/001.p/1"), 404, "tile-not-found")
    assert_problem(tashkent.get(f"{prefix}/tile/0/1"), 400, "malformed-tile")
    with uz.node.database.read() as tx:
        head = mirror.head(tx, ORIGIN)
    assert head is not None
    assert (head.size, head.cosigned_at) == (size, uz.clock())
    assert uz.beliefs().heads == {ORIGIN: uz.clock()}
