"""Names that look alike: which letters are of which script, and what remains of a name when looks alone are compared.

The check goes word by word, because an honest name may hold words of two scripts («ООО «Ромашка» LLC»), and by
skeleton, because a name wholly of look-alikes is of one script and yet another's: ОАО in Cyrillic, OAO in Latin.
The table is small and our own: the capitals of Cyrillic and Greek that look like a Latin one, those of Greek that look
like a Cyrillic one, the Cyrillic letters of Uzbek by their stems, and the digits 0, 1 and 3. Names are compared without
case, so capitals are enough; letters that look alike in their small shapes only (п and n, г and r) are left alone, for
these names are printed in capitals.
"""

import re
import unicodedata
from functools import cache

_WORD = re.compile(r"[^\W_]+")
_LONGEST_INITIAL = 2
"""An initial is a letter, or the two that write a sound, as in Sh. or Дж."""
_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN", "COPTIC", "CHEROKEE", "LISU"})
"""The scripts whose letters look like one another's."""
_LOOKS = str.maketrans(
    {
        **dict(zip("АВЕКМНОРСТУХ", "ABEKMHOPCTYX", strict=True)),
        **dict(zip("ІЈЅҮҺӀԚԜ", "IJSYHIQW", strict=True)),
        **dict(zip("ҚҒҲ", "KFX", strict=True)),
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
        **dict(zip("ΓΛΠΦ", "ГЛПФ", strict=True)),
        **dict(zip("013", "OIЗ", strict=True)),
    }
)


def skeleton(name: str) -> str:
    """Return what is left of a name without case, accents, spaces and punctuation, its look-alikes joined.

    Two names of one skeleton look alike. It is for comparing only: it is never signed or shown, and the register of
    organisations alone keeps it, so that the database compares.
    """
    capitals = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper())
    return "".join(letter for letter in capitals if _counts(letter)).translate(_LOOKS)


def names_one(name: str, other: str) -> bool:
    """Tell whether two names may be one person's: a word in common, and nothing in the others that tells them apart.

    «Гончар Виктор Иванович» is «В. И. Гончар» and «Гончар»: surname and initials say no more. The surname may come
    first or last; the words beside it are in one order everywhere, and what only one of the names has tells nothing.
    """
    words, others = ([skeleton(word) for word in _WORD.findall(each)] for each in (name, other))
    if sorted(words) == sorted(others):
        return True
    common = {word for word in words if len(word) > 1} & set(others)
    return any(_agree(_without(words, word), _without(others, word)) for word in common)


def _agree(words: list[str], others: list[str]) -> bool:
    """Tell whether names beside a surname agree: each pair is one word, or one is the initial of the other."""
    return all(one == two or _initial(one, two) or _initial(two, one) for one, two in zip(words, others, strict=False))


def _initial(short: str, long: str) -> bool:
    return len(short) <= _LONGEST_INITIAL and long.startswith(short)


def _without(words: list[str], word: str) -> list[str]:
    where = words.index(word)
    return words[:where] + words[where + 1 :]


def mixes_scripts(text: str) -> bool:
    """Tell whether a word of `text` has letters of two scripts that look alike; digits and marks are of none."""
    return any(len({script for letter in word if (script := _script(letter))}) > 1 for word in _WORD.findall(text))


@cache
def _script(letter: str) -> str | None:
    script = unicodedata.name(letter, "").partition(" ")[0]
    return script if script in _SCRIPTS else None


def _counts(letter: str) -> bool:
    """Letters and digits count; the modifier letters that write oʻ and gʻ do not, for apostrophes stand for them."""
    return letter.isalnum() and unicodedata.category(letter) != "Lm"
