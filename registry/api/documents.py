"""Write the generated documents: OpenAPI, the catalogues of problems and rules, and who may do what.

CI writes them anew and compares; what is served is what is documented.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import registry
from registry.api.app import create_app
from registry.api.call import KeyReused
from registry.api.limits import ANY, JSON
from registry.api.operation import HIDES, ROLES, Refusal, refused
from registry.api.problems import FACE, Problem, status_of
from registry.core.canonical import MalformedJson
from registry.core.errors import RegistryError
from registry.core.rules.catalogue import rule_catalogue, source_list
from registry.store.database import DatabaseFull, DatabaseUnavailable
from registry.store.parties import Role
from registry.usecases.application.keep_product import VersionStale
from registry.usecases.party.identify_party import RoleMissing, TokenNotAccepted

EVERYWHERE: tuple[Refusal, ...] = (
    "request-unreadable",
    "query-repeated",
    "query-too-long",
    "query-unknown",
    "headers-too-large",
    "body-too-large",
)
_REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')
BY_PARAMETER: Mapping[str, tuple[Refusal, ...]] = {
    "Idempotency-Key": ("idempotency-key-missing", KeyReused),
    "If-Match": ("if-match-missing", "if-match-unreadable", VersionStale),
    "X-File-Name": ("file-name-unreadable",),
    "accept": ("not-acceptable",),
    "after": ("cursor-unreadable",),
}
"""What a parameter can be refused for, whichever operation takes it."""


def documents() -> dict[str, str]:
    """Return each document by its file name."""
    schema = openapi()
    return {
        "openapi.json": json.dumps(schema, ensure_ascii=False, indent=1) + "\n",
        "problems.md": problem_catalogue(),
        "roles.md": role_table(schema),
        "rules.md": rule_catalogue(),
        "sources.md": source_list(),
    }


def openapi() -> dict[str, Any]:
    """Return the OpenAPI of what is served, each operation with what follows from its parameters and its body."""
    schema = create_app(None).openapi()
    for item in schema["paths"].values():
        for operation in item.values():
            operation["responses"] = _joined(operation["responses"], refused(_following(operation)))
    parts = schema["components"]["schemas"]
    for name in _shown(schema):
        _leave_out_nulls(parts[name])
    parts["Problem"] = Problem.model_json_schema()
    parts.pop("HTTPValidationError")
    parts.pop("ValidationError")
    return schema


def _following(operation: Mapping[str, Any]) -> Iterator[Refusal]:
    """Return the refusals that follow from what an operation takes."""
    yield from EVERYWHERE
    reads = operation.get("requestBody", {}).get("content", {})
    takes = {parameter["name"] for parameter in operation.get("parameters", ())}
    if ANY not in reads:
        yield "media-type-not-read" if reads else "body-not-read"
    if JSON in reads:
        yield MalformedJson
    if JSON in reads or takes:
        yield "request-invalid"
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        yield "no-such-path"  # a slash, however it is spelled, makes another path
    for name in takes:
        yield from BY_PARAMETER.get(name, ())
    if operation[ROLES]:
        yield from (TokenNotAccepted, RoleMissing)
    if "health" not in operation["tags"]:
        yield DatabaseUnavailable
        yield DatabaseFull


def _shown(schema: Mapping[str, Any]) -> set[str]:
    """Return the names of what is answered with: the schemas that the responses refer to, and what these refer to."""
    parts = schema["components"]["schemas"]
    named: set[str] = set()
    pending = [operation["responses"] for item in schema["paths"].values() for operation in item.values()]
    while pending:
        more = set(_REFERENCE.findall(json.dumps(pending.pop()))) & parts.keys() - named
        named |= more
        pending += [parts[name] for name in more]
    return named


def _leave_out_nulls(part: dict[str, Any]) -> None:
    """Describe what is answered as it is: no member is null, and one that may be absent is not required."""
    for name, member in part.get("properties", {}).items():
        kinds = [kind for kind in member.get("anyOf", ()) if kind != {"type": "null"}]
        if kinds and len(kinds) < len(member["anyOf"]):
            rest = {key: value for key, value in member.items() if key != "anyOf"}
            part["properties"][name] = rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
            part["required"] = [each for each in part.get("required", ()) if each != name]


def _joined(documented: Mapping[str, Any], more: Mapping[int | str, Any]) -> dict[str, Any]:
    """Return the documented responses with more refusals, the codes of one status together."""
    responses = {status: one for status, one in documented.items() if one["description"] != "Validation Error"}
    for status, response in more.items():
        known = responses.setdefault(str(status), response)
        codes = {*known["description"].split(", "), *response["description"].split(", ")}
        known["description"] = ", ".join(sorted(codes))
    return dict(sorted(responses.items()))


def problem_catalogue() -> str:
    """Return every refusal with its code, status, meaning and clause."""
    lines = [
        "# Problems",
        "",
        "Each refusal is a problem document (RFC 9457): `code` is stable, `title` says what is so, `clause` names the",
        "source of the rule where there is one. One without a status is said by a command alone.",
        "Generated by `make docs`.",
        "",
        "| code | status | when | clause |",
        "|---|---|---|---|",
    ]
    rows = [(code, str(status), meaning, "") for code, (status, meaning) in FACE.items()]
    for refusal in set(refusals()):
        meaning = (inspect.getdoc(refusal) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        status = "" if refusal.__module__.startswith("registry.cli") else str(status_of(refusal))
        rows.append((refusal.code, status, meaning, refusal.clause or ""))
    lines += [f"| `{code}` | {status} | {meaning} | {clause} |" for code, status, meaning, clause in sorted(rows)]
    return "\n".join(lines) + "\n"


def refusals() -> Iterator[type[RegistryError]]:
    """Return every kind of refusal that the package defines."""
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        importlib.import_module(module.name)
    pending = list(RegistryError.__subclasses__())
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if "code" in vars(kind):
            yield kind


def role_table(schema: dict[str, Any]) -> str:
    """Return the table of operations and roles."""
    roles = [role.value for role in Role]
    lines = [
        "# Who may call what",
        "",
        "How far each role reaches: what concerns its own `organisation`, what is presented in this `country`, or all",
        "of the `node`. An operation without a mark is public. Who reaches nothing is answered alike whether or not a",
        "thing exists:",
        "",
        "- without a token that lives here, and with one of the other country: 401 `token-not-accepted`;",
        "- with a role that stands empty: 403 `role-missing`;",
        "- beyond what the role reaches: as the last column says, in the same words as where nothing is.",
        "",
        "Generated by `make docs`; `tests/api/test_matrix.py` asks each cell.",
        "",
        f"| operation | {' | '.join(roles)} | beyond its reach |",
        f"|---|{'---|' * len(roles)}---|",
    ]
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            reach = " | ".join(operation[ROLES].get(role, "") for role in roles)
            lines.append(f"| {method.upper()} {path} | {reach} | {_beyond(method, path, operation)} |")
    return "\n".join(lines) + "\n"


def _beyond(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Say what an operation answers of what its caller does not reach."""
    if not operation[ROLES]:
        return ""
    if HIDES in operation:
        return f"404 `{operation[HIDES]}`"
    assert "{" not in path, f"{method} {path} does not say what it answers of what is another's"
    return "not listed" if method == "get" else "not told"


def main(folder: Path) -> None:
    """Write the documents into a folder."""
    for name, text in documents().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
