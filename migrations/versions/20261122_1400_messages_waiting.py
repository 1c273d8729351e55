"""A peer that gives no receipt is a task: a kind more."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "messages_waiting"
down_revision = "registrations"

KIND = "messages.waiting"


def upgrade() -> None:
    _hold([*_kinds(), KIND])


def downgrade() -> None:
    _hold([kind for kind in _kinds() if kind != KIND])


def _kinds() -> list[str]:
    """Return the kinds that tasks are held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_task_kind'")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked)))


def _hold(kinds: Iterable[str]) -> None:
    """Hold the kinds of tasks to these; a task of another kind stops it, and a downgrade with it."""
    op.drop_constraint(op.f("ck_task_kind"), "task", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_task_kind"), "task", f"kind IN ({listed})")
