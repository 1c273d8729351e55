"""The log as static files: checkpoint, tiles of hashes, bundles of entries (c2sp.org/tlog-tiles)."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from registry.api.call import NodeDep
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.problems import FaceProblem
from registry.api.public import CACHED, NOTE
from registry.api.spelled import Hex256
from registry.core.tlog.tile import MalformedTile, Tile
from registry.store import checkpoints
from registry.usecases.tlog.mirror_log import NotMirrored, find_mirror, read_mirror_tile
from registry.usecases.tlog.publish_log import published_note
from registry.usecases.tlog.read_log import EntriesDamaged, TileNotFound, read_tile

router = APIRouter(prefix="/log", tags=["log"], route_class=StrictRoute)
BYTES = "application/octet-stream"
OriginPath = Annotated[Hex256, Path(description="SHA-256 of the log's origin, in hex.")]
TilePath = Annotated[str, Path(max_length=60, description="`<level>/<index>[.p/<width>]`, or `entries/...`.")]
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/checkpoint", **operation(None, "log-empty", gives=["text/plain"]))
def read_checkpoint(node: NodeDep) -> Response:
    """Give the newest checkpoint that met the quorum, under the freshest line of each witness."""
    with node.database.read() as tx:
        note = published_note(tx)
    if note is None:
        raise FaceProblem("log-empty", "the log has published no checkpoint yet")
    return Response(note, 200, CACHED, NOTE)


@router.get("/mirror/{origin}/checkpoint", **operation(None, NotMirrored, gives=["text/plain"]))
def read_mirrored_checkpoint(origin: OriginPath, node: NodeDep) -> Response:
    """Give the checkpoint that vouches for our copy of another log."""
    with node.database.read() as tx:
        head = find_mirror(tx, origin)
    return Response(head.note, 200, CACHED, NOTE)


@router.get(
    "/mirror/{origin}/tile/{path:path}", **operation(None, MalformedTile, TileNotFound, NotMirrored, gives=[BYTES])
)
def read_mirrored_tile(origin: OriginPath, path: TilePath, node: NodeDep) -> Response:
    """Give a tile or a bundle of our copy of another log."""
    tile = Tile.parse(f"tile/{path}")
    with node.database.read() as tx:
        data = read_mirror_tile(tx, find_mirror(tx, origin), tile)
    return Response(data, 200, FOREVER, BYTES)


@router.get("/tile/{path:path}", **operation(None, MalformedTile, TileNotFound, EntriesDamaged, gives=[BYTES]))
def read_log_tile(path: TilePath, node: NodeDep) -> Response:
    """Give a tile or a bundle: it never changes, and may be kept for ever."""
    tile = Tile.parse(f"tile/{path}")
    with node.database.read() as tx:
        data = read_tile(tx, tile, checkpoints.published_size(tx))
    return Response(data, 200, FOREVER, BYTES)
