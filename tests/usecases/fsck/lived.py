"""Two countries that have lived: work in both directions, witnessed, published, mirrored, with every table in use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.channel.reconciliation import Month
from registry.core.product.product import Party, Product
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import leaf_hash, new_hashes, tree_root
from registry.core.tlog.tile import tiles
from registry.core.tlog.witness import NotConsistent
from registry.core.trust.freshness import MADE_EVERY
from registry.core.verification.presentation import Presentation
from registry.store import channel, checkpoints, log
from registry.store.acts import Actor
from registry.store.certificates import CertificateRow
from registry.store.database import Database
from registry.store.guard import Mark
from registry.store.parties import Role
from registry.usecases.application import keep_product
from registry.usecases.certificate import change_status
from registry.usecases.channel import deliver_message, exchange_freshness
from registry.usecases.channel.settle_months import SETTLED, Ends, settle
from registry.usecases.fsck.check_integrity import Anchors, Report, check
from registry.usecases.party import grant_mandate, issue_token, register_party
from registry.usecases.recovery.compare_guard import Marks
from registry.usecases.tlog import mirror_log, publish_log
from registry.usecases.tlog.extend_log import extend
from registry.usecases.tlog.read_log import read_tile
from registry.usecases.tlog.witness_checkpoint import cosign, read_growth
from tests.kit import Corridor, Country, Forge
from tests.outside import registered

PDF = b"%PDF-1.7 an invoice"


def live(corridor: Corridor) -> None:
    """Let both countries work until every table has rows, and all that was sent has its receipt."""
    by, uz = corridor.by, corridor.uz
    sequence(by)
    sequence(uz)
    freshen(by, uz)
    freshen(uz, by)
    corridor.clock.forward(MADE_EVERY)
    _register(by)
    _keep(by)
    by.issued()
    annulled = by.issued("tractors")
    by.proposed(annulled)
    with by.tx() as tx:
        change_status.withdraw(tx, annulled.id, **by.by("signatory"))
    by.clarified(annulled)
    by.annulled(annulled)
    by.replaced(by.issued("tractors"))
    by.draft()
    registered(by)
    carry(by, uz)
    _ask(uz, annulled)
    by.issued("tractors")
    sequence(by)
    corridor.clock.forward(deliver_message.GRACE)
    deliver(by, uz)  # its witness has not answered: the certificate goes without its proof, which follows
    carry(by, uz)
    uz.issued("cotton-yarn")
    carry(uz, by)
    split(by, uz)
    carry(uz, by)
    carry(by, uz)
    _end_month(corridor)


def _ask(customs: Country, held: CertificateRow) -> None:
    """Let customs ask about what is here, and about what is not: by a number, by none that can be, and by a file."""
    for number in (held.number, "UZBY6201000999", "ВYUZ6101000001"):
        customs.asks(number)
    tampered = held.envelope[:-4] + "AAAA"
    for text_ in (held.envelope, tampered):
        customs.shown(Presentation(text_))


def _end_month(corridor: Corridor) -> None:
    """Let both state and compare the month."""
    corridor.clock.forward(Month.of(corridor.clock()).end + SETTLED - corridor.clock())
    countries = (corridor.by, corridor.uz)
    for _ in range(3):
        for home, abroad in (countries, countries[::-1]):
            with home.tx() as tx:
                ends = Ends(home.did, abroad.did, abroad.code)
                settle(tx, ends, mark=None, at=home.clock(), draw=home.node.draw)
            carry(home, abroad)


def carry(home: Country, abroad: Country) -> None:
    """Take everything into the log, have it cosigned and published, deliver it, and let the other country mirror it."""
    sequence(home)
    witness(home, abroad)
    deliver(home, abroad)
    mirror(home, abroad)
    freshen(home, abroad)


def sequence(country: Country) -> None:
    signer = country.node.keyring.log
    more = True
    while more:
        with country.tx() as tx:
            more = extend(tx, signer.vkey.name, signer.sign, mark=None, at=country.clock(), batch=7) is not None


def witness(home: Country, abroad: Country, *, publish: bool = True) -> None:
    """Have the newest checkpoint cosigned by the other country, and publish it where that is asked."""
    cosigner = abroad.node.keyring.witness
    with home.node.database.read() as tx:
        asked = publish_log.ask(tx, cosigner.vkey, newest(tx), at=home.clock())
    if asked is not None:
        growth, key = read_growth(asked.growth.encode(), abroad.beliefs().foreign_logs(abroad.code))
        with abroad.tx() as tx:
            by = Actor(abroad.did)
            answer = cosign(tx, growth, key, cosigner, mark=None, by=by, at=abroad.clock(), draw=abroad.node.draw)
        assert not isinstance(answer, NotConsistent)
        with home.tx() as tx:
            publish_log.keep_cosignature(tx, asked, cosigner.vkey, answer.line, at=home.clock())
    if not publish:
        return
    with home.tx() as tx:
        publish_log.publish(tx, home.beliefs().log_policies(home.did, home.clock()), newest(tx), at=home.clock())


def newest(tx: Session) -> Mark:
    """Return what a guard knows that has every checkpoint."""
    found = checkpoints.newest_checkpoint(tx, 2**62)
    assert found is not None
    return Mark(found.size, found.root.hex())


def deliver(home: Country, abroad: Country) -> None:
    """Send every message, and keep the receipts."""
    with home.tx() as tx:
        deliver_message.make_messages(
            tx, home.sender, abroad.did, abroad.code, mark=None, at=home.clock(), draw=home.node.draw, batch=1000
        )
    with home.node.database.read() as tx:
        waiting = channel.unacknowledged(tx, abroad.did, 1000)
    for message in waiting:
        receipt = abroad.take(message.envelope)
        with home.tx() as tx:
            deliver_message.keep_receipt(
                tx, message, receipt, home.beliefs(), by=Actor(home.did), at=home.clock(), draw=home.node.draw
            )


def mirror(home: Country, abroad: Country) -> None:
    """Let the other country copy what is published."""
    with home.node.database.read() as tx:
        note = publish_log.published_note(tx)
        assert note is not None
        leaves = log.leaves(tx, 0, checkpoints.published_size(tx))
    with abroad.tx() as tx:
        shown = mirror_log.read_shown(tx, note, home.did, abroad.beliefs(), at=abroad.clock())
        mirror_log.grow(tx, shown, leaves[shown.known : shown.end], [], at=abroad.clock())


def freshen(home: Country, abroad: Country) -> None:
    """Say how fresh our word is, and let the other country keep that."""
    said = home.states()
    with abroad.node.database.read() as tx:
        kept = exchange_freshness.is_kept(tx, said, home.did)
    if not kept:
        abroad.hears(said, home)


def split(home: Country, abroad: Country) -> None:
    """Show the witness another history of the size that it cosigned: it keeps the evidence."""
    with home.node.database.read() as tx:
        head = log.head(tx)
        newest = checkpoints.newest_published(tx)
        assert head is not None
        assert newest is not None
        forged = [leaf_hash(b"another") for _ in range(newest.size)]
    made = {(level, index): hash_ for level, index, hash_ in new_hashes(0, forged, lambda _wanted: [])}
    root = tree_root(newest.size, lambda wanted: [made[position] for position in wanted])
    signer = home.node.keyring.log
    note = signer.sign(Checkpoint(signer.vkey.name, newest.size, root).encode()).encode()
    growth, key = read_growth(f"old {newest.size}\n\n{note}", abroad.beliefs().foreign_logs(abroad.code))
    with abroad.tx() as tx:
        answer = cosign(
            tx,
            growth,
            key,
            abroad.node.keyring.witness,
            mark=None,
            by=Actor(abroad.did),
            at=abroad.clock(),
            draw=abroad.node.draw,
        )
    assert isinstance(answer, NotConsistent)


def export(country: Country, folder: Path) -> None:
    """Write the published log as static files."""
    with country.node.database.read() as tx:
        size, note = checkpoints.published_size(tx), publish_log.published_note(tx)
        assert note is not None
        for tile in tiles(size):
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_tile(tx, tile, size))
    (folder / "checkpoint").write_text(note)


def anchors_of(country: Country) -> Anchors:
    keyring = country.node.keyring
    return Anchors(keyring.log.vkey, keyring.witness.vkey, country.node.pins)


def look(
    tx: Session, country: Country, *, tiles: Path | None = None, marks: Marks | None = None, at: datetime | None = None
) -> Report:
    """Check a country in an open transaction."""
    return check(tx, anchors_of(country), at=at or country.clock(), marks=marks, tiles=tiles)


def found(country: Country, tiles: Path | None = None, marks: Marks | None = None) -> list[str]:
    """Check a country as it is."""
    with country.node.database.snapshot() as tx:
        return [str(each) for each in look(tx, country, tiles=tiles, marks=marks).discrepancies]


@dataclass
class Lives:
    """Two countries after work in both directions; what a test alters in them is taken back."""

    by: Country
    uz: Country
    superusers: dict[str, Database]

    @contextmanager
    def tampering(self, country: Country) -> Iterator[Session]:
        """Do what no application can, as superuser with the triggers off, and take it back in the end."""
        with self.superusers[country.code].begin() as tx:
            tx.execute(text("SET LOCAL session_replication_role = replica"))
            kept = tx.begin_nested()
            yield tx
            kept.rollback()

    def found_after(self, country: Country, *statements: str) -> list[str]:
        """Tell what is found after statements that no application can make."""
        with self.tampering(country) as tx:
            for statement in statements:
                tx.execute(text(statement))
            return [str(each) for each in look(tx, country).discrepancies]


@contextmanager
def lives(forge: Forge) -> Iterator[Lives]:
    """Let both countries live, for all the tests of a module."""
    with forge.corridor() as corridor:
        live(corridor)
        countries = (corridor.by, corridor.uz)
        superusers = {country.code: forge.superuser(country.database) for country in countries}
        yield Lives(*countries, superusers)
        for pool in superusers.values():
            pool.close()


def _register(country: Country) -> None:
    people = country.people
    operator: dict[str, Any] = {"by": people["operator"].actor, "at": country.clock(), "draw": country.node.draw}
    with country.tx() as tx:
        person = people["second_exporter"].person
        register_party.change_roles(tx, person, [Role.EXPORTER, Role.IMPORTER], **operator)
        register_party.change_roles(tx, person, [Role.EXPORTER], **operator)
        _, token = country.issues_token(tx, person)
        register_party.revoke_token(tx, token.id, **operator)
        issue_token.propose(tx, person, "0" * 64, days=1, **country.by("operator"))
        issue_token.withdraw(tx, person, "0" * 64, **country.by("second_operator"))
        principal, agent = people["exporter"].organisation, people["stranger"].organisation
        until = datetime(2027, 1, 1, tzinfo=UTC).date()
        for _ in range(2):
            mandate = grant_mandate.grant(
                tx, principal=principal, agent=agent, schemes=["origin-st1"], until=until, today=until, **operator
            )
        grant_mandate.revoke(tx, mandate.id, **operator)


def _keep(country: Country) -> None:
    product = Product("Трактор", "8701300000", Party("ОАО «Завод»", "Минск", "BY"), "Произведён полностью.")
    with country.tx() as tx:
        row = keep_product.keep(tx, product, **country.by("exporter"))
        keep_product.change(tx, row.id, product, version=1, **country.by("exporter"))
        keep_product.attach(tx, row.id, "invoice.pdf", PDF, **country.by("exporter"))
