"""The channel with each peer: how it stands, and a new epoch of one direction, by two people at each end."""

from contextlib import closing
from typing import Annotated, Any

import typer

from registry.cli.asking import recall_epoch
from registry.cli.console import Json, Token, new_app, opened, show, show_rows, wanted_token
from registry.core.channel.epoch import MAX_REASON, EpochBegun
from registry.node import Node
from registry.peer.client import Peer
from registry.store import channel as messages
from registry.store import epochs
from registry.store.epochs import Direction
from registry.usecases.channel import follow_epoch
from registry.usecases.party.identify_party import Party, identify
from registry.usecases.recovery import begin_epoch
from registry.usecases.recovery.begin_epoch import Parting
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_messages import Restoring
from registry.usecases.recovery.recover_node import NotAsked
from registry.usecases.trust.believe_peers import read_beliefs

app = new_app(
    "See the channel with each peer, and begin a new epoch of it by two people. Example: registry channel show"
)
begin = new_app("Number our messages to a peer anew, where it holds others of ours than we do: two people.")
follow = new_app("Agree to a new epoch of a peer's messages, which it began: two people.")
app.add_typer(begin, name="begin")
app.add_typer(follow, name="follow")
PeerDid = Annotated[str, typer.Argument(metavar="PEER", help="The DID of the peer's node.")]


@app.command("show")
def show_channel(as_json: Json = False) -> None:
    """Show each direction of the channel: its epoch, last number, and what waits. Example: registry channel show."""
    with opened() as node, node.database.read() as tx:
        waiting = messages.queues(tx)
        rows: list[dict[str, Any]] = []
        for peer in messages.peers(tx):
            for direction, position in (
                (Direction.SENT, messages.sent(tx, peer)),
                (Direction.RECEIVED, messages.received(tx, peer)),
            ):
                began = epochs.newest(tx, direction, peer)
                waits = waiting.get(peer, (0, None))[0] if direction is Direction.SENT else None
                rows.append(
                    {
                        "peer": peer,
                        "direction": direction.value,
                        "epoch": position.epoch,
                        "number": position.seq,
                        "without_receipt": waits,
                        "began": None if began is None else began.begun_at.isoformat(),
                        "reason": None if began is None else began.reason,
                    }
                )
    show_rows(rows, as_json=as_json, nothing="no message was sent or received yet")


@begin.command("propose")
def propose_beginning(
    peer: PeerDid,
    reason: Annotated[str, typer.Option(help="Why, for the people of the peer to read.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Ask the peer what it holds of our messages, and propose the epoch that follows on the last that is here, too.

    Nothing changes until another operator confirms. Example: registry channel begin propose did:web:uz.registry.example
    --reason "restored from the backup of 21 November"
    """
    if not 0 < len(reason) <= MAX_REASON:
        raise typer.BadParameter(f"the reason is empty, or longer than {MAX_REASON} characters")
    with opened() as node:
        recalled = _recall(node, peer)
        with node.database.begin() as tx:
            restoring, by = _restoring(node, tx, token)
            parting = begin_epoch.part(restoring, peer, recalled)
            begun = begin_epoch.propose(tx, peer, parting, reason, by=by, at=restoring.at, draw=node.draw)
    show(_proposed(peer, begun) | _held(parting), as_json=as_json)


@begin.command("confirm")
def confirm_beginning(peer: PeerDid, token: Token = None, as_json: Json = False) -> None:
    """Begin the epoch that another operator proposed; what only the peer holds comes back, the rest is sent anew.

    Messages with what is named as astray could not be taken back: it clashes with what was done here since. Look at
    each with registry fsck and the peer's people. Example: registry channel begin confirm did:web:uz.registry.example
    """
    with opened() as node:
        recalled = _recall(node, peer)
        with node.database.begin() as tx:
            restoring, by = _restoring(node, tx, token)
            parting = begin_epoch.part(restoring, peer, recalled)
            known = restoring.beliefs.node(peer)
            if known is None:
                raise NotAsked([peer])
            row, astray = begin_epoch.confirm(restoring, peer, known.country, parting, by=by)
    taken: dict[str, Any] = {"certificates": restoring.taken.certificates, "changes": restoring.taken.changes}
    show({"peer": peer, "begun": row.epoch} | _held(parting) | taken | {"astray": list(astray)}, as_json=as_json)


@follow.command("propose")
def propose_following(peer: PeerDid, token: Token = None, as_json: Json = False) -> None:
    """Propose to follow the epoch that a peer offers: where it ended the last one is checked against what is here.

    Ask the peer's people by another way whether they began it. Example: registry channel follow propose
    did:web:by.registry.example
    """
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            begun = follow_epoch.propose(tx, peer, by=by, at=at, draw=node.draw)
    show(_proposed(peer, begun), as_json=as_json)


@follow.command("confirm")
def confirm_following(peer: PeerDid, token: Token = None, as_json: Json = False) -> None:
    """Agree to the epoch that another operator proposed to follow: messages of it are taken from now on.

    Example: registry channel follow confirm did:web:by.registry.example
    """
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            row = follow_epoch.confirm(tx, peer, by=by, at=at, draw=node.draw)
    show({"peer": peer, "followed": row.epoch, "ended": row.ended_seq, "reason": row.reason}, as_json=as_json)


def _recall(node: Node, peer: str) -> list[Recalled]:
    """Ask a peer what it holds of our messages after the last that it acknowledged."""
    url = node.settings.peer_urls.get(peer)
    if url is None:
        raise NotAsked([peer])
    with node.database.read() as tx:
        after = messages.acknowledged(tx, peer)
    with closing(Peer.at(url)) as asked:
        return list(recall_epoch(node, asked, peer, node.settings.did, after.epoch, after.next_seq))


def _restoring(node: Node, tx: Any, token: str | None) -> tuple[Restoring, Party]:
    settings, at = node.settings, node.now()
    by = identify(tx, wanted_token(token), node=settings.did, at=at)
    beliefs = read_beliefs(tx, node.pins)
    return Restoring(tx, settings.country, settings.env, settings.did, beliefs, by.actor, at, node.draw), by


def _proposed(peer: str, begun: EpochBegun) -> dict[str, Any]:
    ended = {"ended": begun.ended.seq, "digest": begun.ended.digest}
    return {"peer": peer, "epoch": begun.epoch, **ended, "reason": begun.reason}


def _held(parting: Parting) -> dict[str, Any]:
    return {"held_only_there": len(parting.branch)}
