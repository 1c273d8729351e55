"""The argument tree of `registry`; each command is imported when it is asked for."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = (
    "acts",
    "agreement",
    "bundle",
    "calendar",
    "channel",
    "database",
    "demo",
    "fsck",
    "keys",
    "log",
    "party",
    "reconciliation",
    "serve",
    "status",
    "trust",
    "worker",
)


class _Lazy(TyperGroup):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002  click's signature
        """Name the commands without loading any."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002  as above
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module: Any = importlib.import_module(f"registry.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Lazy,
    name="registry",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The registry of mutual electronic certification. Example: registry demo",
    epilog="Offline: registry verify FILE --bundle B --pins DIR, and registry acts check FILE --pins DIR; see --help",
)


@app.callback()
def _root() -> None:
    """Hold the commands."""
