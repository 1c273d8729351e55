"""Epochs of the channel after the first, which two people agree to: where the one before each ended.

What was sent once in an epoch may be sent anew in the next. Acts, messages and tasks of more kinds.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "epochs"
down_revision = "reconciliation"

KINDS = {
    "act": ("epoch.proposed", "epoch.begun", "epoch.followed"),
    "message_in": ("epoch.begun",),
    "message_out": ("epoch.begun",),
    "task": ("signer.revoked-after-use", "message.refused", "receipt.refused", "channel.fork", "epoch.offered"),
}


def upgrade() -> None:
    op.create_table(
        "channel_epoch",
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_seq", sa.BigInteger(), nullable=False),
        sa.Column("ended_digest", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("branch", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("act", sa.Text(), nullable=True),
        sa.CheckConstraint("direction IN ('sent', 'received')", name=op.f("ck_channel_epoch_direction")),
        sa.CheckConstraint("proposed_by <> confirmed_by", name=op.f("ck_channel_epoch_two_people")),
        sa.CheckConstraint(
            "(act IS NULL) = (proposed_by IS NULL) AND (act IS NULL) = (confirmed_by IS NULL)",
            name=op.f("ck_channel_epoch_by_an_act"),
        ),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_channel_epoch_act")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_channel_epoch_confirmed_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name=op.f("fk_channel_epoch_proposed_by")),
        sa.PrimaryKeyConstraint("direction", "peer", "epoch", name=op.f("pk_channel_epoch")),
        sa.UniqueConstraint("act", name=op.f("uq_channel_epoch_act")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON channel_epoch "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON channel_epoch "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("GRANT SELECT, INSERT ON channel_epoch TO registry_app")
    op.drop_index(op.f("ix_message_out_to_log_index_kind"), "message_out")
    op.create_index(
        op.f("ix_message_out_to_epoch_log_index_kind"), "message_out", ["to", "epoch", "log_index", "kind"], unique=True
    )
    for table, more in KINDS.items():
        _hold(table, [*_kinds(table), *more])


def downgrade() -> None:
    for table, more in KINDS.items():
        _hold(table, [kind for kind in _kinds(table) if kind not in more])
    op.drop_index(op.f("ix_message_out_to_epoch_log_index_kind"), "message_out")
    op.create_index(op.f("ix_message_out_to_log_index_kind"), "message_out", ["to", "log_index", "kind"], unique=True)
    op.drop_table("channel_epoch")


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")
