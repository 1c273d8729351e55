"""What is documented is what is served: the files, the paths, the codes, and every answer that the other tests saw."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fastapi import APIRouter
from fastapi.routing import APIRoute

from registry import api
from registry.api.documents import documents, refusals
from registry.api.limits import StrictRoute
from registry.api.problems import FACE
from registry.api.spelled import WORDS
from tests.api.desk import Documented

FOLDER = Path(__file__).resolve().parents[2] / "api_docs"


def test_the_generated_documents_are_those_of_this_program() -> None:
    for name, text in documents().items():
        assert (FOLDER / name).read_text() == text, f"{name} is not up to date: make docs"


def test_what_is_served_is_documented_and_the_reverse(documented: Documented) -> None:
    """Each router that a module of the face makes, whether or not someone remembered to include it."""
    modules = [importlib.import_module(f"registry.api.{found.name}") for found in pkgutil.iter_modules(api.__path__)]
    routers: list[APIRouter] = [module.router for module in modules if hasattr(module, "router")]
    routes = [route for router in routers for route in router.routes]
    assert all(isinstance(route, StrictRoute) for route in routes)
    served = Counter(
        (method, route.path.replace(":path}", "}"))
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )
    assert set(served) == {(method, path) for method, path, _ in documented.operations()}
    assert set(served.values()) == {1}


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does(documented: Documented) -> None:
    names = Counter(operation["operationId"] for _, _, operation in documented.operations())
    assert set(names.values()) == {1}
    assert all(operation.get("description") for _, _, operation in documented.operations())


def test_no_answer_holds_a_null_and_none_is_described(documented: Documented) -> None:
    """What is absent is absent (formats 2): a member that may be is not required, and none is said to be null."""
    parts = documented.schema["components"]["schemas"]
    views = {name: part for name, part in parts.items() if name.endswith("View")}
    assert "null" not in str(views)
    assert "due_on" in views["ClockView"]["properties"]
    assert "due_on" not in views["ClockView"]["required"]
    assert "null" in str(parts["QuestionBody"]), "a request may say so"


def test_each_pattern_is_told_in_words_to_whoever_spells_it_otherwise(documented: Documented) -> None:
    assert {*patterns(documented.schema)} == WORDS.keys()


def patterns(part: object) -> Iterator[str]:
    """Find each pattern of a schema, wherever it stands."""
    inside: Iterable[object] = ()
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        inside = part.values()
    elif isinstance(part, list):
        inside = part
    for each in inside:
        yield from patterns(each)


def test_each_code_names_one_refusal() -> None:
    kinds = set(refusals())
    codes = Counter([kind.code for kind in kinds] + list(FACE))
    assert [code for code, times in codes.items() if times > 1] == []


def test_each_documented_response_was_seen(documented: Documented) -> None:
    """Every documented answer is possible, for it was given; that every given one is documented was held each time."""
    assert sorted(documented.everything() - documented.seen) == []
