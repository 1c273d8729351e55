"""A task may be for one organisation, and a person may close it, saying why; acts and tasks of more kinds."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "tasks"
down_revision = "recovered"

KINDS = {
    "act": ("task.closed",),
    "task": ("certificate.annulled-after-use",),
}
FIXED_BEFORE = ("id", "kind", "subject", "role", "detail", "opened_at")
FIXED = (*FIXED_BEFORE, "organisation")
CLOSES = ("closed_by", "reason")


def upgrade() -> None:
    op.add_column("task", sa.Column("organisation", sa.Text(), nullable=True))
    op.add_column("task", sa.Column("closed_by", sa.Text(), nullable=True))
    op.add_column("task", sa.Column("reason", sa.Text(), nullable=True))
    op.create_foreign_key("fk_task_organisation", "task", "organisation", ["organisation"], ["id"])
    op.create_foreign_key("fk_task_closed_by", "task", "person", ["closed_by"], ["id"])
    op.create_check_constraint(
        op.f("ck_task_closed_with_reason"),
        "task",
        "(closed_by IS NULL) = (reason IS NULL) AND (closed_by IS NULL OR closed_at IS NOT NULL)",
    )
    op.create_index("ix_task_opened_at_id", "task", ["opened_at", "id"])
    for table, more in KINDS.items():
        _hold(table, [*_kinds(table), *more])
    _keep(FIXED)
    op.execute(f"GRANT UPDATE ({', '.join(CLOSES)}) ON task TO registry_app")


def downgrade() -> None:
    for table, more in KINDS.items():
        _hold(table, [kind for kind in _kinds(table) if kind not in more])
    _keep(FIXED_BEFORE)
    op.drop_index("ix_task_opened_at_id", table_name="task")
    op.drop_constraint(op.f("ck_task_closed_with_reason"), "task", type_="check")
    for column in ("reason", "closed_by", "organisation"):
        op.drop_column("task", column)


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")


def _keep(fixed: tuple[str, ...]) -> None:
    """Let no row be deleted, and none of these columns change."""
    op.execute("DROP TRIGGER never_deleted ON task")
    names = ", ".join(f'"{name}"' for name in fixed)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {names} ON task "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
