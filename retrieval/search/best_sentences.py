"""The part of a passage that matters for a question: small models read slowly."""

import re

import numpy as np

from vivavoce.core.protocols import TextEmbedder

SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def best_sentences(query: str, text: str, embedder: TextEmbedder, max_words: int = 26) -> str:
    """The run of whole sentences of at most ``max_words`` words around the one most similar to the query."""
    sentences = [sentence.strip() for sentence in SENTENCE.split(text) if sentence.strip()]
    if len(text.split()) <= max_words or len(sentences) < 2:
        return text
    scores = embedder.embed(sentences) @ embedder.embed([query])[0]
    first = last = int(np.argmax(scores))
    words = len(sentences[first].split())
    while True:
        after = scores[last + 1] if last + 1 < len(sentences) else -2.0
        before = scores[first - 1] if first else -2.0
        step = last + 1 if after >= before else first - 1
        if max(after, before) < -1.0 or words + len(sentences[step].split()) > max_words:
            return " ".join(sentences[first : last + 1])
        words += len(sentences[step].split())
        first, last = min(first, step), max(last, step)
