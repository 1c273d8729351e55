"""What a trust list changes against the one before it, in lines: nobody signs a draft unseen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from registry.core import canonical
from registry.core.record import encode
from registry.core.trust.trust_list import BodyRow, TrustList

LONGEST = 200
"""What is longer, as a certificate, is told by its name alone."""
_ROWS_OF_THEIR_OWN = frozenset({"signers", "signatories", "former"})


def list_changes(before: TrustList | None, after: TrustList) -> list[str]:
    """Return a line for each row that is added, ended or altered; none where only version and dates are others.

    Another says where the draft would leave a body without a key: a retirement or revocation is never moved later.
    """
    bodies, nodes = {row.id: row for row in after.bodies}, {row.id: row for row in after.nodes}
    old_bodies = {} if before is None else {row.id: row for row in before.bodies}
    old_nodes = {} if before is None else {row.id: row for row in before.nodes}
    keys = {row.kid: row for row in after.list_keys}
    lines = [*_rows("list key", {} if before is None else {row.kid: row for row in before.list_keys}, keys)]
    lines += _keys_gone(before, after)
    lines += _rows("node", old_nodes, nodes)
    lines += _rows("body", old_bodies, bodies)
    for did, body in bodies.items():
        old = old_bodies.get(did)
        lines += _rows(
            "document signer",
            {} if old is None else {row.kid: row for row in old.signers},
            {row.kid: row for row in body.signers},
        )
        lines += _rows(
            f"signatory of {body.code}",
            {} if old is None else {row.id: row for row in old.signatories},
            {row.id: row for row in body.signatories},
        )
        lines += _rows(
            f"former name of {body.code}",
            {} if old is None else _numbered(old.former),
            _numbered(body.former),
        )
        lines += _idle(body, after.issued_at)
    return lines


def _idle(body: BodyRow, since: datetime) -> Iterator[str]:
    """Say from when a body that has keys could sign with none, and until when: now, or where one of them ends."""
    moments = {since, *(row.status_from for row in body.signers if row.status_from and row.status_from > since)}
    for moment in sorted(moments) if body.signers else ():
        if not any(row.in_use(moment) for row in body.signers):
            following = (row.from_ for row in body.signers if moment < row.from_ and row.in_use(row.from_))
            begins = min(following, default=None)
            until = "" if begins is None else f" until {begins.isoformat()}"
            yield f"ATTENTION: from {moment.isoformat()}{until} {body.code} has no document signer and issues nothing"


def _keys_gone(before: TrustList | None, after: TrustList) -> Iterator[str]:
    """Say where a list goes on in its epoch without list keys of the one before.

    That is allowed: a key may be lost. But only a new epoch keeps a key that may be stolen from ever being named again.
    """
    if before is None or before.epoch != after.epoch:
        return
    gone = {key.kid for key in before.list_keys} - {key.kid for key in after.list_keys}
    if gone:
        yield (
            f"ATTENTION: {len(gone)} of {len(before.list_keys)} list keys are gone, and the epoch stays {after.epoch}: "
            "they may be named again. Where the keys were replaced, or may be stolen, draft it with --new-epoch"
        )


def _numbered(rows: Sequence[object]) -> dict[str, object]:
    return {str(number): row for number, row in enumerate(rows, 1)}


def _rows(what: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name, row in after.items():
        members = _told(row)
        if name not in before:
            yield f"{what} {name} is added: {_said(members)}"
        elif members != (known := _told(before[name])):
            altered = {member: value for member, value in members.items() if known.get(member) != value}
            yield f"{what} {name} is altered: {_said(altered)}"
    yield from (f"{what} {name} is gone" for name in before if name not in after)


def _told(row: object) -> dict[str, str]:
    """Return what a row says of itself: signers and signatories of a body have lines of their own."""
    members = {name: value for name, value in dict(encode(row)).items() if name not in _ROWS_OF_THEIR_OWN}
    return {name: canonical.encode(value).decode().strip('"') for name, value in members.items()}


def _said(members: Mapping[str, str]) -> str:
    return "; ".join(
        f"{name} {value}" if len(value) <= LONGEST else f"another {name}" for name, value in members.items()
    )
