"""Verify every pair of saved checkpoints with `aics_tlog` alone: its Python runs this file, and loads nothing of ours.

Standard input: `{tiles, vkey, notes, by_tiles}`. Entries and tiles are fetched from there and authenticated. Proofs are
made from the entries for every pair, and for the pairs `by_tiles` from the tiles, as a reader without entries would.
"""

import json
import sys
from typing import Any

import aics_tlog as tlog  # type: ignore[import-not-found]


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    key = tlog.parse_vkey(told["vkey"])
    heads = {}
    for text in told["notes"]:
        checked = tlog.verify_checkpoint(tlog.parse_note(text.encode()), key, [], 0)
        if not checked.ok:
            raise SystemExit(f"a saved checkpoint is refused: {checked.error}")
        heads[checked.size] = checked.root
    newest = max(heads)
    tiles = tlog.VerifiedTileReader(tlog.HttpTileReader([told["tiles"]]), newest, heads[newest])
    tree = tlog.MerkleTree(tiles.entry(index) for index in range(newest))
    wrong, pairs = [], 0
    for new in sorted(heads):
        for old in (old for old in heads if old < new):
            pairs += 1
            if not tlog.verify_consistency(old, new, heads[old], heads[new], tree.consistency_proof(old, new)):
                wrong.append([old, new])
    for old, new in told["by_tiles"]:
        proof = tlog.consistency_proof_from_tiles(tiles, old, new, newest)
        if not tlog.verify_consistency(old, new, heads[old], heads[new], proof):
            wrong.append([old, new])
    sys.stdout.write(json.dumps({"pairs": pairs, "wrong": wrong}))


main()
