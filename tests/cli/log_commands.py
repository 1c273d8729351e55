"""What tests of `registry log` have in common: a log of any size, its folder served to anyone, and the commands."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from registry.cli import main
from registry.core.tlog.entry import Kind
from registry.store import checkpoints, log
from registry.store.acts import Actor, record
from registry.usecases.tlog.publish_log import HEARTBEAT
from tests.kit import Country


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Registry = Callable[..., Done]


def command_line(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Registry:
    """Return what runs `registry WORDS` by its own entry, in this process, as the operator of a country."""

    def run(*words: str) -> Done:
        with monkeypatch.context() as there:
            for name, value in environment.items():
                there.setenv(name, value)
            there.setattr("sys.argv", ["registry", *words])
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main.main()
        code = ended.value.code
        assert isinstance(code, int | None)
        return Done(code or 0, *capfd.readouterr())

    return run


def refused(done: Done, code: str, *said: str) -> None:
    """Check that a command refused in one line, by this code."""
    assert (done.code, done.out) == (1, ""), done
    assert done.err.splitlines()[-1].startswith(f"registry: {code}: "), done.err
    assert all(each in done.err for each in said), done.err


def grow(country: Country, by: Country, size: int) -> None:
    """Let the log of a country grow to a size, cosigned and published."""
    country.sequence()
    with country.tx() as tx:
        held, _ = log.root_of(log.head(tx))
        assert held <= size
        for number in range(size - held):
            private = {"number": number}
            record(
                tx,
                Kind.VERIFICATION_MADE,
                private,
                by=Actor(country.did),
                at=country.clock(),
                draw=country.node.draw,
            )
    country.sequence()
    country.clock.forward(HEARTBEAT)
    country.witnessed(by)
    with country.node.database.read() as tx:
        assert checkpoints.published_size(tx) == size


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server would."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(20)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, to tell whether anything changed."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
