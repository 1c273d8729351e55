"""A backup is put back under a node, again and again: it signs nothing until it has back what it signed."""

import random
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

from registry.core.errors import RegistryError
from registry.demo import casework
from registry.demo.birth import adopt
from registry.demo.country import Country as Demo
from registry.demo.desk import Desk, answers, wait_for
from registry.store import certificates, log, mirror, tasks, witness
from registry.store.database import OWNER
from registry.store.postgres import SUPERUSER, Server
from registry.usecases.channel.deliver_message import ChannelBehind
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.tlog.extend_log import LogBehind
from registry.usecases.tlog.witness_checkpoint import WitnessBehind
from tests.kit import Corridor, Country, Forge
from tests.two_nodes.world import database, discrepancies, settle
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.restored import Backup, behind, carry, make, recovered

DRILLS = 20
LONG = 100
"""Entries that every fourth drill is behind by, or more."""


@pytest.mark.parametrize("number", range(DRILLS))
def test_a_restored_node_refuses_then_recovers_then_goes_on(forge: Forge, number: int) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  a seed that a failure names
    with forge.corridor() as corridor:
        try:
            drill(corridor, chance, LONG if number % 4 == 0 else chance.randint(1, 30))
        except (AssertionError, RegistryError) as failure:
            raise AssertionError(f"seed {seed}") from failure


def drill(corridor: Corridor, chance: random.Random, least: int) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    numbers = work(by, uz, chance, chance.randint(0, 10))
    if chance.random() < 0.5:
        numbers += [by.issued().number]  # it waits in the queue when the backup is made
    held = size_of(by)
    backup = Backup.take(corridor.forge, by)
    uz.draft("cotton-yarn")
    while size_of(by) < held + least:
        numbers += work(by, uz, chance, 20)
    if chance.random() < 0.5:
        by.draft()  # the log never took it in, and nobody knows of it
    signed, published = size_of(by), mirrored(uz, by)
    assert signed == published
    backup.restore()
    backup.drop()
    refuses_everything(by, uz)
    done = recovered(by, uz)
    assert behind(by) == []
    assert (done.said["size"], done.said["entries_given_up"], done.said["messages_given_up"]) == (signed, 0, 0)
    assert (done.said["certificates_lost"], done.said["changes_lost"]) == ([], [])
    for _ in range(2):
        numbers += work(by, uz, chance, 5)
    assert len(set(numbers)) == len(numbers)
    with by.node.database.read() as tx:
        assert {row.number for each in numbers for row in certificates.by_number(tx, each)} == set(numbers)
    agrees(by, uz)


def work(by: Country, uz: Country, chance: random.Random, least: int) -> list[str]:
    """Let both countries work until some entries more stand in the log, and carry everything across."""
    numbers: list[str] = []
    aim = size_of(by) + least
    while size_of(by) < aim or not numbers:
        issued = by.issued()
        numbers.append(issued.number)
        for _ in range(chance.randint(0, 3)):
            by.draft()
        if chance.random() < 0.3:
            by.annulled(issued)
        if chance.random() < 0.3:
            uz.issued("cotton-yarn")
        carry(by, uz)
        carry_back(uz, by)
    return numbers


def carry_back(uz: Country, by: Country) -> None:
    """Carry what the other country did; where its witness is silent, what it did waits for its proof."""
    try:
        carry(uz, by)
    except WitnessBehind:
        return


def refuses_everything(by: Country, uz: Country) -> None:
    """A backup neither numbers, nor cosigns, nor sends, nor issues; what was refused left no trace."""
    before = by.everything()
    with pytest.raises(LogBehind, match="registry log recover"):
        by.sequence()
    with pytest.raises(ChannelBehind, match="registry log recover"):
        make(by, uz)
    with by.node.database.read() as tx, pytest.raises(LogBehind):
        check_caught_up(tx, by.node.guard.marks(), by.node.keyring.log.vkey.name)
    uz.draft("cotton-yarn")
    uz.sequence()
    with pytest.raises(WitnessBehind, match="registry keys witness --next"):
        uz.witnessed(by)
    assert by.everything() == before


def agrees(by: Country, uz: Country) -> None:
    """There is one history: witness, mirror and every table agree; what is left is the witness's old memory."""
    assert mirrored(uz, by) == size_of(by)
    with uz.node.database.read() as tx:
        assert (witness.evidence(tx), tasks.open_tasks(tx)) == ([], [])
        known = witness.head(tx, by.node.keyring.log.vkey.name)
    with by.node.database.read() as tx:
        head = log.head(tx)
    assert known is not None
    assert head is not None
    assert (known.size, known.root) == (head.size, head.root)
    left = found(by, marks=by.node.guard.marks())
    assert [line for line in left if not line.startswith("guard, witness ")] == []
    assert found(uz, marks=uz.node.guard.marks()) == []


def size_of(country: Country) -> int:
    with country.node.database.read() as tx:
        return log.root_of(log.head(tx))[0]


def mirrored(country: Country, of: Country) -> int:
    with country.node.database.read() as tx:
        return mirror.root_of(mirror.head(tx, of.node.keyring.log.vkey.name))[0]


def test_the_way_back_by_commands_over_http(renewed: Mapping[str, Demo]) -> None:
    home, abroad = renewed["BY"], renewed["UZ"]
    numbers = [issue(home), issue(home)]
    settle(renewed)
    with stopped(home):
        copy(home, "registry_by", "registry_by_backup")
    numbers += [issue(home) for _ in range(3)]
    casework.issue(abroad, casework.approve(abroad, "grapes", casework.applications()["grapes"]))
    settle(renewed)
    wait_for(lambda: caught_up(home, abroad), "the mirror of BY")
    with stopped(home):
        copy(home, "registry_by_backup", "registry_by")
    approved = casework.approve(home, "tractors", casework.applications()["tractors"])
    path, draft = f"/api/v1/applications/{approved['id']}/issue", {"draft": approved["draft"]}
    refused = Desk(home, "signatory").post(path, draft, expect=503)
    assert refused.body["code"] == "log-behind"
    ready = httpx2.get(f"{home.url}/health/ready", trust_env=False)
    assert (ready.status_code, "log-behind" in ready.text) == (503, True)
    token = home.token("operator")
    with stopped(home):
        assert "behind" in {row["state"] for row in rows(home)}
        said = home.run("log", "recover", token=token)
        assert (len(said["certificates"]), said["certificates_lost"]) == (3, [])
        assert [row["what"] for row in rows(home) if row["state"] == "behind"] == [
            f"witness {home.name}/witness of {abroad.name}/log"
        ]
        renew_witness(home)
    adopt(abroad, home)
    assert [row["what"] for row in rows(home) if row["state"] == "behind"] == []
    numbers += [str(Desk(home, "signatory").post(path, draft).body["number"]), issue(home)]
    assert len(set(numbers)) == len(numbers)
    casework.issue(abroad, casework.approve(abroad, "grapes", casework.applications()["grapes"]))
    wait_for(lambda: f"{home.name}/witness-2 " in shown(abroad) or None, "a cosignature under the new key")
    settle(renewed)
    wait_for(lambda: caught_up(home, abroad), "the mirror of BY")
    assert [discrepancies(country) for country in renewed.values()] == [[], []]


def issue(country: Demo) -> str:
    application = casework.applications()["tractors"]
    return str(casework.issue(country, casework.approve(country, "tractors", application))["number"])


def rows(country: Demo) -> list[dict[str, str]]:
    """Return what `registry log guard` shows."""
    shown: Any = country.run("log", "guard")
    return list(shown)


def shown(country: Demo) -> str:
    return httpx2.get(f"{country.url}/log/checkpoint", trust_env=False).text


def caught_up(home: Demo, abroad: Demo) -> bool | None:
    """Tell whether the other country's mirror is as far as the log that is shown here, and the log at rest."""
    digest = sha256(f"{home.name}/log".encode()).hexdigest()
    copy = httpx2.get(f"{abroad.url}/log/mirror/{digest}/checkpoint", trust_env=False)
    if copy.status_code == httpx2.codes.NOT_FOUND:  # nothing of it was seen with a cosignature yet
        return None
    with database(home) as pool, pool.read() as tx:
        head = log.head(tx)
    return (head is not None and copy.text.split("\n")[1] == str(head.size)) or None


@contextmanager
def stopped(country: Demo) -> Iterator[None]:
    country.stop()
    yield
    country.start()
    wait_for(lambda: answers(country, "/health/live"), f"{country.code} back")


def copy(country: Demo, source: str, target: str) -> None:
    """Copy a database of a country that is stopped."""
    server = Server.running(country.var / "postgres")
    assert server is not None
    engine = create_engine(server.url(SUPERUSER, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{target}" TEMPLATE "{source}" OWNER {OWNER}'))
    engine.dispose()


def renew_witness(country: Demo) -> None:
    """Give the witness its next key: new list keys, a list of the next epoch, signed by two of them, published."""
    offline, secret = country.offline, str(country.secret("node"))
    by_root = ("--root-folder", str(offline), "--root-passphrase-file", str(country.secret("root")))
    country.run(
        *("keys", "witness", "--next", "--name", country.name),
        *("--folder", str(country.keys), "--passphrase-file", secret),
    )
    for label in ("4", "5"):
        own = ("--passphrase-file", str(country.secret(f"list-{label}")))
        country.run("keys", "list", label, "--folder", str(offline), *by_root, *own)
    draft, token = country.folder / "epoch.json", country.token("operator")
    country.run("trust", "draft", str(draft), "--list-keys", str(offline), "--new-epoch", token=token)
    signed = []
    for label in ("4", "5"):
        out = str(country.folder / f"epoch-{label}.jws")
        opens = ("--folder", str(offline), "--passphrase-file", str(country.secret(f"list-{label}")))
        country.run("trust", "sign", str(draft), out, "--key", f"list-{label}", *opens)
        signed.append(out)
    country.run("trust", "publish", *signed, token=token)
    country.run("trust", "show", "--out", str(country.folder / "trust-list.jws"))
