"""Two countries on this machine: their birth, a certificate in each direction, and what goes wrong on the way."""

import json
import os
import shlex
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from registry.demo import casework, story
from registry.demo.birth import give_birth
from registry.demo.country import CommandFailed, Country, keep
from registry.demo.desk import NotAsTold, answers, wait_for
from registry.settings import CLOCK_FILE
from registry.store.postgres import Server

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
OUT = Console(highlight=False, soft_wrap=True)
FOLDER = Path("var/demo")
NAMES = {"BY": "by.registry.example", "UZ": "uz.registry.example"}


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo keeps everything; made anew each time.")] = FOLDER,
    port: Annotated[int, typer.Option(min=1024, max=65534, help="Port of Belarus; Uzbekistan has the next.")] = 8100,
    keep_running: Annotated[bool, typer.Option("--keep", help="Leave both nodes running.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what --keep left running, and do nothing else.")] = False,
    environment: Annotated[
        str | None,
        typer.Option(metavar="COUNTRY", help="Print the environment of a node that --keep left running, and no more."),
    ] = None,
    person: Annotated[str | None, typer.Option(help="With --environment: whose token to name, as auditor.")] = None,
) -> None:
    """Run two countries on this machine, and certificates across their border.

    Example: registry demo --keep, then eval "$(registry demo --environment by --person auditor)"
    """
    folder = folder.resolve()
    if environment is not None:
        sys.stdout.write(_environment(folder, environment.upper(), person))
        return
    if stop:
        stopped = _stop_kept(folder)
        OUT.print(f"stopped {', '.join(stopped)}" if stopped else f"no demo runs in {folder}", markup=False)
        return
    if _is_kept(folder):
        sys.stderr.write(f"registry: a demo that was kept is running in {folder}: stop it with --stop\n")
        raise typer.Exit(1)
    _stop_kept(folder)
    if os.environ.get(CLOCK_FILE):
        sys.stderr.write(f"registry: the demo runs by the clock of this machine: unset {CLOCK_FILE}\n")
        raise typer.Exit(1)
    for each in (port, port + 1):
        _want_free(each)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    var = folder / "var"
    ports = {"BY": port, "UZ": port + 1}
    other = {"BY": "UZ", "UZ": "BY"}
    countries = {
        code: Country(code, name, folder / code.lower(), ports[code], NAMES[other[code]], ports[other[code]], var)
        for code, name in NAMES.items()
    }
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    left_running = False
    try:
        Server.start(var / "postgres")
        tally = _tell_all(countries, folder, began)
        if keep_running:
            keep(countries, folder / "running.json")
            left_running = True
            _invite(countries, tally, folder)
    except (NotAsTold, CommandFailed) as error:
        OUT.print(f"\n[red]the demo stopped:[/red] {error}", markup=True)
        raise typer.Exit(1) from None
    finally:
        if not left_running:
            _end(countries, var)


def _tell_all(countries: dict[str, Country], folder: Path, began: float) -> story.Tally:
    def say(what: str) -> None:
        OUT.print(f"{time.monotonic() - began:6.1f} s  {what}", markup=False)
        OUT.file.flush()

    say("two countries are born: two sets of keys, two databases, two ports")
    with OUT.status("making keys, people and trust lists …"):
        give_birth(countries, {code: casework.exporters_of(code) for code in countries}, say)
    for country in countries.values():
        country.start()
    with OUT.status("starting both nodes …"):
        for country in countries.values():
            wait_for(lambda country=country: answers(country), f"{country.code} ready")  # type: ignore[misc]
    say("both nodes answer")
    with OUT.status("certificates are on their way …"):
        tally = story.tell(countries, say, folder)
    _table(tally)
    say("done")
    return tally


def _table(tally: story.Tally) -> None:
    crossed = Table("application", "number", "way", "customs there", title="Issued, delivered, verified")
    for row in tally.rows:
        crossed.add_row(*row)
    stopped = Table("what", "why", title="Stopped")
    for what, why in tally.refused:
        stopped.add_row(what, why)
    later = Table("still to come", "of the main job", title="Not in this version yet")
    for what, step in story.LATER:
        later.add_row(what, step)
    for table in (crossed, stopped, later):
        OUT.print()
        OUT.print(table)


def _invite(countries: dict[str, Country], tally: story.Tally, folder: Path) -> None:
    by, uz = countries["BY"], countries["UZ"]
    question = json.dumps({"number": tally.rows[0][1]})
    OUT.print("\nBoth nodes run. Tokens of all people are in running.json of the demo's folder. Try:\n")
    for line in (
        f"curl -s {uz.url}/api/v1/certificates -H 'Authorization: Bearer {uz.token('officer')}'",
        f"curl -s {by.url}/api/v1/acts?limit=5 -H 'Authorization: Bearer {by.token('auditor')}'",
        (
            f"curl -s {uz.url}/api/v1/verifications -H 'Authorization: Bearer {uz.token('officer')}' "
            "-H 'Idempotency-Key: try-1' -H 'Content-Type: application/json' "
            f"-d '{question}'"
        ),
    ):
        OUT.print(line, markup=False)
    OUT.print("\nCommands of a node, here of BY as its auditor, after:")
    there = "" if folder == FOLDER.resolve() else f" --folder {shlex.quote(str(folder))}"
    OUT.print(f'eval "$(.venv/bin/registry demo{there} --environment by --person auditor)"', markup=False)
    OUT.print(f"\nStop them with: .venv/bin/registry demo{there} --stop", markup=False)


def _want_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.stderr.write(
                f"registry: port {port} is busy: stop what listens there (make demo ARGS=--stop, if it is a demo), "
                "or choose another with --port\n"
            )
            raise typer.Exit(1) from None


def _environment(folder: Path, country: str, person: str | None) -> str:
    """Write the environment of a node of the demo as a shell reads it, with the token of a person if one is named."""
    kept = folder / "running.json"
    if not kept.exists():
        sys.stderr.write(f"registry: no demo runs in {folder}: start one with make demo ARGS=--keep\n")
        raise typer.Exit(1)
    countries = json.loads(kept.read_text())
    if country not in countries:
        raise typer.BadParameter(f"{country} is none of {', '.join(countries)}")
    told, people = countries[country]["environment"], countries[country]["people"]
    if person is not None:
        if person not in people:
            raise typer.BadParameter(f"{person} is none of {', '.join(people)}")
        told |= {"REGISTRY_TOKEN": people[person]["token"]}
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in told.items()]
    return "".join([*lines, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'])


def _is_kept(folder: Path) -> bool:
    """Tell whether an earlier demo of this folder still runs: its data is not thrown away unasked."""
    kept = folder / "running.json"
    return kept.exists() and any(
        _is_ours(pid) for country in json.loads(kept.read_text()).values() for pid in country["pids"]
    )


def _stop_kept(folder: Path) -> list[str]:
    """Stop what an earlier demo left running in this folder, processes and database server, and say what that was."""
    kept, stopped = folder / "running.json", []
    if kept.exists():
        for code, country in json.loads(kept.read_text()).items():
            for pid in country["pids"]:
                if _is_ours(pid):
                    stopped.append(f"process {pid} of {code}")
                    os.killpg(pid, signal.SIGTERM)
                    wait_for(lambda pid=pid: None if _is_ours(pid) else True, f"process {pid} gone", 20)  # type: ignore[misc]
        kept.unlink()
    server = Server.running(folder / "var" / "postgres")
    if server is not None:
        server.stop()
        stopped.append("the database server")
    return stopped


def _is_ours(pid: int) -> bool:
    """Tell whether a process is one of this command's: numbers are used again."""
    try:
        return b"registry.cli.main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _end(countries: dict[str, Country], var: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for country in countries.values():
        country.stop()
    server = Server.running(var / "postgres")
    if server is not None:
        server.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
