"""A clarification that is delivered is an arrival, so that customs who follow learn how a box is to be read.

Those that came before are numbered after all else, in the order in which our receipts say that they came.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from registry.core.channel.message import Message
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError

revision = "clarifications_arrive"
down_revision = "messages_waiting"

BATCH = 500


def upgrade() -> None:
    op.add_column("arrival", sa.Column("clarification", sa.Text(), nullable=True))
    op.create_foreign_key("fk_arrival_clarification", "arrival", "clarification", ["clarification"], ["digest"])
    op.create_unique_constraint(op.f("uq_arrival_clarification"), "arrival", ["clarification"])
    op.create_check_constraint(op.f("ck_arrival_one_thing"), "arrival", "change IS NULL OR clarification IS NULL")
    op.drop_index("uq_arrival_delivered", table_name="arrival")
    op.create_index(
        "uq_arrival_delivered",
        "arrival",
        ["certificate"],
        unique=True,
        postgresql_where="change IS NULL AND clarification IS NULL",
    )
    _number_what_came()


def downgrade() -> None:
    op.drop_index("uq_arrival_delivered", table_name="arrival")
    op.create_index("uq_arrival_delivered", "arrival", ["certificate"], unique=True, postgresql_where="change IS NULL")
    op.drop_column("arrival", "clarification")


def _number_what_came() -> None:
    connection, after = op.get_bind(), ("", 0, 0)
    page = sa.text(
        'SELECT "from" AS sender, epoch, seq, received_at, envelope FROM message_in '
        "WHERE kind = 'certificate.clarified' AND (\"from\", epoch, seq) > (:sender, :epoch, :seq) "
        'ORDER BY "from", epoch, seq LIMIT :batch'
    )
    kept = sa.text("SELECT certificate FROM clarification WHERE digest = :digest AND act IS NULL")
    came: dict[str, tuple[datetime, str]] = {}
    while rows := connection.execute(
        page, dict(zip(("sender", "epoch", "seq"), after, strict=True), batch=BATCH)
    ).all():
        for row in rows:
            body = Message.parse(Envelope.parse(row.envelope, Typ.MESSAGE).payload).body
            try:
                digest = Envelope.parse(str(body.get("clarification")), Typ.CLARIFICATION).digest
            except RegistryError:  # it was refused for that, and stays as evidence
                continue
            certificate = connection.scalar(kept, {"digest": digest})
            if certificate is not None:
                came.setdefault(digest, (row.received_at, certificate))
        after = (rows[-1].sender, rows[-1].epoch, rows[-1].seq)
    last = connection.scalar(sa.text("SELECT coalesce(max(seq), 0) FROM arrival"))
    numbered = sorted((at, certificate, digest) for digest, (at, certificate) in came.items())
    insert = sa.text(
        "INSERT INTO arrival (seq, at, certificate, clarification) VALUES (:seq, :at, :certificate, :clarification)"
    )
    for seq, (at, certificate, said) in enumerate(numbered, last + 1):
        connection.execute(insert, {"seq": seq, "at": at, "certificate": certificate, "clarification": said})
