"""When its message came stands beside the number of an arrival: what was judged later, or came back, was seen by then.

For what is numbered already it is when that was done, as it was judged by until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "arrivals_came_at"
down_revision = "certificate_without_row_of_body"

COLUMN = "came_at"


def upgrade() -> None:
    op.add_column("arrival", sa.Column(COLUMN, sa.DateTime(timezone=True), nullable=True))
    op.execute("ALTER TABLE arrival DISABLE TRIGGER append_only")
    op.execute("UPDATE arrival SET came_at = at")
    op.execute("ALTER TABLE arrival ENABLE TRIGGER append_only")
    op.alter_column("arrival", COLUMN, nullable=False)


def downgrade() -> None:
    op.drop_column("arrival", COLUMN)
