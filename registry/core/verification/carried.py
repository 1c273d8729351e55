"""The trust lists and agreements that a file carries: bundle and dossier believe them by the pins alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from registry.core.agreement import Agreement
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError, Unprocessable
from registry.core.trust.agreement_adoption import AgreementNotBelieved, believe_agreement
from registry.core.trust.believed_list import BelievedList, ListNotTrusted, believe
from registry.core.trust.pin import Pin

MAX_LISTS = 64


@dataclass(eq=False)
class ListsUnfit(Unprocessable):
    """The lists in a file are too many, of another environment, or the newest is of an epoch before the pin's."""

    code: ClassVar[str] = "lists-unfit"
    reason: str

    def __str__(self) -> str:
        return f"the file cannot be judged by its trust lists: {self.reason}"


def believe_lists(texts: Sequence[str], pins: Mapping[str, Pin], env: str) -> Mapping[str, Sequence[BelievedList]]:
    """Return the lists of each pinned country, newest first; one that no pin is for is not looked at.

    The newest is believed. Earlier ones serve agreements alone. Raises `ListsUnfit`, and what `believe` raises.
    """
    if len(texts) > MAX_LISTS:
        raise ListsUnfit(f"it holds more than {MAX_LISTS}")
    lists: dict[str, list[BelievedList]] = {}
    for text in texts:
        country = Envelope.parse(text.partition("\n")[0], Typ.TRUST_LIST).payload.get("country")
        if isinstance(country, str) and country in pins:
            believed = believe(text, pins[country])
            if believed.list.env != env:
                raise ListsUnfit(f"that of {country} is of another environment")
            lists.setdefault(country, []).append(believed)
    for country, several in lists.items():
        several.sort(key=lambda each: (each.list.epoch, each.list.version), reverse=True)
        if several[0].list.epoch < pins[country].epoch:
            raise ListsUnfit(f"that of {country} is of an epoch before the pin's")
    return lists


def newest_of(lists: Mapping[str, Sequence[BelievedList]]) -> dict[str, BelievedList]:
    """Return the newest list of each country."""
    return {country: believed[0] for country, believed in lists.items()}


def believe_carried(text: str, lists: Mapping[str, Sequence[BelievedList]]) -> Agreement:
    """Believe an agreement by the newest lists, or by earlier ones that the file carries.

    A country that takes new list keys does not sign its agreements again. Raises what `believe_agreement` raises.
    """
    refused: RegistryError = AgreementNotBelieved("no trust list is carried")
    for several in product(*lists.values()):
        try:
            return believe_agreement(text, dict(zip(lists, several, strict=True)))
        except (ListNotTrusted, AgreementNotBelieved) as refusal:
            refused = refusal
    raise refused
