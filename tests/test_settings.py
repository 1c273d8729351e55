"""What a node is told by its environment, and what it does not start with."""

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from registry.core.agreement import Environment
from registry.settings import Settings, SettingsWrong, read_secret, with_password

TOLD = {"NAME": "by.registry.example", "COUNTRY": "BY", "ENV": "demo", "KEYS": "/keys"}
PRODUCTION = {
    "ENV": "production",
    "DATABASE_URL": "postgresql+psycopg://app:hidden@db/registry",
    "GUARD": "/elsewhere/guard.json",
}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REGISTRY_"):
            monkeypatch.delenv(name)


def told(monkeypatch: pytest.MonkeyPatch, **names: str) -> Settings:
    for name, value in (TOLD | names).items():
        monkeypatch.setenv(f"REGISTRY_{name}", value)
    return Settings.from_environment()


def test_a_node_is_told_its_name_country_environment_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch)
    assert (settings.did, settings.env, settings.keys) == (
        "did:web:by.registry.example",
        Environment.DEMO,
        Path("/keys"),
    )
    assert (settings.peers, settings.peer_urls) == ((), {})


def test_peers_are_named_with_where_they_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, PEERS="did:web:uz.example=https://uz.example/,did:web:kz.example=http://127.0.0.1:1")
    assert settings.peer_urls == {
        "did:web:uz.example": "https://uz.example",
        "did:web:kz.example": "http://127.0.0.1:1",
    }
    assert settings.model_copy().peers == settings.peers
    assert Settings(**settings.model_dump()).peers == settings.peers


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"NAM": "x"}, "REGISTRY_NAM is not a setting"),
        ({"COUNTRY": "by"}, "REGISTRY_COUNTRY: "),
        ({"ENV": "prod"}, "REGISTRY_ENV: "),
        ({"PORT": "0"}, "REGISTRY_PORT: "),
        ({"THREADS": "65"}, "REGISTRY_THREADS: "),
        ({"DATABASE": "Registry; DROP"}, "REGISTRY_DATABASE: "),
        ({"NAME": "not a name"}, "REGISTRY_NAME is not a name"),
        ({"PASSPHRASE": "x", "PASSPHRASE_FILE": "/y"}, "are both set"),
        ({"PEERS": "uz.example"}, "REGISTRY_PEERS is not"),
        ({"PEERS": "did:web:uz.example=ftp://uz.example"}, "REGISTRY_PEERS is not"),
        ({"ENV": "production"}, "REGISTRY_DATABASE_URL names a real server, never the embedded one"),
        ({key: PRODUCTION[key] for key in ("ENV", "DATABASE_URL")}, "REGISTRY_GUARD names a file that no backup"),
        ({"WITNESSES": "neutral.example/witness"}, "REGISTRY_WITNESSES is not <name>=<URL>"),
        ({"PEERS": "did:web:uz.example=https://by:hidden@uz.example"}, "holds no account and no password"),
        ({**PRODUCTION, "PEERS": "did:web:uz.example=http://uz.example"}, "in production other nodes and witnesses"),
        ({**PRODUCTION, "WITNESSES": "neutral.example/witness=http://neutral.example"}, "answer by https"),
        ({**PRODUCTION, "CLOCK_FILE": "/clock"}, "REGISTRY_CLOCK_FILE is refused in production"),
    ],
)
def test_an_environment_that_is_not_right_stops_the_start_and_says_why(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsWrong) as refused:
        told(monkeypatch, **names)
    assert said in str(refused.value)


def test_what_is_missing_is_named_and_secrets_are_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_DATABASE_URL", "postgresql://app:hidden@db")
    monkeypatch.setenv("REGISTRY_PORT", "hidden")
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment()
    for name in TOLD:
        assert f"REGISTRY_{name}: Field required" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_token_for_commands_is_no_setting_of_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, TOKEN="brt_x").name == "by.registry.example"


def test_production_takes_a_real_server(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, **PRODUCTION)
    assert settings.env is Environment.PRODUCTION
    assert "hidden" not in repr(settings)


def test_the_passphrase_is_read_from_a_file_or_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "passphrase"
    kept.write_text("correct horse\n")
    assert told(monkeypatch, PASSPHRASE_FILE=str(kept)).secret() == b"correct horse"
    monkeypatch.delenv("REGISTRY_PASSPHRASE_FILE")
    assert told(monkeypatch, PASSPHRASE="battery staple").secret() == b"battery staple"
    monkeypatch.delenv("REGISTRY_PASSPHRASE")
    with pytest.raises(SettingsWrong, match="no passphrase is given"):
        told(monkeypatch).secret()
    kept.write_bytes(b"\xff\xfe")
    for file in (kept, tmp_path / "missing"):
        with pytest.raises(SettingsWrong, match="cannot be read"):
            read_secret(None, file)
    kept.write_text("\n")
    with pytest.raises(SettingsWrong, match="no passphrase is given"):
        read_secret(None, kept)


def test_a_password_is_read_from_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a/b@c:d\n")
    url = "postgresql+psycopg://app@db/registry"
    settings = told(monkeypatch, DATABASE_URL=url, DATABASE_PASSWORD_FILE=str(file))
    assert settings.database_url is not None
    address = make_url(with_password(settings.database_url, settings.database_password_file))
    assert (address.username, address.password, address.host) == ("app", "a/b@c:d", "db")
    assert with_password(settings.database_url, None) == url
    file.unlink()
    with pytest.raises(SettingsWrong, match=r"the password file .* cannot be read"):
        with_password(settings.database_url, file)


def test_figures_are_not_served_unless_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch).metrics is False
    assert told(monkeypatch, METRICS="true").metrics is True
