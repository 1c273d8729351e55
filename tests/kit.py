"""A world for tests: two countries with real keys, real databases and a clock that stands still until it is moved.

The corridor is born once; each test gets its own copy of both databases.
"""

import json
import os
import random
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from alembic import command
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from registry.api.issuer import issuer_of, receiver_of
from registry.cli import duties, freshening
from registry.cli.database import migrations
from registry.core.agreement import Agreement, Environment
from registry.core.application.working_year import read_calendar
from registry.core.certificate.claims import Claims
from registry.core.envelope.jose import Typ, join, seal
from registry.core.identifiers import authority_did, body_did, node_did
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import KeyType
from registry.core.tlog.witness import NotConsistent, StaleOldSize
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import Freshness, NamedList
from registry.core.trust.pin import Pin
from registry.core.trust.trust_list import BodyRole, LogKey, TrustList, WitnessKey
from registry.core.verification.presentation import Presentation
from registry.demo import birth, casework
from registry.node import Node
from registry.settings import Settings
from registry.signing.ceremony import ROOT, Authority, make_key, make_root
from registry.signing.key_file import FileSigner, NoteSigner, read_certificate
from registry.store import acts
from registry.store.acts import Act, Actor, Draw
from registry.store.annulments import Annulment
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.database import APP, OWNER, Database
from registry.store.guard import of_log, of_shown, of_witness
from registry.store.parties import OrganisationKind, Person, Role
from registry.store.postgres import SUPERUSER, Server
from registry.store.tables import METADATA
from registry.store.tokens import Token
from registry.usecases.application import confirm_calendar, examine_application, submit_application
from registry.usecases.application.relate_certificate import Related
from registry.usecases.application.submit_application import Form
from registry.usecases.certificate import change_status, clarify_certificate, issue_certificate, replace_certificate
from registry.usecases.channel import deliver_message, exchange_freshness
from registry.usecases.channel.accept_message import accept
from registry.usecases.channel.deliver_message import Sender
from registry.usecases.party import begin_operators, issue_token, register_party
from registry.usecases.party.identify_party import Party, identify
from registry.usecases.tlog import publish_log, witness_checkpoint
from registry.usecases.trust import adopt_trust_list, publish_trust_list
from registry.usecases.trust.believe_peers import Beliefs, read_beliefs
from registry.usecases.trust.publish_trust_list import Material
from registry.usecases.trust.sign_for_body import read
from registry.usecases.verification import verify_certificate
from registry.usecases.verification.verify_certificate import Verification

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HEARD = AT - timedelta(seconds=1)
"""As of when each country heard of the other that it had sent nothing yet."""
SECRET = b"one passphrase for the tests"
NAMES = {"BY": "by.registry.example", "UZ": "uz.registry.example"}
BORN = {code: f"born_{code.lower()}" for code in NAMES}
MEMORY, ROOM = Path("/dev/shm"), 4_000_000_000  # noqa: S108  the folder below it is our own
DISK = Path(__file__).resolve().parents[1] / "var" / "tests"
FOLDER = (
    MEMORY / f"registry-tests-{os.geteuid()}"
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    else DISK
)
"""In memory where there is room: a copy of a database costs a tenth there.

Each run works in a folder of its own here, named by its process: two runs at once do not meet.
"""
IMPORTERS = {
    "BY": (
        ("importer", "ОАО «Барановичский трикотаж»", "100777002"),
        ("other_importer", "ООО «Фруктовый двор»", "191012341"),
    ),
    "UZ": (
        ("importer", "«TOSHKENT AGROTEXNIKA» MChJ", "301234567"),
        ("other_importer", "«SAMARQAND SUT» QK MChJ", "302345678"),
    ),
}
"""Consignees of the demo's certificates: the first of tractors and of yarn."""
RefusalT = TypeVar("RefusalT", bound=Exception)


@dataclass
class Clock:
    """A clock that stands still."""

    at: datetime = AT

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Refusal(Generic[RefusalT]):
    """A transaction that is expected to be refused, and by what it was."""

    tx: Session
    error: RefusalT | None = None

    @property
    def value(self) -> RefusalT:
        assert self.error is not None
        return self.error


@dataclass
class Country:
    """A node in a test, with its people and what a test asks it to do."""

    node: Node
    clock: Clock
    people: dict[str, Party]
    tokens: dict[str, str]
    database: str

    @property
    def code(self) -> str:
        return self.node.settings.country

    @property
    def did(self) -> str:
        return self.node.settings.did

    @property
    def signer(self) -> Signer:
        """The first document signer of the body."""
        return self.node.keyring.documents[birth.CAST[self.code]["body"][0]][0]

    @property
    def sender(self) -> Sender:
        return Sender(self.did, self.node.settings.env, self.node.keyring.node)

    @contextmanager
    def tx(self) -> Iterator[Session]:
        with self.node.database.begin() as tx:
            yield tx

    def everything(self) -> dict[str, list[str]]:
        """Return every row of every table, to tell whether anything changed."""
        with self.node.database.read() as tx:
            return {table.name: sorted(map(repr, tx.execute(select(table)))) for table in METADATA.sorted_tables}

    @contextmanager
    def refuses(self, refusal: type[RefusalT]) -> Iterator[Refusal[RefusalT]]:
        """Expect that what is done in the transaction is refused, and that nothing is changed by it."""
        before = self.everything()
        try:
            with self.tx() as tx:
                expected = Refusal[RefusalT](tx)
                yield expected
        except refusal as error:
            expected.error = error
        assert expected.error is not None, f"{refusal.__name__} was not raised"
        assert self.everything() == before

    def knows(self, who: str) -> Party:
        """Identify a person anew by their token, and return them."""
        with self.node.database.read() as tx:
            self.people[who] = identify(tx, self.tokens[who], node=self.did, at=self.clock())
        return self.people[who]

    def acts(self, *kinds: Kind) -> list[Act]:
        """Return acts of some kinds, or all, oldest first."""
        with self.node.database.read() as tx:
            query = select(Act).order_by(Act.at, Act.id)
            return list(tx.scalars(query.where(Act.kind.in_(kinds)) if kinds else query))

    def issues_token(self, tx: Session, person: str, days: int = 1) -> tuple[str, Token]:
        """Issue a token for a person by two operators, and return it and its row."""
        one, other = self.people["operator"], self.people["second_operator"]
        return issue(tx, person, one, other, days=days, at=self.clock(), draw=self.node.draw)

    def renews(self, who: str) -> Party:
        """Issue a new token for a person by two operators, and identify them by it."""
        with self.tx() as tx:
            self.tokens[who], _ = self.issues_token(tx, self.people[who].person)
        return self.knows(who)

    def gives(self, who: str, *roles: Role) -> None:
        """Give a person roles that are not for people of their organisation, as was done before that was a rule."""
        by = self.by("operator") | {"by": self.people["operator"].actor}
        with self.tx() as tx:
            give_roles(tx, self.people[who].person, *roles, **by)
        self.knows(who)

    def application(self, id: str) -> Application:
        with self.node.database.read() as tx:
            found = tx.get(Application, id)
        assert found is not None
        return found

    def beliefs(self) -> Beliefs:
        with self.node.database.read() as tx:
            return read_beliefs(tx, self.node.pins)

    def believes(self) -> Beliefs:
        """Return what its verdicts rest on: what is believed, held beside the guard."""
        with self.node.database.read() as tx:
            return self.node.believe(tx)

    def by(self, who: str) -> dict[str, Any]:
        """Return the keyword arguments that every use case takes."""
        return {"by": self.people[who], "at": self.clock(), "draw": self.node.draw}

    def boxes(self, key: str = "tractors") -> dict[str, Any]:
        """Return the claims of an application of the demo's data, as they are filled in."""
        filled: dict[str, Any] = casework.form(casework.applications(self.clock().date())[key])["claims"]
        return filled

    def form(self, key: str = "tractors", *, principal: str | None = None, **claims: Any) -> Form:
        """Return an application of the demo's data as it is filled in, with other boxes where that is asked."""
        filled = casework.form(casework.applications(self.clock().date())[key])
        filled["claims"] |= claims
        return Form(**filled, principal=principal)

    def draft(self, key: str = "tractors", **claims: Any) -> Application:
        with self.tx() as tx:
            return submit_application.draft(tx, self.form(key, **claims), country=self.code, **self.by("exporter"))

    def submitted(self, key: str = "tractors") -> Application:
        drafted = self.draft(key)
        beliefs = self.beliefs()
        with self.tx() as tx:
            return submit_application.submit(tx, drafted.id, beliefs, **self.by("exporter"))[0]

    def offered(self, key: str = "tractors") -> Application:
        submitted = self.submitted(key)
        with self.tx() as tx:
            examine_application.take_up(tx, submitted.id, **self.by("examiner"))
            return examine_application.offer_draft(tx, submitted.id, **self.by("examiner"))

    def approves(self, form: Form) -> Application:
        """Take a form all the way to an approved application."""
        beliefs = self.beliefs()
        with self.tx() as tx:
            drafted = submit_application.draft(tx, form, country=self.code, **self.by("exporter"))
            submit_application.submit(tx, drafted.id, beliefs, **self.by("exporter"))
            examine_application.take_up(tx, drafted.id, **self.by("examiner"))
            offered = examine_application.offer_draft(tx, drafted.id, **self.by("examiner"))
            return submit_application.accept(tx, drafted.id, str(offered.draft), **self.by("exporter"))

    def replaces(self, old: CertificateRow, key: str = "tractors") -> Application:
        """Return an approved application that names the certificate which it replaces."""
        return self.approves(replace(self.form(key), related=Related("replaces", old.id)))

    def replaced(self, old: CertificateRow) -> CertificateRow:
        """Replace a certificate: one signatory proposes, another issues what stands in lieu."""
        approved = self.replaces(old)
        with self.tx() as tx:
            proposal = replace_certificate.propose(tx, approved.id, "Опечатка в графе 2.", **self.by("signatory"))
        return self.issue(approved, "second_signatory", proposal.id)

    def approved(self, key: str = "tractors") -> Application:
        offered = self.offered(key)
        with self.tx() as tx:
            return submit_application.accept(tx, offered.id, str(offered.draft), **self.by("exporter"))

    def issue(self, approved: Application, who: str = "signatory", proposal: str | None = None) -> CertificateRow:
        beliefs = self.beliefs()
        with self.tx() as tx:
            return issue_certificate.issue(
                tx, approved.id, str(approved.draft), issuer_of(self.node), beliefs, **self.by(who), read=proposal
            )

    def issued(self, key: str = "tractors") -> CertificateRow:
        return self.issue(self.approved(key))

    def proposed(self, certificate: CertificateRow, who: str = "signatory", day: str | None = None) -> Annulment:
        """Propose to annul a certificate from the day of issue on, or from another."""
        offset = {"BY": "+03:00", "UZ": "+05:00"}[self.code]
        since = day or certificate.issued_on.isoformat() + offset
        with self.tx() as tx:
            return change_status.propose(tx, certificate.id, "Акт экспертизы отозван.", since, **self.by(who))

    def annulled(self, certificate: CertificateRow) -> StatusChangeRow:
        proposal, issuer = self.proposed(certificate), issuer_of(self.node)
        with self.tx() as tx:
            return change_status.confirm(tx, certificate.id, proposal.id, issuer, **self.by("second_signatory"))

    def clarified(self, certificate: CertificateRow) -> ClarificationRow:
        """Mend a typo in the address of the exporter: one person proposes, another confirms."""
        claims = Claims.parse(read(certificate).subject.claims)
        old = claims.consignor_exporter.address
        words = ("consignor_exporter.address", old, old.replace("ул.", "улица"), "Опечатка.")
        with self.tx() as tx:
            proposal = clarify_certificate.propose(tx, certificate.id, *words, **self.by("signatory"))
            issuer = issuer_of(self.node)
            return clarify_certificate.confirm(tx, certificate.id, proposal.id, issuer, **self.by("examiner"))

    def asks(self, number: str, id: str | None = None, day: date | None = None) -> Verification:
        """Let customs ask for a certificate by its number."""
        with self.tx() as tx:
            return verify_certificate.by_number(
                tx, number, self.believes(), id=id, env="demo", country=self.code, day=day, **self.by("officer")
            )

    def shown(self, presentation: Presentation, day: date | None = None) -> Verification:
        """Let customs judge what a holder shows."""
        with self.tx() as tx:
            return verify_certificate.by_file(
                tx, presentation, self.believes(), env="demo", country=self.code, day=day, **self.by("officer")
            )

    def sequence(self) -> None:
        """Take everything into the log."""
        while duties.sequence(self.node):
            pass

    def witnessed(self, by: "Country") -> None:
        """Have the other country's witness cosign what the log has numbered, and publish it."""
        mark = self.node.guard.mark(of_log(self.node.keyring.log.vkey.name))
        if mark is None:
            return
        key = by.node.keyring.witness.vkey
        with self.node.database.read() as tx:
            asked = publish_log.ask(tx, key, mark, at=self.clock())
        if asked is not None:
            self.node.guard.advance(of_shown(asked.growth.checkpoint.origin), mark)
            try:
                line = by.cosign(asked.growth.encode())
            except StaleOldSize as stale:
                with self.node.database.read() as tx:
                    asked = publish_log.ask(tx, key, mark, at=self.clock(), old=stale.size)
                assert asked is not None
                line = by.cosign(asked.growth.encode())
            with self.tx() as tx:
                publish_log.keep_cosignature(tx, asked, key, line, at=self.clock())
        duties.publish_newest(self.node)

    def cosign(self, growth: str) -> str:
        """Cosign the growth of another country's log, and let the guard know."""
        cosigner = self.node.keyring.witness
        with self.tx() as tx:
            read, key = witness_checkpoint.read_growth(growth, self.beliefs().foreign_logs(self.code))
            what = of_witness(cosigner.vkey.name, read.checkpoint.origin)
            answer = witness_checkpoint.cosign(
                tx,
                read,
                key,
                cosigner,
                mark=self.node.guard.mark(what),
                by=Actor(self.did),
                at=self.clock(),
                draw=self.node.draw,
            )
        if isinstance(answer, NotConsistent):
            raise answer
        self.node.guard.advance(what, answer.mark)
        return answer.line

    def messages(self, to: "Country") -> list[str]:
        """Have what the log has numbered witnessed, make messages of it, and return those without a receipt."""
        from registry.store import channel  # noqa: PLC0415  the name is a fixture's elsewhere

        self.witnessed(to)
        with self.tx() as tx:
            deliver_message.make_messages(
                tx, self.sender, to.did, to.code, mark=None, at=self.clock(), draw=self.node.draw, batch=1000
            )
        with self.node.database.read() as tx:
            return [message.envelope for message in channel.unacknowledged(tx, to.did, 1000)]

    def take(self, message: str) -> Any:
        """Take a message of the peer."""
        with self.tx() as tx:
            return accept(tx, message, receiver_of(self.node), self.beliefs(), at=self.clock(), draw=self.node.draw)

    def deliver(self, to: "Country") -> None:
        """Have everything witnessed, send every message, and keep the receipts."""
        from registry.store import channel  # noqa: PLC0415  as above

        self.sequence()
        self.messages(to)
        with self.node.database.read() as tx:
            waiting = channel.unacknowledged(tx, to.did, 1000)
        for message in waiting:
            receipt = to.take(message.envelope)
            with self.tx() as tx:
                by = Actor(self.did)
                deliver_message.keep_receipt(
                    tx, message, receipt, self.beliefs(), by=by, at=self.clock(), draw=self.node.draw
                )

    def adopts(self, signed: str) -> BelievedList:
        """Adopt a list, a peer's or our own next one."""
        by = self.people["operator"].actor
        with self.tx() as tx:
            return adopt_trust_list.adopt(
                tx, signed, self.node.pins, own_country=self.code, by=by, at=self.clock(), draw=self.node.draw
            )

    def states(self) -> str:
        """Say how fresh the word of this node is, and return the statement."""
        node = self.node
        serves = tuple(did for did in self.beliefs().words if did != self.did)
        with self.tx() as tx:
            exchange_freshness.state(
                tx, replace(freshening.stating_of(node), serves=serves), self.beliefs(), at=self.clock()
            )
        with node.database.read() as tx:
            return exchange_freshness.read_own(tx, self.did)

    def hears(self, statement: str, of: "Country") -> None:
        """Keep what another country's node says of how fresh its word is."""
        with self.tx() as tx:
            exchange_freshness.keep(tx, statement, of.did, self.beliefs(), own=self.did, env="demo", at=self.clock())


class Corridor:
    """Two countries with an agreement in force; a country's database is copied when a test first asks for it."""

    def __init__(self, forge: "Forge") -> None:
        self.forge, self.clock, self.mark = forge, Clock(), secrets.token_hex(6)
        self.opened: dict[str, Country] = {}

    @property
    def by(self) -> Country:
        return self._country("BY")

    @property
    def uz(self) -> Country:
        return self._country("UZ")

    def _country(self, code: str) -> Country:
        if code not in self.opened:
            self.opened[code] = self.forge.country(code, f"test_{code.lower()}_{self.mark}", self.clock)
        return self.opened[code]

    def close(self) -> None:
        for country in self.opened.values():
            country.node.close()
        self.forge.admin(*(f'DROP DATABASE "{country.database}" WITH (FORCE)' for country in self.opened.values()))


@dataclass
class Forge:
    """What is made once for all tests: server, keys, people, and two born databases to copy."""

    server: Server
    folder: Path
    people: dict[str, dict[str, Party]] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    agreement: str = ""
    durable: bool = False

    def keys(self, code: str) -> Path:
        return self.folder / "keys" / code.lower()

    def settings(self, code: str, database: str) -> Settings:
        return Settings(
            name=NAMES[code],
            country=code,
            env=Environment.DEMO,
            keys=self.keys(code),
            passphrase=SecretStr(SECRET.decode()),
            database_url=SecretStr(self.server.url(APP, database)),
            database_owner_url=SecretStr(self.server.url(OWNER, database)),
            threads=12,
            guard=self.folder / "guards" / f"{database}.json",
        )

    def pins(self) -> dict[str, Pin]:
        return {
            code: Pin(read_certificate(self.keys(code), ROOT).public_bytes(Encoding.DER), Environment.DEMO, 2, 1)
            for code in NAMES
        }

    def node(self, code: str, database: str, clock: Clock) -> Node:
        settings = self.settings(code, database)
        pins = self.pins()
        opened = Database.open(self.server.url(APP, database), pool=60)
        return Node(settings, opened, lambda: pins, clock, _drawing(code, database))

    def admin(self, *statements: str) -> None:
        """Run statements as superuser, outside a transaction."""
        engine = create_engine(self.server.url(SUPERUSER, "postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def superuser(self, database: str) -> Database:
        """Return a pool for whoever breaks the rules: the superuser."""
        return Database.open(self.server.url(SUPERUSER, database))

    @contextmanager
    def breaking(self, country: Country) -> Iterator[Session]:
        """Open a transaction as a superuser for whom no trigger and no foreign key works."""
        database = self.superuser(country.database)
        try:
            with database.begin() as tx:
                tx.execute(text("SET LOCAL session_replication_role = replica"))
                yield tx
        finally:
            database.close()

    def country(self, code: str, database: str, clock: Clock) -> Country:
        """Return a country in a copy of the database it was born in."""
        copied = f'CREATE DATABASE "{database}" TEMPLATE {BORN[code]} OWNER {OWNER}'
        self.admin(copied if self.durable else f"{copied} STRATEGY file_copy")  # half the time, where nothing is synced
        node = self.node(code, database, clock)
        return Country(node, clock, dict(self.people[code]), dict(self.tokens[code]), database)

    @contextmanager
    def corridor(self) -> Iterator[Corridor]:
        """Return a corridor of its own for a test, and drop its databases afterwards."""
        corridor = Corridor(self)
        try:
            yield corridor
        finally:
            corridor.close()


_DRAWN: Counter[str] = Counter()


def _drawing(code: str, database: str) -> Draw:
    """Return randomness for a node that is the same in each run of a test: what fails, fails again.

    `REGISTRY_SEED` asks for another.
    """
    running = os.environ.get("PYTEST_CURRENT_TEST")
    what = f"{os.environ.get('REGISTRY_SEED')} {code} {database if database in BORN.values() else running}"
    _DRAWN[what] += 1
    return random.Random(f"{what} {_DRAWN[what]}").randbytes  # noqa: S311  nothing is kept secret by it


def clear_away() -> None:
    """Stop the servers and remove the folders of runs that ended, our own among them."""
    _clear_ended()
    for base in (FOLDER, DISK):
        _remove(base / str(os.getpid()))


def _clear_ended() -> None:
    for folder in {*FOLDER.glob("[0-9]*/"), *DISK.glob("[0-9]*/")}:
        if not _runs(int(folder.name)):
            _remove(folder)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another run clears the same away
        for kept in folder.rglob("server.json"):
            running = Server.running(kept.parent)
            if running is not None:
                running.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, and is someone else's
    return True


def make_forge(*, durable: bool = False) -> Forge:
    """Start the server and let the corridor be born in it; `durable` keeps on a disk what was acknowledged."""
    _clear_ended()
    folder = (DISK if durable else FOLDER) / str(os.getpid()) / "forge"
    _remove(folder)  # what else this process keeps beside it may be in use
    folder.mkdir(parents=True)
    server = Server.start(folder / "postgres")
    forge = Forge(server, folder, durable=durable)
    if not durable:
        forge.admin("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")  # copies need not outlive the machine
    born = AT - timedelta(days=20)
    signers = {code: _make_keys(forge.keys(code), code, born) for code in NAMES}
    clock = Clock(born)
    nodes = {}
    for code in NAMES:
        name = BORN[code]
        server.ensure_database(name)
        command.upgrade(migrations(server.url(OWNER, name)), "head")
        nodes[code] = forge.node(code, name, clock)
        _register(forge, nodes[code])
        _keep_calendars(forge, nodes[code])
        forge.lists[code] = sign_list(draft_list(nodes[code]), signers[code])
    for code, node in nodes.items():
        operator = forge.people[code]["operator"]
        for text_ in forge.lists.values():
            with node.database.begin() as tx:
                adopt_trust_list.adopt(
                    tx, text_, node.pins, own_country=code, by=operator.actor, at=clock(), draw=node.draw
                )
    agreement = agreed()
    lines = [seal(agreement.encode(), Typ.AGREEMENT, signer) for pair in signers.values() for signer in pair]
    forge.agreement = join(lines)
    for code, node in nodes.items():
        with node.database.begin() as tx:
            adopt_trust_list.adopt_agreement(
                tx,
                forge.agreement,
                read_beliefs(tx, node.pins),
                own_country=code,
                env="demo",
                by=forge.people[code]["operator"].actor,
                at=clock(),
                draw=node.draw,
            )
    for node in nodes.values():
        (peer,) = (each for each in nodes.values() if each is not node)
        with node.database.begin() as tx:
            _hear_first(tx, node, peer)
        node.close()
    return forge


def _hear_first(tx: Session, node: Node, peer: Node) -> None:
    """Have a node hear that the other one has sent nothing yet, a moment before the tests begin."""
    settings, beliefs = peer.settings, read_beliefs(tx, node.pins)
    adopted = beliefs.list_of(settings.country)
    named = NamedList(adopted.list.epoch, adopted.list.version, adopted.digest)
    said = Freshness(settings.did, settings.env, HEARD, version("registry"), named, tuple(beliefs.agreements))
    text_ = seal(said.encode(), Typ.FRESHNESS, peer.keyring.node).text
    exchange_freshness.keep(tx, text_, settings.did, beliefs, own=node.settings.did, env=settings.env, at=HEARD)


def agreed(**changes: Any) -> Agreement:
    """Return the agreement of the demo, with changes."""
    wishes = birth.agreement_wishes(NAMES, date(2026, 1, 1))
    return Agreement.parse(wishes | changes)


def _make_keys(folder: Path, code: str, at: datetime) -> tuple[FileSigner, ...]:
    name = NAMES[code]
    authority = Authority(folder, SECRET)
    make_root(authority, country=code, env="demo", name=name, at=at)
    keys: Mapping[str, tuple[Purpose, list[str]]] = {
        "list-1": (Purpose.LIST, [authority_did(name)]),
        "list-2": (Purpose.LIST, [authority_did(name)]),
        "node": (Purpose.NODE, [node_did(name)]),
        f"document-{birth.CAST[code]['body'][0]}": (
            Purpose.DOCUMENT,
            [body_did(name, birth.CAST[code]["body"][0]), body_did(name, birth.CAST[code]["body"][0]) + "#origin-st1"],
        ),
    }
    for key, (purpose, uris) in keys.items():
        make_key(authority, folder, key, SECRET, purpose=purpose, uris=uris, at=at)
    NoteSigner.make(folder, "log", f"{name}/log", KeyType.ED25519, SECRET)
    NoteSigner.make(folder, "witness", f"{name}/witness", KeyType.COSIGNATURE, SECRET)
    return tuple(FileSigner.open(folder, label, SECRET) for label in ("list-1", "list-2"))


def _register(forge: Forge, node: Node) -> None:
    code = node.settings.country
    cast, at, draw = birth.CAST[code], node.now(), node.draw
    people: dict[str, str] = {}
    tokens: dict[str, str] = {}
    operator, one, second = _begin_operators(forge, node, tokens)
    with node.database.begin() as tx:

        def organisation(kind: OrganisationKind, name: str, tax_id: str | None = None, body: str | None = None) -> str:
            return register_party.register_organisation(
                tx,
                kind=kind,
                name=name,
                country=code,
                address="адрес",
                tax_id=tax_id,
                code=body,
                body_role=None if body is None else BodyRole.AUTHORISED,
                node_name=node.settings.name,
                by=Actor(node.settings.did),
                at=at,
                draw=draw,
            ).id

        def person(who: str, name: str, of: str, *roles: Role) -> None:
            row = register_party.register_person(
                tx, organisation=of, name=name, roles=roles, node_did=node.settings.did, by=None, at=at, draw=draw
            )
            people[who] = row.id
            tokens[who], _ = issue(tx, row.id, one, second, days=90, at=at, draw=draw)

        person("auditor", cast["auditor"], operator, Role.AUDITOR)
        body = organisation(OrganisationKind.BODY, cast["body"][1], body=cast["body"][0])
        person("examiner", cast["examiner"], body, Role.EXAMINER)
        person("second_examiner", "Второй эксперт", body, Role.EXAMINER)
        person("signatory", cast["signatory"], body, Role.SIGNATORY)
        person("second_signatory", cast["second_signatory"], body, Role.SIGNATORY)
        person("both", "Эксперт и подписант", body, Role.EXAMINER, Role.SIGNATORY)
        person("everything", "Всё сразу", body)
        give_roles(tx, people["everything"], *Role, by=Actor(node.settings.did), at=at, draw=draw)
        person("registrar", "Система органа", body, Role.REGISTRAR)
        customs = organisation(OrganisationKind.CUSTOMS, cast["customs"][0])
        person("officer", cast["officer"], customs, Role.CUSTOMS)
        exporter = casework.exporters_of(code)[0]
        of = organisation(OrganisationKind.EXPORTER, exporter["name"], exporter["tax_id"])
        person("exporter", exporter["person"], of, Role.EXPORTER)
        person("second_exporter", "Второй заявитель", of, Role.EXPORTER)
        other = casework.exporters_of(code)[1]
        agent = organisation(OrganisationKind.EXPORTER, other["name"], other["tax_id"])
        person("stranger", other["person"], agent, Role.EXPORTER)
        for who, name, tax_id in IMPORTERS[code]:
            person(who, name, organisation(OrganisationKind.IMPORTER, name, tax_id), Role.IMPORTER)
    with node.database.read() as tx:
        parties = {who: identify(tx, token, node=node.settings.did, at=at) for who, token in tokens.items()}
    forge.people[code], forge.tokens[code] = parties, tokens


def _begin_operators(forge: Forge, node: Node, tokens: dict[str, str]) -> tuple[str, Party, Party]:
    settings, cast = node.settings, birth.CAST[node.settings.country]["operator"]
    people = []
    for who, name in (("operator", cast[2]), ("second_operator", cast[3])):
        tokens[who], fingerprint = issue_token.make(node.draw)
        people.append((name, fingerprint))
    owner = Database.open(forge.server.url(OWNER, BORN[settings.country]))
    with owner.begin() as tx:
        organisation, (one, other) = begin_operators.begin(
            tx,
            people,
            organisation=cast[0],
            address="адрес",
            country=settings.country,
            node_name=settings.name,
            node_did=settings.did,
            days=90,
            at=node.now(),
            draw=node.draw,
        )
    owner.close()
    return organisation.id, one, other


def issue(
    tx: Session, person: str, one: Party, other: Party, *, days: int, at: datetime, draw: Draw
) -> tuple[str, Token]:
    """Make a token, and have one operator propose it and another confirm it; return it and its row."""
    token, fingerprint = issue_token.make(draw)
    issue_token.propose(tx, person, fingerprint, days=days, by=one, at=at, draw=draw)
    return token, issue_token.confirm(tx, person, fingerprint, by=other, at=at, draw=draw)


def give_roles(tx: Session, id: str, *roles: Role, by: Actor, at: datetime, draw: Draw) -> None:
    """Give a person any roles whatever, with the act that says so."""
    row = tx.get_one(Person, id)
    before, row.roles = row.roles, sorted(roles)
    tx.flush()
    private: dict[str, Any] = {"person": id, "before": before, "roles": row.roles}
    acts.record(tx, Kind.PERSON_CHANGED, private, by=by, at=at, draw=draw, subject=id)


def _keep_calendars(forge: Forge, node: Node) -> None:
    people, at = forge.people[node.settings.country], node.now()
    with node.database.begin() as tx:
        for file in birth.calendars_of(node.settings.country):
            calendar = read_calendar(json.loads(file.read_text()))
            confirm_calendar.propose(tx, calendar, by=people["operator"], at=at, draw=node.draw)
            confirm_calendar.confirm(tx, calendar, by=people["second_operator"], at=at, draw=node.draw)


def material_of(node: Node) -> Material:
    """Return the public halves of the keys of a country, for its list."""
    keys = node.settings.keys

    def der(name: str) -> bytes:
        return read_certificate(keys, name).public_bytes(Encoding.DER)

    body = birth.CAST[node.settings.country]["body"][0]
    log, witness = (NoteSigner.open(keys, name, SECRET).vkey for name in ("log", "witness"))
    return Material(
        [der("list-1"), der("list-2")],
        der("node"),
        LogKey(log.name, log),
        WitnessKey(witness.name, witness),
        {body: [der(f"document-{body}")]},
    )


def draft_list(node: Node, material: Material | None = None, *, new_epoch: bool = False) -> TrustList:
    """Draft the next list of the country of a node."""
    with node.database.read() as tx:
        return publish_trust_list.draft(
            tx,
            node.pins,
            material or material_of(node),
            name=node.settings.name,
            country=node.settings.country,
            env=Environment.DEMO,
            at=node.now(),
            new_epoch=new_epoch,
        )


def sign_list(trust_list: TrustList, signers: tuple[FileSigner, ...]) -> str:
    """Sign a list by these keys."""
    return join(seal(trust_list.encode(), Typ.TRUST_LIST, signer) for signer in signers)


def list_signers(forge: Forge, code: str) -> tuple[FileSigner, ...]:
    """Return the list keys of a country."""
    return tuple(FileSigner.open(forge.keys(code), label, SECRET) for label in ("list-1", "list-2"))


def waits_for_a_lock(country: Country) -> None:
    """Return once somebody waits for a lock in the database of a country."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with country.node.database.read() as tx:
            if tx.scalar(waiting):
                return
    raise AssertionError("nobody waits")
