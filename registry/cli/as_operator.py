"""An operator's work as a command: one transaction, and what came of it printed once it is committed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from registry.cli.console import opened, show, wanted_token
from registry.node import Node
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party, identify

Work = Callable[[Session, Party, datetime, Node], dict[str, Any]]


def do(work: Work, token: str | None, *, as_json: bool) -> None:
    """Do an operator's work in one transaction, and print what came of it once it is committed."""
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            by.require(Role.OPERATOR)
            done = work(tx, by, at, node)
    show(done, as_json=as_json)
