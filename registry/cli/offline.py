"""What offline commands have in common: their files and pins, with the core alone loaded."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.errors import RegistryError
from registry.core.record import MalformedRecord, decode
from registry.core.trust.pin import Pin

PIN_SUFFIX = ".pin.json"


@contextmanager
def of_file(path: Path) -> Iterator[None]:
    """Name the file that a refusal is of: whoever gave several sees which one it is."""
    try:
        yield
    except RegistryError as refusal:
        refusal.add_note(str(path))
        raise


def read_bytes(path: Path, arguments: ArgumentParser) -> bytes:
    """Read a file; misuse where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        arguments.error(f"{path} cannot be read: {error}")


def read_text(path: Path, arguments: ArgumentParser) -> str:
    """Read a text file; misuse where it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        arguments.error(f"{path} cannot be read: {error}")


def read_object(path: Path, arguments: ArgumentParser) -> JsonObject:
    """Read a JSON object. Raises `MalformedJson`, `MalformedRecord`."""
    text = read_text(path, arguments)
    with of_file(path):
        value = canonical.read(text.encode())
    if not isinstance(value, dict):
        raise MalformedRecord(str(path), "is not an object")
    return value


def read_pins(folder: Path, arguments: ArgumentParser) -> dict[str, Pin]:
    """Read the pins of a folder, by country; misuse where there are none."""
    known = {}
    for path in sorted(folder.glob(f"*{PIN_SUFFIX}")):
        pin = decode(Pin, read_object(path, arguments).get("pin"), str(path))
        known[pin.anchor().country] = pin
    if not known:
        arguments.error(f"there is no pin in {folder}")
    return known
