"""The proposal of a token is withdrawn by an act: acts of one more kind."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "tokens_withdrawn"
down_revision = "words_undated"

KINDS = ("token.withdrawn",)


def upgrade() -> None:
    _hold("act", [*_kinds("act"), *KINDS])


def downgrade() -> None:
    _hold("act", [kind for kind in _kinds("act") if kind not in KINDS])


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")
