"""Finds what a tool is asked about in what was said: "Paris" in "Will it rain in Paris?".

A parameter that the tool's examples take word by word from the utterance is learnt as a label of words (characters in
Chinese), by logistic regression over the word and its neighbours. What no other example has around its values is likely a
name. A small language model adds words to names and invents days; this does neither, and takes a millisecond.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

from vivavoce.core.language.days import PHRASES
from vivavoce.core.language.places import GEONAMES, TABLE
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import FloatMatrix
from vivavoce.model.embedded.routing.classifier import Classifier
from vivavoce.model.embedded.routing.keeping import Arrays, kept
from vivavoce.model.embedded.routing.sparse import SparseRows
from vivavoce.model.embedded.wording.named import CHINESE, PLACES, Phrases, Token, as_known, known_phrases, tokens_of

FORMAT = 2
HASHED = 1 << 15  # columns that features of words share
WINDOW = 2
LEAST = 0.1  # chance of the likeliest word of a value that must be there
NEARLY = 0.5  # share of it that further words of the value need
JOINED = re.compile(
    r"\s*(?:,|/|&|,?\s*\b(?:and|or|and also|as well as)\b|[，,]?[和跟与及、]|以及|还有)\s*(?:(?:in|for|at|on|在)\b)?\s*",
    re.I,
)
COMMA = re.compile(r"\s*,\s*")  # by itself it may stand within one place: "Paris, France"


class SpanFinders:
    """One finder a tool; what is learnt, which takes seconds, is kept in a folder."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._finders: dict[str, SpanFinder] = {}
        self._learning = Lock()

    def of(self, tool: ToolSpec) -> "SpanFinder":
        """The finder for a tool and its examples. Blocking where they are new."""
        if not tool.examples:
            return SpanFinder()
        examples = [(example.utterance, dict(example.arguments)) for example in tool.examples]
        said = json.dumps([FORMAT, PHRASES.pattern, _tables(), tool.name, dict(tool.parameters), examples], default=str)
        key = hashlib.sha256(said.encode()).hexdigest()[:24]
        with self._learning:
            if key not in self._finders:
                self._finders[key] = kept(self._cache_dir / f"spans-{key}.npz", lambda: _learnt(tool), SpanFinder.of)
            return self._finders[key]


@cache
def _tables() -> list[int]:
    """Checksums of the places that are known."""
    return [zlib.crc32(table.read_bytes()) for table in (GEONAMES, TABLE)]


def _learnt(tool: ToolSpec) -> Arrays:
    from vivavoce.model.embedded.routing.span_learning import learn_spans

    return learn_spans(tool)


@dataclass(frozen=True, slots=True)
class SpanFinder:
    """What was learnt from a tool's examples; by default that they take nothing from the utterance.

    parameters: those that they take from it. required: those of them without which there is no call. context: words and
    pairs of words around values. kinds: parameters with the kinds of phrases that their values are.
    """

    parameters: tuple[str, ...] = ()
    required: Collection[str] = ()
    context: Collection[str] = ()
    kinds: Collection[tuple[str, str]] = ()
    model: Classifier | None = None

    @staticmethod
    def of(arrays: Arrays) -> "SpanFinder":
        """What `learn_spans` made.

        Raises:
            KeyError, ValueError: it is something else.
        """
        if not len(arrays["parameters"]):
            return SpanFinder()
        parameters, required, context = (tuple(map(str, arrays[name])) for name in ("parameters", "required", "context"))
        kinds = frozenset((str(name), str(kind)) for name, kind in arrays["kinds"])
        return SpanFinder(parameters, required, frozenset(context), kinds, Classifier.of(arrays, HASHED))

    def is_context(self, value: str) -> bool:
        """Whether a word of a value is one that examples have around their values, so that it is hardly a name."""
        return any(token.key in self.context for token in tokens_of(value))

    def find(self, utterance: str) -> dict[str, str]:
        """The value of each parameter that is said, as it was said."""
        tokens = tokens_of(utterance)
        runs = self._runs(utterance, tokens)
        best = {name: max(found, key=found.__getitem__) for name, found in runs.items() if found}
        return {name: as_known(utterance, tokens[slice(*run)]) for name, run in best.items()}

    def apart(self, utterance: str) -> list[str]:
        """The utterance once for each of several values of a parameter: of "rain in Oslo and Bergen?" both questions.

        Only itself where one value is asked about, or none.
        """
        tokens = tokens_of(utterance)
        for found in self._runs(utterance, tokens).values():
            listed = _listed(utterance, tokens, sorted(found))
            if len(listed) > 1:
                start, end = tokens[listed[0][0]].start, tokens[listed[-1][1] - 1].end
                if utterance[end : end + 1] == "-":
                    continue  # a name of which not all was found
                values = [as_known(utterance, tokens[slice(*run)]) for run in listed]
                return [f"{utterance[:start]}{value}{utterance[end:]}" for value in values]
        return [utterance]

    def _runs(self, utterance: str, tokens: Sequence[Token]) -> dict[str, dict[tuple[int, int], float]]:
        """For each parameter the runs of words that may be its value, with their chances."""
        if self.model is None or not tokens:
            return {}
        phrases = known_phrases(utterance, tokens)
        rows = features_of(tokens, phrases, self.context.__contains__)
        chances = self.model.probabilities(SparseRows.hashed(rows, HASHED))
        runs: dict[str, dict[tuple[int, int], float]] = {}
        for name in self.parameters:
            at = self.model.labels.index(name)
            for (first, after), kind in phrases.items():
                if (name, kind) not in self.kinds:
                    chances[first:after, at] = 0.0
            others = np.delete(chances, at, 1).max(1)
            if name in self.required and (chances[:, at] <= others).all():
                others = np.full(len(tokens), max(LEAST, chances[:, at].max() * NEARLY), np.float32)  # it should be there
            runs[name] = {}
            for run, chance in _likelier(chances[:, at], others, [token.is_cut_off for token in tokens]):
                whole = _whole(run, tokens, phrases)
                runs[name][whole] = max(chance, runs[name].get(whole, 0.0))
            same = {span: 0.0 for span, kind in phrases.items() if (name, kind) in self.kinds} if runs[name] else {}
            runs[name] = same | runs[name]
        return runs


def features_of(tokens: Sequence[Token], phrases: Phrases, is_context: Callable[[str], bool]) -> list[list[str]]:
    """One row a word. is_context: whether a word, or a pair of words, stands around values."""
    keys = ["^^", "^", *(token.key for token in tokens), "$", "$$"]
    known = {token.key: is_context(token.key) for token in tokens}
    named = {at: f"{kind} {'first' if at == span[0] else 'more'}" for span, kind in phrases.items() for at in range(*span)}
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
            row.append(f"{side} pair known {is_context(' '.join(pair))}")
        row.append(f"at {min(at, 2)} {'chinese' if CHINESE.match(token.text) else 'alphabetic'}")
        rows.append(row)
    return rows


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


def _likelier(chances: FloatMatrix, others: FloatMatrix, cuts: Sequence[bool]) -> list[tuple[tuple[int, int], float]]:
    """The runs of words that are likelier a value than anything else, and how likely.

    cuts: before which words a run ends.
    """
    runs: list[tuple[int, int]] = []
    for at in map(int, np.flatnonzero(chances > others)):
        if runs and runs[-1][1] == at and not cuts[at]:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return [(run, float(chances[slice(*run)].mean())) for run in runs]


def _listed(text: str, tokens: Sequence[Token], runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first of the runs that are joined to a list: "Oslo and Bergen", "Oslo, Bergen and in Rome", 北京和上海."""
    listed: list[tuple[int, int]] = []
    joined_well = False
    for run in runs:
        between = text[tokens[listed[-1][1] - 1].end : tokens[run[0]].start] if listed else ""
        if listed and (run[0] < listed[-1][1] or not JOINED.fullmatch(between)):
            if joined_well:
                break
            listed = []
        joined_well = bool(listed) and (joined_well or not COMMA.fullmatch(between))
        listed.append(run)
    return listed if joined_well else []
