"""docker-compose.yml as Compose reads it, as far as it is used here, and each service's command as it would run."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # the library gives no types

ROOT = Path(__file__).resolve().parents[2]
COUNTRIES = ("by", "uz")
PROGRAM = (sys.executable, "-m", "registry.cli.main")
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def read() -> dict[str, Any]:
    """Read the file: merges as YAML does them, variables as their defaults, `$$` as `$`."""
    return _interpolated(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))  # type: ignore[no-any-return]


def _interpolated(value: Any) -> Any:
    match value:
        case dict():
            return {name: _interpolated(member) for name, member in value.items()}
        case list():
            return [_interpolated(member) for member in value]
        case str():
            plain = _VARIABLE.sub(lambda named: named[2], value.replace("$$", "\0"))
            assert "$" not in plain, plain
            return plain.replace("\0", "$")
        case _:
            return value


def names(value: Any) -> set[str]:
    """Return the names in a list or a mapping: Compose takes either for networks and depends_on."""
    return set(value or ())


@dataclass(frozen=True)
class Service:
    """One service, and what stands for its containers' surroundings on this machine."""

    name: str
    told: Mapping[str, Any]
    places: Mapping[str, str]
    """What is put in the place of a path or an address of the container."""

    def natively(self, text: str) -> str:
        for inside, here in self.places.items():
            text = text.replace(inside, here)
        return text

    @property
    def environment(self) -> dict[str, str]:
        return {name: self.natively(value) for name, value in self.told["environment"].items() if value}

    @property
    def command(self) -> list[str]:
        first, *rest = self.told["command"]
        assert first == "registry"
        return [*PROGRAM, *rest]
