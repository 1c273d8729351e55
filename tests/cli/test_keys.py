"""Keys are made by the clock of the node that works with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.signing.key_file import read_certificate
from tests.cli.test_commands import run

ROOT = ("root", "--country", "BY", "--name", "by.registry.example")


def environment_of(folder: Path) -> dict[str, str]:
    (folder / "clock").write_text(str(40 * 86_400))
    (folder / "pass").write_text("a passphrase for this test")
    return {
        "PATH": "/usr/bin:/bin",
        "REGISTRY_CLOCK_FILE": str(folder / "clock"),
        "REGISTRY_PASSPHRASE_FILE": str(folder / "pass"),
        "REGISTRY_KEYS": str(folder / "keys"),
    }


def test_a_key_is_of_the_time_to_which_the_nodes_clock_was_moved(tmp_path: Path) -> None:
    environment = environment_of(tmp_path)
    made = run("keys", *ROOT, "--env", "training", environment=environment)
    assert made.returncode == 0, made.stderr
    rooted = ("--root-folder", str(tmp_path / "keys"), "--root-passphrase-file", str(tmp_path / "pass"))
    made = run("keys", "list", "1", *rooted, environment=environment)
    assert made.returncode == 0, made.stderr
    for name in ("root", "list-1"):
        began = read_certificate(tmp_path / "keys", name).not_valid_before_utc
        assert timedelta(days=39) < began - datetime.now(UTC) < timedelta(days=41)


def test_no_clock_is_moved_in_production(tmp_path: Path) -> None:
    refused = run("keys", *ROOT, "--env", "production", environment=environment_of(tmp_path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "REGISTRY_CLOCK_FILE is refused in production" in refused.stderr
    assert not list((tmp_path / "keys").glob("*"))
