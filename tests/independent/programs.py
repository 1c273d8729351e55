"""Two programs of other authors, in an environment of their own: they share no line of code with ours."""

import fcntl
import json
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WANTED = HERE / "requirements.txt"
"""Made by `uv pip compile --python-version 3.12 --universal --generate-hashes` of aics-tlog and aics-witness."""
FOLDER = HERE.parents[1] / "var" / "independent"


class Programs:
    """`aics-tlog` and `aics-witness` (PyPI), and the Python that they run in."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"

    def run(self, program: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / program), *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=300)

    def tlog(self, *words: str) -> dict[str, Any]:
        """Run `aics-tlog` and return what it reports; `ok` is its verdict, and its exit code agrees."""
        done = self.run("aics-tlog", *words)
        assert done.stdout, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["ok"] is (done.returncode == 0)
        return report


def install() -> Programs:
    """Install the programs once for all runs; where the registry of packages cannot be reached, skip and say so.

    Both ask for Python 3.12 and run on 3.11 as well. A package whose hash is another fails, and is never skipped.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = FOLDER / "installed"
    wanted = sha256(WANTED.read_bytes() + sys.version.encode()).hexdigest()
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            venv.create(FOLDER / "venv", clear=True, with_pip=True)
            command = [str(FOLDER / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
            command += ["--quiet", "--no-input", "--ignore-requires-python", "--require-hashes", "-r", str(WANTED)]
            installed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            assert "DO NOT MATCH THE HASHES" not in installed.stderr, installed.stderr
            if installed.returncode:
                pytest.skip(f"the registry of packages does not give what is wanted: {installed.stderr.strip()[-300:]}")
            done.write_text(wanted)
    return Programs(FOLDER / "venv")
