"""Clocks: calendars that two people confirmed stay as they are, and an application keeps the clock computed by them."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "clocks"
down_revision = "customs"

KINDS = {
    "act": (
        "application.stopped",
        "application.resumed",
        "application.dated",
        "calendar.proposed",
        "calendar.confirmed",
    ),
    "task": ("application.overdue",),
}
COLUMNS = ("single_window", "clock", "due_on")


def upgrade() -> None:
    for table, more in KINDS.items():
        _hold(table, [*_kinds(table), *more])
    op.create_table(
        "calendar",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.CheckConstraint("proposed_by <> confirmed_by", name=op.f("ck_calendar_two_people")),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name=op.f("fk_calendar_proposed_by")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_calendar_confirmed_by")),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_calendar_act")),
        sa.PrimaryKeyConstraint("country", "year", "version", name=op.f("pk_calendar")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON calendar FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON calendar FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("GRANT SELECT, INSERT ON calendar TO registry_app")
    op.add_column(
        "application", sa.Column("single_window", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.alter_column("application", "single_window", server_default=None)
    op.add_column("application", sa.Column("clock", postgresql.JSONB(), nullable=True))
    op.add_column("application", sa.Column("due_on", sa.Date(), nullable=True))
    op.create_index("ix_application_due_on_id", "application", ["due_on", "id"])
    op.execute(f"GRANT UPDATE ({', '.join(COLUMNS)}) ON application TO registry_app")


def downgrade() -> None:
    op.drop_index("ix_application_due_on_id", table_name="application")
    for column in COLUMNS:
        op.drop_column("application", column)
    op.drop_table("calendar")
    for table, more in KINDS.items():
        _hold(table, [kind for kind in _kinds(table) if kind not in more])


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")
