"""Texts that have one spelling: ids, digests, days, codes. Whoever spells one otherwise is told how, in words."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from registry.core.calendar import LocalDate, MalformedTime, read_day, read_instant

HEX_ID, HEX_256 = r"^[0-9a-f]{32}$", r"^[0-9a-f]{64}$"
COUNTRY, BODY, HEADING = r"^[A-Z]{2}$", r"^[a-z0-9-]{1,32}$", r"^[0-9]{4}([0-9]{2}){0,3}$"
DAY, MONTH = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$", r"^[12][0-9]{3}-(0[1-9]|1[0-2])$"
LOCAL_DAY = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[+-][0-9]{2}:[0-9]{2}$"
INSTANT = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
WORDS = {
    HEX_ID: "an id of 32 digits 0-9 and a-f",
    HEX_256: "a SHA-256 of 64 digits 0-9 and a-f",
    COUNTRY: "an ISO 3166-1 code of two capital letters, as BY",
    BODY: "a body's code of 1 to 32 letters a-z, digits and hyphens, as bcci",
    HEADING: "an HS heading of 4 digits, or a code of 6, 8 or 10",
    DAY: "a day, as 2026-11-21",
    MONTH: "a month, as 2026-11",
    LOCAL_DAY: "a local day with its offset from UTC, as 2026-11-21+03:00",
    INSTANT: "an instant in UTC, as 2026-11-21T09:30:00Z",
}
"""What each pattern asks for: people are told this, programs read the pattern in the OpenAPI document."""


_OBJECT, _WHOLE, _TEXT = (
    "an object with named members is read here",
    "a whole number is read here",
    "a text is read here",
)
_TRUTH, _ONE_OF = "true or false is read here", "what is read here is {expected}"
OTHERWISE = "it is of another kind than what is read here"
"""Said of a shape that no operation asks for today."""
SENTENCES = {
    "missing": "it is missing",
    "extra_forbidden": "nothing of this name is read here",
    "none_required": "nothing is read here",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": "it has fewer characters than {min_length}",
    "string_too_long": "it has more characters than {max_length}",
    "list_type": "a list is read here",
    "too_short": "it has {actual_length} entries, and {min_length} are the fewest",
    "too_long": "it has {actual_length} entries, and {max_length} are the most",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "enum": _ONE_OF,
    "literal_error": _ONE_OF,
    "greater_than_equal": "it is less than {ge}",
    "less_than_equal": "it is more than {le}",
    "greater_than": "it is not more than {gt}",
    "less_than": "it is not less than {lt}",
    "json_invalid": "it is no JSON",
    "json_type": "it is no JSON",
}
"""What is said of a shape that is not read, in words that people know; programs act on the path and the document."""


def _known(read: Callable[[str], object]) -> AfterValidator:
    """Check that the calendar and the clock have what is spelled rightly: there is no 30 February."""

    def check(text: str) -> str:
        try:
            read(text)
        except MalformedTime:
            raise ValueError(f"there is no {text} in the calendar or on the clock") from None
        return text

    return AfterValidator(check)


HexId = Annotated[str, StringConstraints(pattern=HEX_ID)]
Hex256 = Annotated[str, StringConstraints(pattern=HEX_256)]
Country = Annotated[str, StringConstraints(pattern=COUNTRY)]
BodyCode = Annotated[str, StringConstraints(pattern=BODY)]
Heading = Annotated[str, StringConstraints(pattern=HEADING)]
Day = Annotated[str, StringConstraints(pattern=DAY), _known(read_day)]
MonthText = Annotated[str, StringConstraints(pattern=MONTH)]
LocalDay = Annotated[str, StringConstraints(pattern=LOCAL_DAY), _known(LocalDate.parse)]
Instant = Annotated[str, StringConstraints(pattern=INSTANT), _known(read_instant)]


def written_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Write where a request has another shape than is read, and why."""
    return [{"path": ".".join(str(part) for part in item["loc"]), "reason": _reason(item)} for item in errors]


def _reason(item: Any) -> str:
    match item["type"]:
        case "string_pattern_mismatch":
            return f"what is read here is {WORDS[item['ctx']['pattern']]}"
        case "value_error":
            return str(item["ctx"]["error"])
        case named:
            return SENTENCES.get(named, OTHERWISE).format_map(item.get("ctx", {}))
