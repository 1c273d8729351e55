"""Certificates that a body's own system issued are registered: their source, who examined, and when that was due.

A registration is never changed; a body's system is a person of its own role.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "registrations"
down_revision = "moves"


def upgrade() -> None:
    op.create_table(
        "registration",
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("examiner", sa.Text(), nullable=False),
        sa.Column("examiner_name", sa.Text(), nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_registration_certificate")),
        sa.PrimaryKeyConstraint("certificate", name=op.f("pk_registration")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON registration "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON registration FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("GRANT SELECT, INSERT ON registration TO registry_app")
    _hold_sources([*_listed("ck_certificate_source"), "issued-outside"])
    _hold_roles([*_listed("ck_person_known_roles"), "registrar"])


def downgrade() -> None:
    _hold_roles([role for role in _listed("ck_person_known_roles") if role != "registrar"])
    _hold_sources([source for source in _listed("ck_certificate_source") if source != "issued-outside"])
    op.drop_table("registration")


def _listed(check: str) -> list[str]:
    """Return the values that a check holds a column to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": check})))


def _hold_sources(sources: Iterable[str]) -> None:
    """Hold the sources of certificates to these; a certificate of another stops it, and a downgrade with it."""
    op.drop_constraint(op.f("ck_certificate_source"), "certificate", type_="check")
    listed = ", ".join(f"'{source}'" for source in sources)
    op.create_check_constraint(op.f("ck_certificate_source"), "certificate", f"source IN ({listed})")


def _hold_roles(roles: Iterable[str]) -> None:
    op.drop_constraint(op.f("ck_person_known_roles"), "person", type_="check")
    listed = ",".join(f"'{role}'" for role in roles)
    op.create_check_constraint(op.f("ck_person_known_roles"), "person", f"roles <@ ARRAY[{listed}]")
