"""Rules of adoption, and the attacks that TUF names: each has its own refusal, and the old list stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from registry.core.agreement import Environment
from registry.core.canonical import MAX_INTEGER
from registry.core.envelope.jose import MalformedEnvelope
from registry.core.errors import RegistryError
from registry.core.signature import Signer
from registry.core.trust.adoption import (
    CLOCK_SKEW,
    LONGEST_LIFE,
    ListExpired,
    ListFromFuture,
    ListKeyReused,
    ListLivesTooLong,
    ListNodeKeyChanged,
    ListNotNewer,
    ListRowRewritten,
    ListRowVanished,
    check_adoptable,
)
from registry.core.trust.document_signer import Purpose
from registry.core.trust.trust_list import (
    BelievedList,
    ListBelowThreshold,
    ListKey,
    ListNotTrusted,
    ListOfAnotherCountry,
    ListOfAnotherEnvironment,
    SignatoryRow,
    SignerStatus,
    TrustList,
    believe,
)
from registry.signing.ceremony import USE
from tests.core.world import AT, SCHEME, TODAY, Side, World, with_body, with_node, with_signer

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
Edit = Callable[[TrustList], TrustList]


@dataclass(frozen=True, slots=True)
class Corridor:
    """A country whose first list was adopted, and the attempts to follow it."""

    side: Side
    first: BelievedList

    def next(self, **changes: Any) -> TrustList:
        """Return an honest second list, changed."""
        return replace(self.first.list, **{"version": 2, "previous": self.first.digest, **changes})

    def offer(
        self, offered: TrustList, *, by: Sequence[Signer] = (), adopted: BelievedList | None = None, keys: Any = ()
    ) -> None:
        believed = self.side.believed(offered, by)
        check_adoptable(believed, adopted or self.first, frozenset(keys), AT)

    def renewed(self, epoch: int = 2, **changes: Any) -> tuple[TrustList, Sequence[Signer]]:
        """Return a list of a new epoch and its new list keys."""
        keys = self.side.make_list_keys(epoch)
        rows = tuple(ListKey(key.kid, key.certificate) for key in keys)
        return replace(self.first.list, epoch=epoch, version=1, list_keys=rows, previous=None, **changes), keys


@pytest.fixture(scope="module")
def corridor(world: World) -> Corridor:
    return Corridor(world.by, world.by.believed())


def refusal(kind: type[RegistryError], code: str, offer: Callable[[], None]) -> str:
    with pytest.raises(kind) as refused:
        offer()
    assert type(refused.value) is kind
    assert refused.value.code == code
    return str(refused.value)


def test_the_first_list_of_a_country_is_adopted(corridor: Corridor) -> None:
    check_adoptable(corridor.first, None, frozenset(), AT)


def test_a_newer_list_is_adopted(corridor: Corridor) -> None:
    corridor.offer(corridor.next())
    corridor.offer(corridor.next(version=5, previous="ab" * 32))


def test_a_rollback_is_refused(corridor: Corridor) -> None:
    second = corridor.side.believed(corridor.next())
    said = refusal(ListNotNewer, "list-not-newer", lambda: corridor.offer(corridor.first.list, adopted=second))
    assert "epoch 1 version 1 is not after 1 version 2" in said
    assert "of BY is not adopted" in said


def test_the_same_list_again_is_not_newer(corridor: Corridor) -> None:
    refusal(ListNotNewer, "list-not-newer", lambda: corridor.offer(corridor.first.list))


def test_a_list_of_an_earlier_epoch_than_the_pinned_one_is_refused(corridor: Corridor) -> None:
    believed = believe(corridor.first.text, replace(corridor.side.pin, epoch=2))
    refusal(ListNotNewer, "list-not-newer", lambda: check_adoptable(believed, None, frozenset(), AT))


def test_two_lists_of_one_version_do_not_both_follow(corridor: Corridor) -> None:
    """The next version names the digest of the one that it follows: a split view shows at once."""
    other = corridor.side.believed(replace(corridor.first.list, issued_at=AT - 2 * DAY))
    follows = corridor.next(previous=other.digest)
    said = refusal(ListNotNewer, "list-not-newer", lambda: corridor.offer(follows))
    assert "does not follow" in said
    refusal(ListNotNewer, "list-not-newer", lambda: corridor.offer(corridor.next(previous=None)))


def test_a_frozen_list_expires(corridor: Corridor) -> None:
    """Whoever withholds newer lists can show the last one only until it expires (TUF 1.0, freeze attack)."""
    last = corridor.first.list.expires_at
    check_adoptable(corridor.first, None, frozenset(), last)
    refusal(ListExpired, "list-expired", lambda: check_adoptable(corridor.first, None, frozenset(), last + SECOND))


def test_a_list_from_the_future_is_refused(corridor: Corridor) -> None:
    corridor.offer(corridor.next(issued_at=AT + CLOCK_SKEW))
    early = corridor.next(issued_at=AT + CLOCK_SKEW + SECOND)
    refusal(ListFromFuture, "list-from-future", lambda: corridor.offer(early))


def test_a_list_lives_for_thirty_days_at_most(corridor: Corridor) -> None:
    issued = corridor.first.list.issued_at
    corridor.offer(corridor.next(expires_at=issued + LONGEST_LIFE))
    long = corridor.next(expires_at=issued + LONGEST_LIFE + SECOND)
    refusal(ListLivesTooLong, "list-lives-too-long", lambda: corridor.offer(long))
    none = corridor.next(issued_at=AT + SECOND, expires_at=AT + SECOND)
    refusal(ListLivesTooLong, "list-lives-too-long", lambda: corridor.offer(none))


def test_a_fast_forward_is_cured_by_a_new_epoch(corridor: Corridor) -> None:
    """Stolen keys that spend every version leave nothing to follow, but for the epoch that gets rid of them."""
    spent = corridor.side.believed(corridor.next(version=MAX_INTEGER))
    refusal(ListNotNewer, "list-not-newer", lambda: corridor.offer(corridor.next(version=9), adopted=spent))
    cure, keys = corridor.renewed()
    corridor.offer(cure, by=keys, adopted=spent, keys=corridor.first.list_keys)


def test_a_list_key_of_the_adopted_epoch_does_not_open_a_new_one(corridor: Corridor) -> None:
    thief = replace(corridor.first.list, epoch=2, version=1)
    said = refusal(ListKeyReused, "list-key-reused", lambda: corridor.offer(thief))
    assert "3 of its list keys" in said


def test_a_list_key_of_an_earlier_epoch_does_not_open_a_new_one(corridor: Corridor) -> None:
    second, keys = corridor.renewed()
    adopted = corridor.side.believed(second, keys)
    back = replace(corridor.first.list, epoch=3, version=1)
    said = refusal(
        ListKeyReused, "list-key-reused", lambda: corridor.offer(back, adopted=adopted, keys=corridor.first.list_keys)
    )
    assert "3 of its list keys" in said
    third, newest = corridor.renewed(3)
    corridor.offer(third, by=newest, adopted=adopted, keys=corridor.first.list_keys)


def test_rows_of_one_list_under_the_signatures_of_another_are_refused(corridor: Corridor) -> None:
    """Mix-and-match: a signature belongs to one payload."""
    lines = corridor.first.text.splitlines()
    second = corridor.side.sign_list(corridor.next()).splitlines()
    with pytest.raises(MalformedEnvelope):
        believe(f"{lines[0]}\n{second[1]}\n", corridor.side.pin)
    mixed = "".join(
        f"{head}.{payload}.{old.rpartition('.')[2]}\n"
        for old, head, payload in ((old, *new.split(".")[:2]) for old, new in zip(lines, second, strict=True))
    )
    with pytest.raises(ListNotTrusted, match="does not verify"):
        believe(mixed, corridor.side.pin)


def test_wrong_keys_and_too_few_keys_do_not_reach_adoption(world: World, corridor: Corridor) -> None:
    with pytest.raises(ListNotTrusted):
        corridor.offer(corridor.next(), by=world.uz.list_keys[:2])
    with pytest.raises(ListBelowThreshold):
        corridor.offer(corridor.next(), by=corridor.side.list_keys[:1])
    with pytest.raises(ListOfAnotherCountry):
        corridor.offer(corridor.next(country="UZ"))
    with pytest.raises(ListOfAnotherEnvironment):
        corridor.offer(corridor.next(env=Environment.PRODUCTION))


VANISHED: dict[str, Edit] = {
    "node": lambda old: replace(old, nodes=()),
    "body": lambda old: replace(old, bodies=()),
    "signer": lambda old: with_body(old, signers=()),
    "signatory": lambda old: with_body(old, signatories=()),
}


@pytest.mark.parametrize("what", VANISHED)
def test_no_row_vanishes(corridor: Corridor, what: str) -> None:
    offered = VANISHED[what](corridor.next())
    assert f"the {what} " in refusal(ListRowVanished, "list-row-vanished", lambda: corridor.offer(offered))


def test_no_row_vanishes_in_a_new_epoch_either(corridor: Corridor) -> None:
    offered, keys = corridor.renewed(bodies=())
    refusal(ListRowVanished, "list-row-vanished", lambda: corridor.offer(offered, by=keys))


def test_rows_may_be_added(corridor: Corridor) -> None:
    side = corridor.side
    key = side.make_key("added", Purpose.DOCUMENT, [side.body, f"{side.body}#{SCHEME}"])
    body = corridor.first.list.bodies[0]
    person = SignatoryRow("s-2", "Another", TODAY, TODAY)
    corridor.offer(
        with_body(
            corridor.next(),
            signers=(*body.signers, side.signer_row(key)),
            signatories=(*body.signatories, person),
        )
    )


def revoked(status: SignerStatus, since: timedelta = timedelta(0)) -> Edit:
    return lambda old: with_signer(old, status=status, status_from=AT + since)


def test_a_signer_may_be_retired_then_revoked_and_from_earlier(corridor: Corridor) -> None:
    steps = [
        revoked(SignerStatus.RETIRED),
        revoked(SignerStatus.RETIRED, -DAY),
        revoked(SignerStatus.REVOKED, -DAY),
        revoked(SignerStatus.REVOKED, -2 * DAY),
    ]
    adopted = corridor.first
    for version, step in enumerate(steps, start=2):
        offered = step(replace(corridor.first.list, version=version, previous=adopted.digest))
        corridor.offer(offered, adopted=adopted)
        adopted = corridor.side.believed(offered)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (revoked(SignerStatus.REVOKED), lambda old: old, "was revoked and is active again"),
        (revoked(SignerStatus.REVOKED), revoked(SignerStatus.RETIRED), "was revoked and is retired again"),
        (revoked(SignerStatus.RETIRED), lambda old: old, "was retired and is active again"),
        (revoked(SignerStatus.REVOKED), revoked(SignerStatus.REVOKED, SECOND), "moved later"),
        (revoked(SignerStatus.RETIRED), revoked(SignerStatus.REVOKED, SECOND), "moved later"),
    ],
)
def test_a_revocation_is_not_taken_back_nor_moved_later(
    corridor: Corridor, before: Edit, after: Edit, said: str
) -> None:
    adopted = corridor.side.believed(before(corridor.first.list))
    offered = after(corridor.next(previous=adopted.digest))
    assert said in refusal(ListRowRewritten, "list-row-rewritten", lambda: corridor.offer(offered, adopted=adopted))


@pytest.mark.parametrize("change", ["from_", "until", "certificate"])
def test_the_key_and_the_dates_of_a_signer_are_not_rewritten(corridor: Corridor, change: str) -> None:
    side = corridor.side
    row = side.signer_row(side.document)
    shorter = with_signer(corridor.first.list, until=row.until - DAY)
    adopted = side.believed(shorter)
    other = {"from_": row.from_ + SECOND, "until": row.until, "certificate": recertified(side)}[change]
    offered = with_signer(replace(shorter, version=2, previous=adopted.digest), **{change: other})
    if change == "certificate":
        offered = with_signer(offered, from_=row.from_, until=row.until - DAY)
    said = refusal(ListRowRewritten, "list-row-rewritten", lambda: corridor.offer(offered, adopted=adopted))
    assert "the key or the dates" in said


def recertified(side: Side) -> bytes:
    """Return a second certificate of the root for the same key of the body's document signer."""
    from cryptography import x509  # noqa: PLC0415  only this helper certifies a key anew
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    from registry.signing.key_file import read_p256  # noqa: PLC0415
    from tests.core.world import SECRET  # noqa: PLC0415

    old = x509.load_der_x509_certificate(side.document.certificate)
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, old.public_key(), 99, old.not_valid_before_utc, old.not_valid_after_utc
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(read_p256(side.authority.folder, "root", SECRET), hashes.SHA384()).public_bytes(Encoding.DER)


def test_the_dates_of_a_signer_may_be_shortened_and_its_use_moved_within_them(corridor: Corridor) -> None:
    corridor.offer(with_signer(corridor.next(), use_until=AT, until=AT + DAY))
    corridor.offer(with_signer(corridor.next(), use_until=AT + USE))


def test_log_and_witness_keys_change_by_a_new_epoch_only(world: World, corridor: Corridor) -> None:
    side, row = corridor.side, corridor.first.list.nodes[0]
    for changes in (
        {"log": replace(row.log, vkey=replace(side.log.vkey, public=world.uz.log.vkey.public))},
        {"witness": replace(row.witness, vkey=replace(side.witness.vkey, public=world.uz.witness.vkey.public))},
    ):
        offered = with_node(corridor.next(), **changes)
        with pytest.raises(ListNodeKeyChanged) as refused:
            corridor.offer(offered)
        assert refused.value.code == "list-node-key-changed"
        renewed, keys = corridor.renewed()
        corridor.offer(with_node(renewed, **changes), by=keys)


def test_the_node_key_may_change_in_an_epoch(corridor: Corridor) -> None:
    key = corridor.side.make_key("node-2", Purpose.NODE, [corridor.side.node_id])
    corridor.offer(with_node(corridor.next(), certificate=key.certificate))
