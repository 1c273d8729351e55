"""Tasks for what a restore lost of the log's words, and for a certificate that came back beside another."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "lost_and_twice"
down_revision = "before_a_restore"

KINDS = ("certificate.entry-lost", "certificate.twice")


def upgrade() -> None:
    _hold([*_kinds(), *KINDS])


def downgrade() -> None:
    _hold(kind for kind in _kinds() if kind not in KINDS)


def _kinds() -> list[str]:
    """Return the kinds that tasks are held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_task_kind'")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked)))


def _hold(kinds: Iterable[str]) -> None:
    """Hold tasks to these kinds; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f("ck_task_kind"), "task", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_task_kind"), "task", f"kind IN ({listed})")
