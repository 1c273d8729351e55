import json

import pytest

from registry.core.canonical import MalformedJson, encode
from registry.core.errors import RegistryError
from registry.core.record import MalformedRecord
from registry.core.verification.presentation import MAX_PRESENTATION, PENDING, Presentation
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


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
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
