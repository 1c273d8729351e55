"""How the node stands, on one page: is it ready, its corridors, its log, the lists, and what waits for a person."""

import sys
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from registry.api.health import Health, ready
from registry.cli.console import opened
from registry.core.errors import RegistryError
from registry.core.identifiers import log_origin
from registry.node import Node
from registry.store import tasks
from registry.usecases.node.measure_node import Measures, measure
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.trust.find_unlisted import Unlisted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
MOST_TASKS = 20
LATE = 60.0
"""Seconds after which a message without a receipt, or an act outside the log, is overdue."""
LIST_ENDS = 5 * 86_400.0
"""Seconds before its end from which on the next trust list is overdue."""


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell how the node stands: corridors, lag, age of the lists, what is overdue, tasks. Example: registry status.

    Exits 1 where something is wrong, as `/health/ready` answers 503, and where an alarm is open.
    """
    with opened() as node:
        health, settings = Health.model_validate_json(bytes(ready(node).body)), node.settings
        told = {"node": settings.name, "country": settings.country, "env": settings.env.value, **health.model_dump()}
        told |= {"why": [], **_looked(node)}
    if as_json:
        sys.stdout.write(orjson.dumps(told).decode() + "\n")
    else:
        _print(told)
    if not health.ready or health.alarms:
        raise typer.Exit(1)


def _looked(node: Node) -> dict[str, Any]:
    """Look for oneself: what anyone may read at `/health/ready` names kinds, an operator is told which."""
    found: dict[str, Any] = {}
    try:
        with node.database.read() as tx:
            found |= _told(measure(tx, node.pins, country=node.settings.country, at=node.now()))
            found["open"] = [
                {"kind": task.kind, "subject": task.subject, "role": task.role, "since": task.opened_at.isoformat()}
                for task in tasks.open_tasks(tx, limit=MOST_TASKS)
            ]
            check_caught_up(tx, node.guard.marks(), log_origin(node.settings.name))
    except RegistryError as refusal:
        found["why"] = [f"{refusal.code}: {refusal}"]
    return found


def _told(measures: Measures) -> dict[str, Any]:
    agreements = [
        {"id": each.id, "countries": list(each.countries), "in_force": each.in_force} for each in measures.agreements
    ]
    peers = [
        {
            "node": peer.did,
            "country": peer.country,
            "queue": peer.queue,
            "waiting_seconds": peer.waiting,
            "silent_seconds": peer.silence,
            "mirrored": peer.mirrored,
        }
        for peer in measures.peers
    ]
    witnesses = [
        {"witness": each.name, "answered_seconds": each.answered, "unanswered_seconds": each.unanswered}
        for each in measures.witnesses
    ]
    lists = [
        {
            "country": held.country,
            "epoch": held.epoch,
            "version": held.version,
            "age_seconds": held.age,
            "left_seconds": held.left,
            "freshness_seconds": held.stated,
        }
        for held in measures.lists
    ]
    log = {
        "size": measures.log.size,
        "published": measures.log.published,
        "lag_seconds": measures.log.lag,
        "unpublished_seconds": measures.log.unpublished,
    }
    corridor = {"agreements": agreements, "peers": peers, "witnesses": witnesses}
    return {**corridor, "log": log, "lists": lists, "overdue": _overdue(measures), "tasks": dict(measures.tasks)}


def _overdue(measures: Measures) -> list[str]:
    """Say what should have happened by now."""
    late = []
    if measures.log.lag > LATE:
        late.append(f"the log has not taken in what is {_span(measures.log.lag)} old")
    late += [
        f"{peer.did} has given no receipt for {_span(peer.waiting)}" for peer in measures.peers if peer.waiting > LATE
    ]
    late += [
        f"{each.name} has not answered for {_span(each.unanswered)}: what is logged meanwhile has no proof"
        for each in measures.witnesses
        if each.unanswered is not None and each.unanswered > LATE
    ]
    late += [
        f"the next trust list of {held.country}: this one {_ends(held.left)}"
        for held in measures.lists
        if held.left < LIST_ENDS
    ]
    late += [_unlisted(each) for each in measures.unlisted]
    if measures.by_one:
        late.append(
            f"{measures.by_one} tokens that one operator alone issued: replace them (registry party token list)"
        )
    return late + measures.operators.overdue(measures.at)


def _unlisted(each: Unlisted) -> str:
    if each.listed is None:
        said = f"registered here as {each.here} on {each.since}; the list has no such body"
    else:
        said = "renamed here to" if each.what == "name" else "given the role"
        said += f" {each.here} on {each.since}; the list still says {each.listed}"
    return f"{each.code}: {said}: draft, sign and publish the next one (registry trust)"


def _print(told: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f"{told['node']} ({told['country']}, {told['env']}): {'ready' if told['ready'] else 'NOT READY'}")
    for name in ("wrong", "why", "alarms", "overdue", "waiting"):
        for line in told.get(name, ()):
            console.print(f"  {name}: {line}", markup=False)
    if "log" not in told:
        return
    log = told["log"]
    console.print(
        f"log: {log['size']} entries, {log['published']} published, lag {_span(log['lag_seconds'])}, "
        f"unpublished for {_span(log['unpublished_seconds'])}"
    )
    for agreement in told["agreements"]:
        state = "in force" if agreement["in_force"] else "not in force"
        console.print(f"agreement {agreement['id'][:16]}: {' and '.join(agreement['countries'])}, {state}")
    peers = Table("peer", "country", "queue", "oldest", "last message", "mirrored", box=None)
    for peer in told["peers"]:
        last, waits = _ago(peer["silent_seconds"]), _span(peer["waiting_seconds"])
        peers.add_row(peer["node"], peer["country"], str(peer["queue"]), waits, last, str(peer["mirrored"]))
    witnesses = Table("witness", "last answered", "asked without an answer", box=None)
    for each in told["witnesses"]:
        owes = each["unanswered_seconds"]
        witnesses.add_row(
            each["witness"], _ago(each["answered_seconds"]), "no" if owes is None else f"for {_span(owes)}"
        )
    lists = Table("list", "epoch", "version", "age", "its end", "newest freshness statement", box=None)
    for held in told["lists"]:
        spans = (_span(held["age_seconds"]), _ends(held["left_seconds"]), _ago(held["freshness_seconds"]))
        lists.add_row(held["country"], str(held["epoch"]), str(held["version"]), *spans)
    console.print(peers, witnesses, lists)
    open_ = [f"{kind} {count}" for kind, count in told["tasks"].items() if count]
    console.print(f"open tasks: {', '.join(open_) or 'none'}", markup=False)
    for task in told["open"]:
        console.print(f"  {task['kind']}: {task['subject']}, for {task['role']}, since {task['since']}", markup=False)


def _ends(left: float) -> str:
    return f"ends in {_span(left)}" if left >= 0 else f"ended {_span(-left)} ago"


def _ago(seconds: float | None) -> str:
    return "none yet" if seconds is None else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    """Write a span of time in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
