"""An agreement is in force on a node once the threshold of each country's list keys signed it (formats 9)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from registry.core.agreement import Agreement
from registry.core.envelope.jose import Envelope, Typ, parse_joint
from registry.core.errors import Unprocessable
from registry.core.trust.believed_list import BelievedList, ListNotTrusted, count_signatures


@dataclass(eq=False)
class AgreementNotBelieved(Unprocessable):
    """The agreement is of another environment, names a country without a list, or a signature is in no such list."""

    code: ClassVar[str] = "agreement-not-believed"
    reason: str

    def __str__(self) -> str:
        return f"the agreement cannot be believed: {self.reason}"


def believe_agreement(text: str, lists: Mapping[str, BelievedList]) -> Agreement:
    """Read a signed agreement and check that both countries signed it; checked again whenever it is read.

    Raises `AgreementNotBelieved`, `ListNotTrusted` and its kinds, `NotAgreed`, and what parsing raises.
    """
    envelopes = parse_joint(text, Typ.AGREEMENT)
    agreement = Agreement.parse(envelopes[0].payload)
    signed_by = {envelope.kid for envelope in envelopes}
    for country in agreement.countries:
        believed = lists.get(country)
        if believed is None:
            raise AgreementNotBelieved(f"no trust list of {country} is adopted")
        if believed.list.env != agreement.env:
            raise AgreementNotBelieved(f"it is of {agreement.env}, the list of {country} of {believed.list.env}")
        signed_by -= _count_signed(envelopes, believed)
    if signed_by:
        raise AgreementNotBelieved(f"{min(signed_by)} is a list key of neither country")
    return agreement


def lists_that_signed(text: str, lists: Iterable[BelievedList]) -> dict[str, BelievedList]:
    """Return, by country, the first of these lists whose keys signed an agreement; a country without one is left out.

    A country that takes new list keys does not sign its agreements again. Raises what parsing raises.
    """
    envelopes, found = parse_joint(text, Typ.AGREEMENT), dict[str, BelievedList]()
    for believed in lists:
        if believed.list.country not in found:
            try:
                _count_signed(envelopes, believed)
            except ListNotTrusted:
                continue
            found[believed.list.country] = believed
    return found


def _count_signed(envelopes: Sequence[Envelope], believed: BelievedList) -> set[str]:
    """Return who signed of the list keys of a country, which reach its threshold; raises `ListNotTrusted`."""
    theirs = [envelope for envelope in envelopes if envelope.kid in believed.list_keys]
    threshold, what = believed.pin.threshold, f"the agreement, as {believed.list.country} signed it,"
    count_signatures(theirs, believed.list_keys, threshold, believed.list.issued_at, what)
    return {envelope.kid for envelope in theirs}
