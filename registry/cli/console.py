"""What commands have in common: `--json`, the token, and the node that a command works on."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

if TYPE_CHECKING:
    from registry.node import Node

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="REGISTRY_TOKEN", help="The token of the person who acts.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="REGISTRY_PASSPHRASE_FILE",
        help="File with the key's passphrase; else REGISTRY_PASSPHRASE is taken.",
    ),
]


def new_app(help: str) -> typer.Typer:
    """Return the application of one command."""
    return typer.Typer(
        help=help, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )


def show(value: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a value: as JSON, or a line for each member."""
    if as_json:
        sys.stdout.write(orjson.dumps(value).decode() + "\n")
        return
    for name, member in value.items():
        shown = member if isinstance(member, str | int) else orjson.dumps(member).decode()
        sys.stdout.write(f"{name.replace('_', ' ')}: {shown}\n")


def show_rows(rows: list[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows: as a JSON array, or under the names of their columns; `nothing` is said where there is none."""
    if as_json:
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
    elif not rows:
        sys.stdout.write(f"{nothing}\n")
    else:
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [
            [name.replace("_", " ") for name in names],
            *([_cell(row.get(name)) for name in names] for row in rows),
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            sys.stdout.write("  ".join(map(str.ljust, line, widths)).rstrip() + "\n")


def _cell(member: Any) -> str:
    match member:
        case None | "":
            return "-"
        case list():
            return ", ".join(map(str, member))
        case _:
            return str(member)


@contextmanager
def opened() -> Iterator["Node"]:
    """Open the node that the environment describes, and close it; who opens none loads no database library."""
    from registry.node import Node  # noqa: PLC0415  half a second that commands on keys and files do not spend
    from registry.settings import Settings  # noqa: PLC0415

    node = Node.open(Settings.from_environment())
    try:
        yield node
    finally:
        node.close()


def wanted_token(token: str | None) -> str:
    """Return the token of who acts; raises `TokenNotShown` where none was given."""
    from registry.usecases.party.identify_party import TokenNotShown  # noqa: PLC0415  as above

    if not token:
        raise TokenNotShown
    return token


def read_file(path: Path) -> str:
    """Read a text file; misuse where it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None


def write_file(path: Path, text: str) -> None:
    """Write a file as a whole or not at all, beside it, then in its place; misuse where it cannot be written."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error}") from None
