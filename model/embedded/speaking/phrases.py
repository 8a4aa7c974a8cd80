"""Cuts a stream of text into phrases to be spoken, and makes text fit to be spoken."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import islice

FIRST_WORDS = 3  # so many words before a comma are a first phrase: sound starts earlier
FIRST_CLAUSE_WORDS = 4  # and so many before a conjunction
FIRST_SENTENCE_WORDS = 12  # a first sentence up to this length is one phrase where it is whole at once
LONG_WORDS = 22  # a sentence this long is cut at a clause
MAX_WORDS, MAX_CHARS = 40, 300  # and this long anywhere: a voice takes memory for all of a phrase at once
ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|No|vs|etc|approx|e\.g|i\.e|[ap]\.m|[A-Z])\.$", re.IGNORECASE
)
SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s)|[。！？]+[”’」』]*|\n+")
CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[-–—](?=\s)|[，；：、]")
CONJUNCTION = re.compile(r"\s(?=(?:and|but|because|although|while|which|where|when|so that)\s)")

WORD_BEGIN, WORD_END = re.compile(r"(?<!\S)\S"), re.compile(r"(?<=\S)\s+")
WORD = re.compile(r"\s*\S+(?:\s+\Z)?")
LONGEST_WORD = 100  # characters; what is longer is no word of any language, and would take minutes to say
LONG_NUMBER = re.compile(r"\d(?:,?\d){15,}")  # a row of digits, not a quantity
FOREIGN = "\u0590"  # letters from here on are of scripts that the voice cannot read,
LATIN_AND_GREEK = "\u1e00", "\u1fff"  # but for these
LINK = re.compile(r"(?:https?://|www\.)\S+")
MARKUP = re.compile(r"[*_`#~|<>\\^\[\]{}]+")
SIGNS, NUMBERS = "$€£+", "½¼¾²³"  # that the voice can read
SYMBOLS = {
    "°C": " degrees Celsius",
    "°F": " degrees Fahrenheit",
    "km/h": " kilometres an hour",
    "mm": "mm",
    "°": " degrees",
    "%": " percent",
    "&": " and ",
    "=": " equals ",
    "\u2039": "",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a phrase. written: as it stands there. said: the same as a voice can say it, "" where it cannot."""

    written: str
    said: str


class PhraseCutter:
    """Text in, phrases out; joined they are the text, but for white space at its end."""

    def __init__(self) -> None:
        self._text = self._space = ""
        self._first = True

    def push(self, text: str) -> list[str]:
        """Take the next piece; return the phrases it completes."""
        self._text += text
        phrases: list[str] = []
        while end := self._next_border():
            phrases += self._cut(end)
        return phrases

    def finish(self) -> list[str]:
        """End of what belongs together; return what is left. White space alone is kept for what may follow."""
        phrases = self._cut(len(self._text))
        self._first = True
        return phrases

    def _cut(self, end: int) -> list[str]:
        """The phrase that ends here, with the white space around it; none where there is nothing else."""
        end = len(self._text) - len(self._text[end:].lstrip())
        phrase, self._text = self._space + self._text[:end], self._text[end:]
        if not phrase.strip():
            self._space = phrase
            return []
        self._space, self._first = "", False
        return [phrase]

    def _next_border(self) -> int:
        """Where the next phrase ends, or 0."""
        longest = self._longest_end()
        sentence = self._sentence_end(longest or len(self._text))
        limit = sentence or longest or len(self._text)
        words = len(self._text[:limit].split())
        if self._first and (not sentence or words > FIRST_SENTENCE_WORDS):
            ends = self._end(CLAUSE_END, FIRST_WORDS, limit), self._end(CONJUNCTION, FIRST_CLAUSE_WORDS, limit)
            if any(ends):
                return min(filter(None, ends))
        if words > LONG_WORDS and (end := self._end(CLAUSE_END, LONG_WORDS // 2 + 1, limit)):
            return end
        return sentence or longest

    def _longest_end(self) -> int:
        """Where the longest phrase ends that may be, or 0 where the text is no longer than that."""
        ends = [match.end() for match in islice(WORD_END.finditer(self._text), MAX_WORDS)]
        if not ends or (len(ends) < MAX_WORDS and len(self._text) <= MAX_CHARS):
            return 0
        return max((end for end in ends if end <= MAX_CHARS), default=ends[0])

    def _sentence_end(self, limit: int) -> int:
        for match in SENTENCE_END.finditer(self._text, 0, limit):
            if match.group().startswith(".") and ABBREVIATION.search(self._text[: match.start() + 1]):
                continue
            return match.end()
        return 0

    def _end(self, border: re.Pattern[str], words: int, limit: int) -> int:
        """Where the first border ends that has so many words before it, or 0."""
        word = next(islice(WORD_BEGIN.finditer(self._text, 0, limit), words - 1, None), None)
        match = border.search(self._text, word.start(), limit) if word else None
        return match.end() if match else 0


def parts_of(phrase: str) -> list[Part]:
    """The phrase, cut where words that a voice can say meet words that it cannot. Joined, the parts are the phrase."""
    runs: list[str] = []
    sayable: list[bool | None] = []
    for word in WORD.findall(phrase):
        can = _can_be_said(word)
        if not runs or (None not in (can, sayable[-1]) and can != sayable[-1]):
            runs.append(word)
            sayable.append(can)
        else:
            runs[-1] += word
            sayable[-1] = sayable[-1] if can is None else can
    return [Part(run, "" if can is False else speakable(run)) for run, can in zip(runs, sayable, strict=True)]


def speakable(text: str) -> str:
    """Text without what a voice cannot say: links, markup, pictographs; symbols as words. "" where no word is left."""
    text = LINK.sub("a link", text)
    for symbol, words in SYMBOLS.items():
        text = text.replace(symbol, words)
    text = "".join(_plain(character) for character in MARKUP.sub(" ", text))
    text = LONG_NUMBER.sub(lambda number: " ".join(number.group().replace(",", "")), text)
    return " ".join(text.split()) if any(c.isalnum() for c in text) else ""


def _can_be_said(word: str) -> bool | None:
    """Whether a voice can say a word; None of a word without letters, which goes with what stands before it."""
    if len(word.strip()) > LONGEST_WORD:
        return LINK.search(word) is not None
    letters = [c for c in word if c.isalpha()]
    return not any(map(_is_foreign, letters)) if letters else None


def _is_foreign(letter: str) -> bool:
    if letter < FOREIGN or LATIN_AND_GREEK[0] <= letter <= LATIN_AND_GREEK[1]:
        return False
    return _unstyled(letter)[0] >= FOREIGN


def _plain(character: str) -> str:
    """A character as a voice can read it: a space for most signs, plain letters and digits for styled ones."""
    category = unicodedata.category(character)
    if category in ("Cc", "Sc", "Sm", "So"):
        return character if character in SIGNS else " "
    if category[0] in "CS":  # marks of direction, halves of surrogates, accents that stand alone
        return ""
    if category == "No" and character not in NUMBERS:
        return f" {_unstyled(character)} "
    return _unstyled(character) if character >= FOREIGN else character


def _unstyled(character: str) -> str:
    """A letter or number without its circle, its breadth or its place above the line."""
    return unicodedata.normalize("NFKC", character)
