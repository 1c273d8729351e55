"""Witnesses that lie, fail, are killed or are away: what they do is named, and issuing does not wait for them."""

import random
import secrets
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from registry.cli.duties import Witnessing, publish_newest
from registry.core.agreement import NeutralWitness
from registry.core.errors import RegistryError
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.merkle import Hash, leaf_hash, new_hashes, prove_consistency, tree_root
from registry.core.tlog.note import Note, SignatureLine
from registry.core.tlog.witness import Growth, NotConsistent, StaleOldSize
from registry.demo import casework, story
from registry.demo.country import Country
from registry.demo.desk import Desk, answers, wait_for
from registry.node import Node
from registry.peer import client
from registry.peer.client import Peer
from registry.signing.key_file import NoteSigner
from registry.store import checkpoints, log, tasks
from registry.store.acts import Actor
from registry.store.tasks import TaskKind
from registry.usecases.tlog import witness_checkpoint
from registry.usecases.tlog.publish_log import WitnessClockOff, published_note
from registry.usecases.tlog.witness_checkpoint import Cosigned
from tests import kit
from tests.api.desk import Documented, open_office
from tests.independent.leaves import check_leaves
from tests.processes import environment_of, wait_until_it_answers
from tests.two_nodes.agreed import adopt_with
from tests.two_nodes.hostile import BEHAVIOURS, LATEST, Behaviour, Gate, Hostile, cosigning, new_key, saying
from tests.two_nodes.world import count, database, settle

ORIGIN = "by.registry.example/log"


def published(country: kit.Country) -> int:
    with country.node.database.read() as tx:
        return checkpoints.published_size(tx)


def head(country: kit.Country) -> int:
    with country.node.database.read() as tx:
        return log.root_of(log.head(tx))[0]


def waiting(country: kit.Country) -> list[tuple[str, str]]:
    with country.node.database.read() as tx:
        return [(task.kind, task.subject) for task in tasks.open_tasks(tx)]


@contextmanager
def asking(country: kit.Country, name: str, url: str) -> Iterator[Witnessing]:
    peer = Peer.at(url)
    try:
        yield Witnessing(country.node, name, peer)
    finally:
        peer.close()


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_witness_that_does_not_cosign_is_named_by_a_code(
    forge: kit.Forge, corridor: kit.Corridor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(client, "DEADLINE", 1.5)
    behaviour, key = BEHAVIOURS[name], new_key(f"{name}.example/w")
    by = corridor.by
    adopt_with(forge, by, NeutralWitness(key.vkey.name, key.vkey))
    by.issued()
    by.sequence()
    hostile = Hostile(behaviour.answer(key, new_key(key.vkey.name)))
    with hostile.listening(), asking(by, key.vkey.name, hostile.url) as duty:
        with pytest.raises(RegistryError, match=behaviour.said) as refused:
            duty.run()
        assert refused.value.code == behaviour.code
        publish_newest(by.node)
        assert (published(by), by.node.guard.exists()) == (0, True)
        subject = f"{ORIGIN} at {key.vkey.name}"
        assert waiting(by) == ([] if behaviour.task is None else [(behaviour.task, subject)])
        assert by.issued().number
        hostile.answer = cosigning(key, by.clock)
        duty.run()
    assert published(by) == head(by)
    stays = behaviour.task is TaskKind.LOG_SPLIT  # that is for a person to close
    assert waiting(by) == ([(TaskKind.LOG_SPLIT, subject)] if stays else [])


def test_a_witness_that_says_it_is_behind_is_shown_the_growth_from_there_once(
    forge: kit.Forge, corridor: kit.Corridor
) -> None:
    by, key = corridor.by, new_key("smaller.example/w")
    adopt_with(forge, by, NeutralWitness(key.vkey.name, key.vkey))
    by.sequence()
    hostile = Hostile(BEHAVIOURS["smaller"].answer(key, key))
    with hostile.listening(), asking(by, key.vkey.name, hostile.url) as duty, pytest.raises(RegistryError):
        duty.run()
    assert [Growth.parse(body).old for body in hostile.asked] == [0, 3]


@pytest.mark.parametrize("at", [LATEST, LATEST.replace(year=1970, month=1, day=1)])
def test_a_witness_with_a_wrong_clock_is_named_and_harms_nobody(
    forge: kit.Forge, corridor: kit.Corridor, at: datetime
) -> None:
    by, key = corridor.by, new_key("timeless.example/w")
    adopt_with(forge, by, NeutralWitness(key.vkey.name, key.vkey))
    by.sequence()
    hostile = Hostile(cosigning(key, lambda: at))
    with hostile.listening(), asking(by, key.vkey.name, hostile.url) as duty:
        for _ in range(2):
            with pytest.raises(WitnessClockOff):
                duty.run()
        assert published(by) == 0
        hostile.answer = cosigning(key, by.clock)
        duty.run()
    assert published(by) == head(by)


@contextmanager
def process(
    forge: kit.Forge, country: kit.Country, folder: Path, name: str, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of a country of the kit, and end it."""
    with (folder / f"{name}.log").open("ab") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "registry.cli.main", name],
            env=environment_of(forge, country, folder) | more,
            stdout=file,
            stderr=file,
            cwd=folder,
        )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


def test_a_worker_among_witnesses_that_fail_in_every_way_goes_on(
    forge: kit.Forge, corridor: kit.Corridor, tmp_path: Path
) -> None:
    by, honest = corridor.by, new_key("honest.example/w")
    keys = {name: new_key(f"{name}.example/w") for name in BEHAVIOURS}
    neutral = [NeutralWitness(key.vkey.name, key.vkey) for key in (honest, *keys.values())]
    adopt_with(forge, by, *neutral)
    file = tmp_path / "worker.log"
    with ExitStack() as stack:
        urls = {}
        for name, behaviour in BEHAVIOURS.items():
            answer = behaviour.answer(keys[name], new_key(keys[name].vkey.name))
            urls[keys[name].vkey.name] = stack.enter_context(Hostile(answer).listening()).url
        returning = stack.enter_context(Hostile(saying("500 Oops")).listening())
        urls[honest.vkey.name] = returning.url
        addresses = ",".join(f"{name}={url}" for name, url in urls.items())
        worker = stack.enter_context(process(forge, by, tmp_path, "worker", REGISTRY_WITNESSES=addresses))

        def named() -> bool | None:
            assert worker.poll() is None, file.read_text()
            return all(_says(file.read_text(), name, each) for name, each in BEHAVIOURS.items()) or None

        wait_for(named, "every witness is named", 40)
        issued = by.issued()
        wait_for(lambda: _is_logged(by, str(issued.act)) or None, "issuing and numbering go on")
        assert published(by) == 0
        expected = {
            (behaviour.task, f"{ORIGIN} at {name}.example/w")
            for name, behaviour in BEHAVIOURS.items()
            if behaviour.task is not None
        }
        assert set(waiting(by)) == expected
        with open_office(by, Documented()) as office:
            told = office.http.get("/health/ready")
            assert (told.status_code, told.json()["ready"]) == (200, True)
            for kind, count in Counter(kind for kind, _ in expected).items():
                assert f"{kind}: {count} open" in told.json()["alarms"]
        returning.answer = cosigning(honest, by.clock)
        wait_for(lambda: published(by) == head(by) or None, "one honest witness is the quorum", 40)
        assert worker.poll() is None
        assert set(waiting(by)) == expected
    with by.node.database.read() as tx:
        note = published_note(tx)
    assert note is not None
    assert [line.name for line in Note.parse(note).lines] == [ORIGIN, honest.vkey.name]


def _says(told: str, name: str, behaviour: Behaviour) -> bool:
    """Tell whether a line of the worker's log names a witness, the code, and what it did."""
    begins = f"witness {name}.example/w: {behaviour.code}: "
    return any(begins in line and behaviour.said in line for line in told.splitlines())


def _is_logged(country: kit.Country, act: str) -> bool:
    with country.node.database.read() as tx:
        return log.index_of(tx, act) is not None


@dataclass
class Branch:
    """One history of a log: its entries, and what its key signs over them."""

    signer: NoteSigner
    entries: list[bytes]

    def __post_init__(self) -> None:
        leaves = [leaf_hash(entry) for entry in self.entries]
        made = new_hashes(0, leaves, lambda _wanted: [])
        self.hashes = {(level, index): hash_ for level, index, hash_ in made}

    def read(self, wanted: Any) -> list[Hash]:
        return [self.hashes[place] for place in wanted]

    def root(self, size: int) -> Hash:
        return tree_root(size, self.read)

    def growth(self, old: int, new: int) -> Growth:
        note = self.signer.sign(Checkpoint(ORIGIN, new, self.root(new)).encode())
        return Growth(old, tuple(prove_consistency(old, new, self.read)), note, Checkpoint.parse(note.text))


ROUNDS, RACING, AGAIN, THREADS, LONGEST = 4, 100, 24, 8, 12


@dataclass
class Witnessed:
    """Our witness as a process of its own, and every answer 200 that it ever gave."""

    url: str
    http: httpx2.Client
    cosigned: list[tuple[Growth, str]]
    unanswered: int = 0
    answered: int = 0

    def ask(self, growth: Growth) -> None:
        """Ask for a cosignature; whoever gets no answer knows nothing."""
        try:
            answer = self.http.post(
                f"{self.url}/witness/add-checkpoint",
                content=growth.encode(),
                headers={"Content-Type": "text/plain"},
            )
        except httpx2.HTTPError:
            self.unanswered += 1
            return
        self.answered += 1
        assert answer.status_code in {200, 409, 422}, answer.text
        if answer.status_code == 200:
            self.cosigned.append((growth, answer.text))

    def size(self) -> int:
        shown = f"{self.url}/witness/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        note = self.http.get(shown)
        return Checkpoint.parse(Note.parse(note.text).text).size if note.status_code == 200 else 0


def test_our_witness_killed_at_random_while_two_forks_race_cosigns_one_history(
    forge: kit.Forge, corridor: kit.Corridor, tmp_path: Path
) -> None:
    """PROMISES L6: whatever answer was ever received, all are of one branch."""
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  a seed that a failure names
    by, uz = corridor.by, corridor.uz
    signer = by.node.keyring.log
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with httpx2.Client(timeout=20, trust_env=False) as http:
        witness = Witnessed(f"http://127.0.0.1:{port}", http, [])
        history = _raced(forge, uz, tmp_path, port, witness, Branch(signer, []), chance)
    assert witness.unanswered, "no kill met a request"
    assert witness.cosigned, "no request was ever answered"
    for growth, answer in witness.cosigned:
        assert growth.checkpoint.root == history.root(growth.checkpoint.size), f"seed {seed}"
        line = SignatureLine.parse(answer.removesuffix("\n"))
        assert cosigned_at(Note(growth.note.text, (line,)), uz.node.keyring.witness.vkey)


def _raced(
    forge: kit.Forge,
    uz: kit.Country,
    folder: Path,
    port: str,
    witness: Witnessed,
    history: Branch,
    chance: random.Random,
) -> Branch:
    """Fork the history that is cosigned, over and over, and return the one that stands in the end."""
    for number in range(ROUNDS):
        base = len(history.entries)
        forks = [
            Branch(history.signer, history.entries + [b"%d %d %d" % (number, fork, index) for index in range(LONGEST)])
            for fork in range(2)
        ]
        racing = [_some_growth(chance, forks[place % 2], base) for place in range(RACING)]
        with process(forge, uz, folder, "serve", REGISTRY_PORT=port) as serving:
            wait_until_it_answers(witness.url, serving, folder / "serve.log")
            _race(witness, racing, serving, after=chance.randrange(1, RACING // 2))
        with process(forge, uz, folder, "serve", REGISTRY_PORT=port) as serving:
            wait_until_it_answers(witness.url, serving, folder / "serve.log")
            _race(witness, racing[-AGAIN:], None)
            size = witness.size()
            won = next(fork for fork in forks if (size, fork.root(size)) == _head(uz))
        assert size > base
        history = Branch(history.signer, won.entries[:size])
    return history


def _some_growth(chance: random.Random, fork: Branch, base: int) -> Growth:
    new = base + chance.randint(1, LONGEST)
    return fork.growth(chance.choice([base, base, base + chance.randrange(new - base)]), new)


def _race(witness: Witnessed, racing: list[Growth], serving: subprocess.Popen[bytes] | None, after: int = 0) -> None:
    """Ask all at once; kill the process once so many answers have come."""
    wanted = witness.answered + after
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(witness.ask, growth) for growth in racing]
        if serving is not None:
            wait_for(lambda: witness.answered >= wanted or None, "some answers")
            serving.send_signal(signal.SIGKILL)
            serving.wait(20)
        for each in asked:
            each.result()


def _head(country: kit.Country) -> tuple[int, Hash]:
    with country.node.database.read() as tx:
        row = tx.execute(text("SELECT size, root FROM witness_head")).one()
    return row.size, bytes(row.root)


def _cosign(node: Node, growth: Growth, country: kit.Country, *, commits: bool = True) -> Cosigned | NotConsistent:
    """Compare and record, and neither tell the guard nor answer: as one who is killed there."""
    with node.database.begin() as tx:
        read, key = witness_checkpoint.read_growth(growth.encode(), country.beliefs().foreign_logs("UZ"))
        answer = witness_checkpoint.cosign(
            tx,
            read,
            key,
            node.keyring.witness,
            mark=None,
            by=Actor(country.did),
            at=country.clock(),
            draw=node.draw,
        )
        if not commits:
            tx.rollback()
    return answer


def test_what_was_recorded_and_never_answered_binds_the_witness(forge: kit.Forge, corridor: kit.Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    signer = by.node.keyring.log
    one, other = (Branch(signer, [b"%d %d" % (fork, index) for index in range(9)]) for fork in range(2))
    assert isinstance(_cosign(uz.node, other.growth(0, 5), uz, commits=False), Cosigned)
    assert isinstance(_cosign(uz.node, one.growth(0, 5), uz), Cosigned)
    uz.node.database.close()
    anew = forge.node("UZ", uz.database, uz.clock)
    with pytest.raises(StaleOldSize) as stale:
        _cosign(anew, other.growth(0, 5), uz)
    assert stale.value.size == 5
    assert isinstance(_cosign(anew, other.growth(5, 7), uz), NotConsistent)
    assert isinstance(_cosign(anew, other.growth(5, 5), uz), NotConsistent)
    assert isinstance(_cosign(anew, one.growth(5, 7), uz), Cosigned)
    anew.close()


@dataclass
class Clocked(Country):
    """A running country whose clock a file moves, and whose peer answers at an address of the test's."""

    clock: Path = Path()
    peer_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "REGISTRY_CLOCK_FILE": str(self.clock),
            "REGISTRY_PEERS": f"did:web:{self.peer_name}={self.peer_url}",
        }


def test_the_public_logs_of_the_story_tell_nothing_that_is_not_theirs_to_tell(
    running: Mapping[str, Country], tmp_path: Path
) -> None:
    with database(running["BY"]) as pool, pool.read() as tx:
        told = count(tx, "SELECT count(*) FROM act WHERE kind = 'certificate.status'")
    if not told:
        story.tell(running, lambda _line: None, tmp_path)
    settle(running)
    for country in running.values():
        peer = Peer.at(f"{country.url}/log")
        try:
            size = Checkpoint.parse(Note.parse(peer.read("/checkpoint").decode()).text).size
            entries = peer.read_entries(0, size, size)
        finally:
            peer.close()
        with database(country) as pool, pool.read() as tx:
            assert check_leaves(tx, entries, set(running)) == size > 50


MINUTES = 10


def test_issuing_goes_on_while_the_peers_witness_is_away_and_every_proof_comes(running: Mapping[str, Country]) -> None:
    settle(running)
    clock = running["BY"].folder / "clock"
    with Gate(running["UZ"].url).listening() as gate, _clocked(running, clock, gate.url) as (home, abroad):
        key = "medicines"
        application = casework.applications()[key]
        approved = [casework.approve(home, key, application) for _ in range(MINUTES)]
        settle(running)
        gate.shut.set()
        issued = []
        for minute, each in enumerate(approved):
            clock.write_text(str(60 * minute))
            issued.append(casework.issue(home, each))
        clock.write_text(str(60 * MINUTES))
        officer, exporter = Desk(abroad, "officer"), Desk(home, key)
        for certificate in issued:
            wait_for(lambda path=certificate["href"]: _arrived(home, path), f"{certificate['number']} arrives")  # type: ignore[misc]
            assert _proof(home, key, certificate).status_code == 503
            assert _proof(home, key, certificate).json()["code"] == "proof-pending"
            shown = exporter.get(certificate["href"], story.ENVELOPE).text
            assert '"proof":"pending"' in shown
            for asked in ({"number": certificate["number"]}, {"certificate": shown}):
                assert _log_finding(officer, asked) == ("INDETERMINATE", "not-yet-logged")
        with database(home) as pool, pool.read() as tx:
            assert count(tx, "SELECT count(*) FROM message_out WHERE pending") >= MINUTES
        health = httpx2.get(f"{home.url}/health/ready", trust_env=False)
        assert (health.status_code, health.json()["wrong"]) == (200, [])
        assert any("no quorum has cosigned the log since" in line for line in health.json()["waiting"])
        gate.shut.clear()
        for certificate in issued:
            casework.delivered(home, certificate)
            assert _proof(home, key, certificate).status_code == 200
            shown = exporter.get(certificate["href"], story.ENVELOPE).text
            for asked in ({"number": certificate["number"]}, {"certificate": shown}):
                assert _log_finding(officer, asked) == ("TOTAL-PASSED", "witnessed")
        settle(running)
        assert httpx2.get(f"{home.url}/health/ready", trust_env=False).json()["waiting"] == []


@contextmanager
def _clocked(running: Mapping[str, Country], clock: Path, gate: str) -> Iterator[tuple[Clocked, Clocked]]:
    """Let both countries live by the clock in a file; it stands where it was left when they go on without it."""
    clock.write_text("0")
    urls = {"BY": gate, "UZ": running["BY"].url}
    moved = {
        code: Clocked(
            **{field.name: getattr(country, field.name) for field in fields(Country)}, clock=clock, peer_url=urls[code]
        )
        for code, country in running.items()
    }
    _restart(running, moved)
    try:
        yield moved["BY"], moved["UZ"]
    finally:
        _restart(moved, running)


def _restart(old: Mapping[str, Country], new: Mapping[str, Country]) -> None:
    for country in old.values():
        country.stop()
    for country in new.values():
        country.start()
    for country in new.values():
        wait_for(lambda node=country: answers(node), f"{country.code} ready")  # type: ignore[misc]


def _arrived(home: Country, path: str) -> bool | None:
    delivery = Desk(home, "signatory").get(path).body.get("delivery") or {}
    return (delivery.get("outcome"), delivery.get("proof")) == ("accepted_with_warnings", "pending") or None


def _proof(home: Country, who: str, certificate: Mapping[str, Any]) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {home.token(who)}", "Accept": "text/vnd.tlog-proof"}
    return httpx2.get(f"{home.url}{certificate['href']}", headers=headers, trust_env=False)


def _log_finding(officer: Desk, asked: Mapping[str, str]) -> tuple[str, str]:
    verdict = officer.post("/api/v1/verifications", asked).body
    (code,) = [finding["code"] for finding in verdict["findings"] if finding["check"] == "log"]
    return verdict["indication"], code
