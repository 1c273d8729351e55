"""A node says every five minutes how fresh its word is, and a peer's verdicts are no fresher than what it was told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from registry.cli.freshening import Stating, stating_of
from registry.core.canonical import Json
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.tlog.entry import Kind
from registry.core.trust.freshness import (
    FRESH_FOR,
    MADE_EVERY,
    Freshness,
    FreshnessNotNewer,
    FreshnessNotTrusted,
    FreshnessStale,
    SentTo,
)
from registry.core.verification.bundle import Bundle, Heard
from registry.core.verification.verdict import Check, Indication
from registry.store import acts, channel, freshness, tasks
from registry.store.acts import Actor
from registry.store.guard import Mark, of_log
from registry.store.tasks import TaskKind
from registry.usecases.channel.exchange_freshness import NothingStated, is_kept, keep, read_own, state
from registry.usecases.channel.find_unsent import find_unsent
from registry.usecases.channel.tell_waiting import tell_waiting
from registry.usecases.node.find_standstill import find_standstill
from registry.usecases.tlog.extend_log import LogBehind
from tests.kit import AT, HEARD, Corridor, Country, draft_list, list_signers, sign_list
from tests.usecases.verification.test_export_bundle import export

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def said_by(country: Country) -> Freshness:
    return Freshness.parse(Envelope.parse(country.states(), Typ.FRESHNESS).payload)


def as_of(country: Country, number: str, check: Check = Check.STATUS) -> datetime | None:
    found = country.asks(number).verdict.finding(check)
    assert found is not None
    return found.as_of


def answer(country: Country, number: str) -> tuple[Indication, str]:
    verdict = country.asks(number).verdict
    found = verdict.decisive or verdict.finding(Check.STATUS)
    assert found is not None
    return verdict.indication, found.code


def test_a_statement_names_what_is_newest_here(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    with by.node.database.read() as tx, pytest.raises(NothingStated) as refusal:
        read_own(tx, by.did)
    assert str(refusal.value) == "this node has made no freshness statement yet"
    by.issued()
    by.deliver(uz)
    said, adopted = said_by(by), by.beliefs().list_of("BY")
    assert (said.issuer, said.env, said.as_of) == (by.did, "demo", AT)
    assert (said.trust_list.version, said.trust_list.digest) == (1, adopted.digest)
    assert said.agreements == tuple(by.beliefs().agreements)
    with by.node.database.read() as tx:
        assert said.sent == (SentTo(uz.did, 1, 1, channel.sent_digest(tx, uz.did, 1, 1)),)
    assert said.checkpoint is not None
    assert said.checkpoint.size == len(by.acts())


def test_a_statement_is_made_every_five_minutes_and_when_the_list_is_another(corridor: Corridor) -> None:
    by = corridor.by
    by.sequence()
    first = by.states()
    corridor.clock.forward(MADE_EVERY - timedelta(seconds=1))
    assert by.states() == first
    by.adopts(sign_list(draft_list(by.node), list_signers(corridor.forge, "BY")))
    by.sequence()
    second = said_by(by)
    assert (second.as_of, second.trust_list.version) == (corridor.clock(), 2)
    corridor.clock.forward(MADE_EVERY)
    assert said_by(by).as_of == corridor.clock()


def test_a_node_that_is_behind_states_nothing(corridor: Corridor) -> None:
    """What it would say of its log and its messages takes back what it has said."""
    by = corridor.by
    by.sequence()
    assert Stating(by.node).run() is False
    with by.tx() as tx:
        before = read_own(tx, by.did)
    by.clock.forward(timedelta(minutes=10))
    by.node.guard.advance(of_log(by.node.keyring.log.vkey.name), Mark(999, "ff"))
    with pytest.raises(LogBehind):
        Stating(by.node).run()
    with by.tx() as tx:
        assert read_own(tx, by.did) == before


def test_what_waits_makes_a_statement_as_old_as_itself(corridor: Corridor) -> None:
    """A statement that is newer than an annulment on its way would call a certificate good that is none."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    corridor.clock.forward(MINUTE)
    by.issued()
    corridor.clock.forward(MINUTE)
    assert said_by(by).as_of == AT + MINUTE - timedelta(seconds=1)
    by.sequence()
    corridor.clock.forward(MADE_EVERY)
    assert said_by(by).as_of == AT + MINUTE - timedelta(seconds=1)
    by.deliver(uz)
    assert said_by(by).as_of == corridor.clock()


def test_a_transaction_that_is_open_makes_a_statement_as_old_as_its_beginning(corridor: Corridor) -> None:
    """It may have annulled a certificate, and nobody sees that before it commits."""
    by = corridor.by
    by.sequence()
    with by.tx() as open_:
        open_.execute(text("SELECT 1"))
        during = said_by(by).as_of
    assert during <= corridor.clock() - timedelta(seconds=1)
    corridor.clock.forward(MADE_EVERY)
    assert said_by(by).as_of == corridor.clock()


def test_a_long_look_at_one_moment_holds_back_no_statement(corridor: Corridor) -> None:
    """While `registry fsck` reads for an hour, a list that revokes a stolen key is told to the peers all the same."""
    by = corridor.by
    by.sequence()
    with by.node.database.snapshot() as reading:
        reading.execute(text("SELECT 1"))
        first = said_by(by)
        corridor.clock.forward(MINUTE)
        by.adopts(sign_list(draft_list(by.node), list_signers(corridor.forge, "BY")))
        by.sequence()
        second = said_by(by)
    assert (first.as_of, second.as_of) == (AT, AT + MINUTE)
    assert (first.trust_list.version, second.trust_list.version) == (1, 2)


def test_the_status_is_as_old_as_the_last_word_of_the_issuer(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    number = by.issued().number
    by.deliver(uz)
    assert as_of(uz, number) == HEARD
    uz.hears(by.states(), by)
    assert as_of(uz, number) == AT
    corridor.clock.forward(DAY)
    assert answer(uz, number) == (Indication.TOTAL_PASSED, "by-channel-only")
    corridor.clock.forward(timedelta(hours=1))
    assert answer(uz, number) == (Indication.INDETERMINATE, "status-stale")
    assert as_of(uz, number) == AT
    by.sequence()
    uz.hears(by.states(), by)
    assert answer(uz, number) == (Indication.TOTAL_PASSED, "by-channel-only")
    assert as_of(uz, number) == as_of(uz, number, Check.SIGNER) == AT + timedelta(hours=25)


def test_a_message_that_is_held_back_makes_the_word_stale(corridor: Corridor) -> None:
    """Freshness alone does not help whoever lets statements pass and keeps an annulment: it names the message."""
    by, uz = corridor.by, corridor.uz
    certificate = by.issued()
    by.deliver(uz)
    corridor.clock.forward(MINUTE)
    uz.hears(by.states(), by)
    corridor.clock.forward(MINUTE)
    by.annulled(certificate)
    by.sequence()
    by.messages(uz)
    corridor.clock.forward(MADE_EVERY)
    uz.hears(by.states(), by)
    assert as_of(uz, certificate.number) == AT + MINUTE
    corridor.clock.forward(MADE_EVERY)
    uz.hears(by.states(), by)
    assert as_of(uz, certificate.number) == AT + MINUTE
    assert answer(uz, certificate.number) == (Indication.TOTAL_PASSED, "by-channel-only")
    corridor.clock.forward(FRESH_FOR)
    by.sequence()
    uz.hears(by.states(), by)
    assert answer(uz, certificate.number) == (Indication.INDETERMINATE, "status-stale")
    (line,) = find_standstill(uz.beliefs(), "UZ", uz.clock())
    assert line.startswith("every verdict on what BY issued is INDETERMINATE (status-stale): ")
    assert f"the last word of {by.did} is of {(AT + MINUTE).isoformat()}" in line
    by.deliver(uz)
    assert answer(uz, certificate.number) == (Indication.TOTAL_FAILED, "annulled")


def test_who_had_sent_nothing_is_believed_though_a_message_came_sooner_than_the_statement(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    before = by.states()
    corridor.clock.forward(MINUTE)
    number = by.issued().number
    by.deliver(uz)
    uz.hears(before, by)
    assert (answer(uz, number)[0], as_of(uz, number)) == (Indication.TOTAL_PASSED, AT)


def test_who_says_to_have_sent_nothing_after_a_message_came_is_not_believed(corridor: Corridor) -> None:
    """Minsk was restored to before its first message."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    nothing_sent = said_by(by)
    assert nothing_sent.sent == ()
    number = by.issued().number
    by.deliver(uz)
    corridor.clock.forward(MINUTE)
    later = replace(nothing_sent, as_of=corridor.clock())
    uz.hears(seal(later.encode(), Typ.FRESHNESS, by.node.keyring.node).text, by)
    assert as_of(uz, number) == HEARD


def test_what_no_courier_writes_makes_a_statement_as_old_as_itself_and_is_a_task(corridor: Corridor) -> None:
    """The settings lost the address of a node: whoever was written to before misses what it is not sent."""
    by, uz = corridor.by, corridor.uz
    certificate = by.issued()
    by.deliver(uz)
    corridor.clock.forward(MINUTE)
    by.annulled(certificate)
    by.sequence()
    corridor.clock.forward(10 * MINUTE)
    unserved = stating_of(by.node)
    assert unserved.serves == ()
    with by.tx() as tx:
        said = state(tx, unserved, by.beliefs(), at=by.clock())
        uz.hears(read_own(tx, by.did), by)
    assert said is not None
    assert said.as_of == AT + MINUTE - timedelta(seconds=1)
    corridor.clock.forward(DAY)
    assert answer(uz, certificate.number) == (Indication.INDETERMINATE, "status-stale")
    with by.tx() as tx:
        assert tell_waiting(tx, by.beliefs(), "BY", at=by.clock()) == 1
        (task,) = tasks.open_tasks(tx, TaskKind.MESSAGES_WAITING)
    assert (task.subject, task.detail) == (uz.did, {"since": (AT + MINUTE).isoformat()})


def test_a_month_that_is_stated_to_another_node_of_a_country_holds_back_no_word_to_this_one(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    assert waiting_once_stated(by, to="did:web:customs.uz.registry.example") == {}
    assert waiting_once_stated(by, to=uz.did) == {uz.did: by.clock()}


def waiting_once_stated(country: Country, *, to: str) -> Mapping[str, datetime]:
    """Return what waits once the log has the act of a month that was stated to a node."""
    private: dict[str, Json] = {"month": "2026-10", "side": "issued", "part": 1, "parts": 1}
    at, draw = country.clock(), country.node.draw
    with country.tx() as tx:
        acts.record(
            tx,
            Kind.MONTH_STATED,
            private,
            by=Actor(country.did),
            at=at,
            draw=draw,
            to="UZ",
            digest="0" * 64,
            subject=to,
        )
    country.sequence()
    with country.tx() as tx:
        return find_unsent(tx, country.beliefs(), country.code)


def test_a_list_that_is_named_and_not_adopted_leaves_the_signer_open(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    number = by.issued().number
    by.deliver(uz)
    following = sign_list(draft_list(by.node), list_signers(corridor.forge, "BY"))
    by.adopts(following)
    by.sequence()
    corridor.clock.forward(MINUTE)
    uz.hears(by.states(), by)
    assert answer(uz, number) == (Indication.INDETERMINATE, "list-behind")
    (line,) = find_standstill(uz.beliefs(), "UZ", uz.clock())
    assert line.startswith("every verdict on what BY issued is INDETERMINATE (list-behind): ")
    assert f"{by.did} names a newer one" in line
    uz.adopts(following)
    assert answer(uz, number) == (Indication.TOTAL_PASSED, "by-channel-only")


def test_a_statement_is_kept_once_and_never_replaced_by_an_older_one(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    older = by.states()
    with uz.tx() as tx:
        assert not is_kept(tx, older, by.did)
    uz.hears(older, by)
    with uz.tx() as tx:
        assert is_kept(tx, older, by.did)
        nothing_sent = Freshness.parse(Envelope.parse(older, Typ.FRESHNESS).payload).last(uz.did)
        assert not freshness.move(tx, by.did, older, as_of=AT, last=nothing_sent)
    with uz.refuses(FreshnessNotNewer) as refused:
        keep(refused.tx, older, by.did, uz.beliefs(), own=uz.did, env="demo", at=AT)
    corridor.clock.forward(FRESH_FOR + MINUTE)
    with uz.refuses(FreshnessStale) as refused:
        keep(refused.tx, older, by.did, uz.beliefs(), own=uz.did, env="demo", at=corridor.clock())


def test_a_bundle_carries_the_statements_by_which_its_lists_are_the_newest(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    said = by.states()
    uz.hears(said, by)
    bundle = Bundle.parse(export(uz).payload)
    assert bundle.freshness == (said,)
    assert bundle.heard == (Heard(by.did, AT),)


def test_a_peer_whose_list_is_not_adopted_yet_delays_no_statement(corridor: Corridor) -> None:
    by = corridor.by
    by.sequence()
    stating = replace(stating_of(by.node), serves=("did:web:kz.registry.example",))
    with by.tx() as tx:
        said = state(tx, stating, by.beliefs(), at=AT)
    assert said is not None
    assert said.as_of == AT


def test_only_a_node_of_an_adopted_list_is_heard(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    payload = Envelope.parse(by.states(), Typ.FRESHNESS).payload
    stranger = seal({**payload, "issuer": uz.did}, Typ.FRESHNESS, uz.node.keyring.node).text
    nobody = stranger.replace(uz.did, by.did)
    for statement in (stranger, nobody):
        with uz.refuses(Exception) as refused:
            keep(refused.tx, statement, by.did, uz.beliefs(), own=uz.did, env="demo", at=AT)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("DELETE FROM agreement"))
        tx.execute(text("DELETE FROM trust_list WHERE country = 'BY'"))
    with uz.refuses(FreshnessNotTrusted) as unknown:
        keep(unknown.tx, by.states(), by.did, uz.beliefs(), own=uz.did, env="demo", at=AT)


def test_a_statement_that_was_tampered_with_says_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    uz.hears(by.states(), by)
    assert uz.beliefs().words[by.did].as_of == AT
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("UPDATE freshness SET text = 'x', met = 'x'"))
    assert uz.beliefs().words[by.did].as_of is None
    assert "freshness" not in export(uz).payload


def test_no_message_is_a_word_of_what_may_be_still_to_come(corridor: Corridor) -> None:
    """A node that was long away sends what it recorded meanwhile: the annulment stands in the last of its messages."""
    by, uz = corridor.by, corridor.uz
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("DELETE FROM freshness"))
    annulled = by.issued()
    by.annulled(annulled)
    by.sequence()
    first, last = by.messages(uz)
    corridor.clock.forward(MINUTE)
    uz.take(first)
    assert answer(uz, annulled.number) == (Indication.INDETERMINATE, "status-stale")
    uz.take(last)
    assert answer(uz, annulled.number) == (Indication.TOTAL_FAILED, "annulled")
