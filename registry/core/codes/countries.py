"""Two-letter codes of countries: ISO 3166-1 alpha-2.

All 249 codes assigned in the edition that PyPI `pycountry` 26.2.16 carries, sorted; the names are this project's own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from registry.core.codes.bilingual import Bilingual

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""

COUNTRIES: frozenset[str] = frozenset(_CODES.split())

COUNTRY_NAMES: Mapping[str, Bilingual] = MappingProxyType(
    {
        "BY": Bilingual("Республика Беларусь", "Belarus"),
        "UZ": Bilingual("Республика Узбекистан", "Uzbekistan"),
        "KZ": Bilingual("Республика Казахстан", "Kazakhstan"),
        "RU": Bilingual("Российская Федерация", "Russian Federation"),
        "KG": Bilingual("Кыргызская Республика", "Kyrgyzstan"),
        "TJ": Bilingual("Республика Таджикистан", "Tajikistan"),
        "TM": Bilingual("Туркменистан", "Turkmenistan"),
        "AM": Bilingual("Республика Армения", "Armenia"),
        "AZ": Bilingual("Азербайджанская Республика", "Azerbaijan"),
        "MD": Bilingual("Республика Молдова", "Moldova"),
        "GE": Bilingual("Грузия", "Georgia"),
        "UA": Bilingual("Украина", "Ukraine"),
    }
)
"""The countries that a form offers first, in the order in which it offers them."""
