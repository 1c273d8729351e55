"""The hashes of a log by tiles: one row for 256 hashes of one level in eight, where one row held one hash of any level.

A proof then reads as many rows as its log has levels of tiles, and a batch writes one or two. The last tile of a level
grows; that it only grows is held here. Nothing is lost either way: the hashes between the levels are computed.
"""

import sqlalchemy as sa
from alembic import op

revision = "tiles"
down_revision = "freshness"

TABLES: dict[str, tuple[str, ...]] = {"log": (), "mirror": ("origin",)}
ONE_TILE = "octet_length(hashes) BETWEEN 1 AND 8192 AND octet_length(hashes) % 32 = 0"


def upgrade() -> None:
    op.execute("""CREATE FUNCTION refuse_other_hashes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF substr(NEW.hashes, 1, octet_length(OLD.hashes)) <> OLD.hashes
        THEN RAISE EXCEPTION 'a tile may only grow'; END IF; RETURN NEW; END $$""")
    for log, of in TABLES.items():
        table = f"{log}_tile"
        _make(table, of, "hashes")
        op.create_check_constraint(op.f(f"ck_{table}_one_tile"), table, ONE_TILE)
        op.execute(f"ALTER TABLE {table} ALTER hashes SET STORAGE EXTERNAL")  # hashes do not compress
        columns = "".join(f"{column}, " for column in of)
        op.execute(
            f"INSERT INTO {table} ({columns}level, index, hashes) "  # noqa: S608  our own names
            f"SELECT {columns}level / 8, index / 256, string_agg(hash, ''::bytea ORDER BY index) FROM {log}_hash "
            f"WHERE level % 8 = 0 GROUP BY {columns}level / 8, index / 256"
        )
        op.drop_table(f"{log}_hash")
        fixed = ", ".join(f'"{column}"' for column in (*of, "level", "index"))
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER only_grow BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_other_hashes()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE (hashes) ON {table} TO registry_app")


def downgrade() -> None:
    for log, of in TABLES.items():
        table = f"{log}_hash"
        _make(table, of, "hash")
        columns = "".join(f"{column}, " for column in of)
        op.execute(
            f"INSERT INTO {table} ({columns}level, index, hash) "  # noqa: S608
            f"SELECT {columns}level * 8, index * 256 + place, substr(hashes, 32 * place + 1, 32) FROM {log}_tile, "
            "LATERAL generate_series(0, octet_length(hashes) / 32 - 1) AS place"
        )
        same = "".join(f"one.{column} = other.{column} AND " for column in of)
        of_one = "".join(f"one.{column}, " for column in of)
        for level in filter(lambda level: level % 8, range(1, 64)):
            op.execute(
                f"INSERT INTO {table} ({columns}level, index, hash) "  # noqa: S608
                f"SELECT {of_one}{level}, one.index / 2, sha256('\\x01'::bytea || one.hash || other.hash) "
                f"FROM {table} AS one JOIN {table} AS other ON {same}other.level = one.level "
                f"AND other.index = one.index + 1 WHERE one.level = {level - 1} AND one.index % 2 = 0"
            )
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
        op.drop_table(f"{log}_tile")
    op.execute("DROP FUNCTION refuse_other_hashes CASCADE")


def _make(table: str, of: tuple[str, ...], content: str) -> None:
    op.create_table(
        table,
        *(sa.Column(column, sa.Text(), nullable=False) for column in of),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(content, sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*of, "level", "index", name=op.f(f"pk_{table}")),
    )
