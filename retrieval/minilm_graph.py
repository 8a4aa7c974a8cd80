"""The network of all-MiniLM-L6-v2 as a graph without weights, which keep their published names.

It is BERT (Devlin et al. 2019) with the mean over its states. ``python -m vivavoce.retrieval.minilm_graph`` writes the file
beside this one; nothing else needs this module.
"""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from vivavoce.core.networks import FUSED, graph_of

LAYERS, HIDDEN, INNER, HEADS, POSITIONS = 6, 384, 1536, 12, 512
EPSILON = 1e-12


class MiniLMGraph:
    """words: embeddings of tokens (B, T, HIDDEN). mask: 1 where a token is (B, T). vectors: of length 1 (B, HIDDEN)."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[str, list[int]] = {}
        self.constants = {"none": np.array([0]), "first": np.array([1]), "second": np.array([2])}

    def build(self) -> bytes:
        """The file."""
        shape = self._node("Shape", "words")
        length = self._node("Slice", shape, "first", "second")
        places = self._weight("embeddings.position_embeddings.weight", POSITIONS, HIDDEN)
        kinds = self._weight("embeddings.token_type_embeddings.weight", 2, HIDDEN)
        placed = self._node("Add", self._node("Slice", places, "none", length), self._node("Slice", kinds, "none", "first"))
        states = self._norm(self._node("Add", "words", placed), "embeddings.LayerNorm")
        for layer in range(LAYERS):
            states = self._layer(states, f"encoder.layer.{layer}")
        counted = self._node("Unsqueeze", self._node("Cast", "mask", to=TensorProto.FLOAT), "first")
        total = self._node("Squeeze", self._node("MatMul", counted, states), "first")
        # Of length 1 the total is the mean.
        self.nodes.append(helper.make_node("LpNormalization", [total], ["vectors"], axis=-1, p=2))
        given = {"words": ("B", "T", HIDDEN), "mask": ("B", "T")}
        return graph_of("minilm", self.nodes, self.weights, self.constants, given, {"vectors": ("B", HIDDEN)})

    def _layer(self, states: str, name: str) -> str:
        heard = [self._linear(states, f"{name}.attention.self.{part}", HIDDEN, HIDDEN) for part in ("query", "key", "value")]
        attended = self._node("MultiHeadAttention", *heard, "", "mask", domain=FUSED, num_heads=HEADS)
        attended = self._linear(attended, f"{name}.attention.output.dense", HIDDEN, HIDDEN)
        states = self._norm(self._node("Add", states, attended), f"{name}.attention.output.LayerNorm")
        inner = self._node("Gelu", self._linear(states, f"{name}.intermediate.dense", HIDDEN, INNER))
        outer = self._linear(inner, f"{name}.output.dense", INNER, HIDDEN)
        return self._norm(self._node("Add", states, outer), f"{name}.output.LayerNorm")

    def _linear(self, states: str, name: str, width: int, wanted: int) -> str:
        weight, bias = self._weight(f"{name}.weight", wanted, width), self._weight(f"{name}.bias", wanted)
        return self._node("Add", self._node("FusedMatMul", states, weight, domain=FUSED, transB=1), bias)

    def _norm(self, states: str, name: str) -> str:
        scale, bias = self._weight(f"{name}.weight", HIDDEN), self._weight(f"{name}.bias", HIDDEN)
        return self._node("LayerNormalization", states, scale, bias, axis=-1, epsilon=EPSILON)

    def _weight(self, name: str, *shape: int) -> str:
        self.weights[name] = list(shape)
        return name

    def _node(self, kind: str, *given: str, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401 - whatever it takes
        made = f"{kind}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [made], domain=domain, **attributes))
        return made


if __name__ == "__main__":
    Path(__file__).with_name("minilm.onnx").write_bytes(MiniLMGraph().build())
