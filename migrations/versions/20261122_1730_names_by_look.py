"""No two organisations of one country and kind have names that look alike.

Where two did before, the one that was registered first has its look, and the later is left as it is: its name stands
in what was signed.
"""

import sqlalchemy as sa
from alembic import op

from registry.core.product.identifiers import is_natural_person
from registry.core.product.names import skeleton

revision = "names_by_look"
down_revision = "sheet_places"

CHANGES = ("name", "address")


def upgrade() -> None:
    op.add_column("organisation", sa.Column("look", sa.Text(), nullable=True))
    _fill()
    op.create_index(op.f("ix_organisation_country_kind_look"), "organisation", ["country", "kind", "look"], unique=True)
    op.execute("DROP TRIGGER never_deleted ON organisation")
    _guard()


def downgrade() -> None:
    op.execute("DROP TRIGGER never_deleted ON organisation")
    op.drop_column("organisation", "look")
    _guard()


def _fill() -> None:
    connection, seen = op.get_bind(), set()
    known = sa.text("SELECT id, name, country, kind, tax_id FROM organisation ORDER BY registered_at, id")
    filled = sa.text("UPDATE organisation SET look = :look WHERE id = :id")
    for row in connection.execute(known).all():
        look = (row.country, row.kind, skeleton(row.name))
        if not is_natural_person(row.country, row.tax_id) and look not in seen:
            connection.execute(filled, {"id": row.id, "look": look[2]})
            seen.add(look)


def _guard() -> None:
    """Let no organisation be deleted, and nothing of one change but its name and address."""
    columns = sa.inspect(op.get_bind()).get_columns("organisation")
    fixed = ", ".join(f'"{each["name"]}"' for each in columns if each["name"] not in CHANGES)
    op.execute(
        f"CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF {fixed} ON organisation "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
