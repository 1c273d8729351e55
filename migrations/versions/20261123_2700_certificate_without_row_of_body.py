"""A certificate is its body's by its DID, which was signed: the row that the body had when it came is not kept beside."""

import sqlalchemy as sa
from alembic import op

revision = "certificate_without_row_of_body"
down_revision = "messages_set_aside"

COLUMN = "body_organisation"


def upgrade() -> None:
    op.execute("DROP TRIGGER never_deleted ON certificate")
    op.drop_column("certificate", COLUMN)
    _guard()


def downgrade() -> None:
    """Find the row of the body again by its DID, as a certificate that came back after a restore does."""
    op.execute("DROP TRIGGER never_deleted ON certificate")
    op.add_column("certificate", sa.Column(COLUMN, sa.Text(), nullable=True))
    op.create_foreign_key(op.f(f"fk_certificate_{COLUMN}"), "certificate", "organisation", [COLUMN], ["id"])
    op.execute("ALTER TABLE certificate DISABLE TRIGGER first_proof")
    op.execute(
        f"UPDATE certificate SET {COLUMN} = organisation.id FROM organisation "  # noqa: S608  a name of ours
        "WHERE organisation.did = certificate.body AND certificate.source <> 'delivered'"
    )
    op.execute("ALTER TABLE certificate ENABLE TRIGGER first_proof")
    _guard()


def _guard() -> None:
    """Let no certificate be deleted, and nothing of one change but its proof; a computed column changes by itself."""
    columns = sa.inspect(op.get_bind()).get_columns("certificate")
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] != "proof" and "computed" not in each)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON certificate "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
