"""Rules of adoption, and the attacks that TUF names: each has its own refusal, and the old list stays."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
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
    ListBodyForgotten,
    ListDoesNotFollow,
    ListEpochNotPinned,
    ListExpired,
    ListForked,
    ListFromFuture,
    ListKeyReused,
    ListLivesTooLong,
    ListLogReplaced,
    ListNodeKeyChanged,
    ListNotNewer,
    ListRevocationLater,
    ListRevocationUndone,
    ListRowRewritten,
    ListRowVanished,
    ListWitnessForgotten,
    check_adoptable,
)
from registry.core.trust.believed_list import (
    BelievedList,
    ListBelowThreshold,
    ListNotTrusted,
    ListOfAnotherCountry,
    ListOfAnotherEnvironment,
    believe,
)
from registry.core.trust.document_signer import Purpose
from registry.core.trust.trust_list import (
    BodyRole,
    FormerBody,
    FormerWitness,
    ListKey,
    LogKey,
    SignatoryRow,
    SignerStatus,
    TrustList,
    WitnessKey,
)
from registry.signing.ceremony import USE
from tests.core.world import AT, BORN, SCHEME, TODAY, Side, World, with_body, with_node, with_signer

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
Edit = Callable[[TrustList], TrustList]
UNDONE, LATER = ListRevocationUndone, ListRevocationLater


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
    code = "list-epoch-not-pinned"
    refusal(ListEpochNotPinned, code, lambda: check_adoptable(believed, None, frozenset(), AT))


def test_two_lists_of_one_version_do_not_both_follow(corridor: Corridor) -> None:
    """The next version names the digest of the one that it follows: a split view shows at once."""
    other = corridor.side.believed(replace(corridor.first.list, issued_at=AT - SECOND))
    follows = corridor.next(previous=other.digest)
    said = refusal(ListDoesNotFollow, "list-does-not-follow", lambda: corridor.offer(follows))
    assert "does not follow" in said
    unnamed = corridor.next(previous=None)
    refusal(ListDoesNotFollow, "list-does-not-follow", lambda: corridor.offer(unnamed))
    refusal(ListForked, "list-forked", lambda: corridor.offer(other.list))


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
    ("before", "after", "kind", "said"),
    [
        (revoked(SignerStatus.REVOKED), lambda old: old, UNDONE, "was revoked and is active again"),
        (revoked(SignerStatus.REVOKED), revoked(SignerStatus.RETIRED), UNDONE, "was revoked and is retired again"),
        (revoked(SignerStatus.RETIRED), lambda old: old, UNDONE, "was retired and is active again"),
        (revoked(SignerStatus.REVOKED), revoked(SignerStatus.REVOKED, SECOND), LATER, "moved later"),
        (revoked(SignerStatus.RETIRED), revoked(SignerStatus.REVOKED, SECOND), LATER, "moved later"),
    ],
)
def test_a_revocation_is_not_taken_back_nor_moved_later(
    corridor: Corridor, before: Edit, after: Edit, kind: type[RegistryError], said: str
) -> None:
    adopted = corridor.side.believed(before(corridor.first.list))
    offered = after(corridor.next(previous=adopted.digest))
    assert said in refusal(kind, kind.code, lambda: corridor.offer(offered, adopted=adopted))


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


def test_the_key_of_a_log_never_changes(world: World, corridor: Corridor) -> None:
    """Whoever began another history would have to begin another log, under another name."""
    log = replace(
        corridor.first.list.nodes[0].log, vkey=replace(corridor.side.log.vkey, public=world.uz.log.vkey.public)
    )
    said = refusal(
        ListNodeKeyChanged, "list-node-key-changed", lambda: corridor.offer(with_node(corridor.next(), log=log))
    )
    assert "changed in an epoch" in said
    renewed, keys = corridor.renewed()
    said = refusal(ListLogReplaced, "list-log-replaced", lambda: corridor.offer(with_node(renewed, log=log), by=keys))
    assert "its history would be lost" in said


def called(name: str, until: date, role: BodyRole = BodyRole.AUTHORISED) -> FormerBody:
    return FormerBody(name, role, until)


def test_a_body_is_renamed_by_a_list_that_keeps_its_former_name(corridor: Corridor) -> None:
    name, said = corridor.side.body_name, corridor.first.list.issued_at.date()
    role = {"role": BodyRole.VERIFYING}
    for until in (said - DAY, said, said + DAY):
        corridor.offer(with_body(corridor.next(issued_at=AT), name="Б", former=(called(name, until),)))
        corridor.offer(with_body(corridor.next(issued_at=AT), former=(called(name, until),), **role))
    twice = with_body(corridor.next(issued_at=AT, version=5), name="В", former=(called(name, said), called("Б", said)))
    corridor.offer(twice)
    back = with_body(corridor.next(issued_at=AT, version=5), former=(called(name, said), called("Б", said + DAY)))
    corridor.offer(back)


@pytest.mark.parametrize("role", [BodyRole.AUTHORISED, BodyRole.VERIFYING])
def test_a_list_that_renames_a_body_and_forgets_what_it_was_is_refused(corridor: Corridor, role: BodyRole) -> None:
    """Whoever steals list keys could else make all that a body ever issued pass no more, by one word."""
    name, said = corridor.side.body_name, corridor.first.list.issued_at.date()
    renamed = {"name": "Б"} if role is BodyRole.AUTHORISED else {"role": role}
    for rows in (
        (),
        (called("А", said),),
        (called(name, said, BodyRole.CENTRAL),),
        (called(name, said - 2 * DAY),),
        (called("А", said + DAY), called("Б", said + DAY)),
    ):
        offered = with_body(corridor.next(issued_at=AT), **renamed, former=rows)
        refused = refusal(ListBodyForgotten, "list-body-forgotten", functools.partial(corridor.offer, offered))
        assert f"what {corridor.side.body} was notified as before" in refused


def test_a_new_epoch_forgets_no_former_name_either(corridor: Corridor) -> None:
    renewed, keys = corridor.renewed()
    offered = with_body(renewed, name="Б")
    refusal(ListBodyForgotten, "list-body-forgotten", lambda: corridor.offer(offered, by=keys))


def test_a_former_name_stays_what_it_is_and_where_it_is(corridor: Corridor) -> None:
    side = corridor.side
    said = corridor.first.list.issued_at.date()
    kept = (called("А", said - 9 * DAY), called("Б", said - 5 * DAY))
    adopted = side.believed(with_body(corridor.first.list, former=kept))
    second = with_body(corridor.next(issued_at=AT, previous=adopted.digest), former=kept)
    corridor.offer(second, adopted=adopted)
    corridor.offer(with_body(second, name="В", former=(*kept, called(side.body_name, said))), adopted=adopted)
    for rows in (
        (),
        kept[1:],
        kept[:1],
        (called("А", said - 8 * DAY), kept[1]),
        (kept[0], called("Бэ", said - 5 * DAY)),
        (kept[0], called("Б", said - 5 * DAY, BodyRole.CENTRAL)),
        (called("Ы", said - 10 * DAY), *kept),
        (*kept, called("Ы", said + DAY)),
    ):
        offered = with_body(second, former=rows)
        refusal(ListBodyForgotten, "list-body-forgotten", functools.partial(corridor.offer, offered, adopted=adopted))


def former(side: Side, number: int = 1, until: datetime | None = None) -> FormerWitness:
    """Return the row of the first key of the witness, or of a later one, which counts up to the list's issue."""
    name = f"{side.name}/witness" if number == 1 else f"{side.name}/witness-{number}"
    vkey = side.witness.vkey if number == 1 else side.make_witness(name).vkey
    return FormerWitness(name, vkey, until or side.trust_list.issued_at)


def present(side: Side, number: int) -> WitnessKey:
    key = former(side, number)
    return WitnessKey(key.name, key.vkey)


def test_a_witness_key_is_replaced_in_a_new_epoch_that_keeps_it_for_what_it_cosigned(corridor: Corridor) -> None:
    side = corridor.side
    renewed, keys = corridor.renewed()
    kept = with_node(renewed, witness=present(side, 2), former_witnesses=(former(side),))
    corridor.offer(kept, by=keys)
    corridor.offer(with_node(kept, former_witnesses=(former(side, until=BORN),)), by=keys)
    said = refusal(
        ListWitnessForgotten,
        "list-witness-forgotten",
        lambda: corridor.offer(with_node(renewed, witness=present(side, 2)), by=keys),
    )
    assert "was replaced and not kept" in said


@pytest.mark.parametrize(
    "change",
    [
        lambda side: {"witness": present(side, 2)},
        lambda side: {"witness": present(side, 2), "former_witnesses": (former(side),)},
        lambda side: {"former_witnesses": (former(side, 2),)},
    ],
    ids=["replaced", "replaced and kept", "a former key that nobody knew"],
)
def test_no_witness_key_comes_within_an_epoch(corridor: Corridor, change: Callable[[Side], dict[str, Any]]) -> None:
    """Whoever steals the list keys of an epoch could else make themselves a witness, under a former name too."""
    offered = with_node(corridor.next(), **change(corridor.side))
    said = refusal(ListNodeKeyChanged, "list-node-key-changed", lambda: corridor.offer(offered))
    assert "changed in an epoch" in said


def test_a_former_key_stays_and_its_end_moves_earlier_only(corridor: Corridor) -> None:
    side = corridor.side
    renewed, keys = corridor.renewed()
    first = with_node(
        replace(renewed, issued_at=AT - DAY),
        witness=present(side, 2),
        former_witnesses=(former(side, until=AT - 3 * DAY),),
    )
    adopted = side.believed(first, keys)
    second = replace(first, version=2, previous=adopted.digest)
    for rows in ((former(side, until=AT - 3 * DAY),), (former(side, until=AT - 4 * DAY),)):
        corridor.offer(with_node(second, former_witnesses=rows), by=keys, adopted=adopted)
    for gone in ((), (former(side, until=AT - 2 * DAY),)):
        offered = with_node(second, former_witnesses=gone)
        said = refusal(
            ListWitnessForgotten,
            "list-witness-forgotten",
            functools.partial(corridor.offer, offered, by=keys, adopted=adopted),
        )
        assert "is gone, or counts for longer" in said
    third, newest = corridor.renewed(3)
    later = with_node(
        third, witness=present(side, 3), former_witnesses=(former(side, until=AT - 3 * DAY), former(side, 2))
    )
    corridor.offer(later, by=newest, adopted=adopted, keys=corridor.first.list_keys)
    forgotten = with_node(later, former_witnesses=(former(side, 2),))
    refusal(
        ListWitnessForgotten,
        "list-witness-forgotten",
        lambda: corridor.offer(forgotten, by=newest, adopted=adopted, keys=corridor.first.list_keys),
    )


def test_a_node_may_be_added_and_has_its_own_witness(corridor: Corridor) -> None:
    name = "customs.by.registry.example"
    node = corridor.side.make_key("node-customs", Purpose.NODE, [f"did:web:{name}"])
    first = corridor.first.list.nodes[0]
    more = replace(
        first,
        id=f"did:web:{name}",
        certificate=node.certificate,
        log=LogKey(f"{name}/log", replace(first.log.vkey, name=f"{name}/log")),
        witness=WitnessKey(f"{name}/witness", replace(first.witness.vkey, name=f"{name}/witness")),
    )
    corridor.offer(corridor.next(nodes=(first, more)))


def test_the_node_key_may_change_in_an_epoch(corridor: Corridor) -> None:
    key = corridor.side.make_key("node-2", Purpose.NODE, [corridor.side.node_id])
    corridor.offer(with_node(corridor.next(), certificate=key.certificate))
