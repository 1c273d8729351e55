"""What must hold when many do the same at once: the database decides, not the order of arrival."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.api.issuer import issuer_of
from registry.core.application.lifecycle import IllegalMove, Part, State
from registry.core.certificate.lifecycle import AlreadyAnnulled
from registry.core.errors import RegistryError
from registry.core.tlog.entry import Kind
from registry.store import applications, certificates, replies, serials
from registry.usecases.application import examine_application, submit_application
from registry.usecases.application.find_application import AnotherPart, ApplicationNotFound, play
from registry.usecases.certificate import change_status, issue_certificate
from registry.usecases.certificate.change_status import AnnulmentOpen
from registry.usecases.party.identify_party import identify_once
from registry.usecases.tlog.extend_log import extend
from tests.kit import Corridor
from tests.usecases.tlog.test_extend_log import check_history

RACERS = 50
ResultT = TypeVar("ResultT")


def race(works: Sequence[Callable[[], ResultT]]) -> list[ResultT | RegistryError]:
    """Start all at once, and return what each came to, refusals among it."""
    start = Barrier(len(works))

    def run(work: Callable[[], ResultT]) -> ResultT | RegistryError:
        start.wait()
        try:
            return work()
        except RegistryError as refusal:
            return refusal

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def outcomes(results: Sequence[object]) -> Counter[type]:
    return Counter(type(result) for result in results)


def test_fifty_signatories_at_once_issue_one_certificate(corridor: Corridor) -> None:
    by = corridor.by
    approved, beliefs, issuer = by.approved(), by.beliefs(), issuer_of(by.node)

    def issue(who: str) -> Callable[[], object]:
        def work() -> object:
            with by.tx() as tx:
                return issue_certificate.issue(tx, approved.id, str(approved.draft), issuer, beliefs, **by.by(who))

        return work

    results = race([issue(("signatory", "second_signatory")[racer % 2]) for racer in range(RACERS)])
    assert outcomes(results)[IllegalMove] == RACERS - 1
    assert len(by.everything()["certificate"]) == len(by.acts(Kind.CERTIFICATE_ISSUED)) == 1
    assert len(by.everything()["status_index"]) == 1
    with by.node.database.read() as tx:
        parts = Counter(row.part for row in applications.parts(tx, approved.id))
    assert parts[Part.SIGNATORY] == 1


def test_one_person_who_races_for_every_part_plays_one(corridor: Corridor) -> None:
    by = corridor.by
    drafted, person = by.draft(), by.people["everything"]

    def claim(part: Part) -> Callable[[], object]:
        def work() -> object:
            with by.tx() as tx:
                play(tx, drafted, part, by=person, at=by.clock())
                return part

        return work

    results = race([claim(list(Part)[racer % 3]) for racer in range(RACERS)])
    played = {result for result in results if isinstance(result, Part)}
    assert len(played) == 1
    assert outcomes(results)[AnotherPart] == RACERS - sum(isinstance(result, Part) for result in results)
    with by.node.database.read() as tx:
        (row,) = [row for row in applications.parts(tx, drafted.id) if row.person == person.person]
    assert row.part == played.pop()


def test_whatever_people_with_several_roles_race_to_do_three_people_made_the_certificate(corridor: Corridor) -> None:
    by = corridor.by
    beliefs, issuer = by.beliefs(), issuer_of(by.node)
    by.people["exporter"] = by.people["everything"]
    claims = by.boxes()
    declared = claims["declaration"] | {"applicant": by.people["everything"].organisation_name}
    filed = [by.draft(declaration=declared).id for _ in range(3)]

    def any_move(id_: str, who: str) -> Callable[[], object]:
        def work() -> object:
            done = 0
            for _ in range(3):
                for move in (
                    lambda tx: submit_application.submit(tx, id_, beliefs, **by.by(who)),
                    lambda tx: examine_application.take_up(tx, id_, **by.by(who)),
                    lambda tx: examine_application.offer_draft(tx, id_, **by.by(who)),
                    lambda tx: submit_application.accept(tx, id_, str(by.application(id_).draft), **by.by(who)),
                    lambda tx: issue_certificate.issue(
                        tx, id_, str(by.application(id_).draft), issuer, beliefs, **by.by(who)
                    ),
                ):
                    try:
                        with by.tx() as tx:
                            move(tx)
                            done += 1
                    except RegistryError:
                        continue
            return done

        return work

    people = ("everything", "both", "signatory")
    race([any_move(id_, who) for id_ in filed for who in people for _ in range(2)])
    for id_, who in [(id_, who) for id_ in filed for _ in range(3) for who in people]:
        any_move(id_, who)()  # whoever was late finds the application where the race left it
    made = {
        Part.APPLICANT: {Kind.APPLICATION_DRAFTED, Kind.APPLICATION_SUBMITTED, Kind.APPLICATION_ACCEPTED},
        Part.EXAMINER: {Kind.APPLICATION_TAKEN_UP, Kind.APPLICATION_DRAFT_OFFERED},
        Part.SIGNATORY: {Kind.CERTIFICATE_ISSUED},
    }
    for id_ in filed:
        assert by.application(id_).state == State.ISSUED
        acts = [act for act in by.acts() if id_ in {act.subject, act.private.get("application")}]
        people_of = {part: {act.person for act in acts if act.kind in kinds} for part, kinds in made.items()}
        assert all(people_of.values())
        assert len(set.union(*people_of.values())) == sum(map(len, people_of.values()))


def test_two_people_who_confirm_an_annulment_at_once_change_the_status_once(corridor: Corridor) -> None:
    by = corridor.by
    issued, issuer = by.issued(), issuer_of(by.node)
    read = by.proposed(issued).id

    def confirm(who: str) -> Callable[[], object]:
        def work() -> object:
            with by.tx() as tx:
                return change_status.confirm(tx, issued.id, read, issuer, **by.by(who))

        return work

    results = race([confirm(("second_signatory", "examiner")[racer % 2]) for racer in range(RACERS)])
    assert outcomes(results)[AlreadyAnnulled] == RACERS - 1
    assert len(by.everything()["status_change"]) == len(by.acts(Kind.CERTIFICATE_STATUS)) == 1


def test_many_who_propose_an_annulment_at_once_open_one(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    results = race([lambda: by.proposed(issued) for _ in range(10)])
    assert outcomes(results)[AnnulmentOpen] == 9
    assert len(by.everything()["annulment"]) == 1


def test_two_hundred_numbers_by_eight_threads_have_no_gap_and_no_double(corridor: Corridor) -> None:
    by = corridor.by
    beliefs, issuer = by.beliefs(), issuer_of(by.node)
    approved = [by.approved() for _ in range(4)]

    def number(serial_of: int) -> int:
        with by.tx() as tx:
            serial = serials.allot(tx, str(by.people["signatory"].did), 2026)
            if serial_of % 5 == 0:
                tx.rollback()
                return 0
            return serial

    def issue(row: int) -> str:
        with by.tx() as tx:
            return issue_certificate.issue(
                tx, approved[row].id, str(approved[row].draft), issuer, beliefs, **by.by("signatory")
            ).number

    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(number, range(196)))
        numbers = list(pool.map(issue, range(4)))
    allotted = sorted(serial for serial in drawn if serial)
    assert allotted == list(range(1, len(allotted) + 1))
    assert sorted(int(number[-6:]) for number in numbers) == [len(allotted) + step for step in range(1, 5)]


def test_four_sequencers_write_one_history_without_a_gap(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    stop = len(by.acts()) + 60

    def act(who: int) -> None:
        for _ in range(10):
            with by.tx() as tx:
                tx.execute(text("SELECT pg_sleep(0.002)"))
                submit_application.draft(tx, by.form(), country="BY", **by.by(("exporter", "second_exporter")[who % 2]))

    def sequence(batch: int) -> int:
        extended = 0
        while len(by.everything()["log_entry"]) < stop:
            with by.tx() as tx:
                extended += extend(tx, signer.vkey.name, signer.sign, mark=None, at=by.clock(), batch=batch) is not None
        return extended

    with ThreadPoolExecutor(10) as pool:
        drafting = [pool.submit(act, who) for who in range(6)]
        sequencing = [pool.submit(sequence, batch) for batch in (1, 3, 7, 20)]
        assert all(work.result() is None for work in drafting)
        assert sum(work.result() for work in sequencing)
    assert check_history(by) == stop


def test_fifty_retries_with_one_key_do_the_work_once_and_are_answered_the_same_bytes(corridor: Corridor) -> None:
    by = corridor.by
    person, token = by.people["exporter"].person, by.tokens["exporter"]

    def request() -> bytes:
        with by.tx() as tx:
            _, kept = identify_once(tx, token, "one-key", "digest of the request", node=by.did, at=by.clock())
            if kept is not None:
                assert kept.body is not None
                return kept.body
            row = submit_application.draft(tx, by.form(), country="BY", **by.by("exporter"))
            replies.keep(tx, person, "one-key", status=201, headers={"ETag": '"1"'}, body=row.id.encode())
            return row.id.encode()

    results = race([request for _ in range(RACERS)])
    assert len({result for result in results if isinstance(result, bytes)}) == 1
    assert outcomes(results) == {bytes: RACERS}
    assert len(by.acts(Kind.APPLICATION_DRAFTED)) == 1


def test_a_retry_after_a_refusal_does_the_work_because_nothing_was_kept(corridor: Corridor) -> None:
    by = corridor.by

    def opened(tx: Session, who: str) -> replies.Reply | None:
        return identify_once(tx, by.tokens[who], "key", "request", node=by.did, at=by.clock())[1]

    with by.refuses(ApplicationNotFound) as refused:
        assert opened(refused.tx, "exporter") is None
        submit_application.withdraw(refused.tx, "no such application", **by.by("exporter"))
    with by.tx() as tx:
        assert opened(tx, "exporter") is None
        assert opened(tx, "stranger") is None


def test_a_certificate_of_someone_who_is_not_the_signatory_of_the_application_cannot_be_stored(
    corridor: Corridor,
) -> None:
    by = corridor.by
    issued = by.issued()
    other = by.approved()
    copied = {column.name: getattr(issued, column.name) for column in issued.__table__.columns}
    del copied["part"]
    copied |= {"id": "x", "digest": "y", "number": "Z", "act": None, "status_index": -1, "application": other.id}
    for who in ("examiner", "exporter", "second_signatory"):
        with pytest.raises(IntegrityError, match="signatory_of_application"), by.tx() as tx:
            tx.add(certificates.CertificateRow(**(copied | {"signatory": by.people[who].person})))
