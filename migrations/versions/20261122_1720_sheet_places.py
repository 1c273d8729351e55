"""A sheet of a set is found by its place, too: the terms of those that are held are derived anew from what was signed."""

import sqlalchemy as sa
from alembic import op

from registry.core.certificate.credential import Certificate
from registry.core.certificate.search_terms import search_terms
from registry.core.envelope.jose import Envelope, Typ

revision = "sheet_places"
down_revision = "outside_abroad"

TRIGGERS = ("first_proof", "never_deleted")
PLACE = "^sheet_of:[0-9a-f]{64}:"


def upgrade() -> None:
    _switch("DISABLE")
    connection = op.get_bind()
    sheets = sa.text(
        "SELECT id, envelope FROM certificate WHERE EXISTS (SELECT FROM unnest(terms) term WHERE term LIKE 'sheet_of:%')"
    )
    filled = sa.text("UPDATE certificate SET terms = :terms WHERE id = :id")
    for row in connection.execute(sheets).all():
        certificate = Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
        connection.execute(filled, {"id": row.id, "terms": search_terms(certificate)})
    _switch("ENABLE")


def downgrade() -> None:
    _switch("DISABLE")
    op.execute(
        f"UPDATE certificate SET terms = array(SELECT term FROM unnest(terms) term WHERE term !~ '{PLACE}') "  # noqa: S608
        f"WHERE EXISTS (SELECT FROM unnest(terms) term WHERE term ~ '{PLACE}')"
    )
    _switch("ENABLE")


def _switch(to: str) -> None:
    for trigger in TRIGGERS:
        op.execute(f"ALTER TABLE certificate {to} TRIGGER {trigger}")
