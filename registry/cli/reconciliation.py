"""What both nodes say of each month that is over: how it stands, and every difference, by certificate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy.orm import Session

from registry.cli.console import Json, opened, show_rows
from registry.core.channel.reconciliation import Month
from registry.core.errors import Malformed
from registry.store import reconciliations
from registry.store.reconciliations import Settled
from registry.usecases.channel.read_months import MonthState, Unstated, receiver_of, state_of, why_unstated
from registry.usecases.channel.settle_months import Ends
from registry.usecases.trust.believe_peers import read_beliefs

if TYPE_CHECKING:
    from registry.node import Node

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
MOST = 1000
WHY = {
    Unstated.NOT_OVER: "the month is not over: it is stated an hour after its end in UTC at the earliest",
    Unstated.NOTHING: "nothing was issued by then, and nothing is to be stated",
    Unstated.WAITING: "it is over and not stated yet: it waits for what is still to be sent, published or mirrored",
    Unstated.OVERDUE: "OVERDUE: it should be stated by now; a task says so (registry status)",
}
MEMBERS = ("code", "certificate", "issued", "delivered")
"""Of a difference, in the order in which a person reads them."""


def _month(text: str) -> str:
    try:
        return Month.parse(text).encode()
    except Malformed:
        raise typer.BadParameter(f"{text} is not a month, as 2026-10") from None


@app.command()
def reconciliation(
    month: Annotated[
        str | None, typer.Option(parser=_month, help="Only this month, as 2026-10, with every difference.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how each month that is over stands with each peer. Example: registry reconciliation --month 2026-10.

    Each direction has a line: what one node issued for the country of the other, and what is held of it there. Exits 1
    where they differ and no person has closed the task that says so. Of a month that is named it says, too, why a
    direction of it is not stated: it is not over, nothing was issued, it still waits, or it is overdue.
    """
    with opened() as node, node.database.read() as tx:
        own = node.settings.did
        found = reconciliations.page(tx, after=None, limit=MOST, month=month)
        rows = [_row(each, own, whole=month is not None) for each in found]
        missing = [] if month is None else list(_missing(tx, node, Month.parse(month), rows))
    if as_json:
        show_rows(rows, as_json=True, nothing="")
    else:
        _print(rows, month)
        for line in missing:
            typer.echo(line)
    if any(row["state"] == MonthState.DIFFERS for row in rows):
        raise typer.Exit(1)


def _row(settled: Settled, own: str, *, whole: bool) -> dict[str, Any]:
    issued, compared, task = settled
    differences = [] if compared is None else compared.found["differences"]
    found = [{name: each[name] for name in MEMBERS if name in each} for each in differences]
    row = {
        "month": issued.month,
        "issuer": issued.by,
        "receiver": receiver_of(settled, own),
        "state": state_of(settled).value,
        "stated": issued.stated_at.isoformat(),
        "compared": None if compared is None else compared.at.isoformat(),
        "differences": len(found),
        "reason": None if task is None else task.reason,
    }
    return row | {"found": found} if whole else row


def _missing(tx: Session, node: "Node", month: Month, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Say of each direction that is not stated why it is not."""
    own, stated = node.settings.did, {(row["issuer"], row["receiver"]) for row in rows}
    lists = read_beliefs(tx, node.pins).lists
    others = [held for name, held in sorted(lists.items()) if name != node.settings.country]
    for country, peer in ((held.list.country, known.row.id) for held in others for known in held.nodes.values()):
        for issuer, receiver in ((own, peer), (peer, own)):
            if (issuer, receiver) not in stated:
                why = why_unstated(tx, month, Ends(own, peer, country), issuer, at=node.now())
                yield f"{month.encode()}, issued by {issuer} for {receiver}: {WHY[why]}"


def _print(rows: list[dict[str, Any]], month: str | None) -> None:
    table = [{name: value for name, value in row.items() if name != "found"} for row in rows]
    if month is not None and not rows:
        return
    nothing = "no month in which something was issued is over"
    show_rows(table, as_json=False, nothing=nothing)
    for row in rows:
        if row.get("found"):
            typer.echo(f"\n{row['month']}, issued by {row['issuer']}, delivered to {row['receiver']}:")
            show_rows(row["found"], as_json=False, nothing="")
