"""The table of schemes: adding a kind of certificate is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from registry.core.certificate.claims import RulesSet
from registry.core.errors import Unprocessable
from registry.core.rules.finding import Finding, Intake
from registry.core.scheme import origin_st1


@dataclass(eq=False)
class UnknownScheme(Unprocessable):
    """No such scheme, or no such rules set of it."""

    code: ClassVar[str] = "unknown-scheme"
    scheme: str
    rules_set: str

    def __str__(self) -> str:
        return f"there is no scheme {self.scheme[:60]!r} by the rules {self.rules_set[:60]!r}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of certificate: its rules sets, its intake rules, and whether its certificates can be suspended."""

    name: str
    rules_sets: frozenset[RulesSet]
    examine: Callable[[Intake], tuple[Finding, ...]]
    suspend: bool


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        origin_st1.NAME: Scheme(
            origin_st1.NAME, frozenset(origin_st1.RULES), origin_st1.examine, suspend=False
        ),  # ST-1 has no legal "suspended": doubt never blocks release by itself (S4 10.1)
    }
)


def knows_suspension(name: str) -> bool:
    """Tell whether certificates of a scheme can be suspended; one that is not known here has none that can."""
    return name in SCHEMES and SCHEMES[name].suspend


def find_scheme(name: str, rules_set: str) -> tuple[Scheme, RulesSet]:
    """Return the scheme and the rules set that an application names; raises `UnknownScheme`."""
    scheme = SCHEMES.get(name)
    if scheme is None or rules_set not in scheme.rules_sets:
        raise UnknownScheme(name, rules_set)
    return scheme, RulesSet(rules_set)
