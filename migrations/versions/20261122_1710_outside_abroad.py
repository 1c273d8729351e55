"""Both countries see what the body's own system issued: when it was registered stands at the certificate itself.

What was delivered before says nothing of it; what was registered here keeps its days.
"""

import sqlalchemy as sa
from alembic import op

revision = "outside_abroad"
down_revision = "clarifications_arrive"

DAYS = ("registered_on", "due_on")


def upgrade() -> None:
    for day in DAYS:
        op.add_column("certificate", sa.Column(day, sa.Date(), nullable=True))
    _copy("UPDATE certificate c SET registered_on = r.registered_on, due_on = r.due_on "
          "FROM registration r WHERE r.certificate = c.id", "certificate", "first_proof")  # fmt: skip
    for day in DAYS:
        op.drop_column("registration", day)
    op.create_check_constraint(
        op.f("ck_certificate_registered_if_outside"),
        "certificate",
        "source NOT IN ('issued', 'issued-outside') OR (source = 'issued-outside') = (registered_on IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_certificate_due_if_registered"), "certificate", "registered_on IS NOT NULL OR due_on IS NULL"
    )
    _guard()


def downgrade() -> None:
    for day in DAYS:
        op.add_column("registration", sa.Column(day, sa.Date(), nullable=True))
    _copy("UPDATE registration r SET registered_on = c.registered_on, due_on = c.due_on "
          "FROM certificate c WHERE r.certificate = c.id", "registration", "append_only")  # fmt: skip
    op.alter_column("registration", "registered_on", nullable=False)
    op.execute("DROP TRIGGER never_deleted ON certificate")
    for day in DAYS:
        op.drop_column("certificate", day)
    _make_guard()


def _copy(statement: str, table: str, trigger: str) -> None:
    op.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")


def _guard() -> None:
    op.execute("DROP TRIGGER never_deleted ON certificate")
    _make_guard()


def _make_guard() -> None:
    """Let no certificate be deleted, and nothing of one change but its proof; a computed column changes by itself."""
    columns = sa.inspect(op.get_bind()).get_columns("certificate")
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] != "proof" and "computed" not in each)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON certificate "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
