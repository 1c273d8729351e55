"""Every move of the lifecycles: what an application is related to, replacements that name the draft, clarifications."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "moves"
down_revision = "tiles"

KINDS = {
    "act": (
        "certificate.clarified",
        "clarification.proposed",
        "clarification.withdrawn",
        "replacement.proposed",
    ),
    "message_in": ("certificate.clarified",),
    "message_out": ("certificate.clarified",),
}
ENDS = ("confirmed_by", "withdrawn_at")
"""The columns of a proposal that change, once."""


def upgrade() -> None:
    for table, more in KINDS.items():
        _hold(table, [*_kinds(table), *more])
    op.add_column(
        "application", sa.Column("relations", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.execute("GRANT UPDATE (relations) ON application TO registry_app")
    op.add_column("annulment", sa.Column("application", sa.Text(), nullable=True))
    op.add_column("annulment", sa.Column("draft", sa.Text(), nullable=True))
    op.create_foreign_key("fk_annulment_application", "annulment", "application", ["application"], ["id"])
    op.create_check_constraint(
        op.f("ck_annulment_replaced_by_a_draft"), "annulment", "(application IS NULL) = (draft IS NULL)"
    )
    _keep("annulment")
    op.create_table(
        "clarification_proposal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("old", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_clarification_proposal_two_people")),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) OR (withdrawn_at IS NULL)", name=op.f("ck_clarification_proposal_one_end")
        ),
        sa.ForeignKeyConstraint(
            ["certificate"], ["certificate.id"], name=op.f("fk_clarification_proposal_certificate")
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name=op.f("fk_clarification_proposal_proposed_by")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_clarification_proposal_confirmed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clarification_proposal")),
    )
    op.create_index(
        "uq_clarification_proposal_open",
        "clarification_proposal",
        ["certificate"],
        unique=True,
        postgresql_where="withdrawn_at IS NULL AND confirmed_by IS NULL",
    )
    op.create_table(
        "clarification",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_clarification_certificate")),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_clarification_act")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_clarification")),
        sa.UniqueConstraint("act", name=op.f("uq_clarification_act")),
    )
    op.create_index(op.f("ix_clarification_certificate"), "clarification", ["certificate"])
    for table in ("clarification_proposal", "clarification"):
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO registry_app")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON clarification "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    _keep("clarification_proposal")
    op.execute(
        "CREATE TRIGGER one_end BEFORE UPDATE ON clarification_proposal "
        "FOR EACH ROW EXECUTE FUNCTION refuse_second_end()"
    )
    op.execute(f"GRANT UPDATE ({', '.join(ENDS)}) ON clarification_proposal TO registry_app")


def downgrade() -> None:
    op.drop_table("clarification")
    op.drop_table("clarification_proposal")
    op.execute("DROP TRIGGER never_deleted ON annulment")
    op.drop_constraint(op.f("ck_annulment_replaced_by_a_draft"), "annulment", type_="check")
    op.drop_column("annulment", "draft")
    op.drop_column("annulment", "application")
    _keep("annulment")
    op.drop_column("application", "relations")
    for table, more in KINDS.items():
        _hold(table, [kind for kind in _kinds(table) if kind not in more])


def _keep(table: str) -> None:
    """Let no proposal be deleted, and nothing of one change but its end."""
    columns = sa.inspect(op.get_bind()).get_columns(table)
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] not in ENDS)
    op.execute(f"DROP TRIGGER IF EXISTS never_deleted ON {table}")
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _kinds(table: str) -> list[str]:
    """Return the kinds that a table is held to now."""
    asked = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    return re.findall(r"'([^']*)'::text", str(op.get_bind().scalar(asked, {"name": f"ck_{table}_kind"})))


def _hold(table: str, kinds: Iterable[str]) -> None:
    """Hold the kinds of a table to these; rows of another kind stop it, and a downgrade with them."""
    op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")
