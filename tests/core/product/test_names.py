import pytest

from registry.core.product.names import mixes_scripts, names_one, skeleton
from registry.core.product.texts import unfit


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ОАО", "OAO"),
        ("ОАО «Молочный край»", 'ОАО "МОЛОЧНЫЙ КРАЙ"'),
        ("«TOSHKENT AGROTEXNIKA» MChJ", "ТОSНКЕNТ АGRОТЕХNІКА МСhJ"),
        ("Fargʻona", "FARG'ONA"),
        ("Farg‘ona", "Fargʻona"),
        ("ҚОҒОЗ", "KOFO3"),
        ("Ҳўл", "Хул"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        ("АВЕКМНОРСТУХ", "ABEKMHOPCTYX"),
        ("ІЈЅҮҺӀԚԜ", "IJSYHIQW"),
        ("ГАЗ ЛАП ПРОФ", "ΓΑ3 ΛΑΠ ΠΡΟΦ"),
        ("Елена", "Ёлена"),
        ("Завод 10", "Завод IО"),
        ("３авод", "Завод"),
        ("ﬁrma", "FIRMA"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ОАО «Завод»", "ЗАО «Завод»"), ("Завод 1", "Завод 2"), ("Пинск", "Минск"), ("Бел", "Вел")]
)
def test_names_that_look_different_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("В. И. Гончар", "Гончар Виктор Иванович", True),
        ("В. И. Гончар", "Гончар В.И.", True),
        ("В. И. Гончар", "Виктор Гончар", True),
        ("В. И. Гончар", "ГОНЧАР", True),
        ("Виктор Иванович Гончар", "Гончар, Иванович Виктор", True),
        ("Sh. Karimov", "KARIMOV Sherzod Botir oʻgʻli", True),
        ("В. И. Гончар", "В. П. Гончар", False),
        ("В. И. Гончар", "Гончар Иван Викторович", False),
        ("В. И. Гончар", "В. И. Гончаров", False),
        ("Виктор Гончар", "Вит Гончар", False),
        ("Мария Петрова", "Мария Сидорова", False),
        ("В. И.", "В. П.", False),
    ],
)
def test_names_of_people_are_compared_by_surname_and_initials(one: str, other: str, *, same: bool) -> None:
    assert names_one(one, other) is names_one(other, one) is same


def test_a_skeleton_holds_no_case_no_spaces_and_no_marks() -> None:
    assert skeleton("ООО «Ромашка-2», №  7 LLC") == "OOOPOMAШKA2NO7LLC"
    assert skeleton("«»") == ""


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("ООО «Ромашка» LLC", False),
        ("М-K", False),
        ("МK", True),
        ("ΟАО", True),
        ("OAΟ", True),
        ("Oა", True),
        ("Oⲟ", True),
        ("OᎪ", True),
        ("Oꓳ", True),
        ("Ne30", False),
        ("5мкм²", False),
        ("yoʻldosheva", False),
        ("oаo завод", True),
        ("завод oаo", True),
        ("", False),
    ],
)
def test_one_script_a_word_is_the_rule_not_one_a_name(text: str, mixed: bool) -> None:  # noqa: FBT001  a table of cases
    assert mixes_scripts(text) is mixed


@pytest.mark.parametrize(
    "code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200C, 0x200D, 0xFEFF, 0xE0041]
)
def test_a_text_holds_no_bidirectional_control_no_zero_width_and_no_tag(code: int) -> None:
    assert str(unfit(f"ОАО{chr(code)}«Завод»")).startswith(f"holds what does not show: U+{code:04X}, ")
    assert str(unfit(f"ОАО{chr(code)}«Завод»")).endswith(", at place 4")
