"""What a tool takes word by word from what was said, learnt from its examples, for `spans`."""

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np

from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.routing.classifier import Classifier
from vivavoce.model.embedded.routing.keeping import Arrays
from vivavoce.model.embedded.routing.spans import HASHED, features_of
from vivavoce.model.embedded.routing.sparse import SparseRows
from vivavoce.model.embedded.wording.named import PLACES, Token, known_phrases, misspelt, tokens_of

OUTSIDE = ""
REGULARISATION = 10.0  # inverse strength
VARIANTS = 2  # of each example, with other examples' values
LEAST_EXAMPLES = 8  # with a parameter; fewer say too little about where it stands


def learn_spans(tool: ToolSpec) -> Arrays:
    """What `SpanFinder.of` reads. Takes seconds."""
    parameters = _taken_word_by_word(tool)
    if not parameters:
        return {"parameters": np.array([], str)}
    outside = [_outside(example, parameters) for example in tool.examples]
    counts = Counter(key for keys in outside for key in keys)
    return {
        "parameters": np.array(parameters),
        "required": np.array([name for name in parameters if name in tool.parameters.get("required", ())], str),
        "context": np.array(sorted(counts)),
        "kinds": np.array(sorted(_kinds(tool.examples, parameters)), str).reshape(-1, 2),
        **_fitted(tool.examples, parameters, outside, counts).arrays,
    }


def _fitted(
    examples: Sequence[ToolExample], parameters: Sequence[str], outside: Sequence[Collection[str]], counts: Counter[str]
) -> Classifier:
    rows: list[list[str]] = []
    wanted: list[str] = []
    for example, own in zip(examples, outside, strict=True):

        def is_context(key: str, own: Collection[str] = own) -> bool:
            return counts[key] > (key in own)  # what stands in this example alone must not count as known from others

        for variant in _variants(example, examples, parameters):
            tokens = tokens_of(variant.utterance)
            phrases = known_phrases(variant.utterance, tokens)
            for known in (phrases, misspelt(phrases)) if is_in_pairs(variant.utterance) else (phrases,):
                rows += features_of(tokens, known, is_context)
                wanted += _labels(tokens, variant, parameters)
    return Classifier.fit(SparseRows.hashed(rows, HASHED), wanted, strength=REGULARISATION)


def _kinds(examples: Sequence[ToolExample], parameters: Sequence[str]) -> set[tuple[str, str]]:
    """Parameters with the kinds of phrases that their values are; a place is said in any of its ways."""
    kinds: set[tuple[str, str]] = set()
    for name in parameters:
        for value in {str(example.arguments.get(name) or "") for example in examples}:
            found = set(known_phrases(value, tokens_of(value)).values())
            kinds |= {(name, kind) for kind in (PLACES if found & set(PLACES) else found)}
    return kinds


def _outside(example: ToolExample, parameters: Sequence[str]) -> set[str]:
    """The words of an example that are no value, and pairs of them that stand together."""
    tokens = tokens_of(example.utterance)
    labels = _labels(tokens, example, parameters)
    keys = ["^", *(t.key if label == OUTSIDE else "" for t, label in zip(tokens, labels, strict=True)), "$"]
    return {key for key in keys if key} | {f"{one} {other}" for one, other in pairwise(keys) if one and other}


def _variants(example: ToolExample, examples: Sequence[ToolExample], parameters: Sequence[str]) -> Iterator[ToolExample]:
    """The example, in lower case, and with values of others in its script: where a name stands matters, not which."""
    yield example
    yield ToolExample(example.utterance.lower(), example.arguments)
    for name in parameters:
        value = example.arguments.get(name)
        if not value or value not in example.utterance:
            continue
        having = [other for other in examples if other.arguments.get(name) and other.arguments[name] in other.utterance]
        same = [o for o in having if is_in_pairs(o.utterance) == is_in_pairs(example.utterance)]
        start = zlib.crc32(example.utterance.encode()) % len(same)
        for step in range(VARIANTS):
            other = same[(start + step * 5) % len(same)].arguments[name]
            yield ToolExample(example.utterance.replace(value, other), {**example.arguments, name: other})


def _labels(tokens: Sequence[Token], example: ToolExample, parameters: Sequence[str]) -> list[str]:
    labels = [OUTSIDE] * len(tokens)
    for name in parameters:
        if span := _span(tokens, str(example.arguments.get(name) or "")):
            labels[slice(*span)] = [name] * (span[1] - span[0])
    return labels


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
