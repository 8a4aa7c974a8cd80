"""What a description of a voice asks for, read by a lexicon, and how well a voice meets it."""

import math
import re
from dataclasses import dataclass
from functools import cache

from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.lexicon import CHINESE, ENGLISH, NEGATIONS, Wish

NEGATION_REACH = 3  # words after "not" that it denies
UNKNOWN = 0.35  # how well an unknown fact meets a wish
MIDDLE_HZ = 165.0  # between men's and women's voices
CONFLICT = 0.25  # what remains of the score of a voice of the other sex
WEIGHTS = {"gender": 4.0, "age": 2.5, "style": 2.5, "pitch": 1.5, "accent": 2.0, "language": 3.0, "kind": 2.0}
NEAR_AGES = {("adult", "young"): 0.6, ("child", "young"): 0.35, ("adult", "old"): 0.2}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a query asks for and what it rules out."""

    wanted: frozenset[Wish]
    unwanted: frozenset[Wish]


@dataclass(frozen=True, slots=True)
class Match:
    """How a voice meets the wishes: score in [0, 1], and the wishes met and unmet.

    conflict: it is of the other sex than wished, or is what was ruled out.
    """

    score: float
    conflict: bool
    met: tuple[Wish, ...]
    unmet: tuple[Wish, ...]


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
    wanted |= _chinese_wishes(query)
    return Wishes(frozenset(wanted), frozenset(unwanted - wanted))


def match(wishes: Wishes, facts: VoiceFacts, synthetic: bool) -> Match:
    """How well a voice meets the wishes. Wishes weigh by kind; the wrong sex divides the whole score."""
    met: list[Wish] = []
    unmet: list[Wish] = []
    total = weight_sum = 0.0
    ruled_out = False
    styles = frozenset(what for what in parse_wishes(facts.style).wanted if what[0] == "style")
    for wish in sorted(wishes.wanted | wishes.unwanted):
        value = _satisfaction(wish, facts, styles, synthetic)
        if wish in wishes.unwanted:
            ruled_out |= value == 1.0
            value = 1.0 - value
        elif value >= 0.5:
            met.append(wish)
        else:
            unmet.append(wish)
        weight_sum += WEIGHTS[wish[0]]
        total += WEIGHTS[wish[0]] * value
    score = total / weight_sum if weight_sum else 0.0
    genders = {value for kind, value in wishes.wanted if kind == "gender"}
    wrong_sex = bool(genders and facts.gender and facts.gender not in genders)
    if wrong_sex:
        score *= CONFLICT
    return Match(score, wrong_sex or ruled_out, tuple(met), tuple(unmet))


def _satisfaction(wish: Wish, facts: VoiceFacts, styles: frozenset[Wish], synthetic: bool) -> float:
    kind, value = wish
    match kind:
        case "style":
            return float(wish in styles)
        case "pitch":
            return _pitch_satisfaction(value, facts.f0_hz)
        case "age":
            return _age_satisfaction(value, facts.age)
        case "kind":
            return float((value == "synthetic") == synthetic)
        case "accent":
            return float(value in facts.accent.lower()) if facts.accent else UNKNOWN
        case "language":
            return float(facts.language.lower().startswith(value))
        case _:
            return float(facts.gender == value) if facts.gender else UNKNOWN


def _pitch_satisfaction(wanted: str, f0_hz: float | None) -> float:
    """A soft step on the octave scale: 0.5 at `MIDDLE_HZ`, 0.1 or 0.9 some seven semitones away."""
    if f0_hz is None:
        return UNKNOWN
    high = 1.0 / (1.0 + math.exp(-4.0 * math.log2(f0_hz / MIDDLE_HZ)))
    return high if wanted == "high" else 1.0 - high


def _age_satisfaction(wanted: str, age: str) -> float:
    if not age:
        return UNKNOWN
    return 1.0 if age == wanted else max(NEAR_AGES.get(pair, 0.0) for pair in ((age, wanted), (wanted, age)))


@cache
def _english() -> tuple[dict[str, tuple[Wish, ...]], re.Pattern[str]]:
    """Wishes by phrase, and a pattern that finds phrases (longest first), other words and stops."""
    words = {phrase: wishes for phrases, wishes in ENGLISH for phrase in phrases.split("|")}
    phrases = "|".join(re.escape(phrase) for phrase in sorted(words, key=len, reverse=True))
    return words, re.compile(rf"\b(?:{phrases})\b|[a-z']+|[,.;]")


def _chinese_wishes(query: str) -> set[Wish]:
    words = {word: wishes for group, wishes in CHINESE for word in group.split("|")}
    found: set[Wish] = set()
    for word in sorted(words, key=len, reverse=True):
        if word in query:
            query = query.replace(word, " ")
            found.update(words[word])
    return found
