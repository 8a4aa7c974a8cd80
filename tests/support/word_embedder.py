"""An embedder that needs no weights."""

import hashlib

import numpy as np


class WordEmbedder:
    """Words hashed into a vector; texts with the same words are alike."""

    dimension = 64

    def __init__(self, id="words-1"):
        self.id = id
        self.embedded = 0

    def embed(self, texts):
        self.embedded += len(texts)
        vectors = np.full((len(texts), self.dimension), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, hashlib.sha256(word.strip(".,?").encode()).digest()[0] % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
