"""`registry bundle make`: what customs carries is made by a node that holds what was acknowledged, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.test_restored_importer import restored_before_an_annulment
from tests.cli.log_commands import command_line, refused
from tests.kit import Corridor
from tests.processes import environment_of


def test_no_bundle_is_made_of_a_backup(
    corridor: Corridor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    uz, out = corridor.uz, tmp_path / "customs.bundle"
    restored_before_an_annulment(corridor)
    token = {"REGISTRY_TOKEN": uz.tokens["officer"]}
    registry = command_line(environment_of(corridor.forge, uz, tmp_path) | token, monkeypatch, capfd)
    refused(registry("bundle", "make", str(out)), "received-behind", "registry log recover")
    assert not out.exists()
