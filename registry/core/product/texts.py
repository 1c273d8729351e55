"""Which texts may stand in what is kept and signed: the one spelling of each, and nothing that does not show."""

import unicodedata
from collections.abc import Iterator, Mapping

from registry.core.canonical import Json

MAX_TEXT = 2_000
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def texts(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Return every text in `value` with its path, written like `items[0].quantity.unit`."""
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, member in value.items():
                yield from texts(member, f"{path}.{name}" if path else name)
        case list():
            for index, item in enumerate(value):
                yield from texts(item, f"{path}[{index}]")


def unfit(text: str, *, lines: bool = False) -> str | None:
    """Say why `text` may not be kept, or None: not NFC, too long, spaces around it, or characters that do not show.

    A zero-width or bidirectional control would make two different texts look alike. `lines` allows line breaks.
    """
    if len(text) > MAX_TEXT:
        return f"is longer than {MAX_TEXT} characters"
    if not unicodedata.is_normalized("NFC", text):
        return "is not in Unicode normalisation form C"
    if text != text.strip():
        return "begins or ends with a space"
    if text.isprintable():
        return None
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in _UNSEEN and not (lines and character == "\n"):
            name = unicodedata.name(character, "a control character")
            return f"holds what does not show: U+{ord(character):04X}, {name}, at place {place}"
    return None
