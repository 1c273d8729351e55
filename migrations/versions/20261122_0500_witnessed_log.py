"""The log that two states witness: what the witnesses said, what was published, and the mirror of the peer's log.

Heads never shrink, and cosignatures, mirrored entries and evidence are append-only, as the log itself is: no bug, script
or psql session can make this node cosign two histories of a log.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "witnessed_log"
down_revision = "append_only"

APPEND_ONLY = ("log_cosignature", "log_published", "log_recovered", "witness_evidence", "mirror_entry", "mirror_hash")
HEADS = {
    "witness_head": ("size", "root", "note", "at"),
    "mirror_head": ("size", "root", "note", "cosigned_at", "at"),
}
TASK_KINDS = ("log.split", "witness.ahead", "certificate.not-delivered", "mirror.behind", "certificate.not-logged")
MESSAGES_BEFORE = ("certificate.issued", "certificate.status")
MESSAGES = ("certificate.issued", "certificate.logged", "certificate.status")
ACTS_BEFORE = (
    "organisation.registered",
    "person.registered",
    "person.changed",
    "token.issued",
    "token.revoked",
    "mandate.granted",
    "mandate.revoked",
    "product.kept",
    "evidence.kept",
    "application.drafted",
    "application.changed",
    "application.submitted",
    "application.taken-up",
    "application.sent-back",
    "application.refused",
    "application.draft-offered",
    "application.accepted",
    "application.objected",
    "application.withdrawn",
    "certificate.issued",
    "certificate.status",
    "annulment.proposed",
    "annulment.withdrawn",
    "verification.made",
    "message.refused",
    "receipt.refused",
    "trust.pin-proposed",
    "trust.pin-confirmed",
    "trust.published",
    "trust.adopted",
    "agreement.adopted",
    "bundle.made",
)
ACTS = (*ACTS_BEFORE, "acts.read", "acts.exported", "witness.conflict", "log.recovered")
MESSAGE_FIXED = ("to", "epoch", "seq", "id", "kind", "digest", "log_index", "act", "envelope", "made_at")


def upgrade() -> None:
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["log_checkpoint.size"], name="fk_log_cosignature_size"),
        sa.PrimaryKeyConstraint("size", "name", "at", name="pk_log_cosignature"),
    )
    op.create_table(
        "log_published",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["log_checkpoint.size"], name="fk_log_published_size"),
        sa.PrimaryKeyConstraint("size", name="pk_log_published"),
    )
    op.create_table(
        "log_recovered",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_log_recovered"),
    )
    op.create_table(
        "witness_head",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_witness_head"),
    )
    op.create_table(
        "witness_evidence",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("against", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_witness_evidence"),
    )
    op.create_index("ix_witness_evidence_origin", "witness_evidence", ["origin"])
    op.create_table(
        "mirror_head",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cosigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_mirror_head"),
    )
    op.create_table(
        "mirror_entry",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("to", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", "index", name="pk_mirror_entry"),
    )
    op.create_index("ix_mirror_entry_origin_digest", "mirror_entry", ["origin", "digest"])
    op.create_table(
        "mirror_hash",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "level", "index", name="pk_mirror_hash"),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_one_of(TASK_KINDS), name=op.f("ck_task_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
    )
    op.create_index("uq_task_open", "task", ["kind", "subject"], unique=True, postgresql_where="closed_at IS NULL")

    op.add_column("act", sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.drop_index("ix_act_at_id", table_name="act")
    op.drop_index("ix_act_organisation_at_id", table_name="act")
    op.create_index("ix_act_at_seq", "act", ["at", "seq"])
    for column in ("kind", "person", "organisation"):
        op.create_index(f"ix_act_{column}_at_seq", "act", [column, "at", "seq"])
    op.add_column("message_out", sa.Column("pending", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("message_out", "pending", server_default=None)
    op.drop_index("ix_message_out_to_log_index", table_name="message_out")
    op.create_index("ix_message_out_to_log_index_kind", "message_out", ["to", "log_index", "kind"], unique=True)
    _hold("act", ACTS)
    _hold("message_out", MESSAGES)
    _hold("message_in", MESSAGES)

    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    for table in (*APPEND_ONLY, *HEADS, "task"):
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("""CREATE OR REPLACE FUNCTION refuse_shrinking_head() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) OR NEW.at < OLD.at
        THEN RAISE EXCEPTION '% may only grow', TG_TABLE_NAME; END IF; RETURN NEW; END $$""")
    for table, columns in HEADS.items():
        _keep(table, ("origin",), columns)
        op.execute(
            f"CREATE TRIGGER only_grow BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_shrinking_head()"
        )
    _keep("task", ("id", "kind", "subject", "role", "detail", "opened_at"), ("closed_at",))
    op.execute("""CREATE FUNCTION refuse_second_close() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.closed_at IS NOT NULL THEN RAISE EXCEPTION 'a task is closed once'; END IF; RETURN NEW; END $$""")
    op.execute("CREATE TRIGGER one_close BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION refuse_second_close()")
    op.execute("DROP TRIGGER never_deleted ON message_out")
    _never_deleted("message_out", (*MESSAGE_FIXED, "pending"))

    # once a statement, not once a row: a batch of the log takes its acts off the queue together
    op.execute("DROP FUNCTION refuse_to_forget CASCADE")
    op.execute("""CREATE FUNCTION refuse_to_forget() RETURNS trigger LANGUAGE plpgsql
        SET search_path = public, pg_temp AS $$ BEGIN
        IF EXISTS (SELECT FROM gone LEFT JOIN log_entry USING (act) WHERE log_entry.act IS NULL) THEN
        RAISE EXCEPTION 'the log has not numbered the act'; END IF; RETURN NULL; END $$""")
    op.execute(
        "CREATE TRIGGER only_numbered AFTER DELETE ON log_queue REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_forget()"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION refuse_to_forget CASCADE")
    op.execute("""CREATE FUNCTION refuse_to_forget() RETURNS trigger LANGUAGE plpgsql
        SET search_path = public, pg_temp AS $$ BEGIN
        IF NOT EXISTS (SELECT FROM log_entry WHERE act = OLD.act) THEN
        RAISE EXCEPTION 'the log has not numbered the act'; END IF; RETURN OLD; END $$""")
    op.execute(
        "CREATE TRIGGER only_numbered BEFORE DELETE ON log_queue FOR EACH ROW EXECUTE FUNCTION refuse_to_forget()"
    )
    op.execute("DROP TRIGGER never_deleted ON message_out")
    _hold("message_in", MESSAGES_BEFORE)
    _hold("message_out", MESSAGES_BEFORE)
    _hold("act", ACTS_BEFORE)
    op.drop_index("ix_message_out_to_log_index_kind", table_name="message_out")
    op.create_index("ix_message_out_to_log_index", "message_out", ["to", "log_index"], unique=True)
    op.drop_column("message_out", "pending")
    _never_deleted("message_out", MESSAGE_FIXED)
    for column in ("organisation", "person", "kind"):
        op.drop_index(f"ix_act_{column}_at_seq", table_name="act")
    op.drop_index("ix_act_at_seq", table_name="act")
    op.create_index("ix_act_organisation_at_id", "act", ["organisation", "at", "id"])
    op.create_index("ix_act_at_id", "act", ["at", "id"])
    op.drop_column("act", "seq")
    for table in ("task", *HEADS, *APPEND_ONLY):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_second_close")


def _one_of(kinds: tuple[str, ...]) -> str:
    return "kind IN ({})".format(", ".join(f"'{kind}'" for kind in kinds))


def _hold(table: str, kinds: tuple[str, ...]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, _one_of(kinds))


def _keep(table: str, fixed: tuple[str, ...], columns: tuple[str, ...]) -> None:
    _never_deleted(table, fixed)
    op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    op.execute(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO registry_app")


def _never_deleted(table: str, fixed: tuple[str, ...]) -> None:
    names = ", ".join(f'"{name}"' for name in fixed)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {names} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
