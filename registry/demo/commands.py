"""Commands as processes of their own, as `python -m registry.cli.main` is, forked from one that has them loaded."""

import io
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection

_FORKS = multiprocessing.get_context("forkserver")
COMMAND = "registry.cli.main"
_FORKS.set_forkserver_preload(
    [
        __name__,
        *(f"registry.cli.{name}" for name in ("agreement", "bundle", "calendar", "database", "keys", "party", "trust")),
    ]
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run(words: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run `registry WORDS` in a process of its own with an environment of its own."""
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_type, args=(tuple(words), dict(environment), theirs))
    process.start()
    theirs.close()
    try:
        done: Done = ours.recv()
    except EOFError:
        process.join()
        return Done(process.exitcode or 1, "", f"the command ended with {process.exitcode}")
    process.join()
    return done


def _type(words: Sequence[str], environment: Mapping[str, str], answer: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["registry", *words]
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_module(COMMAND, run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    answer.send(Done(code, out.getvalue(), err.getvalue()))
