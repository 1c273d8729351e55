"""What customs and importers need: terms to find certificates by, arrivals in one order, and a new role.

Arrivals are numbered without a gap in the order in which they are committed, and none is ever changed.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from registry.core.certificate.credential import Certificate
from registry.core.certificate.search_terms import search_terms
from registry.core.envelope.jose import Envelope, Typ

revision = "customs"
down_revision = "tasks"

TABLES = ("arrival", "verification_count")
BATCH = 500


def upgrade() -> None:
    op.add_column(
        "certificate",
        sa.Column("terms", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    _fill_terms()
    op.create_index("ix_certificate_terms", "certificate", ["terms"], postgresql_using="gin")
    _keep_certificates()
    op.create_table(
        "arrival",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_arrival_certificate")),
        sa.ForeignKeyConstraint(["change"], ["status_change.digest"], name=op.f("fk_arrival_change")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_arrival")),
        sa.UniqueConstraint("change", name=op.f("uq_arrival_change")),
    )
    op.create_index("uq_arrival_delivered", "arrival", ["certificate"], unique=True, postgresql_where="change IS NULL")
    op.execute("""INSERT INTO arrival (seq, at, certificate, change)
        SELECT row_number() OVER (ORDER BY at, change NULLS FIRST, certificate), at, certificate, change FROM (
        SELECT recorded_at AS at, id AS certificate, NULL AS change FROM certificate WHERE source = 'delivered'
        UNION ALL SELECT greatest(c.recorded_at, s.recorded_at), c.id, s.digest
        FROM status_change s JOIN certificate c ON c.id = s.certificate WHERE c.source = 'delivered') known""")
    op.create_table(
        "verification_count",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_verification_count_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_verification_count")),
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON arrival FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        'CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF "person" ON verification_count '
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute("GRANT UPDATE (minute, count) ON verification_count TO registry_app")
    _hold_kinds([*_listed("ck_organisation_kind"), "importer"])
    _hold_roles([*_listed("ck_person_known_roles"), "importer"])


def downgrade() -> None:
    _hold_roles([role for role in _listed("ck_person_known_roles") if role != "importer"])
    _hold_kinds([kind for kind in _listed("ck_organisation_kind") if kind != "importer"])
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP TRIGGER never_deleted ON certificate")
    op.drop_index("ix_certificate_terms", table_name="certificate")
    op.drop_column("certificate", "terms")
    _guard_certificates()


def _fill_terms() -> None:
    """Derive the terms of what is held from what was signed; what cannot be read is found by none."""
    op.execute("ALTER TABLE certificate DISABLE TRIGGER first_proof")
    connection, after = op.get_bind(), ""
    page = sa.text("SELECT id, envelope FROM certificate WHERE id > :after ORDER BY id LIMIT :batch")
    while rows := connection.execute(page, {"after": after, "batch": BATCH}).all():
        for row in rows:
            certificate = Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
            filled = sa.text("UPDATE certificate SET terms = :terms WHERE id = :id")
            connection.execute(filled, {"id": row.id, "terms": search_terms(certificate)})
        after = rows[-1].id
    op.execute("ALTER TABLE certificate ENABLE TRIGGER first_proof")


def _keep_certificates() -> None:
    op.execute("DROP TRIGGER never_deleted ON certificate")
    _guard_certificates()


def _guard_certificates() -> None:
    """Let no certificate be deleted, and nothing of one change but its proof; a computed column changes by itself."""
    columns = sa.inspect(op.get_bind()).get_columns("certificate")
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] != "proof" and "computed" not in each)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON certificate "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _listed(check: str) -> list[str]:
    """Return the values that a check holds a column to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": check})))


def _hold_kinds(kinds: Iterable[str]) -> None:
    op.drop_constraint(op.f("ck_organisation_kind"), "organisation", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_organisation_kind"), "organisation", f"kind IN ({listed})")


def _hold_roles(roles: Iterable[str]) -> None:
    op.drop_constraint(op.f("ck_person_known_roles"), "person", type_="check")
    listed = ",".join(f"'{role}'" for role in roles)
    op.create_check_constraint(op.f("ck_person_known_roles"), "person", f"roles <@ ARRAY[{listed}]")
