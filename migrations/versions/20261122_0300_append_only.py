"""What is append-only is so in the database itself, and no act can be kept from the log.

Nobody who works as the app can rewrite history: it lacks the grants, and triggers refuse the owner too. The queue of
the log is filled by a trigger, so that no code can record an act and forget to log it.
"""

import sqlalchemy as sa
from alembic import op

revision = "append_only"
down_revision = "first_tables"

APPEND_ONLY = (
    "act",
    "log_entry",
    "log_hash",
    "log_checkpoint",
    "trust_list",
    "agreement",
    "status_change",
    "status_index",
    "message_in",
    "evidence_file",
    "application_person",
)
KEPT = {
    # nothing but these columns is ever changed, and no row is ever deleted
    "certificate": ("proof",),
    "message_out": ("receipt", "outcome", "receipted_at"),
    "log_head": ("size", "root", "at"),
    "number_counter": ("last",),
    "token": ("revoked_at",),
    "mandate": ("revoked_at",),
    "annulment": ("confirmed_by", "withdrawn_at"),
    "reply": ("status", "headers", "body"),
    "person": ("name", "roles"),
    "organisation": ("name", "address"),
    "product": ("version", "content", "changed_at"),
    "product_evidence": (),
    "application": (
        "claims",
        "state",
        "version",
        "draft",
        "reason",
        "changed_at",
        "submitted_at",
        "body",
        "principal",
        "scheme",
        "rules_set",
        "presented_in",
    ),
}


def upgrade() -> None:
    op.execute("""CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    for table in (*APPEND_ONLY, *KEPT):
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    inspector = sa.inspect(op.get_bind())
    for table, columns in KEPT.items():
        columns_now = inspector.get_columns(table)
        # a generated column would make the trigger fire on every update
        fixed = [f'"{each["name"]}"' for each in columns_now if each["name"] not in columns and "computed" not in each]
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {', '.join(fixed)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
        if columns:
            op.execute(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO registry_app")

    op.execute("""CREATE FUNCTION queue_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public, pg_temp AS $$ BEGIN
        INSERT INTO log_queue (act) VALUES (NEW.id); RETURN NEW; END $$""")
    op.execute("CREATE TRIGGER queue_for_log AFTER INSERT ON act FOR EACH ROW EXECUTE FUNCTION queue_act()")
    op.execute("GRANT SELECT, DELETE ON log_queue TO registry_app")
    op.execute("""CREATE FUNCTION refuse_to_forget() RETURNS trigger LANGUAGE plpgsql
        SET search_path = public, pg_temp AS $$ BEGIN
        IF NOT EXISTS (SELECT FROM log_entry WHERE act = OLD.act) THEN
        RAISE EXCEPTION 'the log has not numbered the act'; END IF; RETURN OLD; END $$""")
    op.execute(
        "CREATE TRIGGER only_numbered BEFORE DELETE ON log_queue FOR EACH ROW EXECUTE FUNCTION refuse_to_forget()"
    )
    op.execute("CREATE TRIGGER append_only BEFORE UPDATE ON log_queue FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON log_queue FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

    op.execute("""CREATE FUNCTION refuse_shrinking_head() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) OR NEW.at < OLD.at
        THEN RAISE EXCEPTION 'log_head may only grow'; END IF; RETURN NEW; END $$""")
    op.execute(
        "CREATE TRIGGER only_grow BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION refuse_shrinking_head()"
    )

    op.execute("""CREATE FUNCTION refuse_second_receipt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.receipt IS NOT NULL THEN RAISE EXCEPTION 'a message has one receipt'; END IF; RETURN NEW; END $$""")
    op.execute(
        "CREATE TRIGGER one_receipt BEFORE UPDATE ON message_out FOR EACH ROW EXECUTE FUNCTION refuse_second_receipt()"
    )
    op.execute("""CREATE FUNCTION refuse_second_proof() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.proof IS NOT NULL THEN RAISE EXCEPTION 'a certificate keeps its first proof'; END IF;
        RETURN NEW; END $$""")
    op.execute(
        "CREATE TRIGGER first_proof BEFORE UPDATE ON certificate FOR EACH ROW EXECUTE FUNCTION refuse_second_proof()"
    )
    op.execute("""CREATE FUNCTION refuse_second_reply() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.status IS NOT NULL THEN RAISE EXCEPTION 'a kept reply stays as it is'; END IF; RETURN NEW; END $$""")
    op.execute("CREATE TRIGGER one_reply BEFORE UPDATE ON reply FOR EACH ROW EXECUTE FUNCTION refuse_second_reply()")
    op.execute("""CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.confirmed_by IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
        THEN RAISE EXCEPTION 'a proposal ends once'; END IF; RETURN NEW; END $$""")
    op.execute("CREATE TRIGGER one_end BEFORE UPDATE ON annulment FOR EACH ROW EXECUTE FUNCTION refuse_second_end()")
    op.execute("GRANT SELECT ON alembic_version TO registry_app")


def downgrade() -> None:
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM registry_app")
    op.execute("DROP FUNCTION refuse_second_end CASCADE")
    op.execute("DROP FUNCTION refuse_second_reply CASCADE")
    op.execute("DROP FUNCTION refuse_second_proof CASCADE")
    op.execute("DROP FUNCTION refuse_second_receipt CASCADE")
    op.execute("DROP FUNCTION refuse_shrinking_head CASCADE")
    op.execute("DROP FUNCTION refuse_to_forget CASCADE")
    op.execute("DROP FUNCTION queue_act CASCADE")
    op.execute("DROP FUNCTION refuse_change CASCADE")
