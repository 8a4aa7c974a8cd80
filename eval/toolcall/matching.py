"""Whether a call's parameters are those that were wanted, by rules.

A name is right in any case, script and spelling that the alias table or its pinyin says is the same; a day is right however
it is put; a free text is right when it has the key terms. Parameters that say nothing ("here", null) count as left out.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from pypinyin import Style, lazy_pinyin
from Stemmer import Stemmer

from vivavoce.core.language.days import day_named, is_day
from vivavoce.core.language.words import IS_CJK, words
from vivavoce.eval.lab.set_files import rows_of
from vivavoce.eval.toolcall.questions import SETS

ALIASES = SETS / "toolcall_aliases.tsv"
NOTHING = frozenset(
    ["", "here", "local", "now", "today", "right now", "none", "null", "这里", "现在", "今天", "本地", "当地"]
)
FREE_TEXT = frozenset(["query", "description"])
ENOUGH = 0.5  # share of the words of a wanted free text that must be there, where no key terms are marked
ANY_DAY = date(2026, 1, 5)  # from which days are counted, so that two ways to put a day can be compared
DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
PLACE_ENDING = re.compile(r"(?<=[\u4e00-\u9fff]{2})[市省县]$")
stem = Stemmer("english").stemWord


def wrong_parameters(wanted: Mapping[str, Any], given: Mapping[str, Any], known: Collection[str] = ()) -> str:
    """What is wrong with parameters, or "". known: names that the tool has for them; a model may have one of its own."""
    wanted, given = _said(wanted), _said(given)
    if len(wanted) == len(given) == 1 and wanted.keys() != given.keys() and not set(given) & set(known):
        given = dict(zip(wanted, given.values(), strict=True))  # the same parameter under a model's own name
    for key in wanted.keys() - given.keys():
        return f"{key} is missing"
    for key in given.keys() - wanted.keys():
        return f"{key} was not asked for: {given[key]!r}"
    for key, value in wanted.items():
        if not is_same(key, value, given[key]):
            return f"{key} is {given[key]!r} instead of {value!r}"
    return ""


def _said(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if value is not None and plain(str(value)) not in NOTHING}


def is_same(key: str, wanted: Any, given: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a parameter has the wanted value. wanted: key terms where it is a list."""
    if isinstance(wanted, list):
        return all(has_term(str(given), str(term)) for term in wanted)
    if not (isinstance(wanted, str) and isinstance(given, str)):
        return wanted == given
    if key in FREE_TEXT:
        return _shared(wanted, given) >= ENOUGH
    return bool(_forms(wanted) & _forms(given))


def has_term(text: str, term: str) -> bool:
    """Whether a text has one of the alternatives of a term, which "|" divides; of words their stems count."""
    return any(_has(text, option) for option in term.split("|"))


def _has(text: str, option: str) -> bool:
    if IS_CJK.search(option):
        spoken = [f" {' '.join(lazy_pinyin(plain(each)))} " for each in (text, option)]
        return plain(option) in plain(text) or spoken[1] in spoken[0] or f" {_pinyin(option)} " in f" {plain(text)} "
    having, sought = [f" {' '.join(map(stem, words(each)))} " for each in (text, option)]
    return sought in having


def _shared(wanted: str, given: str) -> float:
    sought, having = ({stem(word) for word in words(text)} for text in (wanted, given))
    return len(sought & having) / len(sought) if sought else 1.0


def _forms(value: str) -> set[str]:
    """Everything a value may be compared by: its name, what stands before a comma, its pinyin, its day."""
    text = plain(value)
    parts = {PLACE_ENDING.sub("", part) for part in (text, plain(value.split(",")[0]))}
    forms = parts | {canonical(part) for part in parts}
    forms |= {_pinyin(form) for form in forms}
    if (offset := day_offset(text)) is not None:
        forms.add(f"day {offset:+d}")
    if date := DATE.search(unicodedata.normalize("NFKC", value)):
        forms.add("date " + "-".join(f"{int(number):02d}" for number in date.groups()))
    return forms


def plain(text: str) -> str:
    """Lower case, one width, no punctuation, no article."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = " ".join("".join(c if c.isalnum() or c.isspace() else " " for c in text.replace("'", "")).split())
    return text.removeprefix("the ")


def day_offset(text: str) -> int | None:
    """Days from today that a plain text names, None where it names none."""
    day = day_named(text, ANY_DAY) if is_day(text) else None
    return None if day is None else (day - ANY_DAY).days


def canonical(text: str) -> str:
    """The first name of the line of the alias table that has this one, else the name itself."""
    return _aliases().get(text, text)


@cache
def _aliases() -> dict[str, str]:
    return {plain(name): plain(names[0]) for _, names in rows_of(ALIASES) for name in names}


@cache
def _pinyin(text: str) -> str:
    """Letters without spaces; Chinese characters, simplified or not, as pinyin without tones."""
    return "".join(lazy_pinyin(plain(text), style=Style.NORMAL)).replace(" ", "")


def as_terms(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Wanted parameters as people read them."""
    return {key: " and ".join(map(str, _listed(value))) for key, value in wanted.items()}


def _listed(value: Any) -> Sequence[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else [value]
