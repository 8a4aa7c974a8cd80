"""Chinese as a small recogniser writes it down: characters of the same sound, or of one that is easily confused with it.

What is learnt from well-written examples alone fails on what is heard: a fifth of the characters of a small Whisper are
others of the same syllable.
"""

import random
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache

from vivavoce.core.language.words import HAN

HANZI = re.compile(rf"[{HAN}]")
INITIAL = re.compile(r"zh|ch|sh|[lfr]|")
CONFUSED = {"zh": "z", "ch": "c", "sh": "s", "l": "n", "r": "n", "f": "h"}  # initials of Mandarin, in much of its country
SAME_SOUND, LIKE_SOUND = 0.17, 0.08  # chances that a character is written as another
COMMON = (range(0xB0, 0xD8), range(0xA1, 0xFF))  # bytes of the 3,755 commonest characters in GB 2312


def syllables_of(chinese: Sequence[str]) -> list[str]:
    """Pinyin without tones of runs of Chinese characters, one for each; a character without pinyin stands for itself."""
    if not chinese:
        return []  # whoever speaks English does not wait for the package
    from pypinyin import lazy_pinyin

    return [syllable for run in chinese for syllable in lazy_pinyin(run, errors=list)]  # pyright: ignore[reportArgumentType]


def toned(character: str) -> str:
    """Pinyin of a Chinese character with its tone."""
    from pypinyin import Style, lazy_pinyin

    return lazy_pinyin(character, style=Style.TONE3)[0]


def alike(syllable: str) -> str:
    """One name for syllables that differ only by zh and z, n and l, f and h, -ng and -n, or their like; itself none."""
    initial = INITIAL.match(syllable)
    start = initial.group() if initial else ""
    return f"{CONFUSED.get(start, start)}{syllable.removeprefix(start).removesuffix('g')}?"


def misheard(utterance: str, copy: int) -> str:
    """The utterance with some characters exchanged; the same ones for the same number of the copy."""
    chance = random.Random(zlib.crc32(utterance.encode()) + copy)
    return "".join(_exchanged(c, chance) if HANZI.match(c) else c for c in unicodedata.normalize("NFKC", utterance))


def _exchanged(character: str, chance: random.Random) -> str:
    drawn = chance.random()
    if drawn > SAME_SOUND + LIKE_SOUND:
        return character
    (syllable,) = syllables_of([character])
    sound = alike(syllable) if drawn > SAME_SOUND else syllable
    return chance.choice(_characters().get(sound, [character]))


@cache
def _characters() -> dict[str, list[str]]:
    """Common characters by syllable, and by what syllables that are confused have in common."""
    found: dict[str, list[str]] = {}
    for lead in COMMON[0]:
        for trail in COMMON[1]:
            if character := bytes((lead, trail)).decode("gb2312", errors="ignore"):
                (syllable,) = syllables_of([character])
                for sound in (syllable, alike(syllable)):
                    found.setdefault(sound, []).append(character)
    return found
