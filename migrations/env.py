"""Run migrations as the owner, one migrator at a time, each in its own transaction, with short locks."""

from alembic import context
from sqlalchemy import create_engine, text

from registry.node import owner_url
from registry.settings import Settings
from registry.store import tables

MIGRATION_LOCK = 0x7265675F6D6967


def migrate() -> None:
    """Connect as the owner and run what the command asked for."""
    url = context.config.attributes.get("url") or owner_url(Settings.from_environment())
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=tables.METADATA, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


migrate()
