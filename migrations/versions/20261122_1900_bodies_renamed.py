"""A body is renamed, or has another role: that is an act, and the app may change what follows from it.

No release before could do so, and the name alone was free to change.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "bodies_renamed"
down_revision = "epochs"

KIND = "organisation.changed"
CHANGES, CHANGES_BEFORE = ("name", "address", "look", "body_role"), ("name", "address")
MORE = "look, body_role"


def upgrade() -> None:
    _hold([*_kinds(), KIND])
    _guard(CHANGES)
    op.execute(f"GRANT UPDATE ({MORE}) ON organisation TO registry_app")


def downgrade() -> None:
    _hold(kind for kind in _kinds() if kind != KIND)
    _guard(CHANGES_BEFORE)
    op.execute(f"REVOKE UPDATE ({MORE}) ON organisation FROM registry_app")


def _kinds() -> list[str]:
    """Return the kinds that acts are held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_act_kind'")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked)))


def _hold(kinds: Iterable[str]) -> None:
    """Hold the kinds of acts to these; acts of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f("ck_act_kind"), "act", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_act_kind"), "act", f"kind IN ({listed})")


def _guard(changes: Iterable[str]) -> None:
    """Let no organisation be deleted, and nothing of one change but these."""
    op.execute("DROP TRIGGER never_deleted ON organisation")
    columns = sa.inspect(op.get_bind()).get_columns("organisation")
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] not in changes)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON organisation "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
