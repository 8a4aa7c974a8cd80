"""Graphs without weights: they are what the modules beside them make, and refuse weights of another network."""

from pathlib import Path

import numpy as np
import pytest

from vivavoce.core.errors import ModelError
from vivavoce.core.networks import open_network, packaged
from vivavoce.retrieval import embedder as texts
from vivavoce.retrieval.minilm_graph import MiniLMGraph
from vivavoce.voicebank import embedders as voices
from vivavoce.voicebank.resemblyzer_graph import build

pytestmark = pytest.mark.unit


def test_the_files_are_what_the_modules_make():
    assert MiniLMGraph().build() == texts.GRAPH.read_bytes(), "run `python -m vivavoce.retrieval.minilm_graph`"
    assert build() == voices.GRAPH.read_bytes(), "run `python -m vivavoce.voicebank.resemblyzer_graph`"


@pytest.mark.parametrize("weights", [{}, {"linear.bias": np.zeros(7, np.float32)}])
def test_weights_of_another_network_are_one_line(weights):
    with pytest.raises(ModelError, match=r"not those of resemblyzer.onnx \(.+\); install") as raised:
        open_network(voices.GRAPH, weights, 1)
    assert "\n" not in str(raised.value)


def test_a_damaged_graph_is_one_line(tmp_path):
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"graph.onnx"):
        open_network(graph, {}, 1)


@pytest.mark.parametrize(("package", "file"), [("numpy", "missing.bin"), ("no_such_package", "weights.bin")])
def test_a_file_that_is_not_there_is_named_with_what_to_do(package, file):
    with pytest.raises(ModelError, match=rf"{file} of the package {package} is not installed; do this"):
        packaged(package, file, "do this")


def test_a_packaged_file_is_found_without_importing_its_package():
    assert packaged("xml", "dom/minidom.py", "").name == "minidom.py"
    assert isinstance(packaged("xml", "dom/minidom.py", ""), Path)
