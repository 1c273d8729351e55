"""Beside its receipt a message says which key it waits for, and since when it holds up no certificate."""

import sqlalchemy as sa
from alembic import op

revision = "messages_set_aside"
down_revision = "certificates_by_body"

TABLE, FREE = "message_in", ("waits_for", "set_aside_at")
INDEX = "ix_message_in_from_received_at"


def upgrade() -> None:
    """Let these two columns change, and no other: what came, and its receipt, stay what they were."""
    op.add_column(TABLE, sa.Column("waits_for", sa.Text(), nullable=True))
    op.add_column(TABLE, sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_message_in_accepted_is_not_open"),
        TABLE,
        "outcome <> 'accepted' OR (waits_for IS NULL AND set_aside_at IS NULL)",
    )
    waiting = sa.text("waits_for IS NOT NULL AND set_aside_at IS NULL")
    op.create_index(op.f(INDEX), TABLE, ["from", "received_at"], postgresql_where=waiting)
    op.execute("DROP TRIGGER append_only ON message_in")
    columns = sa.inspect(op.get_bind()).get_columns(TABLE)
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] not in FREE)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON message_in "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"GRANT UPDATE ({', '.join(FREE)}) ON message_in TO registry_app")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE ({', '.join(FREE)}) ON message_in FROM registry_app")
    op.execute("DROP TRIGGER never_deleted ON message_in")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON message_in FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.drop_index(op.f(INDEX), TABLE)
    op.drop_constraint(op.f("ck_message_in_accepted_is_not_open"), TABLE, type_="check")
    op.drop_column(TABLE, "set_aside_at")
    op.drop_column(TABLE, "waits_for")
