"""The guard, and the way back of a node whose database is a backup: ask everyone first, then one transaction."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from registry.cli.asking import ask_everyone, ask_witnesses, recall
from registry.cli.console import Json, Token, opened, show, show_rows, wanted_token
from registry.core.errors import Conflict, Unavailable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.note import Note
from registry.node import Node
from registry.peer.client import Peer
from registry.peer.refusals import PeerHasNone
from registry.store import channel, log, witness
from registry.store.at_work import alone
from registry.store.guard import Guard, Mark, of_forgotten
from registry.usecases.channel.accept_message import Receiver
from registry.usecases.party.identify_party import identify
from registry.usecases.recovery.compare_guard import Marks, Standing, WitnessForgot, compare, marks_of
from registry.usecases.recovery.recover_node import NotAsked, Recovered
from registry.usecases.recovery.recover_node import recover as recover_in
from registry.usecases.trust.believe_peers import read_beliefs


@dataclass(eq=False)
class GuardExists(Conflict):
    """There is a guard: one is made anew only where it was lost."""

    code: ClassVar[str] = "guard-exists"
    path: str

    def __str__(self) -> str:
        return f"the guard {self.path} is there: it is begun anew only where it was lost"


@dataclass(eq=False)
class NothingBehind(Conflict):
    """The database holds all that the guard remembers."""

    code: ClassVar[str] = "nothing-behind"

    def __str__(self) -> str:
        return "this database holds all that the guard remembers of the log and of the messages: nothing is to recover"


@dataclass(eq=False)
class DatabaseOlder(Unavailable):
    """Others have more of this node than its database: a guard made from it would remember too little."""

    code: ClassVar[str] = "database-older"
    what: str
    held: int
    seen: int

    def __str__(self) -> str:
        return (
            f"of {self.what} this database holds {self.held}, and {self.seen} were seen: it is a backup, and a guard "
            "made from it would remember too little. Put the guard file back, then run registry log recover"
        )


ENDED = (
    "acts that may have ended a token are lost, and nobody can say whose: every token ended but those of who "
    "recovered, and the owner of the database makes operators anew (the operator's guide, section 8)"
)

LOST = (
    "the log says something of certificates for another country that is lost here and was not sent: a task "
    "certificate.entry-lost names each, and until it is closed what customs there are told turns status-stale "
    "(the operator's guide, section 8)"
)


def guard(
    begin: Annotated[bool, typer.Option("--begin", help="Make the guard anew where its file was lost.")] = False,
    as_json: Json = False,
) -> None:
    """Show what the guard remembers beside what the database holds. Example: registry log guard.

    Exits 1 where the database is behind: it was restored from a backup. --begin asks every peer and witness first
    whether they have seen more of this node than the database holds. What this node's own witness cosigned cannot be
    asked of anyone: it is silent from then on, until it has a new key (registry keys witness --next).
    """
    with opened() as node:
        if begin:
            _begin(node)
        standings = _compare(node)
        forgotten = of_forgotten(node.keyring.witness.vkey.name)
    rows = [
        {"what": each.what, "guard": each.marked, "database": each.held, "state": _state(each, forgotten)}
        for each in standings
    ]
    show_rows(rows, as_json=as_json, nothing="the guard remembers nothing: nothing that is numbered has left yet")
    if any(each.what == forgotten for each in standings):
        typer.echo(str(WitnessForgot(node.keyring.witness.vkey.name)), err=True)
    if any(each.behind and not (begin and each.what == forgotten) for each in standings):
        raise typer.Exit(1)


def _state(standing: Standing, forgotten: str) -> str:
    if standing.what == forgotten:
        return "silent"
    return "behind" if standing.behind else "agrees"


def recover(
    token: Token = None,
    give_up_unseen: Annotated[
        int,
        typer.Option(min=0, help="Go on without so many entries that were never shown and messages that none has."),
    ] = 0,
    copy: Annotated[list[str] | None, typer.Option(help="Where another copy of this log is served.")] = None,
    as_json: Json = False,
) -> None:
    """Take back from the peers what a restored database lost. Example: registry log recover --token T.

    Stop serve and worker first (it is refused while they run), and adopt the newest trust lists and agreements. The
    log goes on as it was signed, or not at all; what we sent and what was sent to us comes back; numbers that may have
    been given stay unused. Where the act that ended a token, a role or a mandate is lost, all of these end but your own
    tokens (decision 0040).
    """
    with opened() as node:
        at = node.now()
        with node.database.read() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
        with alone(node.database.engine.url, "log recover"):
            done = recover_node(node, by, give_up=give_up_unseen, copies=copy or ())
    show(dict(done.said), as_json=as_json)
    if done.said["tokens_ended"]:
        typer.echo(ENDED, err=True)
    if done.said["entries_lost"]:
        typer.echo(LOST, err=True)


def recover_node(node: Node, by: Any, *, give_up: int = 0, copies: Sequence[str] = ()) -> Recovered:
    """Ask everyone, take back in one transaction, and let the guard know."""
    marks = node.guard.marks()
    if not any(each.behind for each in _compare(node) if not each.what.startswith("witness ")):
        raise NothingBehind
    with node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
    settings = node.settings
    receiver = Receiver(settings.did, settings.env, settings.country, node.keyring.node)
    fetched = ask_everyone(node, beliefs, receiver, copies)
    with node.database.begin() as tx:
        recovered = recover_in(
            tx, fetched, receiver, marks, beliefs, give_up=give_up, by=by, at=node.now(), draw=node.draw
        )
    for what, mark in recovered.marks.items():
        _remember(node.guard, what, mark)
    return recovered


def _remember(guard: Guard, what: str, mark: Mark) -> None:
    """Bring a mark to where the database stands now; a lower one is what the operator gave up."""
    known = guard.mark(what)
    if known is not None and known.number > mark.number:
        guard.lower(what, mark)
    else:
        guard.advance(what, mark)


def _begin(node: Node) -> None:
    """Make the guard from the database, once everyone has said that they have not seen more of this node.

    A peer that hides what it saw is believed here: whoever lost the guard and the database with it has nothing else.
    """
    guard = Guard(node.settings.guard_path)
    if guard.exists():
        raise GuardExists(str(guard.path))
    name, own = node.keyring.witness.vkey.name, node.keyring.log.vkey
    with node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
        size, _ = log.root_of(log.head(tx))
        cosigned_here = {head.origin: head.size for head in witness.heads(tx)}
        marks = marks_of(tx, own.name, name)
        known = [peer for peer in channel.peers(tx) if peer not in node.settings.peer_urls]
    if known:
        raise NotAsked(known)
    for seen in ask_witnesses(node, beliefs):
        if seen.size > size:
            raise DatabaseOlder("the log", size, seen.size)
    for did, url in node.settings.peer_urls.items():
        with closing(Peer.at(url)) as peer:
            _check_messages(node, peer, did)
            _check_own_witness(node, peer, cosigned_here)
    guard.begin(marks)


def _check_messages(node: Node, peer: Peer, did: str) -> None:
    """Check that the peer has no message of ours that is not here, and acknowledged none of its own that is not."""
    with node.database.read() as tx:
        stands = {node.settings.did: channel.sent(tx, did), did: channel.received(tx, did)}
    for of, after in stands.items():
        found = [each for each in recall(node, peer, did, of, after) if of != did or each.receipt is not None]
        if found:
            raise DatabaseOlder(f"the messages of {of}", after.seq, after.seq + len(found))


def _check_own_witness(node: Node, peer: Peer, here: Mapping[str, int]) -> None:
    """Check that the peer's log bears no cosignature of ours beyond what our witness remembers."""
    try:
        note = Note.parse(peer.read("/log/checkpoint").decode("utf-8", errors="replace"))
    except PeerHasNone:
        return
    checkpoint, held = Checkpoint.parse(note.text), here.get(Checkpoint.parse(note.text).origin, 0)
    if cosigned_at(note, node.keyring.witness.vkey) is not None and checkpoint.size > held:
        raise DatabaseOlder(f"what this witness cosigned of {checkpoint.origin}", held, checkpoint.size)


def _compare(node: Node) -> Sequence[Standing]:
    marks: Marks = node.guard.marks()
    with node.database.read() as tx:
        return compare(tx, marks, node.keyring.witness.vkey.name)
