"""A request of another shape than is read is told so in sentences of ours, wherever it is wrong."""

from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType

from registry.api.spelled import OTHERWISE, SENTENCES, written_errors
from tests.api.desk import Office, assert_problem


def test_only_faults_that_there_are_have_a_sentence() -> None:
    assert SENTENCES.keys() <= set(get_args(ErrorType))


def test_a_fault_that_nobody_thought_of_is_told_in_our_words_too() -> None:
    fault = {"type": "is_instance_of", "loc": ("body", "x"), "msg": "Input should be an instance of X", "ctx": {}}
    assert written_errors([fault]) == [{"path": "body.x", "reason": OTHERWISE}]


@pytest.mark.parametrize(
    ("question", "path", "reason"),
    [
        ({"number": ""}, "body.number", "it has fewer characters than 1"),
        ({"number": "0" * 61}, "body.number", "it has more characters than 60"),
        ({"number": 1}, "body.number", "a text is read here"),
        ({"number": "x", "colour": "red"}, "body.colour", "nothing of this name is read here"),
        ([], "body", "an object with named members is read here"),
    ],
)
def test_what_is_wrong_with_a_question_is_said_in_a_sentence(
    tashkent: Office, question: Any, path: str, reason: str
) -> None:
    answer = tashkent.desk("officer").post("/api/v1/verifications", question)
    assert {"path": path, "reason": reason} in assert_problem(answer, 422, "request-invalid")["errors"]


def test_too_many_questions_and_one_that_is_none_are_told_so(tashkent: Office) -> None:
    officer, bulk = tashkent.desk("officer"), "/api/v1/verifications/bulk"
    for many, reason in (
        (1001, "it has 1001 entries, and 1000 are the most"),
        (0, "it has 0 entries, and 1 are the fewest"),
    ):
        answer = officer.post(bulk, {"questions": [{}] * many})
        assert assert_problem(answer, 422, "request-invalid")["errors"] == [
            {"path": "body.questions", "reason": reason}
        ]
    (answered,) = officer.post(bulk, {"questions": ["x"]}).json()["answers"]
    assert [each["reason"] for each in answered["problem"]["errors"]] == ["an object with named members is read here"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("limit=x", "a whole number is read here"),
        ("limit=0", "it is less than 1"),
        ("state=lost", "what is read here is 'draft', 'submitted'"),
    ],
)
def test_what_is_wrong_with_a_search_is_said_in_a_sentence(lasting: Office, asked: str, reason: str) -> None:
    answer = lasting.desk("exporter").get(f"/api/v1/applications?{asked}")
    (told,) = assert_problem(answer, 422, "request-invalid")["errors"]
    assert told["reason"].startswith(reason)
