"""`registry party`: tokens that people make, two operators who issue them, and the ceremony of the beginning."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.tlog.entry import Kind
from registry.store.database import OWNER
from tests.cli.test_commands import refused, run
from tests.kit import Corridor, Forge
from tests.processes import environment_of


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> dict[str, str]:
    """The environment of whoever types at the node of the first country."""
    return environment_of(forge, corridor.by, tmp_path)


def done(desk: dict[str, str], token: str | None, *words: str) -> Any:
    environment = desk if token is None else desk | {"REGISTRY_TOKEN": token}
    ended = run("party", *words, "--json", environment=environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_a_person_makes_a_token_where_there_is_no_node() -> None:
    made = run("party", "token", "new")
    assert (made.returncode, made.stderr) == (0, "")
    lines = [line.strip() for line in made.stdout.splitlines()]
    token, fingerprint = lines[lines.index("Token:") + 1], lines[lines.index("Fingerprint:") + 1]
    assert sha256(token.encode()).hexdigest() == fingerprint.replace(" ", "")
    assert "Keep the token to yourself" in made.stdout
    assert "Tell the fingerprint to two operators" in made.stdout
    other = json.loads(run("party", "token", "new", "--json").stdout)
    assert other["token"] != token
    assert other["sha256"] == sha256(other["token"].encode()).hexdigest()


def test_two_operators_issue_a_token_that_its_person_made(corridor: Corridor, desk: dict[str, str]) -> None:
    by = corridor.by
    one, other = by.tokens["operator"], by.tokens["second_operator"]
    made = done({"PATH": desk["PATH"]}, None, "token", "new")
    stated = (
        "--organisation",
        by.people["signatory"].organisation,
        "--name",
        "Т. М. Гомельская",
        "--role",
        "signatory",
    )
    person = done(desk, one, "person", *stated, "--sha256", made["sha256"], "--days", "30")["person"]
    typed = ("token", "confirm", person, "--sha256", made["sha256"])
    refused(run("party", *typed, environment=desk | {"REGISTRY_TOKEN": one}), "same-operator")
    issued = done(desk, other, *typed)
    assert issued["expires_at"].startswith((by.clock() + timedelta(days=30)).date().isoformat())
    listed = {row["id"]: row for row in done(desk, other, "token", "list")}
    assert listed[issued["id"]]["name"] == "Т. М. Гомельская"
    assert {row["issued_by"] for row in listed.values()} == {"two"}
    by.tokens["new"] = made["token"]
    assert by.knows("new").person == person
    following = done({"PATH": desk["PATH"]}, None, "token", "new")
    said = ("--sha256", following["sha256"])
    done(desk, other, "token", "propose", person, *said, "--days", "7")
    done(desk, one, "token", "confirm", person, *said)
    assert done(desk, one, "token", "revoke", issued["id"]) == {"revoked": issued["id"]}
    refused(
        run("party", "token", "revoke", issued["id"], environment=desk | {"REGISTRY_TOKEN": one}), "party-not-found"
    )


def test_operators_begin_anew_as_the_owner_where_no_two_are_left(
    forge: Forge, corridor: Corridor, desk: dict[str, str], tmp_path: Path
) -> None:
    by = corridor.by
    made = [done({"PATH": desk["PATH"]}, None, "token", "new") for _ in range(2)]
    words = ["party", "first-operators", "--organisation", "Новый оператор", "--address", "Гомель", "--name", "А"]
    words += ["--sha256", made[0]["sha256"], "--name", "Б"]
    assert run(*words, environment=desk).returncode == 2
    words += ["--sha256", made[1]["sha256"]]
    owner = {"REGISTRY_DATABASE_OWNER_URL": forge.server.url(OWNER, by.database)}
    refused(run(*words, environment=desk), "owner-wanted")
    refused(run(*words, environment=desk | owner), "operators-at-work")
    corridor.clock.forward(timedelta(days=91))
    desk = environment_of(forge, by, tmp_path)
    begun = done(desk | owner, None, *words[1:])
    assert len(by.acts(Kind.OPERATORS_BEGUN)) == 2
    listed = done(desk, made[0]["token"], "token", "list")
    assert [row["person"] for row in listed] == begun["people"]


def test_a_token_that_one_alone_issued_is_named(corridor: Corridor, desk: dict[str, str]) -> None:
    by = corridor.by
    with corridor.forge.breaking(by) as tx:
        statement = "UPDATE token SET proposed_by = NULL, confirmed_by = NULL WHERE person = :person"
        tx.execute(text(statement), {"person": by.people["examiner"].person})
    listed = done(desk, by.tokens["operator"], "token", "list")
    assert {row["person"] for row in listed if row["issued_by"] == "one alone"} == {by.people["examiner"].person}
    found = json.loads(run("status", "--json", environment=desk).stdout)
    said = "1 tokens that one operator alone issued: replace them (registry party token list)"
    assert said in found["overdue"]


def test_a_mandate_that_has_ended_is_not_granted(corridor: Corridor, desk: dict[str, str]) -> None:
    by = corridor.by
    today = by.clock().date()
    words = ["mandate", "--principal", by.people["exporter"].organisation]
    words += ["--agent", by.people["stranger"].organisation, "--scheme", "origin-st1", "--until"]
    token = by.tokens["operator"]
    late = run("party", *words, str(today - timedelta(days=1)), environment=desk | {"REGISTRY_TOKEN": token})
    refused(late, "party-wrong", "has ended: today is")
    assert done(desk, token, *words, str(today))["until"] == str(today)
