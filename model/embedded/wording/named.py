"""Words of an utterance, and the places and days that they name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vivavoce.core.language.days import day_phrases
from vivavoce.core.language.places import place_of, place_sounding
from vivavoce.core.language.words import HAN
from vivavoce.model.embedded.wording.mishearing import syllables_of, toned

TOKEN = re.compile(rf"[{HAN}]|[^\W_{HAN}]+|(?<=\w)['\u2019](?:s|re|m|d|ll|ve|t)\b")
CHINESE = re.compile(rf"[{HAN}]")
CHINESE_RUN = re.compile(rf"[{HAN}]+")
PUNCTUATION = re.compile(r"[^\s\w.'\u2019-]")
LONGEST_NAME = 7  # words or characters of a place
LEAST_PEOPLE = 50_000  # of a place that counts as known; names of villages are words like any
Phrases = dict[tuple[int, int], str]  # ranges of words that name a place or a day, and its kind
PLACES = ("written", "sound")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a Chinese character, with its place.

    key: how it is compared. syllable: pinyin of a character, no tone. is_cut_off: whether punctuation stands before it.
    """

    key: str
    text: str
    start: int
    end: int
    syllable: str = ""
    is_cut_off: bool = False

    @property
    def is_capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[0].isupper()

    @property
    def continues_name(self) -> bool:
        """Whether it may be a further word of a name that the word before began."""
        return self.is_capital and not self.is_cut_off


def tokens_of(text: str) -> list[Token]:
    """Words and Chinese characters in order; characters by their pinyin with its tone, which both scripts share."""
    syllables = syllables_of(CHINESE_RUN.findall(text))  # of whole words: 重庆
    found: list[Token] = []
    end = 0
    for match in TOKEN.finditer(text):
        said, is_cut_off = match.group(), PUNCTUATION.search(text, end, match.start()) is not None
        if CHINESE.match(said):
            found.append(Token(f"{toned(said)}~", said, *match.span(), syllables.pop(0), is_cut_off))
        else:
            found.append(Token(said.lower(), said, *match.span(), "", is_cut_off))
        end = match.end()
    return found


def known_phrases(text: str, tokens: Sequence[Token]) -> Phrases:
    """Days and places that are named: days first, then the longest place at each word that is in none yet."""
    starts = {token.start: at for at, token in enumerate(tokens)}
    ends = {token.end: at + 1 for at, token in enumerate(tokens)}
    phrases = {(starts[s], ends[e]): kind for s, e, kind in day_phrases(text) if s in starts and e in ends}
    taken = {at for span in phrases for at in range(*span)}
    for at in range(len(tokens)):
        for end in range(min(at + LONGEST_NAME, len(tokens)), at, -1):
            run = tokens[at:end]
            is_whole = taken.isdisjoint(range(at, end)) and not any(token.is_cut_off for token in run[1:])
            if is_whole and (kind := _kind_of_place(run)):
                phrases[at, end] = kind
                taken |= set(range(at, end))
    sure = "written" in phrases.values()  # then what only sounds like a place hardly is one
    return {span: kind for span, kind in phrases.items() if not (sure and kind == "sound")}


def _kind_of_place(run: Sequence[Token]) -> str:
    """How the words name a known place: "written", by "sound", or "" where they do not."""
    chinese = [token.syllable for token in run if token.syllable]
    if chinese and len(chinese) < max(2, len(run)):
        return ""
    place = place_of(("" if chinese else " ").join(token.text for token in run))
    if place and place.people >= LEAST_PEOPLE:
        return "written"
    return "sound" if place_sounding(tuple(chinese)) else ""


def misspelt(phrases: Phrases) -> Phrases:
    """As if a recogniser had written other characters of the same sound."""
    return {span: "sound" if kind == "written" else kind for span, kind in phrases.items()}


def as_known(utterance: str, run: Sequence[Token]) -> str:
    """The words; a Chinese name that a recogniser wrote with other characters of the same sound is put right."""
    said = utterance[run[0].start : run[-1].end]
    if any(not token.syllable for token in run) or place_of(said) is not None:
        return said
    return place_sounding(tuple(token.syllable for token in run)) or said
