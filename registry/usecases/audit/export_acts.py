"""Make the dossier that an auditor takes home; that they took it is an act (formats 11)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.canonical import Json
from registry.core.envelope.jose import Typ, seal
from registry.core.errors import Unprocessable
from registry.core.product.texts import texts, unfit
from registry.core.record import encode
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.verification.dossier import (
    MAX_ACTS,
    MAX_PRIVATE,
    Contents,
    Dossier,
    ExportedAct,
    Place,
    Selection,
    TakenBack,
)
from registry.store import acts, peers
from registry.store.acts import Act, Draw
from registry.store.parties import Role
from registry.usecases.audit.read_act import check_reason
from registry.usecases.audit.search_acts import Found, LostAct, place_of, search
from registry.usecases.party.identify_party import Party
from registry.usecases.tlog.read_log import prove, prove_entry
from registry.usecases.trust.believe_peers import Pins, carried_lists, read_beliefs

PAGE = 200
Track = Callable[[Sequence[Act]], Iterable[Act]]
"""Passes acts on one by one, so that whoever waits can be told how far it is."""


@dataclass(eq=False)
class SelectionUnfit(Unprocessable):
    """What is asked for is spelled as nothing that is kept can be."""

    code: ClassVar[str] = "selection-unfit"
    member: str
    reason: str

    def __str__(self) -> str:
        return f"{self.member} {self.reason}"


@dataclass(frozen=True, slots=True)
class Home:
    """Whose acts they are: the node, its environment and its country."""

    did: str
    env: Environment
    country: str


def export(
    tx: Session,
    pins: Pins,
    signer: Signer,
    home: Home,
    selection: Selection,
    reason: str,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
    after: Place | None = None,
    most: int = MAX_ACTS,
    largest: int = MAX_PRIVATE,
    track: Track = iter,
) -> Dossier:
    """Return the signed dossier of what is selected, `most` acts or `largest` bytes of private parts at most.

    The act of the export is in the same transaction: what, how many and why; it is no part of its own dossier.
    Raises `ReasonUnfit`, `SelectionUnfit`, `CountryNotTrusted` where no list vouches for this node.
    """
    by.require(Role.AUDITOR)
    check_reason(reason)
    _check(selection)
    beliefs = read_beliefs(tx, pins)
    beliefs.list_of(home.country)
    rows, following = _take(_rows(tx, selection, after, by), most, largest)
    contents = Contents(
        env=home.env,
        node=home.did,
        country=home.country,
        made_at=at,
        selection=selection,
        lists=carried_lists(tx, pins, beliefs),
        acts=tuple(_exported(tx, row) for row in track([row for row in rows if isinstance(row, Act)])),
        agreements=tuple(row.text for row in peers.agreements(tx)),
        taken_back=tuple(_taken_back(tx, row) for row in rows if isinstance(row, LostAct)),
        after=after,
        next=following,
    )
    statement = contents.statement
    private: dict[str, Json] = {
        "selection": encode(selection),
        "acts": len(contents.acts),
        "reason": reason,
        "digest": statement["digest"],
    }
    if contents.taken_back:
        private["taken_back"] = len(contents.taken_back)
    if after is not None:
        private["after"] = after.encode()
    acts.record(tx, Kind.ACTS_EXPORTED, private, by=by.actor, at=at, draw=draw)
    return Dossier(contents, seal(statement, Typ.DOSSIER, signer).text)


def _check(selection: Selection) -> None:
    for member, text in texts(encode(selection)):
        fault = unfit(text) or ("is empty" if not text else None)
        if fault is not None:
            raise SelectionUnfit(member, fault)


def _rows(tx: Session, selection: Selection, after: Place | None, by: Party) -> Iterator[Found]:
    while page := search(tx, selection, after=after, limit=PAGE, by=by):
        yield from page
        after = place_of(page[-1])


def _take(rows: Iterable[Found], most: int, largest: int) -> tuple[Sequence[Found], Place | None]:
    """Return the acts that one file holds, and where the next goes on; one act is in it whatever its size."""
    taken: list[Found] = []
    size = 0
    for row in rows:
        size += len(acts.committed(row)) if isinstance(row, Act) else 0
        if len(taken) == most or (taken and size > largest):
            return taken, place_of(taken[-1])
        taken.append(row)
    return taken, None


def _taken_back(tx: Session, lost: LostAct) -> TakenBack:
    proof = prove_entry(tx, lost.index)
    return TakenBack(lost.leaf.encode()) if proof is None else TakenBack(proof=proof.encode())


def _exported(tx: Session, row: Act) -> ExportedAct:
    proof = prove(tx, row.id)
    return ExportedAct(
        id=row.id,
        kind=Kind(row.kind),
        at=row.at,
        by=row.by,
        private=acts.committed(row),
        salt=row.salt,
        to=row.to,
        digest=row.digest,
        leaf=row.leaf if proof is None else None,
        proof=None if proof is None else proof.encode(),
    )
