"""The environment of a node that the demo left running, as a shell takes it over."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from registry.demo.country import Country, keep
from tests.cli.test_commands import ROOT, run


def test_a_shell_takes_over_the_environment_of_a_demo_node(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    country = Country("BY", "by.registry.example", folder / "by", 8100, "uz.registry.example", 8101, folder / "var")
    country.people = {"auditor": {"token": "brt_of the auditor"}}
    keep({"BY": country}, folder / "running.json")
    command = [sys.executable, "-m", "registry.cli.main", "demo", "--folder", str(folder), "--environment", "by"]
    words = shlex.join([*command, "--person", "auditor"])
    script = f'eval "$({words})"; env -0'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    told = dict(line.split("=", 1) for line in done.stdout.split("\0") if line.startswith("REGISTRY_"))
    expected = {name: value for name, value in country.environment.items() if name.startswith("REGISTRY_")}
    assert told == expected | {"REGISTRY_TOKEN": "brt_of the auditor"}
    assert run(*command[3:]).stdout.count("export ") == len(expected) + 1  # and the way to the command
    assert run(*command[3:-1], "kz").returncode == 2
    assert run(*command[3:], "--person", "thief").returncode == 2


def test_where_no_demo_runs_the_way_to_one_is_said(tmp_path: Path) -> None:
    done = run("demo", "--folder", str(tmp_path), "--environment", "by")
    assert (done.returncode, done.stdout) == (1, "")
    assert "make demo ARGS=--keep" in done.stderr


def test_the_demo_says_that_it_runs_by_no_moved_clock(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "REGISTRY_CLOCK_FILE": str(tmp_path / "clock")}
    done = run("demo", "--folder", str(tmp_path / "demo"), environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "unset REGISTRY_CLOCK_FILE" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_what_was_stopped_is_said_and_so_is_that_nothing_ran(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "print('up', flush=True); input()", "registry.cli.main"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        (tmp_path / "running.json").write_text(json.dumps({"BY": {"pids": [process.pid]}}))
        done = run("demo", "--folder", str(tmp_path), "--stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"stopped process {process.pid} of BY\n"
        assert process.wait(20) != 0
    done = run("demo", "--folder", str(tmp_path), "--stop")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"no demo runs in {tmp_path}\n", "")
