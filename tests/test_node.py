"""One node: what it is built of, and what it does not open with."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from registry.core.record import encode
from registry.node import Node, PinDamaged, PinFolder, app_url, clock, owner_url, read_pins
from registry.store.database import APP, OWNER, DatabaseUnsafe
from registry.store.postgres import SUPERUSER, Server
from tests.kit import Corridor, Forge


def test_a_node_opens_its_database_and_its_pins_and_its_keys_when_they_are_asked_for(
    corridor: Corridor,
) -> None:
    settings = corridor.by.node.settings
    write_pins(settings.keys / "trust", corridor)
    node = Node.open(settings)
    assert set(node.pins) == {"BY", "UZ"}
    assert node.now().microsecond == 0
    assert abs(node.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert len(node.draw(16)) == 16
    assert node.keyring is node.keyring
    node.close()


def write_pins(folder: Path, corridor: Corridor) -> None:
    folder.mkdir(exist_ok=True)
    for code, pin in corridor.by.node.pins.items():
        (folder / f"{code.lower()}.pin.json").write_text(json.dumps({"pin": encode(pin)}))


def test_pins_are_read_by_country_and_one_that_is_wrong_stops_the_start(corridor: Corridor, tmp_path: Path) -> None:
    assert read_pins(tmp_path / "nowhere") == {}
    write_pins(tmp_path, corridor)
    (tmp_path / "proposed.json").write_text("no pin yet")
    assert read_pins(tmp_path) == corridor.by.node.pins
    (tmp_path / "uz.pin.json").write_text(json.dumps({"pin": {"root": "AAAA"}}))
    for broken in ('{"pin": {"root": "AAAA"}}', "{}", "[]", "no JSON", "\\ud800"):
        (tmp_path / "uz.pin.json").write_bytes(broken.encode())
        with pytest.raises(PinDamaged, match=r"uz\.pin\.json cannot be read"):
            read_pins(tmp_path)


def test_a_process_that_runs_takes_a_pin_once_its_file_is_there_and_reads_none_twice(
    corridor: Corridor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = PinFolder(tmp_path / "trust")
    assert pinned() == {}
    write_pins(tmp_path / "trust", corridor)
    first = pinned()
    assert first == corridor.by.node.pins
    with monkeypatch.context() as patch:
        patch.setattr("registry.node.read_pins", None)
        assert pinned() is first
    newer = replace(first["BY"], epoch=7)
    aside = tmp_path / "aside"
    aside.write_text(json.dumps({"pin": encode(newer)}))
    aside.replace(tmp_path / "trust" / "by.pin.json")
    assert pinned()["BY"] == newer
    assert first["BY"] == corridor.by.node.pins["BY"]
    (tmp_path / "trust" / "uz.pin.json").write_text("half a f")
    for _ in range(2):
        with pytest.raises(PinDamaged, match=r"uz\.pin\.json"):
            pinned()
    (tmp_path / "trust" / "uz.pin.json").unlink()
    assert pinned() == {"BY": newer}
    (tmp_path / "trust" / "uz.pin.json").symlink_to(tmp_path / "nowhere" / "else")
    with pytest.raises(PinDamaged):
        pinned()


def test_a_node_never_works_as_superuser(forge: Forge, corridor: Corridor) -> None:
    settings = corridor.by.node.settings
    url = SecretStr(forge.server.url(SUPERUSER, corridor.by.database))
    with pytest.raises(DatabaseUnsafe, match="superuser"):
        Node.open(settings.model_copy(update={"database_url": url}))


def test_migrations_connect_as_the_owner_where_one_is_named(corridor: Corridor) -> None:
    settings = corridor.by.node.settings
    assert f"//{OWNER}:" in owner_url(settings)
    assert f"//{APP}:" in app_url(settings)
    assert owner_url(settings.model_copy(update={"database_owner_url": None})) == app_url(settings)


def test_without_a_server_named_the_embedded_one_is_started_with_the_nodes_database(
    forge: Forge, corridor: Corridor
) -> None:
    named = corridor.by.node.settings
    settings = named.model_copy(
        update={"database_url": None, "database_owner_url": None, "var": forge.folder, "database": "embedded_node"}
    )
    assert app_url(settings) == forge.server.url(APP, "embedded_node")
    assert owner_url(settings) == forge.server.url(OWNER, "embedded_node")
    node = Node.open(settings)
    node.close()
    assert Server.running(forge.folder / "postgres") == forge.server
    forge.admin("DROP DATABASE embedded_node")


def test_the_clock_is_moved_by_the_seconds_in_its_file(corridor: Corridor, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    settings = corridor.by.node.settings.model_copy(update={"clock_file": file})
    now = clock(settings)
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=5)
    for written, seconds in (("", 0), ("86400\n", 86400), ("-60", -60)):
        file.write_text(written)
        assert abs(now() - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(seconds=5)
