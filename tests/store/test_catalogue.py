"""The schema is what the code says: tables, checks, triggers, and the way back and forth."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

import pytest
from alembic import command
from sqlalchemy import CheckConstraint, create_engine, text
from sqlalchemy.orm import Session

from registry.cli.database import migrations
from registry.core.application.lifecycle import Part, State
from registry.core.certificate.relation import sheet_place
from registry.core.certificate.status_change import Status
from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome
from registry.core.channel.reconciliation import Side
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import BodyRole
from registry.store.certificates import CertificateRow, Source
from registry.store.database import OWNER
from registry.store.epochs import Direction
from registry.store.parties import OrganisationKind, Role
from registry.store.products import MediaType
from registry.store.tables import METADATA
from registry.store.tasks import TaskKind
from tests.kit import Corridor, Country, Forge
from tests.older import issued_by_one
from tests.outside import registered
from tests.store.test_append_only import APPEND_ONLY, CHANGES
from tests.usecases.certificate.test_sheets import issued, sheet
from tests.usecases.fsck.lived import found

ENUMS: dict[tuple[str, str], type[StrEnum]] = {
    ("task", "kind"): TaskKind,
    ("act", "kind"): Kind,
    ("application", "state"): State,
    ("application_person", "part"): Part,
    ("certificate", "source"): Source,
    ("evidence_file", "media_type"): MediaType,
    ("message_in", "kind"): MessageKind,
    ("message_in", "outcome"): Outcome,
    ("channel_epoch", "direction"): Direction,
    ("message_out", "kind"): MessageKind,
    ("message_out", "outcome"): Outcome,
    ("month_statement", "side"): Side,
    ("organisation", "body_role"): BodyRole,
    ("organisation", "kind"): OrganisationKind,
    ("person", "roles"): Role,
    ("status_change", "status"): Status,
}
CHECKS = (
    "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
)
TRIGGERS = (
    "SELECT tgrelid::regclass::text, tgname, tgfoid::regproc::text, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
)


@pytest.fixture(scope="module")
def country(forge: Forge) -> Iterator[Country]:
    with forge.corridor() as corridor:
        yield corridor.by


@pytest.fixture
def empty(forge: Forge) -> Iterator[str]:
    """A database in which nothing was made yet."""
    forge.admin(f"CREATE DATABASE empty OWNER {OWNER}")
    yield forge.server.url(OWNER, "empty")
    forge.admin("DROP DATABASE empty WITH (FORCE)")


def checks(tx: Session) -> dict[str, tuple[str, str]]:
    return {row[0]: (row[1], row[2]) for row in tx.execute(text(CHECKS))}


def catalogue(url: str) -> dict[str, list[str]]:
    """Return all that a migration makes, as the database itself tells it."""
    asked = {
        "columns": "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'",
        "constraints": "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "functions": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "grants": "SELECT table_name, column_name, privilege_type, grantee FROM information_schema.column_privileges",
    }
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {what: sorted(map(str, connection.execute(text(query)))) for what, query in asked.items()}
    engine.dispose()
    return found


def test_the_migrations_make_the_tables_that_the_code_describes(forge: Forge, corridor: Corridor) -> None:
    command.check(migrations(forge.server.url(OWNER, corridor.by.database)))


def test_downgrade_to_nothing_and_upgrade_again_come_to_the_same(empty: str) -> None:
    before = catalogue(empty)
    command.upgrade(migrations(empty), "head")
    made = catalogue(empty)
    command.downgrade(migrations(empty), "base")
    left = catalogue(empty)
    assert {what: [row for row in rows if "alembic_version" not in row] for what, rows in left.items()} == before
    command.upgrade(migrations(empty), "head")
    assert catalogue(empty) == made


def test_what_came_before_is_found_and_numbered_after_an_upgrade(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first, _ = by.issued(), by.issued()
    by.deliver(uz)
    by.annulled(first)
    by.deliver(uz)
    issued_by_one(corridor, uz)
    with corridor.forge.breaking(uz) as tx:  # what came with later versions has no way back
        tx.execute(text("UPDATE act SET kind = 'product.kept' WHERE kind LIKE 'calendar.%'"))
        tx.execute(text("UPDATE person SET roles = '{}' WHERE roles && ARRAY['importer', 'registrar']"))
        tx.execute(text("UPDATE organisation SET kind = 'exporter' WHERE kind = 'importer'"))
    before = uz.everything()
    uz.node.database.close()
    url = corridor.forge.server.url(OWNER, uz.database)
    command.downgrade(migrations(url), "customs-1")
    command.upgrade(migrations(url), "head")
    after = uz.everything()
    assert after["certificate"] == before["certificate"]
    with uz.node.database.read() as tx:
        terms = tx.scalars(text("SELECT cardinality(terms) FROM certificate")).all()
        numbered = tx.execute(text("SELECT seq, change IS NULL FROM arrival ORDER BY seq")).all()
    assert all(terms)
    assert [tuple(row) for row in numbered] == [(1, True), (2, True), (3, False)]


def test_clarifications_that_came_before_are_numbered_after_all_else(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first = by.issued()
    by.deliver(uz)
    early = by.clarified(first)
    by.deliver(uz)
    corridor.clock.forward(timedelta(minutes=1))
    by.issued()
    by.deliver(uz)
    late = by.clarified(first)
    by.deliver(uz)
    issued_by_one(corridor, uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("DELETE FROM arrival WHERE clarification IS NOT NULL"))
        tx.execute(text("UPDATE arrival SET seq = 2 WHERE seq = 3"))
    uz.node.database.close()
    url = corridor.forge.server.url(OWNER, uz.database)
    command.downgrade(migrations(url), "messages_waiting")
    command.upgrade(migrations(url), "head")
    with uz.node.database.read() as tx:
        numbered = tx.execute(text("SELECT seq, clarification FROM arrival ORDER BY seq")).all()
    assert [tuple(row) for row in numbered] == [(1, None), (2, None), (3, early.digest), (4, late.digest)]
    assert found(uz) == []


def test_when_something_was_registered_is_known_after_an_upgrade(corridor: Corridor) -> None:
    by = corridor.by
    row = registered(by).certificate
    issued_by_one(corridor, by)
    before = by.everything()
    by.node.database.close()
    url = corridor.forge.server.url(OWNER, by.database)
    command.downgrade(migrations(url), "clarifications_arrive")
    command.upgrade(migrations(url), "head")
    after = by.everything()
    for table in ("certificate", "registration"):
        assert after[table] == before[table]
    assert row.registered_on == date(2026, 11, 21)


def test_the_places_of_sheets_are_found_after_an_upgrade(corridor: Corridor) -> None:
    by = corridor.by
    by.issued()
    row = issued(by, sheet(by, 1, 1))
    issued_by_one(corridor, by)
    before = by.everything()["certificate"]
    by.node.database.close()
    url = corridor.forge.server.url(OWNER, by.database)
    command.downgrade(migrations(url), "outside_abroad")
    with by.node.database.read() as tx:
        assert sheet_place(tx.get_one(CertificateRow, row.id).terms) is None
    by.node.database.close()
    command.upgrade(migrations(url), "head")
    assert by.everything()["certificate"] == before


def test_of_names_that_looked_alike_before_the_first_has_its_look(corridor: Corridor) -> None:
    by = corridor.by
    issued_by_one(corridor, by)
    before = by.everything()["organisation"]
    by.node.database.close()
    url = corridor.forge.server.url(OWNER, by.database)
    command.downgrade(migrations(url), "sheet_places")
    copied = "id || 'x', kind, name, country, address, NULL, NULL, NULL, NULL, registered_at"
    with corridor.forge.breaking(by) as tx:
        tx.execute(text(f"INSERT INTO organisation SELECT {copied} FROM organisation WHERE kind = 'customs'"))  # noqa: S608
    command.upgrade(migrations(url), "head")
    with by.node.database.read() as tx:
        looks = tx.execute(text("SELECT length(id), look IS NULL FROM organisation WHERE kind = 'customs'")).all()
    assert sorted(tuple(row) for row in looks) == [(32, False), (33, True)]
    assert set(before) < set(by.everything()["organisation"])


def test_every_enum_column_is_held_to_its_enum(country: Country) -> None:
    with country.node.database.read() as tx:
        held = checks(tx)
    listed = {
        (table, name.removeprefix(f"ck_{table}_")): set(re.findall(r"'([^']*)'::text", definition))
        for name, (table, definition) in held.items()
        if "ANY (ARRAY[" in definition or "<@ ARRAY[" in definition
    }
    listed["person", "roles"] = listed.pop(("person", "known_roles"))
    assert listed == {column: {value.value for value in values} for column, values in ENUMS.items()}


def test_every_check_of_the_code_is_in_the_database_and_no_other(country: Country) -> None:
    with country.node.database.read() as tx:
        held = {name: table for name, (table, _) in checks(tx).items()}
    described = {
        str(constraint.name): table.name
        for table in METADATA.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert held == described


def test_every_trigger_is_there_and_armed(country: Country) -> None:
    with country.node.database.read() as tx:
        rows = [tuple(row) for row in tx.execute(text(TRIGGERS))]
    assert {row[3] for row in rows} == {"O"}
    expected = {(table, "append_only", "refuse_change") for table in (*APPEND_ONLY, "log_queue")}
    expected |= {(table, "never_emptied", "refuse_change") for table in METADATA.tables}
    expected |= {(table, "never_deleted", "refuse_change") for table in CHANGES}
    expected |= {
        ("act", "queue_for_log", "queue_act"),
        ("certificate", "first_proof", "refuse_second_proof"),
        ("freshness", "only_newer", "refuse_older_word"),
        ("log_head", "only_grow", "refuse_shrinking_head"),
        ("log_queue", "only_numbered", "refuse_to_forget"),
        ("message_out", "one_receipt", "refuse_second_receipt"),
        ("log_tile", "only_grow", "refuse_other_hashes"),
        ("mirror_head", "only_grow", "refuse_shrinking_head"),
        ("mirror_tile", "only_grow", "refuse_other_hashes"),
        ("task", "one_close", "refuse_second_close"),
        ("witness_head", "only_grow", "refuse_shrinking_head"),
        ("reply", "one_reply", "refuse_second_reply"),
        ("token", "by_two", "refuse_token_by_one"),
        ("annulment", "one_end", "refuse_second_end"),
        ("clarification_proposal", "one_end", "refuse_second_end"),
    }
    assert {row[:3] for row in rows} == expected


def test_the_app_may_do_no_more_than_each_table_needs(country: Country) -> None:
    asked = "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = current_user"
    columns = (
        "SELECT table_name, column_name FROM information_schema.column_privileges "
        "WHERE grantee = current_user AND privilege_type = 'UPDATE'"
    )
    with country.node.database.read() as tx:
        granted = {(row[0], row[1]) for row in tx.execute(text(asked))}
        changed = {(row[0], row[1]) for row in tx.execute(text(columns))}
    tables = (*APPEND_ONLY, *CHANGES)
    expected = {(table, right) for table in tables for right in ("SELECT", "INSERT")}
    assert granted == expected | {("log_queue", "SELECT"), ("log_queue", "DELETE"), ("alembic_version", "SELECT")}
    assert changed == {(table, column) for table, names in CHANGES.items() for column in names}
