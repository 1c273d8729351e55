"""Databases as older releases left them."""

from dataclasses import replace

from sqlalchemy import select, text, update

from registry.core.tlog.entry import Kind, Leaf, commitment, private_row
from registry.store.acts import Act
from tests.kit import Corridor, Country

LATER = "SELECT id FROM act WHERE kind IN ('operators.begun', 'token.proposed', 'token.withdrawn')"


def issued_by_one(corridor: Corridor, country: Country) -> None:
    """Leave tokens as one operator issued them alone: their acts name no fingerprint, and nobody proposed them."""
    with corridor.forge.breaking(country) as tx:
        tx.execute(text(f"DELETE FROM log_queue WHERE act IN ({LATER})"))  # noqa: S608  our own text
        tx.execute(text(f"DELETE FROM act WHERE id IN ({LATER})"))  # noqa: S608  our own text
        for act in tx.scalars(select(Act).where(Act.kind == Kind.TOKEN_ISSUED)).all():
            private = {name: act.private[name] for name in ("token", "person", "expires_at")}
            row = private_row(private, person=act.person, organisation=act.organisation, subject=act.subject)
            leaf = replace(Leaf.parse(act.leaf), private=commitment(act.salt, row)).encode()
            tx.execute(update(Act).where(Act.id == act.id).values(private=private, leaf=leaf))
        tx.execute(text("UPDATE token SET proposed_by = NULL, confirmed_by = NULL"))
