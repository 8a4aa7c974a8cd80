"""Finds what a tool is asked about in what was said: "Paris" in "Will it rain in Paris?".

A parameter that the tool's examples take word by word from the utterance is learnt as a label of words (characters in
Chinese), by logistic regression over the word and its neighbours. What no other example has around its values is likely a
name. A small language model adds words to names and invents days; this does neither, and takes a millisecond.
"""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vivavoce.core.language.days import PHRASES
from vivavoce.core.language.places import TABLE
from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.core.protocols import FloatMatrix
from vivavoce.model.embedded.choosing.classifier import Classifier
from vivavoce.model.embedded.choosing.named import (
    CHINESE,
    PLACES,
    Phrases,
    Token,
    as_known,
    known_phrases,
    misspelt,
    tokens_of,
)

OUTSIDE = ""
FORMAT = 1
REGULARISATION = 10.0  # inverse strength
HASHED = 1 << 15  # columns that features of words share
VARIANTS = 2  # of each example, with other examples' values
LEAST_EXAMPLES = 8  # with a parameter; fewer say too little about where it stands
WINDOW = 2
LEAST = 0.1  # chance of the likeliest word of a value that must be there
NEARLY = 0.5  # share of it that further words of the value need


class SpanFinders:
    """One finder a tool; what is learnt, which takes seconds, is kept in a folder."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._finders: dict[str, SpanFinder] = {}
        self._learning = Lock()

    def of(self, tool: ToolSpec) -> "SpanFinder":
        """The finder for a tool and its examples. Blocking where they are new."""
        examples = [(example.utterance, dict(example.arguments)) for example in tool.examples]
        known = [FORMAT, PHRASES.pattern, zlib.crc32(TABLE.read_bytes())]
        said = json.dumps([known, tool.name, dict(tool.parameters), examples], default=str)
        key = hashlib.sha256(said.encode()).hexdigest()[:24]
        with self._learning:
            if key not in self._finders:
                self._finders[key] = SpanFinder(tool, self._cache_dir / f"spans-{key}.npz")
            return self._finders[key]


class SpanFinder:
    """Fitted on a tool's examples, or loaded from where it was stored. Blocking."""

    def __init__(self, tool: ToolSpec, stored: Path) -> None:
        self.parameters = _taken_word_by_word(tool)
        self._required = frozenset(tool.parameters.get("required", ()))
        self._outside = Counter(key for example in tool.examples for key in self._outside_of(example))
        self._kinds = self._kinds_of_values(tool.examples)
        self._model: Classifier | None = None
        if self.parameters:
            labels = sorted([OUTSIDE, *self.parameters])
            self._model = Classifier.kept(stored, labels, HASHED, partial(self._fit, tool.examples))

    def _fit(self, examples: Sequence[ToolExample]) -> Classifier:
        rows: list[list[str]] = []
        wanted: list[str] = []
        for example in examples:
            own = self._outside_of(example)
            for variant in self._variants(example, examples):
                tokens = tokens_of(variant.utterance)
                phrases = known_phrases(variant.utterance, tokens)
                for known in (phrases, misspelt(phrases)) if is_in_pairs(variant.utterance) else (phrases,):
                    rows += self._features(tokens, known, own)
                    wanted += self._labels(tokens, variant)
        return Classifier.fit(_hashed(rows), wanted, strength=REGULARISATION)

    def _kinds_of_values(self, examples: Sequence[ToolExample]) -> frozenset[tuple[str, str]]:
        """Parameters with the kinds of phrases that their values are; a place is said in any of its ways."""
        kinds: set[tuple[str, str]] = set()
        for name in self.parameters:
            for value in {str(example.arguments.get(name) or "") for example in examples}:
                found = set(known_phrases(value, tokens_of(value)).values())
                kinds |= {(name, kind) for kind in (PLACES if found & set(PLACES) else found)}
        return frozenset(kinds)

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

    def _features(self, tokens: Sequence[Token], phrases: Phrases, own: Collection[str]) -> list[list[str]]:
        """One row a word. own: words of the example itself, which must not count as known from others."""
        keys = ["^^", "^", *(token.key for token in tokens), "$", "$$"]
        known = {token.key: self._outside[token.key] > (token.key in own) for token in tokens}
        named = {
            at: f"{kind} {'first' if at == span[0] else 'more'}" for span, kind in phrases.items() for at in range(*span)
        }
        rows: list[list[str]] = []
        for at, token in enumerate(tokens):
            here = at + WINDOW
            row = [f"{offset}:{keys[here + offset]}" for offset in range(-WINDOW, WINDOW + 1)]
            row += [f"<{keys[here - 1]} {keys[here]}", f">{keys[here]} {keys[here + 1]}"]
            for offset in (-1, 0, 1):
                row.append(f"{offset} known {known.get(keys[here + offset], True)}")
                row.append(f"{offset} named {named.get(at + offset, '')}")
                if 0 < at + offset < len(tokens):
                    row.append(f"{offset} capital {tokens[at + offset].is_capital}")
            for side, pair in (("left", keys[here - 1 : here + 1]), ("right", keys[here : here + 2])):
                name = " ".join(pair)
                row.append(f"{side} pair known {self._outside[name] > (name in own)}")
            row.append(f"at {min(at, 2)} {'chinese' if CHINESE.match(token.text) else 'alphabetic'}")
            rows.append(row)
        return rows

    def is_context(self, value: str) -> bool:
        """Whether a word of a value is one that examples have around their values, so that it is hardly a name."""
        return any(self._outside[token.key] for token in tokens_of(value))

    def find(self, utterance: str) -> dict[str, str]:
        """The value of each parameter that is said, as it was said."""
        tokens = tokens_of(utterance)
        if self._model is None or not tokens:
            return {}
        phrases = known_phrases(utterance, tokens)
        chances = self._model.probabilities(_hashed(self._features(tokens, phrases, ())))
        found: dict[str, str] = {}
        for name in self.parameters:
            at = self._model.labels.index(name)
            for (first, after), kind in phrases.items():
                if (name, kind) not in self._kinds:
                    chances[first:after, at] = 0.0
            others = np.delete(chances, at, 1).max(1)
            if name in self._required and (chances[:, at] <= others).all():
                others = np.full(len(tokens), max(LEAST, chances[:, at].max() * NEARLY), np.float32)  # it should be there
            if run := _best_run(chances[:, at], others, [token.is_cut_off for token in tokens]):
                found[name] = as_known(utterance, tokens[slice(*_whole(run, tokens, phrases))])
        return found


def _whole(run: tuple[int, int], tokens: Sequence[Token], phrases: Phrases) -> tuple[int, int]:
    """The phrase that a run of words is part of, or the day that it shares words with; else all of its capitalised name."""
    start, end = run
    for (first, after), kind in phrases.items():
        if (first <= start and end <= after) or (kind not in PLACES and first < end and start < after):
            return first, after
    taken = {at for span in phrases for at in range(*span)}
    while end < len(tokens) and end not in taken and tokens[end - 1].is_capital and tokens[end].continues_name:
        end += 1
    while start > 1 and start - 1 not in taken and tokens[start].continues_name and tokens[start - 1].is_capital:
        start -= 1
    return start, end


def _taken_word_by_word(tool: ToolSpec) -> tuple[str, ...]:
    names = [name for name, schema in tool.parameters.get("properties", {}).items() if "'enum'" not in str(schema)]
    having = {name: [example for example in tool.examples if example.arguments.get(name)] for name in names}
    return tuple(
        name
        for name, examples in having.items()
        if len(examples) >= LEAST_EXAMPLES
        and all(isinstance(example.arguments[name], str) for example in examples)
        and all(_is_part(tokens_of(example.utterance), example.arguments[name]) for example in examples)
    )


def _is_part(tokens: Sequence[Token], value: str) -> bool:
    span = _span(tokens, value)
    return span is not None and span != (0, len(tokens))


def _span(tokens: Sequence[Token], value: str) -> tuple[int, int] | None:
    """Where a value stands among the words."""
    keys = [token.key for token in tokens]
    sought = [token.key for token in tokens_of(value)]
    for start in range(len(keys)):
        for end in range(start + 1, len(keys) + 1):
            if sought and keys[start:end] == sought:
                return start, end
    return None


def _hashed(rows: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401 - a sparse matrix
    """Names of features as columns: (len(rows), HASHED)."""
    from sklearn.feature_extraction import FeatureHasher

    return FeatureHasher(HASHED, input_type="string").transform(rows)


def _best_run(chances: FloatMatrix, others: FloatMatrix, cuts: Sequence[bool]) -> tuple[int, int] | None:
    """The run of words that are likelier a value than anything else; the surest where there are several.

    cuts: before which words a run ends.
    """
    runs: list[tuple[int, int]] = []
    for at in map(int, np.flatnonzero(chances > others)):
        if runs and runs[-1][1] == at and not cuts[at]:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return max(runs, key=lambda run: float(chances[slice(*run)].mean()), default=None)
