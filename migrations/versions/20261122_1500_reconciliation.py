"""What two nodes say of a month, and what they say when it is compared; neither is ever changed.

Acts, messages and tasks of more kinds.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "reconciliation"
down_revision = "names_by_look"

KINDS = {
    "act": ("month.stated", "month.compared"),
    "message_in": ("reconciliation",),
    "message_out": ("reconciliation",),
    "task": ("reconciliation.differs", "reconciliation.waiting"),
}
TABLES = ("month_statement", "reconciliation")


def upgrade() -> None:
    op.create_table(
        "month_statement",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=True),
        sa.CheckConstraint("side IN ('issued', 'delivered')", name=op.f("ck_month_statement_side")),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_month_statement_act")),
        sa.PrimaryKeyConstraint("peer", "month", "side", "by", "part", name=op.f("pk_month_statement")),
        sa.UniqueConstraint("act", name=op.f("uq_month_statement_act")),
        sa.UniqueConstraint("digest", name=op.f("uq_month_statement_digest")),
    )
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "jsonb_typeof(found -> 'differences') = 'array'", name=op.f("ck_reconciliation_differences_listed")
        ),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_reconciliation_act")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
        sa.UniqueConstraint("act", name=op.f("uq_reconciliation_act")),
    )
    op.create_index("ix_reconciliation_peer_month_issuer", "reconciliation", ["peer", "month", "issuer"], unique=True)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    for table, more in KINDS.items():
        _hold(table, [*_kinds(table), *more])


def downgrade() -> None:
    for table, more in KINDS.items():
        _hold(table, [kind for kind in _kinds(table) if kind not in more])
    for table in reversed(TABLES):
        op.drop_table(table)


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")
