"""A token is proposed by one operator and confirmed by another, neither of whom confirms their own; older ones stay.

The database takes no token any more that nobody confirmed. Acts of more kinds.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "tokens_by_two"
down_revision = "bodies_renamed"

KINDS = ("operators.begun", "token.proposed")
PEOPLE = ("proposed_by", "confirmed_by")
FIXED_BEFORE = ("id", "person", "sha256", "issued_at", "expires_at")
FIXED = (*FIXED_BEFORE, *PEOPLE)


def upgrade() -> None:
    for column in PEOPLE:
        op.add_column("token", sa.Column(column, sa.Text(), nullable=True))
        op.create_foreign_key(op.f(f"fk_token_{column}"), "token", "person", [column], ["id"])
    op.create_check_constraint(
        op.f("ck_token_proposed_and_confirmed"), "token", "(proposed_by IS NULL) = (confirmed_by IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_token_two_people"), "token", "confirmed_by <> proposed_by AND confirmed_by <> person"
    )
    _keep(FIXED)
    op.execute("""CREATE FUNCTION refuse_token_by_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.confirmed_by IS NULL THEN RAISE EXCEPTION 'a token is issued by two people'; END IF;
        RETURN NEW; END $$""")
    # not a CHECK: older tokens are read and revoked, and put back with a backup, before which no trigger is
    op.execute("CREATE TRIGGER by_two BEFORE INSERT ON token FOR EACH ROW EXECUTE FUNCTION refuse_token_by_one()")
    _hold("act", [*_kinds("act"), *KINDS])


def downgrade() -> None:
    _hold("act", [kind for kind in _kinds("act") if kind not in KINDS])
    op.execute("DROP TRIGGER by_two ON token")
    op.execute("DROP FUNCTION refuse_token_by_one")
    _keep(FIXED_BEFORE)
    op.drop_constraint(op.f("ck_token_two_people"), "token", type_="check")
    op.drop_constraint(op.f("ck_token_proposed_and_confirmed"), "token", type_="check")
    for column in PEOPLE:
        op.drop_column("token", column)


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
    op.execute("DROP TRIGGER never_deleted ON token")
    names = ", ".join(f'"{name}"' for name in fixed)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {names} ON token "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
