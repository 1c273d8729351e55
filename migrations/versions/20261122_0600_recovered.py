"""What a restored node takes back: certificates whose application is lost, and messages whose act is.

A number, an id and a status index that left this node are never given again, whether or not the rest is known.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "recovered"
down_revision = "witnessed_log"

CHECKS_BEFORE = {
    "source": "source IN ('issued', 'delivered')",
    "issued_on_an_application": "(source = 'issued') = (application IS NOT NULL)",
    "issued_by_a_signatory": "(source = 'issued') = (signatory IS NOT NULL)",
}
CHECKS = {
    "source": "source IN ('issued', 'delivered', 'recovered')",
    "issued_on_an_application": "source = 'recovered' OR (source = 'issued') = (application IS NOT NULL)",
    "issued_by_a_signatory": "source = 'recovered' OR (source = 'issued') = (signatory IS NOT NULL)",
}
NULLABLE: dict[str, sa.types.TypeEngine[Any]] = {"log_index": sa.BigInteger(), "act": sa.Text()}


def upgrade() -> None:
    _hold(CHECKS)
    _own_status("source <> 'delivered'")
    for column, type_ in NULLABLE.items():
        op.alter_column("message_out", column, existing_type=type_, nullable=True)


def downgrade() -> None:
    for column, type_ in NULLABLE.items():
        op.alter_column("message_out", column, existing_type=type_, nullable=False)
    _own_status("source = 'issued'")
    _hold(CHECKS_BEFORE)


def _hold(checks: dict[str, str]) -> None:
    """Hold certificates to these checks; rows of another source stop it, and a downgrade with them."""
    for name, check in checks.items():
        op.drop_constraint(op.f(f"ck_certificate_{name}"), "certificate", type_="check")
        op.create_check_constraint(op.f(f"ck_certificate_{name}"), "certificate", check)


def _own_status(which: str) -> None:
    op.drop_index("uq_certificate_own_status", table_name="certificate")
    op.create_index(
        "uq_certificate_own_status",
        "certificate",
        ["status_list", "status_index"],
        unique=True,
        postgresql_where=which,
    )
