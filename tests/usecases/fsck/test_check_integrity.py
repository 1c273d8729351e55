"""What was altered behind the application's back, as superuser with every trigger off, is found and named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from registry.api.issuer import receiver_of
from registry.core.canonical import JsonObject
from registry.core.certificate.status_change import Status
from registry.core.channel.message import Message, MessageKind, Position
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.store import channel, checkpoints, messages, mirror, tasks, witness
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.checkpoints import LogCheckpoint, LogPublished
from registry.store.guard import Mark, of_forgotten, of_log, of_published, of_received, of_sent, of_shown, of_witness
from registry.store.messages import MessageOut
from registry.store.mirror import MirrorHead
from registry.store.peers import TrustListRow
from registry.store.tasks import TaskKind
from registry.usecases.channel.accept_message import accept
from registry.usecases.fsck.check_channel import LATE
from registry.usecases.fsck.check_integrity import check
from registry.usecases.fsck.survey_rows import BATCH, Discrepancy, Survey
from registry.usecases.node import close_task
from registry.usecases.recovery.reconcile_log import PATIENCE
from tests.kit import AT, Corridor, Country, Forge
from tests.usecases.fsck import lived
from tests.usecases.fsck.lived import Lives, anchors_of, found, look


@pytest.fixture(scope="module")
def lives(forge: Forge) -> Iterator[Lives]:
    with lived.lives(forge) as both:
        yield both


def test_a_country_that_worked_agrees_with_itself(lives: Lives) -> None:
    assert found(lives.by) == []
    assert found(lives.uz) == []


def test_an_empty_log_agrees_with_itself(corridor: Corridor) -> None:
    assert found(corridor.by) == []


ALTERED = [
    ("UPDATE act SET at = at + interval '1 hour' WHERE kind = 'certificate.issued'", "its leaf is not that of"),
    ("UPDATE act SET private = '{}' WHERE kind = 'application.drafted'", "its leaf is not that of"),
    ("DELETE FROM log_entry WHERE index = 0", "neither"),
    ("INSERT INTO log_queue (act) SELECT act FROM log_entry WHERE index = 1", "or both"),
    ("DELETE FROM log_entry WHERE index = 1", "without a gap"),
    ("DELETE FROM log_tile", "log tile 0/0: hash 7 is missing"),
    ("INSERT INTO log_tile (level, index, hashes) VALUES (1, 9, sha256(''))", "log tile 1/9: hash 0 is missing, or of"),
    ("INSERT INTO log_tile (level, index, hashes) VALUES (9, 9, sha256(''))", "log tile 9/9: no log has tiles of this"),
    (
        "UPDATE log_tile SET hashes = overlay(hashes placing sha256('x') from 97)",
        "log tile 0/0: hash 3 is not that of entry 3, act",
    ),
    ("UPDATE log_head SET size = size - 1", "log head: it is not that"),
    ("UPDATE log_head SET root = sha256('x')", "log head: it is not that"),
    ("DELETE FROM log_head", "log head: it is not that"),
    ("UPDATE log_checkpoint SET root = sha256('x')", "it is not signed over the tree"),
    ("UPDATE log_checkpoint SET note = replace(note, E'\\n\\n', E'x\\n\\n')", "checkpoint"),
    ("UPDATE log_checkpoint SET size = size + 1000", "it is not signed over the tree"),
    ("UPDATE certificate SET number = number || '9' WHERE source = 'issued'", "not what was signed: number"),
    ("UPDATE certificate SET envelope = envelope || '.'", "cannot be read"),
    ("UPDATE certificate SET act = NULL WHERE source = 'issued'", "issued without its act"),
    ("DELETE FROM certificate WHERE source = 'issued'", "it issued a certificate that is not here"),
    ("UPDATE status_change SET effective_from = '2020-01-01'", "its columns are not what was signed"),
    ("UPDATE status_change SET envelope = 'x'", "cannot be read"),
    ("DELETE FROM status_change", "it changed a status, and the change is not here"),
    (
        "UPDATE act SET digest = encode(sha256('x'), 'hex') WHERE kind = 'certificate.status'",
        "its act is of another, or is not here",
    ),
    ("UPDATE clarification SET recorded_at = '2020-01-01'", "its columns are not what was signed"),
    ("UPDATE clarification SET envelope = 'x'", "cannot be read"),
    ("UPDATE clarification SET envelope = left(envelope, -8) || 'AAAAAAAA'", "clarification"),
    ("UPDATE clarification SET certificate = 'x'", "its certificate is not here, or is another"),
    ("UPDATE clarification SET act = NULL", "it has no act, and no message that was taken back carries it"),
    ("DELETE FROM clarification", "it clarified a certificate, and that is not here"),
    (
        "UPDATE act SET digest = encode(sha256('x'), 'hex') WHERE kind = 'certificate.clarified'",
        "its act is of another, or is not here",
    ),
    ("UPDATE clarification_proposal SET new = 'x'", "its act says: new"),
    ("UPDATE clarification_proposal SET confirmed_by = NULL", "act says: confirmed_by"),
    ("UPDATE application SET relations = '{}'", "act says: relations"),
    ("UPDATE annulment SET draft = 'x' WHERE draft IS NOT NULL", "act says: draft"),
    ("UPDATE application SET state = 'approved' WHERE state = 'issued'", "issued without a certificate, or the rev"),
    ("UPDATE application_person SET part = 'examiner' WHERE part = 'signatory'", "does not play that part"),
    ("DELETE FROM application_person WHERE part = 'examiner'", "who plays which part is not what the acts on it say"),
    ("UPDATE application_person SET part = 'signatory' WHERE part = 'applicant'", "who plays which part is not"),
    (
        """INSERT INTO application_person (application, person, part, since) SELECT application.id, person.id,
        'examiner', now() FROM application, person WHERE person.roles = '{auditor}'""",
        "who plays which part is not what the acts on it say",
    ),
    ("UPDATE number_counter SET last = last + 1", "a number was allotted and not used"),
    ("UPDATE message_out SET digest = encode(sha256('x'), 'hex') WHERE seq = 1", "does not continue the chain"),
    ("DELETE FROM message_out WHERE seq = 1", "does not continue the chain"),
    ("UPDATE message_out SET receipt = NULL, outcome = NULL WHERE seq = 1", "one before it has none"),
    ("UPDATE message_out SET outcome = 'refused' WHERE seq = 2", "not what its receipt says: outcome"),
    ("UPDATE message_in SET outcome = 'refused'", "not what its receipt says: outcome"),
    ("UPDATE message_in SET seq = 77 WHERE seq = 1", "its columns are not what was signed"),
    (
        "INSERT INTO reply (person, key, request, at) SELECT id, 'k', 'r', now() FROM person LIMIT 1",
        "a key is reserved and nothing was answered",
    ),
]


@pytest.mark.parametrize(("statement", "named"), ALTERED, ids=[named for _, named in ALTERED])
def test_what_was_altered_is_named(lives: Lives, statement: str, named: str) -> None:
    lines = lives.found_after(lives.by, statement)
    assert any(named in line for line in lines), lines


MOVED = [
    # an act deleted, altered, moved; entries removed and swapped
    ("DELETE FROM act WHERE id = (SELECT act FROM log_entry WHERE index = 5)", "log entry 5: its act"),
    (
        (
            "UPDATE act SET leaf = (SELECT leaf FROM act AS other WHERE other.id < act.id ORDER BY id LIMIT 1)"
            " WHERE id = (SELECT act FROM log_entry ORDER BY act DESC LIMIT 1)"
        ),
        "its leaf is not that of its columns and private row: id",
    ),
    ("UPDATE log_entry SET index = index + 1000 WHERE index = 5", "log entry 5: it is missing"),
    (
        "DELETE FROM log_entry WHERE index = (SELECT max(index) FROM log_entry)",
        "log head: it is not that of the entries",
    ),
    (
        (
            "UPDATE log_entry SET index = -4 WHERE index = 4; UPDATE log_entry SET index = 4 WHERE index = 9;"
            " UPDATE log_entry SET index = 9 WHERE index = -4"
        ),
        "log tile 0/0: hash 9 is not that of entry 9, act",
    ),
    ("UPDATE log_entry SET index = -1 WHERE index = 0", "log entry -1: it stands twice, or is numbered below 0"),
    (
        "DELETE FROM log_entry WHERE index = 6; UPDATE log_tile SET hashes = substr(hashes, 1, 6 * 32)",
        "log entry 7: it stands after a gap",
    ),
    (
        (
            "DELETE FROM act WHERE id = (SELECT act FROM log_entry WHERE index = 6);"
            " UPDATE log_tile SET hashes = substr(hashes, 1, 6 * 32)"
        ),
        "log entry 8: it stands after a gap",
    ),
    ("INSERT INTO log_queue (act) VALUES ('no such act')", "act no such act: it is queued for the log"),
    ("INSERT INTO log_recovered VALUES (0, 'x')", "recovered entry 0: the leaf cannot be read"),
    ("INSERT INTO log_recovered SELECT 3, leaf FROM act LIMIT 1", "log entry 3: it stands twice"),
    ("UPDATE log_checkpoint SET at = at - interval '1 day' WHERE size > 14", "its time is before that of a smaller"),
    ("UPDATE log_head SET at = at + interval '1 second'", "log head: it is not that of the newest checkpoint"),
    ("UPDATE log_head SET origin = 'uz.registry.example/log'", "log head: it is not that of the entries"),
    ("DELETE FROM log_checkpoint WHERE size IN (SELECT size FROM log_cosignature)", "its checkpoint is not here"),
    ("DELETE FROM log_checkpoint WHERE size IN (SELECT size FROM log_published)", "its text is not that of the check"),
    # what was published without the other state's witness
    (
        "UPDATE log_published SET note = (SELECT note FROM log_checkpoint WHERE size = log_published.size)",
        "0 of the witnesses that count have cosigned",
    ),
    (
        "UPDATE log_published SET note = note || E'\\u2014 stranger.example/witness AAAAAAAA\\n'",
        "a line of stranger.example/witness is of no known key",
    ),
    ("UPDATE log_published SET note = 'x'", "published checkpoint"),
    (
        "UPDATE log_checkpoint SET note = note || E'\\u2014 stranger.example/witness AAAAAAAA\\n'",
        "a line of stranger.example/witness is of no known key",
    ),
    # what was published, and what a witness said under it, removed from the beginning
    (
        "DELETE FROM log_published WHERE size = (SELECT min(size) FROM log_published)",
        "to did:web:uz.registry.example: its proof is against the checkpoint of",
    ),
    ("DELETE FROM log_published", "to did:web:uz.registry.example: its proof is against the checkpoint of"),
    (
        "DELETE FROM log_cosignature WHERE size = (SELECT min(size) FROM log_cosignature)",
        "the cosignature of uz.registry.example/witness under it is not kept",
    ),
    ("DELETE FROM log_cosignature", "the cosignature of uz.registry.example/witness under it is not kept"),
    ("UPDATE message_out SET log_index = log_index + 1000", "to did:web:uz.registry.example: its proof is of another"),
    ("INSERT INTO log_tile VALUES (0, -5, sha256(''))", "log tile 0/-5: hash 0 is missing, or of no complete subtree"),
    # certificates and changes
    ("DELETE FROM act WHERE kind = 'certificate.issued'", "issued without its act"),
    ("DELETE FROM status_index", "it is a certificate's, and was not drawn"),
    ("INSERT INTO status_index VALUES ('revocation-1', -1)", "it was drawn, and is no certificate's"),
    ("DELETE FROM application WHERE state = 'issued'", "it is issued without a certificate, or the reverse"),
    ("UPDATE certificate SET organisation = principal || 'x' WHERE source = 'issued'", "its organisation, principal"),
    ("UPDATE certificate SET proof = 'x' WHERE source = 'delivered'", "its proof: the proof file cannot be read"),
    (
        "UPDATE certificate SET proof = replace(proof, 'index ', 'index 1') WHERE source = 'delivered'",
        "its proof: the proof does not hold",
    ),
    ("UPDATE status_change SET certificate = 'x' WHERE status = 'annulled'", "its certificate is not here"),
    ("UPDATE status_change SET act = NULL", "it has no act, and no message that was taken back carries it"),
    # messages removed from the middle and from the end
    ("DELETE FROM message_out WHERE seq = 3", "message 4 to did:web:uz.registry.example: it does not continue"),
    (
        "DELETE FROM message_in WHERE seq = (SELECT max(seq) FROM message_in)",
        "it was delivered, and no message brought",
    ),
    ("UPDATE message_out SET receipt = NULL", "not what a message without a receipt has: outcome, receipted_at"),
    ("UPDATE message_out SET receipt = 'x'", "its receipt: the signed envelope cannot be read"),
    ("UPDATE message_out SET act = (SELECT act FROM log_entry WHERE index = 0)", "it does not carry what the log hol"),
    ("DELETE FROM certificate WHERE source = 'delivered'", "it was accepted, and what it carried is not here"),
    ("UPDATE message_out SET envelope = (SELECT envelope FROM message_in LIMIT 1)", "its columns are not what was sig"),
    # lists and agreements
    ("DELETE FROM trust_list WHERE country = 'UZ'", "it adopted a trust list that is not here"),
    ("DELETE FROM trust_list", "no trust list of BY is adopted"),
    ("DELETE FROM agreement", "it adopted an agreement that is not here"),
    ("UPDATE trust_list SET text = 'x'", "trust list BY 1.1: the signed envelope cannot be read"),
    ("UPDATE trust_list SET adopted_at = adopted_at + interval '1 second'", "it was not adopted by its act"),
    ("UPDATE agreement SET adopted_at = adopted_at + interval '1 second'", "it was not adopted by its act"),
    # the mirror
    ("DELETE FROM mirror_head", "mirror of uz.registry.example/log: it has entries or tiles, and no head"),
    ("UPDATE mirror_entry SET entry = 'x' WHERE index = 2", "not what its leaf says: kind"),
    ("UPDATE mirror_head SET size = size + 1", "its entries do not lead to the checkpoint"),
    ("DELETE FROM mirror_entry WHERE index = 0", "mirror of uz.registry.example/log entry 0: it is missing"),
    # how fresh each node's word is
    ("UPDATE freshness SET seq = seq + 1", "freshness of did:web:uz.registry.example: its columns are not what was"),
    ("UPDATE freshness SET text = 'x'", "freshness of did:web:by.registry.example: the signed envelope cannot be read"),
    ("UPDATE freshness SET text = substr(text, 1, length(text) - 6) || 'AAAAAA'", "its signature does not verify"),
    ("UPDATE freshness SET met = text", "the statement before it is of another node, or not older"),
    # what acts repeat
    ("UPDATE person SET name = name || 'x'", "its columns are not what its act says: name"),
    ("UPDATE person SET roles = '{operator}'", "its columns are not what its act says: roles"),
    ("DELETE FROM person WHERE roles = '{examiner}'", "it is about person"),
    (
        "UPDATE organisation SET id = 'x' WHERE kind = 'customs'",
        "organisation x: there is no act of it",
    ),
    ("UPDATE token SET expires_at = expires_at + interval '1 year'", "its columns are not what its act says: expires"),
    ("UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL", "its columns are not what its acts say: revoked"),
    ("UPDATE token SET revoked_at = NULL", "its columns are not what its act says: revoked_at"),
    ("UPDATE mandate SET until = '2030-01-01'", "its columns are not what its act says: until"),
    ("UPDATE mandate SET revoked_at = now()", "its columns are not what its acts say: revoked_at"),
    ("UPDATE product SET content = '{}'", "its columns are not what its act says: content"),
    ("UPDATE product SET content = '[1.5]'", "its columns are not what its act says: content"),
    ("UPDATE application SET claims = '{}' WHERE state = 'issued'", "not what its act says: claims, draft"),
    ("UPDATE application SET version = 99 WHERE state = 'issued'", "not what its act says: version"),
    ("UPDATE application SET state = 'submitted' WHERE state = 'draft'", "not what its act says: state"),
    ("UPDATE annulment SET reason = 'x', effective_from = '2020-01-01'", "not what its act says: reason, effective_"),
    (
        "UPDATE annulment SET withdrawn_at = now() WHERE confirmed_by IS NULL",
        "its columns are not what its act says: withdrawn_at",
    ),
    ("UPDATE annulment SET confirmed_by = NULL", "its columns are not what its act says: confirmed_by"),
    ("UPDATE product_evidence SET name = 'x'", "its name or media type is not what its act says"),
    (
        "UPDATE product_evidence SET added_by = (SELECT min(id) FROM person WHERE id <> added_by)",
        "not what its act says: added_by",
    ),
    ("DELETE FROM product_evidence", "it kept evidence of a product that is not here"),
    ("UPDATE evidence_file SET media_type = 'image/png'", "its first bytes are not those of its media type"),
    (
        (
            "ALTER TABLE evidence_file DROP CONSTRAINT ck_evidence_file_is_its_digest;"
            " UPDATE evidence_file SET content = content || 'x'"
        ),
        "not what its content says: sha256",
    ),
]


@pytest.mark.parametrize(("statements", "named"), MOVED, ids=[named for _, named in MOVED])
def test_what_was_moved_or_removed_is_named(lives: Lives, statements: str, named: str) -> None:
    lines = lives.found_after(lives.by, *statements.split(";"))
    assert any(named in line for line in lines), lines


ABROAD = [
    ("UPDATE witness_evidence SET note = 'x'", "the signed note cannot be read"),
    (
        "UPDATE witness_head SET note = note || E'\\u2014 stranger.example/witness AAAAAAAA\\n'",
        "a line of stranger.example/witness is of no known key",
    ),
    (
        "UPDATE mirror_head SET note = regexp_replace(note, E'\\u2014 uz[^\\n]*\\n', '')",
        "cosigned_at is not when its witnesses vouched for it",
    ),
    ("DELETE FROM witness_evidence", "it kept evidence that is not here"),
    ("DELETE FROM task WHERE kind = 'log.split'", "the task log.split about it is not here"),
    ("UPDATE task SET closed_at = opened_at", "the task log.split about it was closed without an act"),
    ("UPDATE witness_evidence SET against = ''", "it was not kept by its act"),
    ("DELETE FROM status_change", "it was accepted, and what it carried is not here"),
    ("DELETE FROM message_in WHERE kind = 'certificate.status'", "it was delivered, and no message brought it"),
    ("DELETE FROM arrival WHERE seq = 1", "arrival 2: it stands after a gap"),
    ("DELETE FROM arrival WHERE change IS NULL AND clarification IS NULL", "it was delivered, and is no arrival"),
    ("DELETE FROM arrival WHERE change IS NOT NULL", "it was delivered, and is no arrival"),
    ("DELETE FROM arrival WHERE clarification IS NOT NULL", "it was delivered, and is no arrival"),
    (
        "UPDATE arrival SET certificate = (SELECT id FROM certificate WHERE source = 'issued' LIMIT 1) WHERE seq = 1",
        "its certificate was not delivered, or what was said is of another",
    ),
    (
        (
            "UPDATE arrival SET certificate = (SELECT certificate FROM arrival AS other WHERE other.change IS NULL"
            " AND other.certificate <> arrival.certificate LIMIT 1) WHERE change IS NOT NULL"
        ),
        "its certificate was not delivered, or what was said is of another",
    ),
    (
        (
            "UPDATE arrival SET certificate = (SELECT certificate FROM arrival AS other WHERE other.change IS NULL"
            " AND other.certificate <> arrival.certificate LIMIT 1) WHERE clarification IS NOT NULL"
        ),
        "its certificate was not delivered, or what was said is of another",
    ),
    (
        "UPDATE certificate SET recorded_at = recorded_at - interval '1 hour' WHERE source = 'delivered'",
        "it was recorded at another time than our receipt says that its message came",
    ),
    ("UPDATE arrival SET at = at + interval '1 hour' WHERE seq = 1", "arrival 1: it was numbered at another time"),
    (
        "UPDATE arrival SET at = at - interval '1 hour' WHERE change IS NOT NULL",
        "it was numbered at another time than our receipt says",
    ),
    ("UPDATE certificate SET terms = '{}'", "its columns are not what was signed: terms"),
    (
        "UPDATE certificate SET registered_on = registered_on + 1 WHERE source = 'delivered'",
        "when it was registered is not what the message that brought it says",
    ),
    (
        "UPDATE certificate SET registered_on = issued_on WHERE source = 'delivered' AND registered_on IS NULL",
        "when it was registered is not what the message that brought it says",
    ),
    ("UPDATE message_in SET envelope = 'x'", "the signed envelope cannot be read"),
    ("UPDATE message_in SET certificate = NULL", "its columns are not what was signed: certificate"),
    ("UPDATE witness_head SET note = regexp_replace(note, E'\\u2014 uz[^\\n]*\\n', '')", "at is not when our witness"),
]


@pytest.mark.parametrize(("statement", "named"), ABROAD, ids=[named for _, named in ABROAD])
def test_what_was_altered_where_it_was_delivered_is_named(lives: Lives, statement: str, named: str) -> None:
    lines = lives.found_after(lives.uz, statement)
    assert any(named in line for line in lines), lines


CUT = """
    DELETE FROM mirror_entry WHERE index >= 8;
    UPDATE mirror_tile SET hashes = substr(hashes, 1, 8 * 32);
    UPDATE mirror_head SET size = 8, root = :root
"""


def test_a_mirror_that_was_cut_at_its_end_is_named(lives: Lives) -> None:
    origin = "by.registry.example/log"
    with lives.tampering(lives.uz) as tx:
        root = mirror.edge(tx, origin, 8).root
        for statement in CUT.split(";"):
            tx.execute(text(statement), {"root": root} if ":root" in statement else {})
        size = mirror.root_of(mirror.head(tx, origin))[0]
        cosigned = witness.root_of(witness.head(tx, origin))[0]
        assert size == 8 < cosigned
        (line,) = look(tx, lives.uz, at=AT + PATIENCE).discrepancies
        later = look(tx, lives.uz, at=lives.uz.clock() + PATIENCE).discrepancies
        delivered = set(tx.scalars(select(CertificateRow.id).where(CertificateRow.source == Source.DELIVERED)))
    assert line.where == f"mirror of {origin}, head"
    assert line.what == f"it ends at 8, which no step does, and its note vouches for {cosigned}"
    assert Discrepancy(f"mirror of {origin}", f"it ends at 8, and our witness cosigned {cosigned}") in later
    unheld = "it came with a proof, and the mirror of its log does not hold it"
    assert {each.where for each in later if each.what == unheld} == {f"certificate {id}" for id in delivered}


def test_a_task_about_evidence_that_a_person_closed_by_an_act_is_settled(lives: Lives) -> None:
    uz = lives.uz
    with lives.tampering(uz) as tx:
        tx.execute(text("SET LOCAL session_replication_role = origin"))  # the act is queued for the log
        (task,) = tasks.open_tasks(tx, TaskKind.LOG_SPLIT)
        close_task.close(tx, task.id, "Показано второй стороне.", **uz.by("operator"))
        tx.flush()
        assert look(tx, uz).discrepancies == []
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        tx.execute(text("""UPDATE act SET private = '{"task": "x"}' WHERE kind = 'task.closed'"""))
        said = "the task log.split about it was closed without an act"
        assert said in [each.what for each in look(tx, uz).discrepancies]


def test_a_mirror_that_was_removed_as_a_whole_is_named(lives: Lives) -> None:
    with lives.tampering(lives.uz) as tx:
        for table in ("mirror_head", "mirror_entry", "mirror_tile"):
            tx.execute(text(f"DELETE FROM {table}"))  # noqa: S608  our own names
        later = look(tx, lives.uz, at=lives.uz.clock() + PATIENCE).discrepancies
    assert any(each.what.startswith("it ends at 0, and our witness cosigned") for each in later)


def test_a_witness_whose_clock_is_ahead_vouched_for_a_mirror_when_it_was_looked_at(lives: Lives) -> None:
    earlier = "UPDATE mirror_head SET at = at - interval '1 minute', cosigned_at = at - interval '1 minute'"
    assert lives.found_after(lives.uz, earlier) == []
    (line,) = lives.found_after(lives.uz, "UPDATE mirror_head SET cosigned_at = at - interval '1 minute'")
    assert line.endswith("cosigned_at is not when its witnesses vouched for it")


def test_a_proof_that_was_sent_and_is_none_is_named(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        sent = tx.scalars(select(MessageOut).where(MessageOut.kind == MessageKind.CERTIFICATE_LOGGED)).one()
        body = Message.parse(Envelope.parse(sent.envelope, Typ.MESSAGE).payload).body
        after, index, act = channel.sent(tx, lives.uz.did), sent.log_index, sent.act
        tx.delete(sent)
        tx.flush()
        message = signed(lives.by, lives.uz, after, MessageKind.CERTIFICATE_LOGGED, {**body, "proof": "x"})
        messages.keep_sent(tx, *message, log_index=index, act=act, pending=False)
        lines = [str(each) for each in look(tx, lives.by).discrepancies]
    assert f"message {after.next_seq} to {lives.uz.did}: its proof is none: the proof file cannot be read" in {
        line.rpartition(":")[0] for line in lines
    }


def test_a_line_under_a_foreign_note_that_nobody_here_knows_is_the_other_states_to_vouch_for(lives: Lives) -> None:
    stranger = "UPDATE mirror_head SET note = note || E'\\u2014 stranger.example/witness AAAAAAAA\\n'"
    assert lives.found_after(lives.uz, stranger) == []


def test_a_line_of_a_known_witness_that_does_not_verify_is_named(lives: Lives) -> None:
    def spoiled(note: str) -> str:
        read = Note.parse(note)
        lines = [line for line in read.lines if line.name == "uz.registry.example/witness"]
        assert lines
        wrong = [replace(line, signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1])) for line in lines]
        return Note(read.text, (*(line for line in read.lines if line not in lines), *wrong)).encode()

    said = "the signature line of uz.registry.example/witness does not verify"
    with lives.tampering(lives.by) as tx:
        published = tx.scalars(select(LogPublished).limit(1)).one()
        published.note = spoiled(published.note)
        where = f"published checkpoint {published.size}: "
        tx.flush()
        assert where + said in [str(each) for each in look(tx, lives.by).discrepancies]
    with lives.tampering(lives.uz) as tx:
        mirrored = tx.scalars(select(MirrorHead)).one()
        mirrored.note = spoiled(mirrored.note)
        tx.flush()
        where = "mirror of by.registry.example/log, head: "
        assert where + said in [str(each) for each in look(tx, lives.uz).discrepancies]


def test_a_list_that_its_keys_did_not_sign_is_named(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        held = tx.scalars(select(TrustListRow).where(TrustListRow.country == "UZ")).one()
        first, second, _ = held.text.split("\n")
        body, _, signature = first.rpartition(".")
        held.text = f"{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}\n{second}\n"
        tx.flush()
        lines = [str(each) for each in look(tx, lives.by).discrepancies]
    assert any(line.startswith("trust list UZ 1.1: the trust list cannot be believed") for line in lines)


def test_a_checkpoint_that_our_key_signed_for_another_log_is_named(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        row = tx.scalars(select(LogCheckpoint).limit(1)).one()
        named = f"checkpoint {row.size}: it is of another log"
        row.note = lives.by.node.keyring.log.sign(Checkpoint("x.example/log", row.size, row.root).encode()).encode()
        tx.flush()
        lines = [str(each) for each in look(tx, lives.by).discrepancies]
    assert named in lines


def signed(
    sender: Country, receiver: Country, after: Position, kind: MessageKind, body: JsonObject
) -> tuple[Envelope, Message]:
    """Sign a message as the next one."""
    message = Message(
        env="demo",
        issuer=sender.did,
        id="0" * 32,
        from_=sender.did,
        to=receiver.did,
        epoch=after.epoch,
        seq=after.next_seq,
        previous=after.digest,
        issued_at=sender.clock(),
        kind=kind,
        body=body,
    )
    return seal(message.encode(), Typ.MESSAGE, sender.node.keyring.node), message


def unreadable_body(sender: Country, receiver: Country, after: Position) -> tuple[Envelope, Message]:
    """Sign a message with a body that nobody can read, as the next one."""
    return signed(sender, receiver, after, MessageKind.CERTIFICATE_STATUS, {"change": "x"})


def test_a_message_that_was_refused_stays_with_the_act_of_refusing_it(lives: Lives) -> None:
    with lives.tampering(lives.uz) as tx:
        envelope, _ = unreadable_body(lives.by, lives.uz, channel.received(tx, lives.by.did))
        tx.execute(text("SET LOCAL session_replication_role = origin"))  # the act is queued for the log
        receiver, at, draw = receiver_of(lives.uz.node), lives.uz.clock(), lives.uz.node.draw
        accept(tx, envelope.text, receiver, lives.uz.beliefs(), at=at, draw=draw)
        assert look(tx, lives.uz).discrepancies == []
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        tx.execute(text("DELETE FROM message_in WHERE outcome = 'refused'"))
        (line,) = look(tx, lives.uz).discrepancies
    assert line.what == "it refused a message that is not here"


def test_a_message_of_ours_that_nobody_can_read_is_named(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        after = channel.sent(tx, lives.uz.did)
        envelope, message = unreadable_body(lives.by, lives.uz, after)
        messages.keep_sent(tx, envelope, message, log_index=10_000, act="none", pending=False)
        (line,) = look(tx, lives.by).discrepancies
    assert line.where == f"message {after.next_seq} to {lives.uz.did}"
    assert "cannot be read" in line.what


DEEP, LARGE = "[" * 600 + "]" * 600, '{"a": 1' + "0" * 400 + "}"
UNREADABLE = [
    ("UPDATE act SET at = 'infinity' WHERE kind = 'certificate.issued'", "private row: at"),
    ("UPDATE act SET at = '-infinity'", "private row: at"),
    ("UPDATE act SET private = '3', salt = ''", "private row: private part, person, organisation, subject or salt"),
    (f"UPDATE act SET private = '{DEEP}'", "private row: private part, person, organisation, subject or salt"),  # noqa: S608  our own text
    (f"UPDATE act SET private = '{LARGE}'", "private row: private part, person, organisation, subject or salt"),  # noqa: S608
    ("UPDATE act SET leaf = ''", "the leaf cannot be read"),
    ("UPDATE certificate SET issued_on = 'infinity', valid_until = '99999-01-01'", "signed: issued_on, valid_until"),
    ("UPDATE message_out SET envelope = 'x', receipted_at = 'infinity'", "the signed envelope cannot be read"),
    ("UPDATE log_checkpoint SET root = ''", "it is not signed over the tree"),
    (
        "ALTER TABLE log_tile DROP CONSTRAINT ck_log_tile_one_tile; UPDATE log_tile SET hashes = ''",
        "log tile 0/0: hash 0 is",
    ),
    ("UPDATE log_cosignature SET line = 'x', at = 'infinity'", "the signed note cannot be read"),
    ("UPDATE mirror_head SET note = '', size = -1, root = ''", "the signed note cannot be read"),
    ("UPDATE witness_head SET note = '', size = -1, root = ''", "the signed note cannot be read"),
    ("UPDATE mirror_entry SET entry = ''", "its leaf says"),
]


@pytest.mark.parametrize(
    ("statement", "named"), UNREADABLE, ids=[named + statement[:30] for statement, named in UNREADABLE]
)
def test_what_cannot_be_read_is_a_discrepancy_and_stops_nothing(lives: Lives, statement: str, named: str) -> None:
    lines = lives.found_after(lives.by, statement)
    assert any(named in line for line in lines), lines


def test_a_message_that_is_missing_at_the_end_is_told_by_what_the_log_holds(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        tx.execute(text("DELETE FROM message_out WHERE log_index = (SELECT max(log_index) FROM message_out)"))
        now = look(tx, lives.by)
        later = look(tx, lives.by, at=lives.by.clock() + LATE + timedelta(seconds=1))
    assert not any("no message carries it" in str(each) for each in now.discrepancies)
    assert any("the log holds it for UZ, and no message carries it" in str(each) for each in later.discrepancies)


def test_an_entry_that_was_taken_back_from_a_mirror_counts_at_its_index(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        tx.execute(
            text(
                "INSERT INTO log_recovered SELECT index, leaf FROM log_entry JOIN act ON act.id = act"
                " WHERE index = (SELECT max(log_index) FROM message_out)"
            )
        )
        tx.execute(text("DELETE FROM log_entry USING log_recovered WHERE log_entry.index = log_recovered.index"))
        lines = [str(each) for each in look(tx, lives.by).discrepancies]
    assert lines[0].endswith("it is neither queued for the log nor in it, or both")
    assert {line.partition(" ")[0] for line in lines} == {"act", "message"}, "no entry, hash or checkpoint is wrong"


TAKEN_BACK = """
    INSERT INTO log_recovered SELECT index, leaf FROM log_entry JOIN act ON act.id = act WHERE act = :act;
    DELETE FROM log_entry WHERE act = :act;
    UPDATE message_out SET act = NULL WHERE act = :act;
    UPDATE application SET state = 'approved', version = version - 1, clock = clock - 'ended',
        due_on = (SELECT CAST(private ->> 'due_on' AS date) FROM act WHERE subject = :application
                  ORDER BY seq DESC LIMIT 1)
        WHERE id = :application;
    UPDATE certificate SET source = 'recovered', act = NULL, application = NULL, signatory = NULL WHERE act = :act;
    DELETE FROM act WHERE id = :act
"""


def test_a_certificate_that_was_taken_back_from_the_peer_needs_no_act_but_its_message(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        issued = select(CertificateRow).where(CertificateRow.source == Source.ISSUED).order_by(CertificateRow.id)
        row = tx.scalars(issued.limit(1)).one()
        id, values = row.id, {"act": row.act, "application": row.application}
        for statement in TAKEN_BACK.split(";"):
            tx.execute(text(statement), values)
        assert look(tx, lives.by).discrepancies == []
        tx.execute(text("UPDATE number_counter SET last = last + 3"))
        (line,) = look(tx, lives.by).discrepancies
        assert line.what == "a number was allotted and not used, or the reverse"
        with tx.begin_nested() as restored:
            tx.execute(text("UPDATE act SET kind = 'log.recovered' WHERE kind = 'token.revoked'"))
            assert line not in look(tx, lives.by).discrepancies
            restored.rollback()
        tx.execute(text("UPDATE number_counter SET last = last - 3; UPDATE log_recovered SET leaf = 'x'"))
        assert any("it does not carry what the log holds" in each.what for each in look(tx, lives.by).discrepancies)
        tx.execute(text("DELETE FROM message_out; DELETE FROM log_recovered"))
        said = Discrepancy(f"certificate {id}", "it has no act, and no message that was taken back carries it")
        assert said in look(tx, lives.by).discrepancies


def test_a_change_that_was_taken_back_from_the_peer_needs_no_act_but_its_message(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        act = tx.scalar(select(StatusChangeRow.act).where(StatusChangeRow.status == Status.ANNULLED))
        tx.execute(text("UPDATE status_change SET act = NULL WHERE status = 'annulled'"))
        tx.execute(text("UPDATE annulment SET confirmed_by = NULL WHERE application IS NULL"))
        for statement in TAKEN_BACK.split(";"):
            tx.execute(text(statement), {"act": act, "application": ""})
        assert look(tx, lives.by).discrepancies == []


def test_a_calendar_and_a_clock_are_held_to_their_acts(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        for change, said in {
            "UPDATE calendar SET version = version + 5 WHERE year = 2026": "not what its act says: version",
            "UPDATE calendar SET content = content - 'rest' WHERE year = 2026": "not those that its digest names",
            "UPDATE calendar SET proposed_by = (SELECT id FROM person WHERE roles = '{auditor}')": "did not propose",
            "DELETE FROM calendar WHERE year = 2026": "it confirmed a calendar that is not here",
            "UPDATE application SET clock = '{}' WHERE state = 'draft'": "act says: clock",
            "UPDATE application SET due_on = '2026-01-01' WHERE state = 'draft'": "act says: due_on",
            "UPDATE application SET due_on = '2026-01-01' WHERE state = 'issued'": "act says: due_on",
        }.items():
            with tx.begin_nested() as tampered:
                tx.execute(text(change))
                assert any(said in each.what for each in look(tx, lives.by).discrepancies), change
                tampered.rollback()


def test_a_root_that_was_pinned_anew_does_not_damn_the_lists_of_epochs_before_it(lives: Lives) -> None:
    anchors = anchors_of(lives.by)
    pins = {country: replace(pin, threshold=9, epoch=2) for country, pin in anchors.pins.items()}
    with lives.by.node.database.snapshot() as tx:
        report = check(tx, replace(anchors, pins=pins), at=lives.by.clock())
    assert not any(each.where.startswith("trust list") for each in report.discrepancies)


def test_a_list_of_a_country_that_is_not_pinned_is_named(lives: Lives) -> None:
    anchors = anchors_of(lives.by)
    with lives.by.node.database.snapshot() as tx:
        report = check(tx, replace(anchors, pins={"BY": anchors.pins["BY"]}), at=lives.by.clock())
    assert "trust list UZ 1.1: no root of UZ is pinned here" in map(str, report.discrepancies)


def test_a_database_that_is_behind_its_guard_or_beside_it_is_named(lives: Lives) -> None:
    with lives.uz.node.database.snapshot() as tx:
        head = witness.head(tx, "by.registry.example/log")
        assert head is not None
    marks = {
        of_log("uz.registry.example/log"): Mark(10_000, "00"),
        of_witness("uz.registry.example/witness", head.origin): Mark(head.size, head.root.hex()),
        of_sent(lives.by.did, 1): Mark(1, "00"),
        of_received(lives.by.did, 1): Mark(0, "00"),
        of_received("did:web:kz.registry.example", 1): Mark(1, "00"),
        of_witness("uz.registry.example/witness", "kz.registry.example/log"): Mark(0, "00"),
        of_witness("uz.registry.example/witness-1", head.origin): Mark(9, "a key that was replaced"),
        of_forgotten("uz.registry.example/witness-1"): Mark(1, ""),
    }
    behind, lost, beside = found(lives.uz, marks=marks)
    assert behind.startswith("guard, log uz.registry.example/log: it remembers 10000, and here is ")
    assert lost == "guard, received 1 from did:web:kz.registry.example: it remembers 1, and here is 0"
    assert beside == f"guard, sent 1 to {lives.by.did}: it remembers another digest of 1 than stands here"


def test_the_newest_checkpoint_that_was_published_is_missed_by_the_guard(lives: Lives) -> None:
    with lives.tampering(lives.by) as tx:
        size = checkpoints.published_size(tx)
        known = checkpoints.checkpoint(tx, size)
        assert known is not None
        shown = Mark(size, known.root.hex())
        marks = {of_published("by.registry.example/log"): shown, of_shown("by.registry.example/log"): shown}
        assert look(tx, lives.by, marks=marks).discrepancies == []
        tx.execute(text("DELETE FROM log_published WHERE size = (SELECT max(size) FROM log_published)"))
        lines = [str(each) for each in look(tx, lives.by, marks=marks).discrepancies]
    before = "guard, published by.registry.example/log: it remembers "
    assert [line for line in lines if line.startswith("guard")] == [
        line for line in lines if line.startswith(f"{before}{size}, and here is ")
    ]
    assert any(line.startswith(before) for line in lines)


def test_a_witness_whose_marks_were_lost_is_named_until_it_has_a_new_key(lives: Lives) -> None:
    (line,) = found(lives.uz, marks={of_forgotten("uz.registry.example/witness"): Mark(1, "")})
    assert line.startswith("guard, witness uz.registry.example/witness forgotten: the guard of this node was lost")


def test_what_was_read_is_counted_and_told(lives: Lives) -> None:
    told: list[tuple[str, int]] = []
    with lives.by.node.database.snapshot() as tx:
        survey = Survey(tx, lambda what, count: told.append((what, count)))
        for _ in range(BATCH + 1):
            survey.count("act")
        report = look(tx, lives.by)
    assert told == [("act", BATCH)]
    assert report.checked["log_entry"] == report.checked["act"]
    assert report.checked["certificate"] == 7


TILES = [
    ("tile/0/000.p/9x", "the tile cannot be read"),
    ("tile/entries/000.p/255", "has no such tile"),
    ("notes.txt", "the tile cannot be read"),
]


@pytest.mark.parametrize(("name", "named"), TILES, ids=[name for name, _ in TILES])
def test_a_file_that_is_not_of_the_log_is_named(lives: Lives, tmp_path: Path, name: str, named: str) -> None:
    lived.export(lives.by, tmp_path)
    assert found(lives.by, tmp_path) == []
    (tmp_path / name).write_text("x")
    (line,) = found(lives.by, tmp_path)
    assert line.startswith(f"file {name}: ")
    assert named in line


def test_a_missing_file_and_a_missing_checkpoint_are_named(lives: Lives, tmp_path: Path) -> None:
    lived.export(lives.by, tmp_path)
    tile = next(path for path in (tmp_path / "tile" / "0").rglob("*") if path.is_file())
    tile.unlink()
    tile.symlink_to(tmp_path / "nowhere")
    assert found(lives.by, tmp_path) == [f"file {tile.relative_to(tmp_path)}: it is not what the log holds"]
    tile.unlink()
    assert found(lives.by, tmp_path) == [f"file {tile.relative_to(tmp_path)}: it is missing"]
    (tmp_path / "checkpoint").unlink()
    (line,) = found(lives.by, tmp_path)
    assert line.startswith("file checkpoint: the signed note cannot be read")


def test_a_checkpoint_that_was_never_published_is_named(lives: Lives, tmp_path: Path) -> None:
    lived.export(lives.by, tmp_path)
    with lives.by.node.database.read() as tx:
        unpublished = tx.scalar(
            select(LogCheckpoint.note).where(LogCheckpoint.size.not_in(select(LogPublished.size))).limit(1)
        )
    assert unpublished is not None
    (tmp_path / "checkpoint").write_text(unpublished)
    assert found(lives.by, tmp_path) == ["file checkpoint: no such checkpoint was published"]
    (tmp_path / "checkpoint").write_text(f"{unpublished}\N{EM DASH} stranger.example/witness AAAAAAAA\n")
    assert "file checkpoint: a line of stranger.example/witness is of no known key" in found(lives.by, tmp_path)


def test_a_file_is_held_against_the_hashes_of_the_log_whatever_became_of_its_acts(lives: Lives, tmp_path: Path) -> None:
    lived.export(lives.by, tmp_path)
    (file, *_) = sorted((tmp_path / "tile" / "entries").rglob("*.p/*"))

    def blamed(tx: Session) -> list[str]:
        lines = [str(each) for each in look(tx, lives.by, tiles=tmp_path).discrepancies]
        return [line for line in lines if line.startswith("file tile/entries/")]

    with lives.tampering(lives.by) as tx:
        tx.execute(text("UPDATE act SET leaf = convert_to(repeat('x', 70000), 'UTF8')"))
        assert blamed(tx) == []
        good = file.read_bytes()
        for wrong in (good[:-1], good + b"\0\0", good[:2] + bytes([good[2] ^ 1]) + good[3:]):
            file.write_bytes(wrong)
            assert len(blamed(tx)) == 1
        file.write_bytes(good)
