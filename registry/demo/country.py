"""One country of the demo: its folders, its environment, its commands, its processes."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.demo import commands
from registry.settings import PREFIX


class CommandFailed(Exception):
    """A command of the demo did not do what it should."""


@dataclass
class Country:
    """A country with one node: everything it is asked to do is a command that a person could type."""

    code: str
    name: str
    folder: Path
    port: int
    peer_name: str
    peer_port: int
    var: Path
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def did(self) -> str:
        """The node's DID."""
        return f"did:web:{self.name}"

    @property
    def url(self) -> str:
        """Where the node answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> Path:
        """The node's keys."""
        return self.folder / "keys"

    @property
    def offline(self) -> Path:
        """The root and the list keys: in life on other machines, each with its own keeper."""
        return self.folder / "offline"

    def secret(self, name: str) -> Path:
        """Return the file with the passphrase of a key, made when first asked for; each key has its own."""
        path = self.folder / "passphrases" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this country's commands and processes."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return own | {
            "REGISTRY_NAME": self.name,
            "REGISTRY_COUNTRY": self.code,
            "REGISTRY_ENV": "demo",
            "REGISTRY_KEYS": str(self.keys),
            "REGISTRY_PASSPHRASE_FILE": str(self.secret("node")),
            "REGISTRY_VAR": str(self.var),
            "REGISTRY_DATABASE": f"registry_{self.code.lower()}",
            "REGISTRY_PORT": str(self.port),
            "REGISTRY_PEERS": f"did:web:{self.peer_name}=http://127.0.0.1:{self.peer_port}",
        }

    def run(self, *words: str, token: str | None = None) -> dict[str, Any]:
        """Run `registry WORDS --json` as this country and return what it printed."""
        environment = self.environment | ({} if token is None else {"REGISTRY_TOKEN": token})
        done = commands.run([*words, "--json"], environment)
        printed: dict[str, Any] = json.loads(done.out or "{}")
        if done.code and not printed:
            raise CommandFailed(f"registry {' '.join(words)}: {done.err.strip()}")
        return printed

    def start(self, *names: str) -> None:
        """Start `serve` and `worker`, or those that are named."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for name in names or ("serve", "worker"):
            with (logs / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "registry.cli.main", name],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def stop(self, *names: str, signal_: int = signal.SIGTERM) -> None:
        """Stop processes with a signal and wait until they are gone."""
        chosen = {name: self.processes.pop(name) for name in names or tuple(self.processes) if name in self.processes}
        for process in chosen.values():
            if process.poll() is None:
                os.killpg(process.pid, signal_)
        for process in chosen.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log_tail(self, name: str) -> str:
        """Return the last lines that a process wrote."""
        path = self.folder / "logs" / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:]) if path.exists() else ""

    def token(self, who: str) -> str:
        """Return the token of a person of the demo."""
        return self.people[who]["token"]


def keep(countries: Mapping[str, Country], path: Path) -> None:
    """Write down what runs, so that it can be used and stopped later."""
    kept = {
        code: {
            "url": country.url,
            "pids": [process.pid for process in country.processes.values()],
            "people": country.people,
            "environment": {key: value for key, value in country.environment.items() if key.startswith(PREFIX)},
        }
        for code, country in countries.items()
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1))
