"""The embedders give what the networks give that they were published as, which need torch."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.retrieval import embedder as texts
from vivavoce.retrieval.embedder import MAX_TOKENS, MiniLMEmbedder
from vivavoce.voicebank import embedders as voices
from vivavoce.voicebank.embedders import ResemblyzerEmbedder
from vivavoce.voicebank.torch_weights import read_weights

pytestmark = pytest.mark.models
LEAST_COSINE = 0.99999
ROOT = Path(__file__).parents[2]


def test_minilm_is_what_transformers_makes_of_its_weights():
    import torch
    from transformers import AutoTokenizer, BertModel

    lines = (ROOT / "tools" / "examples.tsv").read_text("utf-8").splitlines()[2::60]
    prose = (ROOT / "README.md").read_text("utf-8")
    said = ["", " ", "?", "a", "図書館はどこですか", "\ud83d\ude00 \u0000 naïve", "supercalifragilistic " * 400, *lines]
    said += [prose[start : start + length] for start, length in ((0, 60), (500, 400), (900, 2_000), (0, 6_000))]
    said = [text.encode("utf-8", "replace").decode() for text in said]
    folder = texts.packaged(texts.PACKAGE, "model/config.json", "").parent
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = BertModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    ours = MiniLMEmbedder(threads=1).embed(said)
    assert ours.dtype == np.float32
    assert np.allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(said, ours, strict=True):
        given = tokenizer(text or " ", return_tensors="pt", truncation=True, max_length=MAX_TOKENS)
        with torch.inference_mode():
            mean = model(**given).last_hidden_state[0].mean(0).numpy()
        assert vector @ mean / np.linalg.norm(mean) > LEAST_COSINE, text[:80]
    alone = np.concatenate([MiniLMEmbedder(threads=1).embed([text]) for text in said[:12]])
    assert np.allclose(alone, ours[:12], atol=1e-5), "whatever stands beside it"


def test_resemblyzer_is_what_its_package_makes_of_its_weights():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from resemblyzer import VoiceEncoder
    theirs, ours = VoiceEncoder("cpu", verbose=False), ResemblyzerEmbedder(threads=1)
    for path in sorted((ROOT / "examples" / "questions").glob("*.wav")):
        clip = AudioClip.load(path)
        for seconds in (0.05, 0.4, 1.59, 1.6, 1.61, 2.3, 2.38, 3.5, clip.duration_s):
            part = clip.section(0.0, seconds)
            samples = part.resampled(voices.RATE_HZ).samples
            wanted = theirs.embed_utterance(samples / max(float(np.abs(samples).max()), 1e-6))
            vector = ours.embed(part)
            assert (vector.dtype, vector.shape) == (np.float32, (256,))
            assert vector @ wanted / np.linalg.norm(wanted) > LEAST_COSINE, (path.name, seconds)


def silence():
    return AudioClip(np.zeros(16_000, np.float32), 16_000)


def test_silence_is_a_voice_like_any():
    assert np.isfinite(ResemblyzerEmbedder(1).embed(silence())).all()


@pytest.mark.parametrize("damage", ["empty", "no weights", "cut", "other"])
@pytest.mark.parametrize("module", [texts, voices])
def test_damaged_weights_are_one_line(tmp_path, monkeypatch, module, damage):
    texts_file = texts.packaged(texts.PACKAGE, "model/model.safetensors", "")
    whole = (texts_file if module is texts else voices.packaged(voices.PACKAGE, "pretrained.pt", "")).read_bytes()
    other = (2).to_bytes(8, "little") + b"{}"
    path = tmp_path / "weights.bin"
    path.write_bytes({"empty": b"", "no weights": b"no weights", "cut": whole[: len(whole) // 2], "other": other}[damage])

    def packaged(_, file, __):
        return texts_file.with_name("tokenizer.json") if "tokenizer" in file else path

    monkeypatch.setattr(module, "packaged", packaged)
    with pytest.raises(ModelError, match=r"damaged.*install"):
        MiniLMEmbedder(1).embed(["a"]) if module is texts else ResemblyzerEmbedder(1).embed(silence())


def test_nothing_but_tensors_is_made_of_a_file_of_torch(tmp_path):
    import torch

    path = tmp_path / "weights.pt"
    tensors = {"a": torch.arange(6, dtype=torch.float32).reshape(2, 3), "b": torch.ones(2)}
    torch.save({"state": tensors, "step": 3}, path, _use_new_zipfile_serialization=False)
    read = read_weights(path, "state")
    assert {name: array.tolist() for name, array in read.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": [1, 1]}
    with pytest.raises(ValueError):
        read_weights(path, "other")
    torch.save({"state": {"a": Path("/")}}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="pathlib"):
        read_weights(path, "state")
