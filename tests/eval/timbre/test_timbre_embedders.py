"""The ears of the timbre lab: adapters on tiny networks that the tests write."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, ModelError, WeightsError
from vivavoce.eval.timbre.embedders import open_embedder

pytestmark = pytest.mark.models


def noise(seed: int, seconds: float = 1.5, rate: int = 16_000) -> AudioClip:
    samples = np.random.default_rng(seed).normal(0, 0.1, int(seconds * rate))
    return AudioClip(samples.astype(np.float32), rate)


def buzz(pitch_hz: float, rate: int = 16_000) -> AudioClip:
    times = np.arange(2 * rate) / rate
    return AudioClip((0.1 * np.sign(np.sin(2 * np.pi * pitch_hz * times))).astype(np.float32), rate)


@pytest.fixture
def campplus(tmp_path):
    """A network that averages filter banks over time and projects them: not CAM++, but of its shapes."""
    weights = np.random.default_rng(0).normal(size=(80, 192)).astype(np.float32)
    squares = helper.make_node("Mul", ["input", "input"], ["squares"])
    pooled = helper.make_node("ReduceMean", ["squares"], ["pooled"], axes=[1], keepdims=0)
    projected = helper.make_node("MatMul", ["pooled", "weights"], ["output"])
    graph = helper.make_graph(
        [squares, pooled, projected],
        "speaker",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, "T", 80])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 192])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    onnx.save(model, tmp_path / "campplus.onnx")
    return tmp_path


@pytest.fixture(scope="module")
def wavlm(tmp_path_factory):
    import torch
    from transformers import WavLMConfig, WavLMForXVector

    torch.manual_seed(0)
    config = WavLMConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8),
        conv_kernel=(10, 3),
        conv_stride=(160, 2),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        num_buckets=32,
        max_bucket_distance=64,
        tdnn_dim=(8, 8, 8, 8, 24),
        xvector_output_dim=12,
    )
    folder = tmp_path_factory.mktemp("wavlm")
    WavLMForXVector(config).save_pretrained(folder)
    return folder


def test_campplus_gives_unit_vectors_of_who_is_heard(campplus):
    embedder = open_embedder(f"campplus:{campplus}")
    one, again, other = (embedder.embed(clip) for clip in (buzz(100), buzz(100), noise(1)))
    assert one.shape == (192,) == (embedder.dimension,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(one, again)
    assert one @ other < 0.999


def test_campplus_hears_what_the_decoder_does(campplus):
    """The features must be those that Token2Wav's front end gives the same network."""
    import onnxruntime
    import torch

    from vivavoce.model.token2wav.prompt_features import speaker_fbank

    clip = noise(3)
    fbank = speaker_fbank(torch.from_numpy(clip.samples.copy()))
    session = onnxruntime.InferenceSession(str(campplus / "campplus.onnx"))
    expected = session.run(None, {"input": (fbank - fbank.mean(0))[None].numpy()})[0][0]
    found = open_embedder(f"campplus:{campplus}").embed(clip)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


def test_wavlm_gives_unit_vectors_at_any_rate(wavlm):
    embedder = open_embedder(f"wavlm-sv:{wavlm}")
    one, other = embedder.embed(noise(1)), embedder.embed(buzz(90, rate=24_000))
    assert one.shape == other.shape == (12,) == (embedder.dimension,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(one, other)


def test_ids_tell_weights_apart(campplus, wavlm, tmp_path):
    before = open_embedder(f"campplus:{campplus}").id
    with (campplus / "campplus.onnx").open("ab") as file:
        file.write(b"\0")
    names = {before, open_embedder(f"campplus:{campplus}").id, open_embedder(f"wavlm-sv:{wavlm}").id}
    names.add(open_embedder("resemblyzer").id)
    assert len(names) == 4


@pytest.mark.parametrize("kind", ["campplus", "wavlm-sv"])
def test_a_clip_too_short_for_a_voice_is_refused(kind, campplus, wavlm):
    embedder = open_embedder(f"{kind}:{campplus if kind == 'campplus' else wavlm}")
    with pytest.raises(AudioError, match=r"0\.20 s; 0\.4 s are needed"):
        embedder.embed(noise(1, 0.2))


def test_missing_and_damaged_weights_are_told(tmp_path):
    with pytest.raises(WeightsError, match=r"campplus\.onnx is missing"):
        open_embedder(f"campplus:{tmp_path}")
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        open_embedder(f"wavlm-sv:{tmp_path}")
    (tmp_path / "campplus.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="is damaged"):
        open_embedder(f"campplus:{tmp_path}").embed(noise(1))
    (tmp_path / "config.json").write_text('{"model_type": "wavlm"}')
    with pytest.raises(WeightsError, match=r"neither model\.safetensors"):
        open_embedder(f"wavlm-sv:{tmp_path}")
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="holds no WavLM"):
        open_embedder(f"wavlm-sv:{tmp_path}").embed(noise(1))


@pytest.mark.parametrize("name", ["ecapa", "campplus", "resemblyzer:folder", ""])
def test_unknown_names_are_told_what_there_is(name):
    with pytest.raises(ConfigError, match="choose resemblyzer, campplus:FOLDER"):
        open_embedder(name)
