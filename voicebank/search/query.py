"""What a description of a voice asks for, read by a lexicon."""

import re
from dataclasses import dataclass
from functools import cache

from vivavoce.voicebank.search.lexicon import CHINESE, ENGLISH, LANGUAGES, NEGATIONS, REGIONS, Wish

CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")
NEGATION_REACH = 3  # words after "not" that it denies
UNKNOWN = 0.35  # how well an unknown fact meets a wish
NEAR_AGES = {("adult", "young"): 0.6, ("child", "young"): 0.35, ("adult", "old"): 0.2}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a query asks for and what it rules out."""

    wanted: frozenset[Wish]
    unwanted: frozenset[Wish]

    @property
    def all(self) -> tuple[Wish, ...]:
        """Both, in a fixed order."""
        return tuple(sorted(self.wanted | self.unwanted))

    def values(self, kind: str) -> set[str]:
        """What is wanted of a kind."""
        return {value for what, value in self.wanted if what == kind}


def parse_wishes(query: str) -> Wishes:
    """Read the words of a query (English and some Chinese) that state facts."""
    words, pattern = _english()
    wanted: set[Wish] = set()
    unwanted: set[Wish] = set()
    denied = 0
    for token in pattern.findall(query.lower().replace("\u2019", "'")):
        if token in NEGATIONS:
            denied = NEGATION_REACH + 1
        elif token in (",", ".", ";", "but"):
            denied = 0
        (unwanted if denied > 0 else wanted).update(words.get(token, ()))
        denied -= 1
    _read_chinese(query, wanted, unwanted)
    return Wishes(frozenset(wanted), frozenset(unwanted - wanted))


def unread(query: str) -> str:
    """What is left of a query without the words that state facts."""
    words, pattern = _english()
    left = " ".join(token for token in pattern.findall(query.lower().replace("\u2019", "'")) if token not in words)
    for word, _ in _chinese():
        query = query.replace(word, " ")
    return f"{left} {' '.join(CHINESE_RUN.findall(query))}"


def in_english(query: str) -> str:
    """A query for an embedding that knows English alone: what was understood of its Chinese stands in its place."""
    wanted: set[Wish] = set()
    _read_chinese(query, wanted, set())
    known = [f"{value} pitch" if kind == "pitch" else _english_name(value) for kind, value in sorted(wanted)]
    return f"{CHINESE_RUN.sub(' ', query) if known else query} {' '.join(known)}".strip()


@cache
def fits(wish: Wish, column: str, word: str) -> float:
    """How well a word of a column meets a wish about words, in [0, 1]."""
    kind, value = wish
    known = word.lower()
    match column:
        case "gender":
            return float(known == value) if known else UNKNOWN
        case "age":
            pairs = ((known, value), (value, known))
            return UNKNOWN if not known else 1.0 if known == value else max(NEAR_AGES.get(pair, 0.0) for pair in pairs)
        case "language" if kind == "language":
            return float(known.split("-")[0] == value)
        case "language":
            return float(any(word.startswith(region) for region in REGIONS.get(value, ())))
        case "accent":
            return float(any(name in known for name in _names(wish))) if known else 0.0
        case _:
            return float(wish in parse_wishes(known).wanted)


def _names(wish: Wish) -> tuple[str, ...]:
    if wish[0] == "accent":
        return (wish[1],)
    return next(tuple(english.split("|")) for english, _, tag in LANGUAGES if tag == wish[1])


def _english_name(value: str) -> str:
    return next((english.split("|")[0] for english, _, tag in LANGUAGES if tag == value), value)


@cache
def _english() -> tuple[dict[str, tuple[Wish, ...]], re.Pattern[str]]:
    """Wishes by phrase, and a pattern that finds phrases (longest first), other words and stops."""
    words = {phrase: wishes for phrases, wishes in ENGLISH for phrase in phrases.split("|")}
    words |= {name: (("language", tag),) for names, _, tag in LANGUAGES for name in names.split("|")}
    phrases = "|".join(re.escape(phrase) for phrase in sorted(words, key=len, reverse=True))
    return words, re.compile(rf"\b(?:{phrases})\b|[a-z']+|[,.;]")


@cache
def _chinese() -> tuple[tuple[str, tuple[Wish, ...]], ...]:
    """Words, longest first, so that 小女孩 is not read as 女 as well."""
    words = {word: wishes for group, wishes in CHINESE for word in group.split("|")}
    words |= {word: (("language", tag),) for _, group, tag in LANGUAGES for word in group.split("|")}
    return tuple(sorted(words.items(), key=lambda item: -len(item[0])))


def _read_chinese(query: str, wanted: set[Wish], unwanted: set[Wish]) -> None:
    for word, wishes in _chinese():
        if word in query:
            denied = any(f"{no}{word}" in query for no in ("不要", "不是", "别", "非", "不"))
            (unwanted if denied else wanted).update(wishes)
            query = query.replace(word, " ")
