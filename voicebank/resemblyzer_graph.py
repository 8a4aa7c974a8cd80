"""The network of Resemblyzer (GE2E, Wan et al. 2018) as a graph without weights.

``python -m vivavoce.voicebank.resemblyzer_graph`` writes the file beside this one; nothing else needs this module.
"""

from pathlib import Path

import numpy as np
from onnx import helper

from vivavoce.core.networks import graph_of

LAYERS, HIDDEN, BANDS = 3, 256, 40


def build() -> bytes:
    """mels: (B, T, BANDS). vectors: of length 1 (B, HIDDEN)."""
    nodes = [helper.make_node("Transpose", ["mels"], ["states-0"], perm=[1, 0, 2])]
    weights = {"linear.weight": (HIDDEN, HIDDEN), "linear.bias": (HIDDEN,)}
    for layer in range(LAYERS):
        names = [f"{kind}-{layer}" for kind in ("input", "recurrent", "bias")]
        width = HIDDEN if layer else BANDS
        weights |= dict(zip(names, [(1, 4 * HIDDEN, width), (1, 4 * HIDDEN, HIDDEN), (1, 8 * HIDDEN)], strict=True))
        made = [f"all-{layer}", f"last-{layer}"]
        nodes.append(helper.make_node("LSTM", [f"states-{layer}", *names], made, hidden_size=HIDDEN))
        nodes.append(helper.make_node("Squeeze", [made[0], "direction"], [f"states-{layer + 1}"]))
    nodes.append(helper.make_node("Squeeze", [f"last-{LAYERS - 1}", "first"], ["last"]))
    nodes.append(helper.make_node("Gemm", ["last", "linear.weight", "linear.bias"], ["raw"], transB=1))
    nodes.append(helper.make_node("Relu", ["raw"], ["positive"]))
    nodes.append(helper.make_node("LpNormalization", ["positive"], ["vectors"], axis=-1, p=2))
    constants = {"first": np.array([0]), "direction": np.array([1])}
    given, made = {"mels": ("B", "T", BANDS)}, {"vectors": ("B", HIDDEN)}
    return graph_of("resemblyzer", nodes, weights, constants, given, made)


if __name__ == "__main__":
    Path(__file__).with_name("resemblyzer.onnx").write_bytes(build())
