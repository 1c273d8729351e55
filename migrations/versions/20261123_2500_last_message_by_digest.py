"""A freshness statement names the last message by its digest, too; of what is kept none is known, until the next one."""

import sqlalchemy as sa
from alembic import op

revision = "last_message_by_digest"
down_revision = "tokens_withdrawn"


def upgrade() -> None:
    op.add_column("freshness", sa.Column("digest", sa.Text(), nullable=True))
    op.execute("GRANT UPDATE (digest) ON freshness TO registry_app")


def downgrade() -> None:
    op.drop_column("freshness", "digest")
