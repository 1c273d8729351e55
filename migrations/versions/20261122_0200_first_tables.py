"""The first tables: parties, products, applications, certificates, acts, log, lists and channel."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "first_tables"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "evidence_file",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/png', 'image/jpeg')", name=op.f("ck_evidence_file_media_type")
        ),
        sa.CheckConstraint("sha256 = encode(sha256(content), 'hex')", name=op.f("ck_evidence_file_is_its_digest")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence_file")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "log_hash",
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_log_hash")),
    )
    op.create_table(
        "log_head",
        sa.Column("one", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_log_head_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_log_head")),
    )
    op.create_table(
        "message_in",
        sa.Column("from", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('certificate.issued', 'certificate.status')", name=op.f("ck_message_in_kind")),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'accepted_with_warnings', 'refused')", name=op.f("ck_message_in_outcome")
        ),
        sa.PrimaryKeyConstraint("from", "epoch", "seq", name=op.f("pk_message_in")),
    )
    op.create_index(op.f("ix_message_in_certificate"), "message_in", ["certificate"], unique=False)
    op.create_table(
        "number_counter",
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("body", "year", name=op.f("pk_number_counter")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("did", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("body_role", sa.Text(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'body') = (body_role IS NOT NULL)", name=op.f("ck_organisation_body_has_role")),
        sa.CheckConstraint("(kind = 'body') = (code IS NOT NULL)", name=op.f("ck_organisation_body_has_code")),
        sa.CheckConstraint("(kind = 'body') = (did IS NOT NULL)", name=op.f("ck_organisation_body_has_did")),
        sa.CheckConstraint(
            "body_role IN ('central', 'authorised', 'verifying', 'customs')", name=op.f("ck_organisation_body_role")
        ),
        sa.CheckConstraint("kind IN ('exporter', 'body', 'customs', 'operator')", name=op.f("ck_organisation_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
        sa.UniqueConstraint("did", name=op.f("uq_organisation_did")),
    )
    op.create_index(op.f("ix_organisation_country_tax_id"), "organisation", ["country", "tax_id"], unique=True)
    op.create_table(
        "status_index",
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("list", "index", name=op.f("pk_status_index")),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("rules_set", sa.Text(), nullable=False),
        sa.Column("issued_in", sa.Text(), nullable=False),
        sa.Column("presented_in", sa.Text(), nullable=False),
        sa.Column("claims", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'in_examination', 'draft_offered', 'approved', 'issued', 'refused', 'withdrawn')",
            name=op.f("ck_application_state"),
        ),
        sa.ForeignKeyConstraint(["body"], ["organisation.id"], name=op.f("fk_application_body")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_application_organisation")),
        sa.ForeignKeyConstraint(["principal"], ["organisation.id"], name=op.f("fk_application_principal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
    )
    op.create_index(
        op.f("ix_application_body_created_at_id"), "application", ["body", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_application_organisation_created_at_id"),
        "application",
        ["organisation", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "mandate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("schemes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("principal <> agent", name=op.f("ck_mandate_two_organisations")),
        sa.ForeignKeyConstraint(["agent"], ["organisation.id"], name=op.f("fk_mandate_agent")),
        sa.ForeignKeyConstraint(["principal"], ["organisation.id"], name=op.f("fk_mandate_principal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
    )
    op.create_index(op.f("ix_mandate_agent"), "mandate", ["agent"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "roles <@ ARRAY['exporter','examiner','signatory','customs','auditor','operator']",
            name=op.f("ck_person_known_roles"),
        ),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_person_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_organisation"), "person", ["organisation"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_product_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
    )
    op.create_index(
        op.f("ix_product_organisation_created_at_id"), "product", ["organisation", "created_at", "id"], unique=False
    )
    op.create_table(
        "act",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("private", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('organisation.registered', 'person.registered', 'person.changed', 'token.issued', 'token.revoked', 'mandate.granted', 'mandate.revoked', 'product.kept', 'evidence.kept', 'application.drafted', 'application.changed', 'application.submitted', 'application.taken-up', 'application.sent-back', 'application.refused', 'application.draft-offered', 'application.accepted', 'application.objected', 'application.withdrawn', 'certificate.issued', 'certificate.status', 'annulment.proposed', 'annulment.withdrawn', 'verification.made', 'message.refused', 'receipt.refused', 'trust.pin-proposed', 'trust.pin-confirmed', 'trust.published', 'trust.adopted', 'agreement.adopted', 'bundle.made')",
            name=op.f("ck_act_kind"),
        ),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_act_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_act_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_at_id"), "act", ["at", "id"], unique=False)
    op.create_index(op.f("ix_act_organisation_at_id"), "act", ["organisation", "at", "id"], unique=False)
    op.create_index(op.f("ix_act_subject_at"), "act", ["subject", "at"], unique=False)
    op.create_table(
        "application_person",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("part IN ('applicant', 'examiner', 'signatory')", name=op.f("ck_application_person_part")),
        sa.ForeignKeyConstraint(["application"], ["application.id"], name=op.f("fk_application_person_application")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_application_person_person")),
        sa.PrimaryKeyConstraint("application", "person", name=op.f("pk_application_person")),
    )
    op.create_index(
        op.f("ix_application_person_application_person_part"),
        "application_person",
        ["application", "person", "part"],
        unique=True,
    )
    op.create_table(
        "product_evidence",
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["person.id"], name=op.f("fk_product_evidence_added_by")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_product_evidence_product")),
        sa.ForeignKeyConstraint(["sha256"], ["evidence_file.sha256"], name=op.f("fk_product_evidence_sha256")),
        sa.PrimaryKeyConstraint("product", "sha256", name=op.f("pk_product_evidence")),
    )
    op.create_table(
        "reply",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_reply_person")),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_reply")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_token_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_token_sha256")),
    )
    op.create_index(op.f("ix_token_person"), "token", ["person"], unique=False)
    op.create_table(
        "agreement",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_agreement_act")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("presented_in", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_list", sa.Text(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("principal", sa.Text(), nullable=True),
        sa.Column("body_organisation", sa.Text(), nullable=True),
        sa.Column("application", sa.Text(), nullable=True),
        sa.Column("signatory", sa.Text(), nullable=True),
        sa.Column("part", sa.Text(), sa.Computed("'signatory'", persisted=True), nullable=False),
        sa.CheckConstraint(
            "(source = 'issued') = (application IS NOT NULL)", name=op.f("ck_certificate_issued_on_an_application")
        ),
        sa.CheckConstraint(
            "(source = 'issued') = (signatory IS NOT NULL)", name=op.f("ck_certificate_issued_by_a_signatory")
        ),
        sa.CheckConstraint("source IN ('issued', 'delivered')", name=op.f("ck_certificate_source")),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_certificate_act")),
        sa.ForeignKeyConstraint(
            ["application", "signatory", "part"],
            ["application_person.application", "application_person.person", "application_person.part"],
            name="fk_certificate_signatory_of_application",
        ),
        sa.ForeignKeyConstraint(["application"], ["application.id"], name=op.f("fk_certificate_application")),
        sa.ForeignKeyConstraint(
            ["body_organisation"], ["organisation.id"], name=op.f("fk_certificate_body_organisation")
        ),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_certificate_organisation")),
        sa.ForeignKeyConstraint(["principal"], ["organisation.id"], name=op.f("fk_certificate_principal")),
        sa.ForeignKeyConstraint(["signatory"], ["person.id"], name=op.f("fk_certificate_signatory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("act", name=op.f("uq_certificate_act")),
        sa.UniqueConstraint("application", name=op.f("uq_certificate_application")),
        sa.UniqueConstraint("digest", name=op.f("uq_certificate_digest")),
    )
    op.create_index(op.f("ix_certificate_body_organisation"), "certificate", ["body_organisation"], unique=False)
    op.create_index(
        op.f("ix_certificate_country_body_year_number"),
        "certificate",
        ["country", "body", "year", "number"],
        unique=True,
    )
    op.create_index(op.f("ix_certificate_number"), "certificate", ["number"], unique=False)
    op.create_index(
        op.f("ix_certificate_organisation_recorded_at_id"),
        "certificate",
        ["organisation", "recorded_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_certificate_recorded_at_id"), "certificate", ["recorded_at", "id"], unique=False)
    op.create_index(
        "uq_certificate_own_status",
        "certificate",
        ["status_list", "status_index"],
        unique=True,
        postgresql_where="source = 'issued'",
    )
    op.create_table(
        "log_entry",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_log_entry_act")),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_log_entry")),
        sa.UniqueConstraint("act", name=op.f("uq_log_entry_act")),
    )
    op.create_table(
        "log_queue",
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_log_queue_act")),
        sa.PrimaryKeyConstraint("act", name=op.f("pk_log_queue")),
    )
    op.create_index(op.f("ix_log_queue_seq"), "log_queue", ["seq"], unique=False)
    op.create_table(
        "message_out",
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("receipted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('certificate.issued', 'certificate.status')", name=op.f("ck_message_out_kind")),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'accepted_with_warnings', 'refused')", name=op.f("ck_message_out_outcome")
        ),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_message_out_act")),
        sa.PrimaryKeyConstraint("to", "epoch", "seq", name=op.f("pk_message_out")),
        sa.UniqueConstraint("id", name=op.f("uq_message_out_id")),
    )
    op.create_index(op.f("ix_message_out_to_log_index"), "message_out", ["to", "log_index"], unique=True)
    op.create_table(
        "trust_list",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_trust_list_act")),
        sa.PrimaryKeyConstraint("country", "epoch", "version", name=op.f("pk_trust_list")),
        sa.UniqueConstraint("digest", name=op.f("uq_trust_list_digest")),
    )
    op.create_table(
        "annulment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(confirmed_by IS NULL) OR (withdrawn_at IS NULL)", name=op.f("ck_annulment_one_end")),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_annulment_two_people")),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_annulment_certificate")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_annulment_confirmed_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name=op.f("fk_annulment_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annulment")),
    )
    op.create_index(
        "uq_annulment_open", "annulment", ["certificate"], unique=True, postgresql_where="withdrawn_at IS NULL"
    )
    op.create_table(
        "status_change",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('annulled', 'replaced', 'suspended', 'reinstated')", name=op.f("ck_status_change_status")
        ),
        sa.ForeignKeyConstraint(["act"], ["act.id"], name=op.f("fk_status_change_act")),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_status_change_certificate")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_status_change")),
        sa.UniqueConstraint("act", name=op.f("uq_status_change_act")),
    )
    op.create_index(op.f("ix_status_change_certificate"), "status_change", ["certificate"], unique=False)
    op.create_index(
        "uq_status_change_final",
        "status_change",
        ["certificate"],
        unique=True,
        postgresql_where="status IN ('annulled', 'replaced')",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_status_change_final", table_name="status_change", postgresql_where="status IN ('annulled', 'replaced')"
    )
    op.drop_index(op.f("ix_status_change_certificate"), table_name="status_change")
    op.drop_table("status_change")
    op.drop_index("uq_annulment_open", table_name="annulment", postgresql_where="withdrawn_at IS NULL")
    op.drop_table("annulment")
    op.drop_table("trust_list")
    op.drop_index(op.f("ix_message_out_to_log_index"), table_name="message_out")
    op.drop_table("message_out")
    op.drop_index(op.f("ix_log_queue_seq"), table_name="log_queue")
    op.drop_table("log_queue")
    op.drop_table("log_entry")
    op.drop_index("uq_certificate_own_status", table_name="certificate", postgresql_where="source = 'issued'")
    op.drop_index(op.f("ix_certificate_recorded_at_id"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_organisation_recorded_at_id"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_number"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_country_body_year_number"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_body_organisation"), table_name="certificate")
    op.drop_table("certificate")
    op.drop_table("agreement")
    op.drop_index(op.f("ix_token_person"), table_name="token")
    op.drop_table("token")
    op.drop_table("reply")
    op.drop_table("product_evidence")
    op.drop_index(op.f("ix_application_person_application_person_part"), table_name="application_person")
    op.drop_table("application_person")
    op.drop_index(op.f("ix_act_subject_at"), table_name="act")
    op.drop_index(op.f("ix_act_organisation_at_id"), table_name="act")
    op.drop_index(op.f("ix_act_at_id"), table_name="act")
    op.drop_table("act")
    op.drop_index(op.f("ix_product_organisation_created_at_id"), table_name="product")
    op.drop_table("product")
    op.drop_index(op.f("ix_person_organisation"), table_name="person")
    op.drop_table("person")
    op.drop_index(op.f("ix_mandate_agent"), table_name="mandate")
    op.drop_table("mandate")
    op.drop_index(op.f("ix_application_organisation_created_at_id"), table_name="application")
    op.drop_index(op.f("ix_application_body_created_at_id"), table_name="application")
    op.drop_table("application")
    op.drop_table("status_index")
    op.drop_index(op.f("ix_organisation_country_tax_id"), table_name="organisation")
    op.drop_table("organisation")
    op.drop_table("number_counter")
    op.drop_index(op.f("ix_message_in_certificate"), table_name="message_in")
    op.drop_table("message_in")
    op.drop_table("log_head")
    op.drop_table("log_hash")
    op.drop_table("log_checkpoint")
    op.drop_table("evidence_file")
