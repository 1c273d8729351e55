"""What tests of two nodes ask of a running country: traffic, and whether everything agrees afterwards."""

from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.tlog.note import VerifierKey
from registry.demo.country import Country
from registry.demo.desk import wait_for
from registry.node import PINS, read_pins
from registry.signing.key_file import VERIFIER
from registry.signing.keyring import LOG, WITNESS
from registry.store.database import APP, Database
from registry.store.postgres import Server
from registry.usecases.fsck.check_integrity import Anchors, check
from registry.usecases.fsck.survey_rows import Discrepancy

QUIET = text(
    "SELECT (SELECT count(*) FROM log_queue) + (SELECT count(*) FROM message_out WHERE receipt IS NULL)"
    " + (SELECT count(*) FROM act JOIN log_entry ON log_entry.act = act.id"
    "    WHERE act.kind LIKE 'certificate.%' AND NOT EXISTS (SELECT 1 FROM message_out WHERE message_out.act = act.id))"
    " + (SELECT count(*) FROM message_out AS sent WHERE sent.pending AND NOT EXISTS"
    "    (SELECT 1 FROM message_out AS later WHERE later.act = sent.act AND later.kind = 'certificate.logged'))"
    " + (SELECT count(*) FROM log_head WHERE size > (SELECT coalesce(max(size), 0) FROM log_published))"
)


@contextmanager
def database(country: Country) -> Any:
    """Open the country's database as the app."""
    server = Server.running(country.var / "postgres")
    assert server is not None
    pool = Database.open(server.url(APP, f"registry_{country.code.lower()}"), pool=2)
    try:
        yield pool
    finally:
        pool.close()


def settle(countries: Mapping[str, Country], seconds: float = 60) -> None:
    """Wait until the log has taken everything in and every message has its receipt."""
    for country in countries.values():
        with database(country) as pool:

            def quiet(pool: Database = pool) -> bool | None:
                with pool.read() as tx:
                    return tx.scalar(QUIET) == 0 or None

            wait_for(quiet, f"{country.code} quiet", seconds)


def discrepancies(country: Country) -> list[Discrepancy]:
    """Ask whether log, acts and tables of a country agree."""
    log, witness = (
        VerifierKey.parse((country.keys / f"{name}{VERIFIER}").read_text().strip()) for name in (LOG, WITNESS)
    )
    anchors = Anchors(log, witness, read_pins(country.keys / PINS))
    with database(country) as pool, pool.snapshot() as tx:
        return list(check(tx, anchors, at=datetime.now(UTC)).discrepancies)


def count(tx: Session, query: str, **values: Any) -> int:
    """Count."""
    found: int = tx.scalar(text(query), values) or 0
    return found
