import json
from datetime import date
from typing import Any

import pytest

from registry.core.canonical import MalformedJson, encode
from registry.core.certificate.outside import Outside, marks
from registry.core.envelope.jose import MalformedEnvelope
from registry.core.errors import RegistryError
from registry.core.record import MalformedRecord
from registry.core.verification.presentation import MAX_PRESENTATION, PENDING, Delivery, Presentation
from tests.core.world import Scene


def test_an_envelope_reads_back_with_its_proof(scene: Scene) -> None:
    shown = Presentation(scene.text, scene.proof)
    assert Presentation.parse(encode(shown.encode()).decode()) == shown
    assert Presentation.parse(json.dumps(shown.encode(), indent=2)) == shown


def test_a_proof_that_is_pending_is_none(scene: Scene) -> None:
    shown = Presentation(scene.text)
    assert shown.encode()["proof"] == PENDING
    assert Presentation.parse(encode(shown.encode()).decode()) == shown


def test_a_bare_certificate_is_a_presentation_without_proof(scene: Scene) -> None:
    assert Presentation.parse(f"  {scene.text}\n") == Presentation(scene.text)


def test_a_long_certificate_and_a_long_proof_are_read() -> None:
    shown = Presentation("a" * 500_000, "ў" * 50_000)
    assert Presentation.parse(encode(shown.encode()).decode()) == shown


def test_a_certificate_that_is_cut_off_anywhere_is_refused_and_judged_by_nobody(scene: Scene) -> None:
    for end in range(len(scene.text)):
        with pytest.raises(MalformedEnvelope) as refused:
            Presentation.parse(scene.text[:end])
    assert str(refused.value).endswith("it is no signed certificate, or cut off before its end")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("сертификат", MalformedEnvelope),
        ("{", MalformedJson),
        ('{"certificate":"\ud800"}', MalformedJson),
        ('{"certificate":"a","certificate":"b"}', MalformedJson),
        ('{"certificate":"a","nationalSignatures":[]}', MalformedRecord),
        ('{"certificate":"a","proof":"","nationalSignatures":[]}', MalformedRecord),
        ('{"certificate":"a","proof":null,"nationalSignatures":[]}', MalformedRecord),
        ('{"certificate":"a b","proof":"p","nationalSignatures":[]}', MalformedRecord),
        ('{"certificate":"a","proof":"p","nationalSignatures":{}}', MalformedRecord),
        ('{"certificate":"a","proof":"p","nationalSignatures":[7]}', MalformedRecord),
        ('{"certificate":"a","proof":"p","nationalSignatures":[],"more":1}', MalformedRecord),
        ("x" * (MAX_PRESENTATION + 1), MalformedRecord),
    ],
)
def test_any_other_text_is_refused(text: str, refusal: type[RegistryError]) -> None:
    with pytest.raises(refusal):
        Presentation.parse(text)


MARK = {"registered_on": "2026-11-23", "due_on": "2026-11-22"}


def test_a_message_delivers_what_a_holder_shows_and_whether_it_was_issued_outside(scene: Scene) -> None:
    shown = Presentation(scene.text, scene.proof)
    late = Outside(date(2026, 11, 23), date(2026, 11, 22))
    assert Delivery(shown, late).encode() == {**shown.encode(), "registration": MARK}
    for delivery in (Delivery(shown), Delivery(shown, late), Delivery(shown, Outside(date(2026, 11, 23)))):
        assert Delivery.of(delivery.encode()) == delivery
    with pytest.raises(MalformedRecord):
        Presentation.of(Delivery(shown, late).encode())


@pytest.mark.parametrize(
    "mark", [None, {}, "2026-11-23", {"due_on": "2026-11-23"}, {**MARK, "more": 1}, {"registered_on": "23.11.2026"}]
)
def test_a_mark_that_is_not_written_so_is_refused(scene: Scene, mark: Any) -> None:
    with pytest.raises(RegistryError):
        Delivery.of({**Presentation(scene.text).encode(), "registration": mark})


def test_what_came_after_the_day_it_was_due_is_late_and_without_a_day_nobody_knows() -> None:
    due = date(2026, 11, 23)
    outsiders = [None, Outside(due), Outside(due, due), Outside(date(2026, 11, 24), due)]
    assert [each and each.late for each in outsiders] == [None, None, False, True]
    assert [marks(each) for each in outsiders] == [(False, False), (True, False), (True, False), (True, True)]


def test_a_proof_that_is_a_file_of_its_own_takes_the_place_of_one_that_came_along(scene: Scene) -> None:
    assert scene.proof is not None
    assert Presentation(scene.text).proved_by(scene.proof) == Presentation(scene.text, scene.proof)
    assert Presentation(scene.text, "another").proved_by(scene.proof).proof == scene.proof
    with pytest.raises(MalformedRecord, match="longer"):
        Presentation(scene.text).proved_by("x" * (MAX_PRESENTATION + 1))
