"""What a draft of a trust list changes is told in lines, a row at a time."""

from dataclasses import replace
from datetime import date, timedelta

from registry.core.trust.list_changes import list_changes
from registry.core.trust.trust_list import BodyRole, FormerBody, SignatoryRow, SignerRow, SignerStatus, TrustList
from tests.core.world import World, with_body


def listed(world: World) -> TrustList:
    return world.sides["BY"].trust_list


def test_a_list_that_only_goes_on_changes_nothing(world: World) -> None:
    before = listed(world)
    after = replace(before, version=before.version + 1, expires_at=before.expires_at + timedelta(days=1))
    assert list_changes(before, after) == []


def test_a_first_list_adds_every_row(world: World) -> None:
    first = listed(world)
    lines = list_changes(None, first)
    rows = [len(first.list_keys), len(first.nodes), len(first.bodies), len(list(first.signers()))]
    assert len(lines) == sum(rows) + sum(len(body.signatories) for body in first.bodies)
    assert all(" is added: " in line for line in lines)


def test_each_row_that_is_added_ended_or_altered_has_a_line(world: World) -> None:
    before = listed(world)
    body, *others = before.bodies
    signer = body.signers[0]
    person = SignatoryRow("p-9", "Новый подписант", date(2026, 11, 20), date(2027, 11, 20))
    ended = replace(signer, status=SignerStatus.REVOKED, status_from=signer.from_, reason="stolen")
    altered = replace(
        body, name="Другое имя", role=BodyRole.CENTRAL, signers=(ended, *body.signers[1:]), signatories=(person,)
    )
    after = replace(before, bodies=(altered, *others), list_keys=before.list_keys[1:])
    lines = list_changes(before, after)
    assert f"list key {before.list_keys[0].kid} is gone" in lines
    (said,) = (line for line in lines if line.startswith("document signer"))
    assert said.startswith(f"document signer {signer.kid} is altered: ")
    assert all(word in said for word in ("status revoked", "reason stolen", "status_from "))
    assert "certificate" not in said
    assert any(line.startswith(f"body {body.id} is altered: ") and "name Другое имя" in line for line in lines)
    assert f"signatory of {body.code} p-9 is added: " in "\n".join(lines)
    for row in body.signatories:
        assert f"signatory of {body.code} {row.id} is gone" in lines


def test_a_draft_that_leaves_a_body_without_a_key_says_from_when_and_until_when(world: World) -> None:
    before = listed(world)
    (body,) = before.bodies
    (signer,) = body.signers
    now = before.issued_at
    later, retired_at = now + timedelta(days=4), now + timedelta(days=1)
    retired = replace(signer, status=SignerStatus.RETIRED, status_from=retired_at)
    following = replace(signer, kid=f"{body.id}#next", from_=later, use_until=later + timedelta(days=9))

    def attention(*signers: SignerRow) -> list[str]:
        lines = list_changes(before, with_body(before, signers=signers))
        return [line for line in lines if line.startswith("ATTENTION: ")]

    nothing = f"{body.code} has no document signer and issues nothing"
    assert attention(signer, following) == []
    assert attention(retired, replace(following, from_=retired_at)) == []
    assert attention(retired, following) == [
        f"ATTENTION: from {retired_at.isoformat()} until {later.isoformat()} {nothing}"
    ]
    assert attention(retired) == [f"ATTENTION: from {retired_at.isoformat()} {nothing}"]
    assert attention(following) == [f"ATTENTION: from {now.isoformat()} until {later.isoformat()} {nothing}"]
    assert attention() == []


def test_what_a_body_was_called_before_has_a_line_of_its_own(world: World) -> None:
    before = listed(world)
    (body,) = before.bodies
    former = FormerBody(body.name, body.role, date(2026, 11, 20))
    once = with_body(before, name="Б", former=(former,))
    assert list_changes(before, once) == [
        f"body {body.id} is altered: name Б",
        f"former name of {body.code} 1 is added: name {body.name}; role authorised; until 2026-11-20",
    ]
    twice = with_body(once, name="В", former=(former, replace(former, name="Б", role=BodyRole.CENTRAL)))
    assert list_changes(once, twice) == [
        f"body {body.id} is altered: name В",
        f"former name of {body.code} 2 is added: name Б; role central; until 2026-11-20",
    ]


def test_what_is_long_is_told_by_its_name(world: World) -> None:
    before = listed(world)
    other = replace(before.list_keys[0], certificate=b"x" * 300)
    (line,) = list_changes(before, replace(before, list_keys=(other, *before.list_keys[1:])))
    assert line == f"list key {other.kid} is altered: another certificate"


def test_list_keys_that_go_without_a_new_epoch_are_warned_of(world: World) -> None:
    before = listed(world)
    fewer = replace(before, version=before.version + 1, list_keys=before.list_keys[1:])
    said = (
        f"ATTENTION: 1 of {len(before.list_keys)} list keys are gone, and the epoch stays {before.epoch}: they may be "
        "named again. Where the keys were replaced, or may be stolen, draft it with --new-epoch"
    )
    assert said in list_changes(before, fewer)
    for known, after in ((None, fewer), (before, before), (before, replace(fewer, epoch=before.epoch + 1))):
        assert said not in list_changes(known, after)
