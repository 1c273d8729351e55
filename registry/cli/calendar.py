"""Calendars of working days: drafted from a package, read by people, proposed by one and confirmed by another."""

import importlib.metadata
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from registry.cli.console import Json, Token, new_app, opened, read_file, show, show_rows, wanted_token, write_file
from registry.core import canonical
from registry.core.application.working_year import NOT_COMPARED, read_calendar, write_calendar
from registry.core.calendar import Calendar
from registry.core.record import MalformedRecord
from registry.store import calendars
from registry.usecases.application import confirm_calendar
from registry.usecases.party.identify_party import identify

app = new_app(
    "Draft, propose and confirm calendars of working days. Example: registry calendar draft BY 2026 by-2026.json"
)
Files = Annotated[list[Path], typer.Argument(help="Calendars as files; several are one piece of work.")]
SATURDAY = 5
DAYS = ("source", "rest", "worked")
"""Of a calendar, what a person reads."""
NONE_MOVED = (
    "no transfer of working days of {} in {} is known here: add it to rest and worked from the official decision, "
    "once there is one, and name it under source"
)
"""Said of a draft in which no Saturday or Sunday is worked: whether none is, only the decision of that year says."""


@app.command()
def draft(
    country: Annotated[str, typer.Argument(help="ISO 3166-1 code.")],
    year: Annotated[int, typer.Argument(min=2000, max=2100)],
    out: Annotated[Path, typer.Argument(help="Where to write the draft.")],
    as_json: Json = False,
) -> None:
    """Draft a calendar from the `holidays` package, moved working days included, for a person to compare and correct.

    Days that the package only estimates or does not know yet are the reason why two people look at it: correct the
    file by the decree, and name the decree under `source`. Where it knows of no moved working day, a note says so.
    Example: registry calendar draft UZ 2027 uz-2027.json
    """
    import holidays  # noqa: PLC0415  0.3 s that no other command waits for

    try:
        known = holidays.country_holidays(country, years=year, language="en_US")
    except NotImplementedError:
        raise typer.BadParameter(f"the package knows no holidays of {country}") from None
    source = f"holidays {importlib.metadata.version('holidays')}, {NOT_COMPARED}"
    days = [date(year, 1, 1) + timedelta(days=each) for each in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    calendar = Calendar(
        country,
        year,
        source,
        rest=tuple(day for day in days if day.weekday() < SATURDAY and not known.is_working_day(day)),
        worked=tuple(day for day in days if day.weekday() >= SATURDAY and known.is_working_day(day)),
    )
    write_file(out, orjson.dumps(write_calendar(calendar), option=orjson.OPT_INDENT_2).decode() + "\n")
    doubtful = sorted(day.isoformat() for day in days if "estimated" in known.get(day, ""))
    drafted = {"draft": str(out), "rest": len(calendar.rest), "worked": len(calendar.worked), "estimated": doubtful}
    show(drafted | ({} if calendar.worked else {"note": NONE_MOVED.format(country, year)}), as_json=as_json)


@app.command()
def propose(files: Files, token: Token = None, as_json: Json = False) -> None:
    """Propose calendars; another operator confirms them. Example: registry calendar propose by-2026.json."""
    read = [_read(file) for file in files]
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            proposed = [confirm_calendar.propose(tx, each, by=by, at=at, draw=node.draw) for each in read]
    show({"proposed": proposed}, as_json=as_json)


@app.command()
def confirm(files: Files, token: Token = None, as_json: Json = False) -> None:
    """Confirm calendars that another operator proposed, by one's own copy of the files.

    What was computed before stays as it is. Example: registry calendar confirm by-2026.json
    """
    read = [_read(file) for file in files]
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            rows = [confirm_calendar.confirm(tx, each, by=by, at=at, draw=node.draw) for each in read]
    confirmed = [f"{row.country} {row.year} version {row.version}: {row.digest}" for row in rows]
    show({"confirmed": confirmed}, as_json=as_json)


@app.command("show")
def show_calendars(as_json: Json = False) -> None:
    """Show every confirmed calendar. Example: registry calendar show."""
    with opened() as node, node.database.read() as tx:
        rows: list[dict[str, Any]] = [
            {
                "country": row.country,
                "year": row.year,
                "version": row.version,
                "id": row.digest,
                "confirmed": row.confirmed_at.date().isoformat(),
                "calendar": row.content,
            }
            for row in calendars.every_version(tx)
        ]
    if as_json or not rows:
        show_rows(rows, as_json=as_json, nothing="no calendar is confirmed: due dates are not computed")
        return
    for row in rows:
        days: dict[str, Any] = row.pop("calendar")
        for name in DAYS:
            if name in days:
                row[name] = ", ".join(days[name]) if isinstance(days[name], list) else days[name]
        show(row, as_json=False)
        sys.stdout.write("\n")


def _read(file: Path) -> Calendar:
    value = canonical.read(read_file(file).encode())
    if not isinstance(value, dict):
        raise MalformedRecord("", "is not an object")
    return read_calendar(value)
