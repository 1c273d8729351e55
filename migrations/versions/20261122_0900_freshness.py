"""How fresh the word of each node is: a row a node, which only moves forward in time."""

import sqlalchemy as sa
from alembic import op

revision = "freshness"
down_revision = "clocks"

COLUMNS = ("as_of", "epoch", "seq", "text", "met")


def upgrade() -> None:
    op.create_table(
        "freshness",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("met", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_freshness")),
    )
    op.execute("""CREATE FUNCTION refuse_older_word() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.as_of <= OLD.as_of THEN RAISE EXCEPTION 'a newer word is kept'; END IF; RETURN NEW; END $$""")
    op.execute("CREATE TRIGGER only_newer BEFORE UPDATE ON freshness FOR EACH ROW EXECUTE FUNCTION refuse_older_word()")
    op.execute(
        "CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF node ON freshness "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON freshness FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("GRANT SELECT, INSERT ON freshness TO registry_app")
    op.execute(f"GRANT UPDATE ({', '.join(COLUMNS)}) ON freshness TO registry_app")


def downgrade() -> None:
    op.drop_table("freshness")
    op.execute("DROP FUNCTION refuse_older_word CASCADE")
