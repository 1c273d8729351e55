"""`registry party`: tokens that people make, two operators who issue them, and the ceremony of the beginning."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.calendar import read_instant, write_instant
from registry.core.tlog.entry import Kind
from registry.store.database import OWNER
from registry.usecases.party.confirm_proposal import spoken
from registry.usecases.party.count_operators import count_operators
from tests.cli.test_commands import refused, run
from tests.kit import Corridor, Forge, draft_list, list_signers, sign_list
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
    assert (listed[issued["id"]]["state"], listed[issued["id"]]["sha256"]) == ("lives", made["sha256"])
    again = run("party", *typed, environment=desk | {"REGISTRY_TOKEN": other})
    refused(again, "token-issued-before", "this token of this person lives since", f"until {issued['expires_at']}")
    by.tokens["new"] = made["token"]
    assert by.knows("new").person == person
    following = done({"PATH": desk["PATH"]}, None, "token", "new")
    said = ("--sha256", following["sha256"])
    done(desk, other, "token", "propose", person, *said, "--days", "7")
    done(desk, one, "token", "confirm", person, *said)
    assert done(desk, one, "token", "revoke", issued["id"]) == {"revoked": issued["id"]}
    again = run("party", "token", "revoke", issued["id"], environment=desk | {"REGISTRY_TOKEN": one})
    refused(again, "token-ended", "this token was revoked at", f"by {by.people['operator'].name}")
    refused(run("party", "token", "revoke", "0", environment=desk | {"REGISTRY_TOKEN": one}), "party-not-found")


def test_what_is_proposed_is_listed_until_someone_withdraws_it(corridor: Corridor, desk: dict[str, str]) -> None:
    by = corridor.by
    one, other, person = by.tokens["operator"], by.tokens["second_operator"], by.people["signatory"].person
    digest = sha256(b"of a token").hexdigest()
    done(desk, one, "token", "propose", person, "--sha256", digest, "--days", "7")
    (row,) = (row for row in done(desk, other, "token", "list") if row["state"] == "proposed")
    assert (row["person"], row["name"]) == (person, by.people["signatory"].name)
    assert (row["proposed_by"], row["sha256"], row["days"]) == (
        by.people["operator"].name,
        f"{spoken(digest[:16])} …",
        7,
    )
    assert read_instant(row["until"]) - read_instant(row["since"]) == timedelta(days=14)
    shown = run("party", "token", "list", environment=desk | {"REGISTRY_TOKEN": other}).stdout
    assert f"{spoken(digest[:16])} …" in shown
    assert spoken(digest[:20]) not in shown
    withdrawn = done(desk, other, "token", "withdraw", person, "--sha256", row["sha256"].removesuffix(" …"))
    assert withdrawn["withdrawn"] == row["sha256"] == f"{spoken(digest[:16])} …"
    assert all(row["state"] == "lives" for row in done(desk, other, "token", "list"))
    typed = ("party", "token", "confirm", person, "--sha256", digest)
    refused(run(*typed, environment=desk | {"REGISTRY_TOKEN": other}), "proposal-ended", "was withdrawn at")


def test_who_leaves_one_operator_is_told_what_it_means_and_the_node_says_so(
    corridor: Corridor, desk: dict[str, str]
) -> None:
    by = corridor.by
    one, own = by.tokens["operator"], by.people["operator"].person
    others = [
        row["id"] for row in done(desk, one, "token", "list") if "operator" in row["roles"] and row["person"] != own
    ]
    said = [done(desk, one, "token", "revoke", id) for id in others]
    assert said[:-1] == [{"revoked": id} for id in others[:-1]]
    warning = "fewer than two operators hold a living token (1 of them): nobody can confirm anything"
    assert said[-1]["warning"].startswith(warning)
    told = run("status", "--json", environment=desk)
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert said[-1]["warning"] in found["overdue"]
    assert said[-1]["warning"] in found["alarms"]
    changed = done(desk, one, "roles", by.people["second_operator"].person, "--role", "auditor")
    assert changed["warning"].startswith(warning)


def test_before_fewer_than_two_operators_are_left_it_is_overdue(
    forge: Forge, corridor: Corridor, desk: dict[str, str], tmp_path: Path
) -> None:
    by = corridor.by
    said = "the next tokens of operators: after"
    assert not any(line.startswith(said) for line in overdue(desk))
    with by.node.database.read() as tx:
        until = count_operators(tx, by.clock()).until
    assert until is not None
    corridor.clock.forward(until - by.clock() - timedelta(days=14))
    (line,) = (line for line in overdue(environment_of(forge, by, tmp_path)) if line.startswith(said))
    assert write_instant(until) in line


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


def test_a_rename_says_from_when_it_holds_and_is_overdue_until_a_list_says_it(
    corridor: Corridor, desk: dict[str, str]
) -> None:
    by = corridor.by
    (row,) = by.beliefs().list_of("BY").list.bodies
    words = ("party", "body", row.code, "--name", "Палата", "--role", "central")
    said = run(*words, environment=desk | {"REGISTRY_TOKEN": by.tokens["operator"]})
    assert (said.returncode, said.stderr) == (0, "")
    assert "holds: once the next trust list is published; until then the adopted list counts\n" in said.stdout
    assert "next: registry trust draft, then sign and publish, all on one day\n" in said.stdout
    body = ("--kind", "body", "--code", "grodno", "--body-role", "authorised", "--country", "BY")
    done(desk, by.tokens["operator"], "organisation", *body, "--name", "Гродно", "--address", "Гродно")
    today, todo = by.clock().date(), "draft, sign and publish the next one (registry trust)"
    assert sorted(unlisted(desk)) == [
        f"{row.code}: given the role central on {today}; the list still says authorised: {todo}",
        f"{row.code}: renamed here to Палата on {today}; the list still says {row.name}: {todo}",
        f"grodno: registered here as Гродно on {today}; the list has no such body: {todo}",
    ]
    by.adopts(sign_list(draft_list(by.node), list_signers(corridor.forge, "BY")))
    assert unlisted(desk) == []


def overdue(desk: dict[str, str]) -> list[str]:
    """Return what `registry status` says is overdue."""
    lines: list[str] = json.loads(run("status", "--json", environment=desk).stdout)["overdue"]
    return lines


def unlisted(desk: dict[str, str]) -> list[str]:
    """Return what of that the next trust list mends."""
    return [line for line in overdue(desk) if "registry trust" in line]


def test_organisations_are_listed_with_what_other_commands_ask_for(corridor: Corridor, desk: dict[str, str]) -> None:
    by = corridor.by
    token = by.tokens["operator"]
    (row,) = by.beliefs().list_of("BY").list.bodies
    (body,) = done(desk, token, "organisations", "--kind", "body")
    assert body == {
        "organisation": by.people["signatory"].organisation,
        "kind": "body",
        "code": row.code,
        "role": "authorised",
        "country": "BY",
        "tax_id": None,
        "name": row.name,
    }
    everyone = done(desk, token, "organisations")
    assert body in everyone
    assert {each["organisation"] for each in everyone} >= {party.organisation for party in by.people.values()}
    page = run("party", "organisations", environment=desk | {"REGISTRY_TOKEN": token}).stdout
    head, *lines = page.splitlines()
    assert head.split() == ["organisation", "kind", "code", "role", "country", "tax", "id", "name"]
    assert any(line.startswith(f"{body['organisation']}  body ") and line.endswith(f"  {row.name}") for line in lines)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE organisation SET kind = 'exporter' WHERE kind = 'importer'"))
    nobody = run("party", "organisations", "--kind", "importer", environment=desk | {"REGISTRY_TOKEN": token})
    assert nobody.stdout == "no such organisation is registered\n"
    assert done(desk, token, "organisations", "--kind", "importer") == []
    refused(run("party", "organisations", environment=desk | {"REGISTRY_TOKEN": by.tokens["examiner"]}), "role-missing")


def test_what_is_not_registered_is_refused_with_what_is_or_where_it_is_listed(
    corridor: Corridor, desk: dict[str, str]
) -> None:
    environment = desk | {"REGISTRY_TOKEN": corridor.by.tokens["operator"]}
    (row,) = corridor.by.beliefs().list_of("BY").list.bodies
    for words, said in (
        (("body", "nobody", "--name", "Палата"), f"no body 'nobody' is registered here; known: {row.code}"),
        (("person", "--organisation", "x", "--name", "А", "--role", "customs"), ": registry party organisations lists"),
        (("roles", "x", "--role", "customs"), ": registry party list lists them"),
        (("token", "revoke", "x"), ": registry party token list lists them"),
        (("revoke-mandate", "x"), "no living mandate 'x' is registered here\n"),
    ):
        refused(run("party", *words, environment=environment), "party-not-found", said)
