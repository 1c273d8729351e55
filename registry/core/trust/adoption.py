"""Taking over a newer trust list: each rule has its own refusal, and the old list stays (formats 8; TUF 1.0, 5.3).

A list that was adopted is never replaced by an older one, by one that forgets a row, or by one that takes a revocation
back: whoever steals enough list keys can add, but cannot rewrite.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from registry.core.calendar import earliest_day, latest_day
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import Did
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.document_signer import ChainBroken, Purpose, chain
from registry.core.trust.trust_list import NodeRow, SignerRow, SignerStatus

LONGEST_LIFE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)
_NEVER = datetime.max.replace(tzinfo=UTC)
_RANK = {SignerStatus.ACTIVE: 0, SignerStatus.RETIRED: 1, SignerStatus.REVOKED: 2}


@dataclass(eq=False)
class ListNotNewer(Conflict):
    """The list does not follow the one that was adopted."""

    code: ClassVar[str] = "list-not-newer"
    clause: ClassVar[str | None] = "TUF 1.0, 5.3.5"
    country: str
    reason: str

    def __str__(self) -> str:
        return f"the trust list of {self.country} is not adopted: {self.reason}"


@dataclass(eq=False)
class ListForked(ListNotNewer):
    """The list has the epoch and version of the adopted one, and says something else: the country signed two."""

    code: ClassVar[str] = "list-forked"


@dataclass(eq=False)
class ListDoesNotFollow(ListNotNewer):
    """The next version names another list before it than the adopted one."""

    code: ClassVar[str] = "list-does-not-follow"


@dataclass(eq=False)
class ListEpochNotPinned(ListNotNewer):
    """The list is of an epoch before the one from which its country was pinned."""

    code: ClassVar[str] = "list-epoch-not-pinned"


@dataclass(eq=False)
class _NotAdopted(Unprocessable):
    clause: ClassVar[str | None] = "TUF 1.0, 5.3"
    country: str
    reason: str

    def __str__(self) -> str:
        return f"the trust list of {self.country} is not adopted: {self.reason}"


@dataclass(eq=False)
class ListExpired(_NotAdopted):
    """The list no longer says anything."""

    code: ClassVar[str] = "list-expired"


@dataclass(eq=False)
class ListFromFuture(_NotAdopted):
    """The list was issued later than now."""

    code: ClassVar[str] = "list-from-future"


@dataclass(eq=False)
class ListLivesTooLong(_NotAdopted):
    """The list would be believed for longer than 30 days without being renewed."""

    code: ClassVar[str] = "list-lives-too-long"


@dataclass(eq=False)
class ListKeyReused(_NotAdopted):
    """A new epoch names a list key of an earlier one: the keys that an epoch is to get rid of."""

    code: ClassVar[str] = "list-key-reused"


@dataclass(eq=False)
class ListRowVanished(_NotAdopted):
    """A row of the adopted list is missing."""

    code: ClassVar[str] = "list-row-vanished"


@dataclass(eq=False)
class ListRowRewritten(_NotAdopted):
    """The certificate of a signer changed, or the day from which or up to which it may have signed moved outwards."""

    code: ClassVar[str] = "list-row-rewritten"


@dataclass(eq=False)
class ListRevocationUndone(_NotAdopted):
    """A signer that was revoked or retired is less than that again: revoked is final."""

    code: ClassVar[str] = "list-revocation-undone"


@dataclass(eq=False)
class ListRevocationLater(_NotAdopted):
    """The moment from which a signer is retired or revoked moved later."""

    code: ClassVar[str] = "list-revocation-later"


@dataclass(eq=False)
class ListWitnessForgotten(_NotAdopted):
    """A witness key that was replaced is not kept for what it cosigned, or counts for longer than it did."""

    code: ClassVar[str] = "list-witness-forgotten"


@dataclass(eq=False)
class ListBodyForgotten(_NotAdopted):
    """A former name or role of a body is missing or altered: what it issued under that would pass no more."""

    code: ClassVar[str] = "list-body-forgotten"
    clause: ClassVar[str | None] = "S4 6.5"


@dataclass(eq=False)
class ListRowOfFormerRoot(_NotAdopted):
    """A row that is new stands under a root that was replaced: such a root vouches for what it vouched for before."""

    code: ClassVar[str] = "list-row-of-former-root"


@dataclass(eq=False)
class ListLogReplaced(_NotAdopted):
    """The log of a node is another: not even a new epoch replaces one, for its history would be lost."""

    code: ClassVar[str] = "list-log-replaced"


@dataclass(eq=False)
class ListNodeKeyChanged(_NotAdopted):
    """A log or witness key changed without the ceremony of a new epoch."""

    code: ClassVar[str] = "list-node-key-changed"


def check_adoptable(
    offered: BelievedList, adopted: BelievedList | None, earlier_keys: AbstractSet[str], at: datetime
) -> None:
    """Check that `offered` may take the place of `adopted` (None: it is the first); raises the rule that forbids it.

    `earlier_keys` are the kids of all list keys that lists of earlier epochs named; those of `adopted` are known.
    """
    new, country = offered.list, offered.list.country
    if at > new.expires_at:
        raise ListExpired(country, "it has expired")
    if new.issued_at > at + CLOCK_SKEW:
        raise ListFromFuture(country, "it was issued later than now")
    if new.expires_at - new.issued_at > LONGEST_LIFE or new.expires_at <= new.issued_at:
        raise ListLivesTooLong(country, "it lives for more than 30 days, or for none")
    if new.epoch < offered.pin.epoch:
        raise ListEpochNotPinned(country, f"its epoch {new.epoch} is before the pinned {offered.pin.epoch}")
    if adopted is None:
        return
    old = adopted.list
    if (new.epoch, new.version) == (old.epoch, old.version) and offered.digest != adopted.digest:
        raise ListForked(country, f"another list of epoch {old.epoch} version {old.version} is adopted")
    if (new.epoch, new.version) <= (old.epoch, old.version):
        raise ListNotNewer(
            country, f"epoch {new.epoch} version {new.version} is not after {old.epoch} version {old.version}"
        )
    if new.epoch == old.epoch:
        if new.version == old.version + 1 and new.previous != adopted.digest:
            raise ListDoesNotFollow(country, "it does not follow from the adopted list")
        _check_node_keys(offered, adopted)
    elif reused := (earlier_keys | adopted.list_keys.keys()) & offered.list_keys.keys():
        raise ListKeyReused(country, f"{len(reused)} of its list keys are of an earlier epoch")
    _check_nothing_vanished(offered, adopted)
    _check_root(offered, adopted)
    _check_former_witnesses(offered, adopted)
    _check_former_bodies(offered, adopted)
    for kid, known in adopted.signers.items():
        _check_signer(country, known.row, offered.signers[kid].row)


def _check_nothing_vanished(offered: BelievedList, adopted: BelievedList) -> None:
    for what, before, after in (
        ("node", _node_rows(adopted).keys(), _node_rows(offered).keys()),
        ("body", {body.id for body in adopted.list.bodies}, {body.id for body in offered.list.bodies}),
        ("signer", adopted.signers.keys(), offered.signers.keys()),
        ("signatory", _signatories(adopted), _signatories(offered)),
    ):
        if gone := sorted(before - after):
            raise ListRowVanished(offered.list.country, f"the {what} {gone[0]} is gone")


def _check_root(offered: BelievedList, adopted: BelievedList) -> None:
    """Check that whatever is new stands under the pinned root: the key of a former one may be anyone's by now."""
    known = {node.row.certificate for node in adopted.nodes.values()}
    known |= {signer.row.certificate for signer in adopted.signers.values()}
    new = [(node.row.certificate, Purpose.NODE, node.row.id) for node in offered.nodes.values()]
    new += [(signer.row.certificate, Purpose.DOCUMENT, signer.body.id) for signer in offered.signers.values()]
    root = offered.pin.anchor()
    for certificate, purpose, did in new:
        if certificate not in known:
            try:
                chain(certificate, root, purpose, Did(did))
            except ChainBroken:
                raise ListRowOfFormerRoot(offered.list.country, f"a new key of {did} is of a former root") from None


def _signatories(believed: BelievedList) -> set[str]:
    return {f"{body.id} {row.id}" for body in believed.list.bodies for row in body.signatories}


def _node_rows(believed: BelievedList) -> dict[str, NodeRow]:
    return {node.row.id: node.row for node in believed.nodes.values()}


def _check_node_keys(offered: BelievedList, adopted: BelievedList) -> None:
    after = _node_rows(offered)
    for node, row in _node_rows(adopted).items():
        if node not in after:
            continue
        added = set(after[node].witness_keys()) - set(row.witness_keys())
        if added or (after[node].log, after[node].witness) != (row.log, row.witness):
            raise ListNodeKeyChanged(offered.list.country, f"the log or witness key of {node} changed in an epoch")


def _check_former_witnesses(offered: BelievedList, adopted: BelievedList) -> None:
    """Check that a log stays what it was, and that a witness key that was replaced is kept for what it cosigned."""
    after = _node_rows(offered)
    for node, row in _node_rows(adopted).items():
        if after[node].log != row.log:
            raise ListLogReplaced(offered.list.country, f"the log of {node} is another: its history would be lost")
        kept = {former.vkey: former.until for former in after[node].former_witnesses}
        for former in row.former_witnesses:
            if kept.get(former.vkey, _NEVER) > former.until:
                raise ListWitnessForgotten(
                    offered.list.country, f"the former key {former.name} is gone, or counts for longer"
                )
        if after[node].witness != row.witness and row.witness.vkey not in kept:
            raise ListWitnessForgotten(offered.list.country, f"the key {row.witness.name} was replaced and not kept")


def _check_former_bodies(offered: BelievedList, adopted: BelievedList) -> None:
    """Check that each body keeps its past, and was on the day of the adopted list what that list says it was.

    Which local day that was is the country's to know: there are three at most.
    """
    said = adopted.list.issued_at
    days = {earliest_day(said), said.date(), latest_day(said)}
    after = {body.id: body for body in offered.list.bodies}
    for old in adopted.list.bodies:
        new = after[old.id]
        notified = {name_and_role for day in days for name_and_role in new.notified_on(day)}
        if new.former[: len(old.former)] != old.former or (old.name, old.role) not in notified:
            raise ListBodyForgotten(offered.list.country, f"what {old.id} was notified as before is gone or altered")


def _check_signer(country: str, old: SignerRow, new: SignerRow) -> None:
    if (new.certificate, new.from_) != (old.certificate, old.from_) or new.until > old.until:
        raise ListRowRewritten(country, f"the key or the dates of {old.kid} changed")
    if _RANK[new.status] < _RANK[old.status]:
        raise ListRevocationUndone(country, f"{old.kid} was {old.status} and is {new.status} again")
    if (new.status_from or _NEVER) > (old.status_from or _NEVER):
        raise ListRevocationLater(country, f"the {old.status} of {old.kid} moved later")
