"""Answers and references as words that can be compared."""

import re
import unicodedata
from calendar import month_name
from collections import Counter
from collections.abc import Sequence

from text_to_num import alpha2digit

ARTICLES = frozenset(["a", "an", "the"])
THOUSANDS = re.compile(r"(?<=\d)[,\u00a0](?=\d{3}(?!\d))")
DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
NEGATION = re.compile(r"n['\u2019]t\b")
POSSESSIVE = re.compile(r"['\u2019]s\b")
CJK = r"\u3040-\u30ff\u3400-\u9fff"
WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:\u00b7[^\W_{CJK}]+)*")  # each Chinese character is a word
ORDINALS = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
SMALL = {"one": "1", "first": "1", "second": "2", "third": "3"}  # those that are left as words, since they may be none
MONTHS = frozenset(name.lower() for name in month_name if name)
LONGEST = 4_000  # characters of an answer that are looked at


def words(text: str) -> list[str]:
    """Words as they are compared: small letters without accents, articles and punctuation, numbers as digits.

    Of the normalisation of SQuAD (Rajpurkar et al. 2016), with number words, thousands and negations besides.
    """
    plain = POSSESSIVE.sub("", NEGATION.sub(" not", text[:LONGEST].casefold()))
    plain = unicodedata.normalize("NFKD", plain)
    plain = unicodedata.normalize("NFKC", "".join(c for c in plain if not unicodedata.combining(c)))
    plain = DECIMAL.sub("\u00b7", THOUSANDS.sub("", plain)).replace("'", "").replace("\u2019", "")
    if any("a" <= c <= "z" for c in plain):
        plain = ORDINALS.sub(r"\1", str(alpha2digit(plain.replace("-", " "), "en")))
    found: list[str] = WORD.findall(plain)
    return [SMALL.get(word, word) for word in found if word not in ARTICLES]


def places(wanted: Sequence[str], answer: Sequence[str]) -> list[int]:
    """Where the words stand in the answer, side by side and in order; of a date, in any order."""
    size = len(wanted)
    if not size:
        return []
    found = [at for at in range(len(answer) - size + 1) if list(answer[at : at + size]) == list(wanted)]
    if found or not MONTHS.intersection(wanted):
        return found
    target = Counter(wanted)
    return [at for at in range(len(answer)) if target <= Counter(answer[at : at + size + 1]) and answer[at] in target]


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of words, in [0, 1]: the F1 of SQuAD (Rajpurkar et al. 2016)."""
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other)) if common else 0.0


def recall(wanted: Sequence[str], answer: Sequence[str]) -> float:
    """The share of the wanted words that the answer has, in [0, 1]."""
    return sum((Counter(wanted) & Counter(answer)).values()) / len(wanted) if wanted else 0.0
