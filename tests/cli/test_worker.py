"""A duty that reads what strangers say may stumble; one of our own that breaks ends the process."""

import subprocess
import sys
import threading

import pytest

from registry.cli.worker import keep
from registry.core.tlog.witness import LogUnknown
from registry.peer.client import PeerUnavailable
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

    keep("witness x", duty, stop, own=False, longest=0)
    assert len(done) == 3


def test_a_refusal_does_not_end_a_duty_of_our_own() -> None:
    stop, done = threading.Event(), []

    def duty() -> bool:
        done.append(1)
        if len(done) < 3:
            raise LogUnknown("x")
        stop.set()
        return False

    keep("sequence", duty, stop, own=True, longest=0)
    assert len(done) == 3


def test_a_bug_in_a_duty_of_our_own_ends_the_process() -> None:
    program = (
        "import threading\n"
        "from registry.cli.worker import keep\n"
        "keep('sequence', lambda: 1 // 0 > 0, threading.Event(), own=True)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "sequence died, and the process with it" in ended.stderr
