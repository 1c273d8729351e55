"""What certificates are searched by has an index each, in the order of the pages: no search reads all of them."""

from alembic import op

revision = "search_bounds"
down_revision = "tokens_by_two"

IN_ORDER = ("principal", "body_organisation", "presented_in")


def upgrade() -> None:
    for column in IN_ORDER:
        op.create_index(op.f(f"ix_certificate_{column}_recorded_at_id"), "certificate", [column, "recorded_at", "id"])
    op.create_index(op.f("ix_certificate_issued_on"), "certificate", ["issued_on"])
    op.drop_index("ix_certificate_body_organisation", "certificate")


def downgrade() -> None:
    op.create_index(op.f("ix_certificate_body_organisation"), "certificate", ["body_organisation"])
    op.drop_index("ix_certificate_issued_on", "certificate")
    for column in IN_ORDER:
        op.drop_index(f"ix_certificate_{column}_recorded_at_id", "certificate")
