"""What was altered behind the application's back, as superuser with every trigger off, is found and named."""

import pytest
from sqlalchemy import text

from registry.usecases.check_integrity import check
from tests.kit import Corridor, Country, Forge


def found(country: Country) -> list[str]:
    with country.node.database.read() as tx:
        return [str(each) for each in check(tx, country.node.keyring.log.vkey)]


def alter(forge: Forge, country: Country, *statements: str) -> None:
    """Do what no application can: as superuser, with the triggers off."""
    url = country.node.settings.database_url
    assert url is not None
    pool = forge.superuser(url.get_secret_value().rpartition("/")[2])
    with pool.begin() as tx:
        tx.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            tx.execute(text(statement))
    pool.close()


@pytest.fixture
def lived(corridor: Corridor) -> Corridor:
    """Both countries after work in both directions: two certificates, one of them annulled, one on the way back."""
    from registry.api.issuer import issuer_of  # noqa: PLC0415  beside its only use
    from registry.usecases import change_status  # noqa: PLC0415  beside its only use

    by = corridor.by
    kept, annulled = by.issued(), by.issued("tractors")
    del kept
    with by.tx() as tx:
        change_status.propose(tx, annulled.id, "причина", "2026-11-21+03:00", **by.by("signatory"))
        change_status.confirm(tx, annulled.id, issuer_of(by.node), **by.by("second_signatory"))
    by.deliver(corridor.uz)
    corridor.uz.issued("cotton-yarn")
    corridor.uz.deliver(by)
    return corridor


def test_a_country_that_worked_agrees_with_itself(lived: Corridor) -> None:
    assert found(lived.by) == []
    assert found(lived.uz) == []


def test_an_empty_log_agrees_with_itself(corridor: Corridor) -> None:
    assert found(corridor.by) == []


ALTERED = [
    ("UPDATE act SET at = at + interval '1 hour' WHERE kind = 'certificate.issued'", "its leaf is not that of"),
    ("UPDATE act SET private = '{}' WHERE kind = 'application.drafted'", "its leaf is not that of"),
    ("DELETE FROM log_entry WHERE index = 0", "neither"),
    ("INSERT INTO log_queue (act) SELECT act FROM log_entry WHERE index = 1", "or both"),
    ("DELETE FROM log_entry WHERE index = 1", "without a gap"),
    ("DELETE FROM log_hash WHERE level = 1 AND index = 0", "log hash 1/0: it is missing"),
    ("INSERT INTO log_hash (level, index, hash) VALUES (9, 9, '\\x00')", "log hash 9/9: it is missing, or of no"),
    ("UPDATE log_hash SET hash = sha256('x') WHERE level = 0 AND index = 3", "log hash 0/3: it is not the hash"),
    ("UPDATE log_head SET size = size - 1", "log head: it is not that"),
    ("UPDATE log_head SET root = sha256('x')", "log head: it is not that"),
    ("DELETE FROM log_head", "log head: it is not that"),
    ("UPDATE log_checkpoint SET root = sha256('x')", "it is not signed over the tree"),
    ("UPDATE log_checkpoint SET note = replace(note, E'\\n\\n', E'x\\n\\n')", "checkpoint"),
    ("UPDATE log_checkpoint SET size = size + 1000", "it is not signed over the tree"),
    ("UPDATE certificate SET number = number || '9' WHERE source = 'issued'", "number is not what was signed"),
    ("UPDATE certificate SET envelope = envelope || '.'", "cannot be read"),
    ("UPDATE certificate SET act = NULL WHERE source = 'issued'", "issued without its act"),
    ("DELETE FROM certificate WHERE source = 'issued'", "it issued a certificate that is not here"),
    ("UPDATE status_change SET effective_from = '2020-01-01'", "its columns are not what was signed"),
    ("UPDATE status_change SET envelope = 'x'", "cannot be read"),
    ("DELETE FROM status_change", "it changed a status, and the change is not here"),
    (
        "UPDATE act SET digest = encode(sha256('x'), 'hex') WHERE kind = 'certificate.status'",
        "its act is of another change",
    ),
    ("UPDATE application SET state = 'approved' WHERE state = 'issued'", "issued without a certificate, or the rev"),
    ("UPDATE application_person SET part = 'examiner' WHERE part = 'signatory'", "does not play that part"),
    ("UPDATE number_counter SET last = last + 1", "a number was allotted and not used"),
    ("UPDATE message_out SET digest = encode(sha256('x'), 'hex') WHERE seq = 1", "does not continue the chain"),
    ("DELETE FROM message_out WHERE seq = 1", "does not continue the chain"),
    ("UPDATE message_out SET receipt = NULL, outcome = NULL WHERE seq = 1", "one before it has none"),
    ("UPDATE message_out SET outcome = 'refused' WHERE seq = 2", "its receipt is for another message"),
    ("UPDATE message_in SET outcome = 'refused'", "the receipt that was given is for another"),
    ("UPDATE message_in SET seq = 7", "its columns are not what was signed"),
    (
        "INSERT INTO reply (person, key, request, at) SELECT id, 'k', 'r', now() FROM person LIMIT 1",
        "a key is reserved and nothing was answered",
    ),
]


@pytest.mark.parametrize(("statement", "named"), ALTERED, ids=[named for _, named in ALTERED])
def test_what_was_altered_is_named(forge: Forge, lived: Corridor, statement: str, named: str) -> None:
    alter(forge, lived.by, statement)
    assert any(named in line for line in found(lived.by)), found(lived.by)
