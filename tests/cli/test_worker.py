"""A duty that reads what strangers say may stumble; one of our own that breaks ends the process."""

import logging
import subprocess
import sys
import threading

import pytest

from registry.cli.worker import Bell, Complaint, keep
from registry.core.errors import RegistryError
from registry.core.tlog.witness import LogUnknown
from registry.peer.refusals import PeerUnavailable
from registry.store.guard import GuardMissing


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), PeerUnavailable("x"), GuardMissing("x")])
def test_a_duty_towards_another_node_is_done_again_whatever_stopped_it(error: Exception) -> None:
    stop, done = threading.Event(), []

    def duty() -> bool:
        done.append(1)
        if len(done) < 3:
            raise error
        stop.set()
        return False

    keep("witness x", duty, stop, Bell(), own=False, longest=0)
    assert len(done) == 3


def test_a_refusal_does_not_end_a_duty_of_our_own() -> None:
    stop, done = threading.Event(), []

    def duty() -> bool:
        done.append(1)
        if len(done) < 3:
            raise LogUnknown("x")
        stop.set()
        return False

    keep("sequence", duty, stop, Bell(), own=True, longest=0)
    assert len(done) == 3


def test_a_bug_in_a_duty_of_our_own_ends_the_process() -> None:
    program = (
        "import threading\n"
        "from registry.cli.worker import Bell, keep\n"
        "keep('sequence', lambda: 1 // 0 > 0, threading.Event(), Bell(), own=True)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "sequence died, and the process with it" in ended.stderr


def test_what_a_duty_did_wakes_the_others_at_once() -> None:
    stop, bell, woken = threading.Event(), Bell(), threading.Event()
    looks, work = list[int](), iter([True, False])

    def other() -> bool:
        looks.append(1)
        if len(looks) == 2:
            woken.set()
        return False

    waits = threading.Thread(target=keep, args=("courier", other, stop, bell), kwargs={"own": False, "idle": 600})
    waits.start()
    works = threading.Thread(
        target=keep, args=("sequence", lambda: next(work, False), stop, bell), kwargs={"own": True, "idle": 600}
    )
    works.start()
    assert woken.wait(60)
    stop.set()
    bell.ring()
    for thread in (waits, works):
        thread.join(60)
        assert not thread.is_alive()


def test_a_stroke_while_a_duty_looked_is_not_missed() -> None:
    stop, bell, looks = threading.Event(), Bell(), list[int]()

    def duty() -> bool:
        looks.append(1)
        if len(looks) == 1:
            bell.ring()  # another duty did something while this one looked
        else:
            stop.set()
            bell.ring()
        return False

    keep("courier", duty, stop, bell, own=False, idle=600)
    assert len(looks) == 2


def test_a_peer_that_is_away_is_said_once_then_when_it_changes_or_every_ten_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    complaint = Complaint(lambda: now[0])

    def lines(*refusals: RegistryError) -> list[str]:
        caplog.clear()
        for refusal in refusals:
            complaint.say(logging.WARNING, "courier", refusal)
        return [record.getMessage() for record in caplog.records]

    away, slow = PeerUnavailable("no route"), PeerUnavailable("too slow")
    first = f"courier: {away.code}: {away}"
    assert lines(away, away) == [first]
    assert lines(slow, away) == [f"courier: {slow.code}: {slow}", first]
    now[0] = Complaint.EVERY - 1
    assert lines(away) == []
    now[0] += 1
    assert lines(away, away) == [first]
    complaint.over()
    assert lines(away) == [first]


def test_a_duty_that_is_refused_over_and_over_writes_one_line(caplog: pytest.LogCaptureFixture) -> None:
    stop, done = threading.Event(), []

    def duty() -> bool:
        done.append(1)
        if len(done) < 6:
            raise PeerUnavailable("x") if len(done) < 4 else LogUnknown("x")
        stop.set()
        return False

    keep("witness x", duty, stop, Bell(), own=False, idle=0, longest=0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
