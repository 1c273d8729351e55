"""The database itself refuses: as the app by its grants, as the owner by triggers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from registry.core.tlog.entry import Kind
from registry.store import acts, log, replies
from registry.store.acts import Act, Actor, QueuedAct
from registry.store.annulments import Annulment
from registry.store.applications import ApplicationPerson
from registry.store.certificates import CertificateRow
from registry.store.database import OWNER, Database
from registry.store.freshness import FreshnessRow
from registry.store.log import LogHead
from registry.store.messages import MessageOut
from registry.store.status_indices import StatusIndex
from registry.store.tables import METADATA
from registry.usecases.party.identify_party import identify_once
from tests.kit import Corridor, Country, Forge
from tests.outside import registered
from tests.usecases.channel.months import end_month, settle_both

APPEND_ONLY = (
    "act",
    "agreement",
    "application_person",
    "arrival",
    "calendar",
    "channel_epoch",
    "clarification",
    "evidence_file",
    "log_checkpoint",
    "log_cosignature",
    "log_entry",
    "log_published",
    "log_recovered",
    "mirror_entry",
    "month_statement",
    "reconciliation",
    "registration",
    "status_change",
    "status_index",
    "trust_list",
    "witness_evidence",
)
CHANGES = {
    "annulment": {"confirmed_by", "withdrawn_at"},
    "application": {
        "body",
        "changed_at",
        "claims",
        "clock",
        "draft",
        "due_on",
        "presented_in",
        "principal",
        "reason",
        "relations",
        "rules_set",
        "scheme",
        "single_window",
        "state",
        "submitted_at",
        "version",
    },
    "certificate": {"proof"},
    "clarification_proposal": {"confirmed_by", "withdrawn_at"},
    "freshness": {"as_of", "digest", "epoch", "met", "seq", "text"},
    "log_head": {"at", "root", "size"},
    "log_tile": {"hashes"},
    "mandate": {"revoked_at"},
    "message_in": {"set_aside_at", "waits_for"},
    "message_out": {"outcome", "receipt", "receipted_at"},
    "mirror_head": {"at", "cosigned_at", "note", "root", "size"},
    "mirror_tile": {"hashes"},
    "number_counter": {"last"},
    "organisation": {"address", "body_role", "look", "name"},
    "person": {"name", "roles"},
    "product": {"changed_at", "content", "version"},
    "product_evidence": set(),
    "reply": {"body", "headers", "status"},
    "task": {"closed_at", "closed_by", "reason"},
    "token": {"revoked_at"},
    "verification_count": {"count", "minute"},
    "witness_head": {"at", "note", "root", "size"},
}

ELSEWHERE = {
    "arrival",
    "channel_epoch",
    "evidence_file",
    "message_in",
    "log_recovered",
    "mirror_entry",
    "mirror_tile",
    "witness_evidence",
}
"""What the country that sends never fills in this life."""


@pytest.fixture(scope="module")
def life(forge: Forge) -> Iterator[Corridor]:
    """A corridor where something of everything happened."""
    with forge.corridor() as corridor:
        by, uz = corridor.by, corridor.uz
        issued = by.issued()
        by.clarified(issued)
        by.annulled(issued)
        registered(by)
        by.deliver(uz)
        by.states()
        by.approved()
        end_month(corridor)
        settle_both(corridor)
        yield corridor


def owner(corridor: Corridor, country: Country) -> Database:
    return Database.open(corridor.forge.server.url(OWNER, country.database))


def refused(
    database: Database, statement: str | Executable, match: str, error: type[DBAPIError] = ProgrammingError
) -> None:
    """Check that the database refuses a statement, and says `match`."""
    with pytest.raises(error, match=match), database.begin() as tx:
        tx.execute(text(statement) if isinstance(statement, str) else statement)


def unchanged(table: str, column: str) -> Executable:
    """Return the statement that sets a column to what it is."""
    known = METADATA.tables[table]
    return update(known).values({column: known.c[column]})


def test_every_table_is_append_only_or_says_which_columns_change() -> None:
    assert sorted({*APPEND_ONLY, *CHANGES, "log_queue"}) == sorted(METADATA.tables)


def test_the_app_can_neither_change_delete_nor_empty_what_is_append_only(life: Corridor) -> None:
    app = life.by.node.database
    for table in (*APPEND_ONLY, *CHANGES):
        refused(app, delete(METADATA.tables[table]), "permission denied")
        refused(app, f'TRUNCATE "{table}" CASCADE', "permission denied")
        for column in METADATA.tables[table].columns:
            if column.name not in CHANGES.get(table, set()):
                refused(app, unchanged(table, column.name), "permission denied|can only")
    for name in ("log_queue", "alembic_version"):
        refused(app, f"TRUNCATE {name}", "permission denied")
    refused(app, "INSERT INTO log_queue (act) VALUES ('x')", "permission denied")
    refused(app, "UPDATE log_queue SET act = act", "permission denied")


def test_the_app_can_disarm_nothing(life: Corridor) -> None:
    app = life.by.node.database
    for statement in (
        "ALTER TABLE act DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON act",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "DROP TABLE act",
    ):
        refused(app, statement, "must be owner|permission denied")


def test_triggers_refuse_the_owner_too(life: Corridor) -> None:
    database = owner(life, life.by)
    filled = {table for table, rows in life.by.everything().items() if rows}
    assert filled >= {*APPEND_ONLY, "certificate", "message_out"} - ELSEWHERE
    for table in (*APPEND_ONLY, *CHANGES):
        refused(database, f'TRUNCATE "{table}" CASCADE', "is append-only")
        if table in filled:
            refused(database, delete(METADATA.tables[table]), "is append-only")
            for column in METADATA.tables[table].columns:
                if column.name not in CHANGES.get(table, set()) and column.computed is None:
                    refused(database, unchanged(table, column.name), "is append-only|can only")
    database.close()
    incoming = owner(life, life.uz)
    refused(incoming, "DELETE FROM message_in", "is append-only")
    refused(incoming, "UPDATE message_in SET receipt = ''", "is append-only")
    incoming.close()


def test_a_tile_only_grows(life: Corridor) -> None:
    database = owner(life, life.by)
    for change in ("sha256('x')", "substr(hashes, 33)", "overlay(hashes placing '\\x00' from 40)"):
        refused(database, f"UPDATE log_tile SET hashes = {change}", "a tile may only grow")  # noqa: S608  our own text
    for change in ("hashes || '\\x00'", "hashes || decode(repeat('00', 8192), 'hex')"):
        refused(database, f"UPDATE log_tile SET hashes = {change}", "one_tile", IntegrityError)  # noqa: S608
    database.close()


def test_the_head_of_the_log_only_grows(life: Corridor) -> None:
    database = owner(life, life.by)
    changes: list[dict[str, Any]] = [
        {"size": LogHead.size - 1},
        {"root": b"another"},
        {"at": LogHead.at - timedelta(seconds=1)},
    ]
    for change in changes:
        refused(database, update(LogHead).values(change), "may only grow")
    refused(database, delete(LogHead), "append-only")
    database.close()
    second = insert(LogHead).values(one=2, origin="x", size=0, root=b"", at=life.clock())
    refused(life.by.node.database, second, "one_row", IntegrityError)


def test_the_word_of_a_node_only_moves_forward(life: Corridor) -> None:
    older = update(FreshnessRow).values(as_of=FreshnessRow.as_of - timedelta(seconds=1))
    refused(life.by.node.database, older, "a newer word is kept")
    refused(life.by.node.database, update(FreshnessRow).values(text="another"), "a newer word is kept")


def test_a_message_has_one_receipt_and_a_certificate_keeps_its_first_proof(life: Corridor) -> None:
    another = update(MessageOut).values(receipt="another", outcome="refused")
    refused(life.by.node.database, another, "a message has one receipt")
    refused(life.uz.node.database, update(CertificateRow).values(proof="another"), "keeps its first proof")


def test_an_annulment_is_never_confirmed_by_whoever_proposed_it(life: Corridor) -> None:
    app = life.by.node.database
    refused(app, update(Annulment).values(confirmed_by=Annulment.proposed_by), "a proposal ends once")
    refused(app, update(Annulment).values(withdrawn_at=life.clock()), "a proposal ends once")
    with app.read() as tx:
        ended = tx.scalars(select(Annulment)).first()
    assert ended is not None
    same = {
        "id": "f" * 32,
        "certificate": ended.certificate,
        "reason": "r",
        "effective_from": ended.effective_from,
        "proposed_by": ended.proposed_by,
        "proposed_at": life.clock(),
        "confirmed_by": ended.proposed_by,
    }
    refused(app, insert(Annulment).values(same), "two_people", IntegrityError)


def test_a_kept_reply_stays_as_it_is(life: Corridor) -> None:
    app = life.by.node.database
    with app.begin() as tx:
        token = life.by.tokens["exporter"]
        by, kept = identify_once(tx, token, "kept", "request", node=life.by.did, at=life.clock())
        assert kept is None
        replies.keep(tx, by.person, "kept", status=200, headers={}, body=b"first")
    refused(app, update(replies.Reply).values(body=b"second"), "stays as it is")


def test_a_person_has_one_part_and_an_index_of_a_status_list_stands_once(life: Corridor) -> None:
    app = life.by.node.database
    with app.read() as tx:
        part = tx.scalars(select(ApplicationPerson).where(ApplicationPerson.part == "examiner")).first()
        drawn = tx.scalars(select(StatusIndex)).first()
    assert part is not None
    assert drawn is not None
    second = {"application": part.application, "person": part.person, "part": "signatory", "since": life.clock()}
    refused(app, insert(ApplicationPerson).values(second), "pk_application_person", IntegrityError)
    again = insert(StatusIndex).values(list=drawn.list, index=drawn.index)
    refused(app, again, "pk_status_index", IntegrityError)


def by_hand(tx: Session, country: Country) -> str:
    tx.execute(
        text(
            "INSERT INTO act (id, at, kind, by, private, salt, leaf) "
            "VALUES (:id, now(), 'bundle.made', :by, '{}', '\\x00', '\\x00')"
        ),
        {"id": "f" * 32, "by": country.did},
    )
    return "f" * 32


def test_an_act_that_was_inserted_by_hand_is_queued_for_the_log(corridor: Corridor) -> None:
    with corridor.by.tx() as tx:
        act = by_hand(tx, corridor.by)
    with corridor.by.node.database.read() as tx:
        assert tx.get(QueuedAct, act) is not None


def test_no_act_leaves_the_queue_before_the_log_has_numbered_it(corridor: Corridor) -> None:
    by = corridor.by
    refused(by.node.database, delete(QueuedAct), "has not numbered the act")
    database = owner(corridor, by)
    refused(database, "DELETE FROM log_queue", "has not numbered the act")
    refused(database, "TRUNCATE log_queue", "is append-only")
    refused(database, "UPDATE log_queue SET act = act", "is append-only")
    database.close()
    before = len(by.everything()["log_queue"])
    with by.tx() as tx:
        acts.record(tx, Kind.BUNDLE_MADE, {}, by=Actor(by.did), at=by.clock(), draw=by.node.draw)
        assert log.oldest_queued(tx) is not None
    assert len(by.everything()["log_queue"]) == before + 1
    by.sequence()
    with by.node.database.read() as tx:
        assert tx.scalars(select(QueuedAct)).all() == []
        assert log.oldest_queued(tx) is None
        assert tx.get(Act, by.acts()[0].id) is not None
