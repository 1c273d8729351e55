"""What came before a restore keeps its time: when a message came, and when an agreement was adopted.

The first stands beside the number of an arrival; for what is numbered already it is when that was done, as it was judged
by until now. The second is found in the leaves that came back, without reading each of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "before_a_restore"
down_revision = "certificate_without_row_of_body"

COLUMN = "came_at"
INDEX = "ix_log_recovered_agreements"


def upgrade() -> None:
    op.add_column("arrival", sa.Column(COLUMN, sa.DateTime(timezone=True), nullable=True))
    op.execute("ALTER TABLE arrival DISABLE TRIGGER append_only")
    op.execute("UPDATE arrival SET came_at = at")
    op.execute("ALTER TABLE arrival ENABLE TRIGGER append_only")
    op.alter_column("arrival", COLUMN, nullable=False)
    op.create_index(
        INDEX,
        "log_recovered",
        ["index"],
        postgresql_where='position(\'"kind":"agreement.adopted"\'::bytea IN leaf) > 0',
    )


def downgrade() -> None:
    op.drop_index(INDEX, table_name="log_recovered")
    op.drop_column("arrival", COLUMN)
