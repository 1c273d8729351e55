"""The argument tree of `registry`, and how a refusal leaves it: 0 done, 1 refused, 2 misused."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from registry.core.errors import RegistryError

COMMANDS = ("agreement", "bundle", "database", "demo", "keys", "party", "serve", "trust", "verify", "worker")


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
)


@app.callback()
def _root() -> None:
    """Hold the commands."""


def main() -> None:
    """Run a command; a refusal is one line on standard error, with its code."""
    if not __debug__:
        sys.exit("registry does not run under python -O: its invariants are asserts")
    try:
        app()
    except RegistryError as refusal:
        clause = f" ({refusal.clause})" if refusal.clause else ""
        sys.stderr.write(f"registry: {refusal.code}: {refusal}{clause}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
