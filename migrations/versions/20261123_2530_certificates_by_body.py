"""Certificates are a body's by its DID, which was signed: a page of them is read by an index of that."""

from alembic import op

revision = "certificates_by_body"
down_revision = "last_message_by_digest"


def upgrade() -> None:
    _index("body", instead_of="body_organisation")


def downgrade() -> None:
    _index("body_organisation", instead_of="body")


def _index(column: str, *, instead_of: str) -> None:
    op.create_index(op.f(f"ix_certificate_{column}_recorded_at_id"), "certificate", [column, "recorded_at", "id"])
    op.drop_index(f"ix_certificate_{instead_of}_recorded_at_id", "certificate")
