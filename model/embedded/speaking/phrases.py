"""Cuts a stream of text into phrases to be spoken, and makes text fit to be spoken."""

import re
import unicodedata

FIRST_WORDS = 3  # while the first sentence is unfinished, a comma after so many words ends a phrase: sound starts earlier
LONG_WORDS = 22  # a sentence this long is cut at a clause
MAX_WORDS = 40  # and this long anywhere
ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|No|vs|etc|approx|e\.g|i\.e|[ap]\.m|[A-Z])\.$", re.IGNORECASE
)
SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s)|[。！？]+[”’」』]*|\n+")
CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[-–—](?=\s)|[，；：、]")

LINK = re.compile(r"(?:https?://|www\.)\S+")
MARKUP = re.compile(r"[*_`#~|<>\\^\[\]{}]+")
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


class PhraseCutter:
    """Text in, whole phrases out; joined they are the text, up to white space."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def push(self, text: str) -> list[str]:
        """Take the next piece; return the phrases it completes."""
        self._text += text
        phrases: list[str] = []
        while end := self._next_border():
            phrase, self._text = self._text[:end].strip(), self._text[end:]
            if phrase:
                phrases.append(phrase)
                self._first = False
        return phrases

    def finish(self) -> list[str]:
        """End of the text; return what is left."""
        phrase, self._text, self._first = self._text.strip(), "", True
        return [phrase] if phrase else []

    def _next_border(self) -> int:
        """Where the next phrase ends, or 0."""
        sentence = self._sentence_end()
        limit = sentence or len(self._text)
        least = FIRST_WORDS if self._first else LONG_WORDS
        if (self._first and not sentence) or len(self._text[:limit].split()) > LONG_WORDS:
            for match in CLAUSE_END.finditer(self._text, 0, limit):
                if len(self._text[: match.end()].split()) >= min(least, LONG_WORDS // 2 + 1):
                    return match.end()
        if not sentence and len(words := self._text.split()) > MAX_WORDS and self._text[-1].isspace():
            return len(self._text) if words else 0
        return sentence

    def _sentence_end(self) -> int:
        for match in SENTENCE_END.finditer(self._text):
            if match.group().startswith(".") and ABBREVIATION.search(self._text[: match.start() + 1]):
                continue
            return match.end()
        return 0


def speakable(text: str) -> str:
    """Text without what a voice cannot say: links, markup, pictographs; symbols as words."""
    text = LINK.sub("a link", text)
    for symbol, words in SYMBOLS.items():
        text = text.replace(symbol, words)
    text = MARKUP.sub(" ", text)
    text = "".join(c for c in text if unicodedata.category(c)[0] not in "CS" or c in "$€£+\n\t ")
    return " ".join(text.split())
