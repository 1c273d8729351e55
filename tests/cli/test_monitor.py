"""`registry log monitor`: a stranger follows a log from its static files, and finds what does not agree."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from tests.cli.log_commands import Done, Registry, command_line, content, grow, refused, serving
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of


@dataclass
class Followed:
    """A log in a folder that a web server serves, and whoever follows it; nothing of the node is theirs."""

    home: Country
    abroad: Country
    node: Registry
    registry: Registry
    folder: Path
    url: str
    policy: Path
    state: Path

    def export(self, size: int) -> None:
        """Let the log grow, and export it."""
        grow(self.home, self.abroad, size)
        done = self.node("log", "export", str(self.folder))
        assert done.code == 0, done

    def monitor(self, *words: str) -> Done:
        asked = ("log", "monitor", self.url, "--policy", str(self.policy), "--state", str(self.state))
        return self.registry(*asked, *words)

    def seen(self, new: int) -> dict[str, Any]:
        """Look once, and find nothing wrong."""
        done = self.monitor("--json")
        assert (done.code, done.err) == (0, ""), done
        told: dict[str, Any] = json.loads(done.out)
        assert told["new"] == new == sum(told["kinds"].values())
        return told

    def sign(self, size: int, root: bytes) -> None:
        """Serve whatever the log's key signs."""
        signer = self.home.node.keyring.log
        self.checkpoint.write_text(signer.sign(Checkpoint(signer.vkey.name, size, root).encode()).encode())

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    def shown(self) -> Checkpoint:
        return Checkpoint.parse(Note.parse(self.checkpoint.read_text()).text)

    def refuses(self, *said: str) -> None:
        """Look, find the log wrong, keep both checkpoints, and not go on from the wrong one."""
        remembered = (self.state / "state.json").read_bytes()
        refused(self.monitor(), "log-wrong", *said)
        (kept,) = self.state.glob("shown-*")
        assert kept.read_bytes() == self.checkpoint.read_bytes()
        assert Note.parse((self.state / "known").read_text()).lines
        assert (self.state / "state.json").read_bytes() == remembered


@pytest.fixture
def followed(
    forge: Forge, corridor: Corridor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Followed]:
    node = command_line(environment_of(forge, corridor.by, tmp_path), monkeypatch, capfd)
    stranger = command_line({}, monkeypatch, capfd)
    folder, policy = tmp_path / "log", tmp_path / "policy"
    folder.mkdir()
    policy.write_text(node("log", "policy").out)
    with serving(folder) as url:
        yield Followed(corridor.by, corridor.uz, node, stranger, folder, url, policy, tmp_path / "state")


def flip(path: Path, at: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_a_log_that_grows_is_followed_from_where_the_last_look_ended(followed: Followed) -> None:
    new = 0
    for size in (255, 256, 257, 300):
        followed.export(size)
        told = followed.seen(size - new)
        assert (told["origin"], told["size"]) == ("by.registry.example/log", size)
        assert told["witnessed"].startswith("2026-11-2")
        assert followed.seen(0)["size"] == size
        new = size
    done = followed.monitor()
    assert (done.code, done.out.splitlines()[:3]) == (0, ["origin: by.registry.example/log", "size: 300", "new: 0"])


def test_who_begins_late_sees_all_kinds_of_acts_and_nothing_more(followed: Followed) -> None:
    followed.home.issued()
    followed.export(260)
    told = followed.seen(260)
    assert told["kinds"]["certificate.issued"] == 1
    assert set(content(followed.state)) == {"state.json"}


def test_a_log_that_is_smaller_than_it_was_is_told_with_both_notes(followed: Followed) -> None:
    followed.export(100)
    older = followed.checkpoint.read_bytes()
    followed.export(300)
    followed.seen(300)
    followed.checkpoint.write_bytes(older)
    remembered = (followed.state / "state.json").read_bytes()
    refused(followed.monitor(), "log-smaller", "shows 100 entries now, and 300 were seen", str(followed.state))
    assert (followed.state / "smaller").read_bytes() == older
    assert Checkpoint.parse(Note.parse((followed.state / "known").read_text()).text).size == 300
    assert (followed.state / "state.json").read_bytes() == remembered
    files = [str(followed.state / name) for name in ("known", "smaller")]
    done = followed.registry("log", "evidence", *files, "--policy", str(followed.policy))
    assert done.code == 1, done
    followed.sign(100, bytes(32))
    followed.refuses("it shows 100 entries after 300")


def test_a_folder_that_remembers_another_log_names_it_and_the_one_that_was_asked_for(followed: Followed) -> None:
    followed.export(100)
    followed.seen(100)
    other = replace(followed.home.node.keyring.log.vkey, name="elsewhere.example/log")
    followed.policy.write_text(f"log {other.encode()}\nquorum none\n")
    refused(
        followed.monitor(),
        "state-of-another-log",
        "remembers the log by.registry.example/log",
        "elsewhere.example/log is",
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tile/entries/000", "an entry among the first 100 is another than it was"),
        ("tile/0/000", "its tiles no longer hold the first 100 entries as they were"),
    ],
)
def test_what_was_seen_before_is_held_against_the_files_that_replace_it(
    followed: Followed, path: str, said: str
) -> None:
    followed.export(100)
    followed.seen(100)
    followed.export(300)
    flip(followed.folder / path, 40)
    followed.refuses(said)


@pytest.mark.parametrize(
    ("path", "at", "said"),
    [
        ("tile/entries/000", -1, "the entries do not lead to the signed root of 300"),
        ("tile/entries/001.p/44", -1, "the entries do not lead to the signed root of 300"),
        ("tile/0/000", -1, "holds another hash than its entries make"),
        ("tile/0/001.p/44", -1, "holds another hash than its entries make"),
        ("tile/1/000.p/1", 0, "holds another hash than its entries make"),
    ],
)
def test_a_file_that_is_not_what_was_signed_is_refused(followed: Followed, path: str, at: int, said: str) -> None:
    followed.export(100)
    followed.seen(100)
    followed.export(300)
    flip(followed.folder / path, at)
    done = followed.monitor()
    refused(done, "log-wrong")
    assert said in done.err or "holds another hash than its entries make" in done.err
    flip(followed.folder / path, at)
    followed.seen(200)


def test_a_file_that_is_cut_off_is_refused(followed: Followed) -> None:
    followed.export(100)
    followed.seen(100)
    followed.export(300)
    whole = (followed.folder / "tile/entries/001.p/44").read_bytes()
    (followed.folder / "tile/entries/001.p/44").write_bytes(whole[:-1])
    followed.refuses("the tile cannot be read")


def test_a_file_that_is_missing_is_said_and_is_no_accusation(followed: Followed) -> None:
    followed.export(300)
    (followed.folder / "tile/entries/001.p/44").unlink()
    refused(followed.monitor(), "peer-has-none", "tile/entries/001")
    assert content(followed.state) == {}


def test_another_root_of_the_size_that_was_seen_is_a_split_that_anyone_can_check(followed: Followed) -> None:
    followed.export(100)
    followed.seen(100)
    followed.sign(100, bytes(32))
    followed.refuses("the entries do not lead to the signed root of 100")
    (shown,) = followed.state.glob("shown-*")
    key = followed.home.node.keyring.log.vkey.encode()
    done = followed.registry("log", "evidence", str(shown), str(followed.state / "known"), "--key", key)
    assert (done.code, done.out.endswith("split\n")) == (0, True)


def test_a_root_that_its_entries_do_not_make_is_refused(followed: Followed) -> None:
    followed.export(100)
    followed.seen(100)
    followed.export(300)
    followed.sign(300, bytes(32))
    followed.refuses("the entries do not lead to the signed root of 300")


def test_a_size_that_the_files_do_not_have_is_refused(followed: Followed) -> None:
    followed.export(100)
    root = followed.shown().root
    followed.seen(100)
    followed.sign(101, root)
    assert followed.monitor().code == 1
    followed.checkpoint.unlink()
    followed.export(101)
    followed.sign(99, followed.shown().root)
    followed.refuses("it shows 99 entries after 100")


def test_a_missing_witness_is_said_once_all_was_read_and_a_timer_sees_it(followed: Followed) -> None:
    followed.export(100)
    checkpoint = followed.shown()
    followed.sign(checkpoint.size, checkpoint.root)
    done = followed.monitor("--json")
    assert (done.code, json.loads(done.out)["witnessed"]) == (1, "no quorum")
    assert done.err.startswith("registry: quorum-not-met: 0 of the witnesses that count")
    followed.policy.write_text(followed.policy.read_text().splitlines()[0] + "\nquorum none\n")
    done = followed.monitor("--json")
    assert (done.code, done.err, json.loads(done.out)["witnessed"]) == (0, "", "not asked for")


def test_a_checkpoint_that_nobody_signed_is_refused(followed: Followed) -> None:
    followed.export(100)
    note = followed.checkpoint.read_text()
    followed.checkpoint.write_text(note[:-9] + "AAAAAAA=\n")
    assert followed.monitor().code == 1
    followed.checkpoint.write_text("<html>no log</html>")
    refused(followed.monitor(), "malformed-note")
    followed.checkpoint.write_bytes(b"\xff\xfe")
    refused(followed.monitor(), "malformed-note")
    followed.checkpoint.unlink()
    refused(followed.monitor(), "peer-has-none", "/checkpoint")
    signer = followed.abroad.node.keyring.log
    followed.checkpoint.write_text(signer.sign(Checkpoint(signer.vkey.name, 1, bytes(32)).encode()).encode())
    refused(followed.monitor(), "note-not-signed")
    assert content(followed.state) == {}


@pytest.mark.parametrize(
    ("kept", "code"),
    [
        (b"", "malformed-json"),
        (b"\xff", "malformed-json"),
        (b"[]", "malformed-record"),
        (b'{"note":"","size":3}', "malformed-record"),
        (b'{"hashes":[],"note":"AAAA","size":3}', "malformed-record"),
        (b'{"hashes":["AAAA"],"note":"AAAA","size":1}', "malformed-record"),
        (b'{"hashes":[],"note":"AAAA","size":-1}', "malformed-record"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_and_kept(followed: Followed, kept: bytes, code: str) -> None:
    followed.export(100)
    followed.state.mkdir()
    (followed.state / "state.json").write_bytes(kept)
    refused(followed.monitor(), code)
    assert content(followed.state) == {"state.json": kept}


def test_a_state_folder_that_is_none_is_refused(followed: Followed) -> None:
    followed.export(100)
    followed.state.write_text("a file")
    refused(followed.monitor(), "folder-unusable")


def test_what_is_no_log_or_no_policy_is_misuse(followed: Followed) -> None:
    followed.url = followed.url.removeprefix("http://")
    assert followed.monitor().code == 2
    followed.policy.unlink()
    followed.url = "http://127.0.0.1:1"
    assert followed.monitor().code == 2
    followed.policy.write_text("quorum\n")
    refused(followed.monitor(), "malformed-policy", "line 1")
    followed.policy.write_text("quorum none\n")
    refused(followed.monitor(), "peer-unavailable")


def test_following_goes_on_over_a_pause_of_the_log_and_ends_on_ctrl_c(followed: Followed, tmp_path: Path) -> None:
    followed.export(100)
    away = followed.checkpoint.rename(tmp_path / "away")
    out = tmp_path / "out"
    asked = ["log", "monitor", followed.url, "--policy", str(followed.policy), "--state", str(followed.state)]
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "registry.cli.main", *asked, "--follow", "1", "--json"],
            stdout=file,
            stderr=file,
            env={"PATH": os.environ["PATH"]},
        )
    try:
        _wait_until(out, "peer-has-none", process)
        away.rename(followed.checkpoint)
        _wait_until(out, '"size":100', process)
        followed.export(110)
        _wait_until(out, '"size":110', process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in out.read_text()
    assert (followed.state / "state.json").exists()


def _wait_until(out: Path, said: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while said not in out.read_text():
        assert process.poll() is None, out.read_text()
        assert time.monotonic() < ends, out.read_text()
        time.sleep(0.05)
