"""Words that state a fact about a voice, in English and Chinese: ``lexicon.tsv``, read once."""

from pathlib import Path

Wish = tuple[str, str]  # (what, value), such as ("gender", "male")

_ROWS = [
    line.split("\t")
    for line in Path(__file__).with_name("lexicon.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def _wishes(facts: str) -> tuple[Wish, ...]:
    return tuple((what, value) for what, _, value in (fact.partition("=") for fact in facts.split(" ")))


ENGLISH = tuple((row[1], _wishes(row[2])) for row in _ROWS if row[0] == "english")
CHINESE = tuple((row[1], _wishes(row[2])) for row in _ROWS if row[0] == "chinese")
LANGUAGES = tuple((row[1], row[2], row[3]) for row in _ROWS if row[0] == "language")

# Where an accent is spoken, as regions of a language.
REGIONS = {
    "british": ("en-GB", "en-gb"),
    "american": ("en-US", "en-us"),
    "irish": ("en-IE",),
    "scottish": ("en-GB-scotland", "en-scotland"),
    "australian": ("en-AU",),
    "indian": ("en-IN",),
}

NEGATIONS = frozenset(["not", "no", "without", "never", "don't", "isn't", "doesn't", "nor", "neither", "except"])
