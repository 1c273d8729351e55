"""Every table, for migrations to compare with."""

from registry.store import (
    acts,
    annulments,
    applications,
    arrivals,
    calendars,
    certificates,
    channel,
    clarifications,
    epochs,
    freshness,
    log,
    mirror,
    parties,
    peers,
    products,
    reconciliations,
    registrations,
    replies,
    serials,
    tasks,
    witness,
)
from registry.store.database import Row

METADATA = Row.metadata

__all__ = [
    "METADATA",
    "acts",
    "annulments",
    "applications",
    "arrivals",
    "calendars",
    "certificates",
    "channel",
    "clarifications",
    "epochs",
    "freshness",
    "log",
    "mirror",
    "parties",
    "peers",
    "products",
    "reconciliations",
    "registrations",
    "replies",
    "serials",
    "tasks",
    "witness",
]
