"""Commands: what the README names exists, and a refusal is one line with its way out."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli.tree import COMMANDS
from registry.settings import CLI_ONLY, PREFIX, Settings
from tests.kit import Corridor, Forge
from tests.processes import environment_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
NAMED = sorted(
    {
        words
        for line in re.findall(r"`registry ([a-z][^`]*)`", README)
        for words in [" ".join(re.match(r"[a-z-]+(?: [a-z-]+\b)*", line)[0].split()[:2])]  # type: ignore[index]
    }
)


def run(
    *words: str, environment: dict[str, str] | None = None, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-m", "registry.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment or {"PATH": "/usr/bin:/bin"},
        timeout=60,
        cwd=ROOT,
    )


def refused(done: subprocess.CompletedProcess[str], *wanted: str) -> None:
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("registry")
    for text in wanted:
        assert text in done.stderr


def test_readme_names_commands() -> None:
    assert {words.split()[0] for words in NAMED} == {*COMMANDS, "verify"} - {"demo"}
    assert "make demo" in README


@pytest.mark.parametrize("words", NAMED)
def test_each_command_of_the_readme_has_help(words: str) -> None:
    done = run(*words.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout.lower()


def test_each_setting_of_the_readme_is_one_and_the_reverse() -> None:
    named = set(re.findall(r"`(REGISTRY_[A-Z_]+)`", README))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | CLI_ONLY
    assert named <= known
    assert known - named <= {f"{PREFIX}{name}" for name in ("CLOCK_FILE", "DATABASE", "PASSPHRASE", "TOKEN")}


def test_registry_refuses_to_run_where_its_asserts_do_not() -> None:
    refused(run("--help", python=("-O",)), "python -O")


def test_an_unknown_command_is_misuse() -> None:
    done = run("mint")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"REGISTRY_NAME": "not a name"}, "REGISTRY_NAME"),
        ({"REGISTRY_COUNTRY": "by"}, "REGISTRY_COUNTRY"),
        ({"REGISTRY_ENV": "holiday"}, "REGISTRY_ENV"),
        ({"REGISTRY_PORT": "99999"}, "REGISTRY_PORT"),
        ({"REGISTRY_PROT": "8080"}, "REGISTRY_PROT is not a setting"),
        ({"REGISTRY_PEERS": "uz=http://x"}, "REGISTRY_PEERS"),
        ({"REGISTRY_PASSPHRASE_FILE": "/none"}, "both set"),
        ({"REGISTRY_PASSPHRASE": "wrong"}, "key-locked"),
        ({"REGISTRY_ENV": "production"}, "REGISTRY_CLOCK_FILE"),
        ({"REGISTRY_DATABASE_URL": "postgresql+psycopg://x:secret@127.0.0.1:1/x"}, "database-unavailable"),
        ({"REGISTRY_DATABASE_URL": "no address secret"}, "REGISTRY_DATABASE_URL"),
        ({"REGISTRY_KEYS": "/none"}, "key-missing"),
    ],
)
def test_settings_that_are_wrong_are_told_in_one_line(
    forge: Forge, corridor: Corridor, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    environment = environment_of(forge, corridor.by, tmp_path) | change
    done = run("serve", environment=environment)
    refused(done, said)
    assert "secret" not in done.stderr


def test_a_missing_setting_is_named() -> None:
    refused(run("serve"), "settings-wrong", "REGISTRY_NAME", "REGISTRY_COUNTRY", "REGISTRY_ENV", "REGISTRY_KEYS")


def test_serve_on_a_busy_port_names_the_way_out(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        environment = environment_of(forge, corridor.by, tmp_path) | {"REGISTRY_PORT": port}
        refused(run("serve", environment=environment), port, "REGISTRY_PORT")
        environment |= {"REGISTRY_HOST": "192.0.2.1"}
        refused(run("serve", environment=environment), "192.0.2.1")


def test_a_command_without_a_token_or_with_a_dead_one_is_refused(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    environment = environment_of(forge, corridor.by, tmp_path)
    for none in ({}, {"REGISTRY_TOKEN": ""}):
        shown = run("party", "list", environment=environment | none)
        refused(shown, "token-not-shown", "set REGISTRY_TOKEN to yours, or give --token")
    environment["REGISTRY_TOKEN"] = f"brt_{'0' * 64}"
    refused(run("party", "list", environment=environment), "token-not-accepted")
    environment["REGISTRY_TOKEN"] = corridor.by.tokens["examiner"]
    refused(run("party", "list", environment=environment), "role-missing")
    environment["REGISTRY_TOKEN"] = corridor.by.tokens["operator"]
    done = run("party", "list", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "В. И. Гончар" in done.stdout
