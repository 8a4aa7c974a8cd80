"""Finds what a tool is asked about in what was said: "Paris" in "Will it rain in Paris?".

A parameter that the tool's examples take word by word from the utterance is learnt as a label of words (characters in
Chinese), by logistic regression over the word and its neighbours. What no other example has around its values is likely a
name. A small language model adds words to names and invents days; this does neither, and takes a millisecond.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.lexemes import is_in_pairs
from vivavoce.core.messages import ToolExample, ToolSpec

OUTSIDE = ""
REGULARISATION = 10.0  # inverse strength
VARIANTS = 4  # of each example, with other examples' values
LEAST_EXAMPLES = 8  # with a parameter; fewer say too little about where it stands
TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|(?<=\w)['\u2019](?:s|re|m|d|ll|ve|t)\b")
CHINESE = re.compile(r"[\u3400-\u9fff]")
WINDOW = 2
DAYS = {
    "明天": "tomorrow",
    "明日": "tomorrow",
    "后天": "the day after tomorrow",
    "大后天": "in three days",
    "昨天": "yesterday",
    "昨日": "yesterday",
    "前天": "the day before yesterday",
    "大前天": "three days ago",
}
NUMBERS = {
    **{"一": "one", "两": "two", "二": "two", "三": "three", "四": "four", "五": "five"},
    **{"六": "six", "七": "seven", "八": "eight", "九": "nine", "十": "ten"},
}
A_DAY = re.compile(r"\ban? (?=days?\b|weeks?\b)", re.IGNORECASE)
COUNTED = re.compile(r"(\d+|[一二两三四五六七八九十])(天|日|周|个?星期|个?礼拜)[之以]?([后前])")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a Chinese character, with its place. key: how it is compared."""

    key: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=64)
def _fitted(name: str, parameters: str, examples: str) -> "SpanFinder":
    pairs = [ToolExample(utterance, arguments) for utterance, arguments in json.loads(examples)]
    return SpanFinder(ToolSpec(name, "", json.loads(parameters), tuple(pairs)))


def finder_of(tool: ToolSpec) -> "SpanFinder":
    """The finder for a tool; fitted once for the same examples, which takes about a second."""
    examples = [(example.utterance, dict(example.arguments)) for example in tool.examples]
    return _fitted(tool.name, json.dumps(dict(tool.parameters)), json.dumps(examples))


def tokens_of(text: str) -> list[Token]:
    """Words and Chinese characters in order; characters by their pinyin with its tone, which both scripts share."""
    from pypinyin import Style, lazy_pinyin

    found: list[Token] = []
    for match in TOKEN.finditer(text):
        said = match.group()
        key = f"{lazy_pinyin(said, style=Style.TONE3)[0]}~" if CHINESE.match(said) else said.lower()
        found.append(Token(key, said, match.start(), match.end()))
    return found


class SpanFinder:
    """Fitted on a tool's examples. Blocking."""

    def __init__(self, tool: ToolSpec) -> None:
        self.parameters = _taken_word_by_word(tool)
        self._outside: Counter[str] = Counter()
        self._model: Any = None
        if self.parameters:
            self._fit(tool.examples)

    def _fit(self, examples: Sequence[ToolExample]) -> None:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        outside = [self._outside_of(example) for example in examples]
        self._outside = Counter(key for keys in outside for key in keys)
        rows: list[dict[str, float]] = []
        wanted: list[str] = []
        for example, own in zip(examples, outside, strict=True):
            for variant in self._variants(example, examples):
                tokens = tokens_of(variant.utterance)
                rows += self._features(tokens, own)
                wanted += self._labels(tokens, variant)
        self._model = make_pipeline(DictVectorizer(), LogisticRegression(C=REGULARISATION, max_iter=1000))
        self._model.fit(rows, wanted)

    def _outside_of(self, example: ToolExample) -> set[str]:
        """The words of an example that are no value, and pairs of them that stand together."""
        tokens = tokens_of(example.utterance)
        labels = self._labels(tokens, example)
        keys = ["^", *(t.key if label == OUTSIDE else "" for t, label in zip(tokens, labels, strict=True)), "$"]
        return {key for key in keys if key} | {f"{one} {other}" for one, other in pairwise(keys) if one and other}

    def _variants(self, example: ToolExample, examples: Sequence[ToolExample]) -> Iterator[ToolExample]:
        """The example, in lower case, and with values of others in its script: where a name stands matters, not which."""
        yield example
        yield ToolExample(example.utterance.lower(), example.arguments)
        for name in self.parameters:
            value = example.arguments.get(name)
            if not value or value not in example.utterance:
                continue
            having = [other for other in examples if other.arguments.get(name) and other.arguments[name] in other.utterance]
            same = [o for o in having if is_in_pairs(o.utterance) == is_in_pairs(example.utterance)]
            start = zlib.crc32(example.utterance.encode()) % len(same)
            for step in range(VARIANTS):
                other = same[(start + step * 5) % len(same)].arguments[name]
                yield ToolExample(example.utterance.replace(value, other), {**example.arguments, name: other})

    def _labels(self, tokens: Sequence[Token], example: ToolExample) -> list[str]:
        labels = [OUTSIDE] * len(tokens)
        for name in self.parameters:
            if span := _span(tokens, str(example.arguments.get(name) or "")):
                labels[slice(*span)] = [name] * (span[1] - span[0])
        return labels

    def _features(self, tokens: Sequence[Token], own: Collection[str]) -> list[dict[str, float]]:
        """One row a word. own: words of the example itself, which must not count as known from others."""
        keys = ["^^", "^", *(token.key for token in tokens), "$", "$$"]
        known = {token.key: self._outside[token.key] > (token.key in own) for token in tokens}
        rows: list[dict[str, float]] = []
        for at, token in enumerate(tokens):
            here = at + WINDOW
            row = {f"{offset}:{keys[here + offset]}": 1.0 for offset in range(-WINDOW, WINDOW + 1)}
            row |= {f"<{keys[here - 1]} {keys[here]}": 1.0, f">{keys[here]} {keys[here + 1]}": 1.0}
            for offset in (-1, 0, 1):
                row[f"{offset} known {known.get(keys[here + offset], True)}"] = 1.0
                if 0 <= at + offset < len(tokens) and at + offset > 0:
                    row[f"{offset} capital {tokens[at + offset].text[0].isupper()}"] = 1.0
            for side, pair in (("left", keys[here - 1 : here + 1]), ("right", keys[here : here + 2])):
                name = " ".join(pair)
                row[f"{side} pair known {self._outside[name] > (name in own)}"] = 1.0
            row[f"at {min(at, 2)} {'chinese' if CHINESE.match(token.text) else 'alphabetic'}"] = 1.0
            rows.append(row)
        return rows

    def is_context(self, value: str) -> bool:
        """Whether a word of a value is one that examples have around their values, so that it is hardly a name."""
        return any(self._outside[token.key] for token in tokens_of(value))

    def find(self, utterance: str) -> dict[str, str]:
        """The value of each parameter that is said, as it was said; days in English."""
        tokens = tokens_of(utterance)
        if self._model is None or not tokens:
            return {}
        chances = np.asarray(self._model.predict_proba(self._features(tokens, ())))
        names = [str(name) for name in self._model.classes_]
        found: dict[str, str] = {}
        for name in self.parameters:
            at = names.index(name)
            if run := _best_run(chances[:, at], np.delete(chances, at, 1).max(1)):
                found[name] = in_english(utterance[tokens[run[0]].start : tokens[run[1] - 1].end])
        return found


def in_english(said: str) -> str:
    """A Chinese day, or "a week from now", as tools read it; anything else as it is."""
    if counted := COUNTED.fullmatch(said):
        number, unit, way = counted.groups()
        count, name = NUMBERS.get(number, number), "day" if unit in "天日" else "week"
        words = f"{count} {name}" if count in ("1", "one") else f"{count} {name}s"
        return f"in {words}" if way == "后" else f"{words} ago"
    return DAYS.get(said, A_DAY.sub("one ", said))


def _taken_word_by_word(tool: ToolSpec) -> tuple[str, ...]:
    names = [name for name, schema in tool.parameters.get("properties", {}).items() if "enum" not in str(schema)]
    having = {name: [example for example in tool.examples if example.arguments.get(name)] for name in names}
    return tuple(
        name
        for name, examples in having.items()
        if len(examples) >= LEAST_EXAMPLES
        and all(_is_part(tokens_of(example.utterance), str(example.arguments[name])) for example in examples)
    )


def _is_part(tokens: Sequence[Token], value: str) -> bool:
    span = _span(tokens, value)
    return span is not None and span != (0, len(tokens))


def _span(tokens: Sequence[Token], value: str) -> tuple[int, int] | None:
    """Where a value, or the Chinese day that it translates, stands among the words."""
    keys = [token.key for token in tokens]
    sought = [token.key for token in tokens_of(value)]
    for start in range(len(keys)):
        for end in range(start + 1, len(keys) + 1):
            if sought and keys[start:end] == sought:
                return start, end
            chinese = "".join(token.text for token in tokens[start:end])
            if CHINESE.match(chinese) and in_english(chinese) == value:
                return start, end
    return None


def _best_run(chances: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[int, int] | None:
    """The run of words that are likelier a value than anything else; the surest where there are several."""
    runs: list[tuple[int, int]] = []
    for at in np.flatnonzero(chances > others):
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], int(at) + 1)
        else:
            runs.append((int(at), int(at) + 1))
    return max(runs, key=lambda run: float(chances[slice(*run)].mean()), default=None)
