"""Numbers of the reference: features, encoder, whole model."""

import librosa
import pytest
import torch
from parity.golden_numbers import about, official_keys, tensors, weights

from vivavoce.model.step_audio2.dialect.chat_template import Sound
from vivavoce.model.step_audio2.dialect.prompt import Prompt
from vivavoce.model.step_audio2.engine import Engine
from vivavoce.model.step_audio2.network.audio_encoder import Adaptor, AudioEncoder
from vivavoce.model.step_audio2.network.configuration import ADAPTER_STRIDE, AudioEncoderConfig, StepAudio2Config
from vivavoce.model.step_audio2.network.features import log_mel, mel_filters, mel_pieces, token_count
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM
from vivavoce.model.step_audio2.sampling import Sampler, Sampling, penalised

pytestmark = pytest.mark.models


def close(ours, golden, description):
    torch.testing.assert_close(ours, golden, atol=description["atol"], rtol=description["rtol"])


def whole_model(sizes, golden):
    config = StepAudio2Config(
        text_config=sizes["text_config"],
        audio_encoder_config=sizes["audio_encoder_config"],
        audio_start_token_id=sizes["id_layout"]["audio_start"],
    )
    model = StepAudio2ForCausalLM(config).eval()
    model.load_state_dict(weights(golden))
    return model


def test_log_mel():
    description, golden = about("a_logmel"), tensors("a_logmel")
    seen = 0
    for name, wanted in golden.items():
        kind, _, wave = name.partition(".")
        if not kind.startswith("mel") or not wave:
            continue
        seen += 1
        padding = {"padding": 0} if kind == "mel_nopad" else {}
        close(log_mel(golden[f"wave.{wave}"], wanted.shape[0], **padding), wanted, description)
    assert seen


def test_mel_filters():
    description, golden = about("a_logmel"), tensors("a_logmel")
    for name, wanted in golden.items():
        if name.startswith("mel_filters"):
            close(mel_filters(wanted.shape[0]), wanted, description)
    ours = mel_filters(128).numpy()
    assert abs(ours - librosa.filters.mel(sr=16_000, n_fft=400, n_mels=128)).max() < 1e-7


def test_pieces_and_their_placeholders():
    for case in about("a_logmel")["lengths"]:
        pieces = mel_pieces(torch.zeros(case["samples"]).numpy())
        got = [(piece.frames.shape[1], piece.length, piece.tokens) for piece in pieces]
        assert got == [(c["mel_frames"], c["wav_len"], c["tokens"]) for c in case["chunks"]], case["samples"]


def test_audio_encoder_and_adaptor():
    description, golden = about("b_audio_encoder"), tensors("b_audio_encoder")
    config = AudioEncoderConfig(**description["config"])
    parts = torch.nn.ModuleDict({"encoder": AudioEncoder(config), "adapter": Adaptor(config)})
    parts.load_state_dict(weights(golden))
    groups = {name.partition(".")[0] for name in golden if name.endswith(".wavs")}
    assert groups
    for group in groups:
        want = {name.partition(".")[2]: tensor for name, tensor in golden.items() if name.startswith(f"{group}.")}
        with torch.inference_mode():
            states, lengths = parts["encoder"](want["wavs"], want["wav_lens"])
            rows, counts = parts["adapter"](states, lengths)
        close(states, want["encoder_out"], description)
        close(rows, want["adapter_out"], description)
        assert lengths.tolist() == want["encoder_lens"].tolist()
        assert counts.tolist() == want["token_lens"].tolist()
        if config.adapter_stride == ADAPTER_STRIDE:
            assert counts.tolist() == [token_count(n) for n in want["wav_lens"].tolist()]


@pytest.fixture(scope="module")
def full():
    description, golden = about("c_full_model"), tensors("c_full_model")
    return description, golden, whole_model(description, golden)


def test_logits_of_a_prompt_with_sound_and_without(full):
    description, golden, model = full
    with torch.inference_mode():
        close(model(golden["input_ids"], golden["wavs"], golden["wav_lens"]).logits, golden["logits"], description)
        length = golden["text_only_logits"].shape[1]
        close(model(golden["input_ids"][:, :length]).logits, golden["text_only_logits"], description)


def test_logits_of_a_padded_batch(full):
    description, golden, model = full
    mask = golden["batch_attention_mask"]
    with torch.inference_mode():
        done = model(golden["batch_input_ids"], golden["batch_wavs"], golden["batch_wav_lens"], attention_mask=mask)
    close(done.logits[mask.bool()], golden["batch_logits"][mask.bool()], description)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize(("name", "penalty"), [("greedy_ids", 1.0), ("greedy_rep_penalty_1p05_ids", 1.05)])
def test_greedy_ids_of_transformers_own_loop(full, use_cache, name, penalty):
    _, golden, model = full
    length = golden[name].shape[1]
    model.generation_config.eos_token_id = None
    ids = model.generate(
        golden["input_ids"],
        wavs=golden["wavs"],
        wav_lens=golden["wav_lens"],
        attention_mask=torch.ones_like(golden["input_ids"]),
        max_new_tokens=length,
        do_sample=False,
        repetition_penalty=penalty,
        use_cache=use_cache,
    )
    assert ids[0, -length:].tolist() == golden[name][0].tolist()


@pytest.mark.parametrize(("name", "penalty"), [("greedy_ids", 1.0), ("greedy_rep_penalty_1p05_ids", 1.05)])
def test_greedy_ids_of_our_own_loop(full, name, penalty):
    description, golden, model = full
    engine = Engine(model)
    with torch.inference_mode():
        rows = model.hear(golden["wavs"], golden["wav_lens"])  # padded together, as the reference does
    ids = golden["input_ids"][0]
    starts = (ids == description["id_layout"]["audio_start"]).nonzero()[:, 0].tolist()
    sounds = [Sound(bytes([number]), row.shape[0]) for number, row in enumerate(rows)]
    engine._heard.update({sound.key: row for sound, row in zip(sounds, rows, strict=True)})
    prompt = Prompt(tuple(ids.tolist()), ids.numpy(), tuple(zip(starts, sounds, strict=True)))
    decoding = engine.read(prompt)
    sampling = Sampling(temperature=0, repetition_penalty=penalty)
    sampler = Sampler(sampling, ids, description["text_config"]["vocab_size"])
    ours = []
    for _ in range(golden[name].shape[1]):
        ours.append(sampler.choose(decoding.logits))
        decoding.feed(ours[-1:])
    assert ours == golden[name][0].tolist()


def test_scores_with_repetition_penalty(full):
    description, golden, _ = full
    seen = torch.zeros(description["text_config"]["vocab_size"], dtype=torch.bool)
    seen[golden["input_ids"][0]] = True
    ours = penalised(golden["logits"][0, -1], seen, 1.05)
    torch.testing.assert_close(ours, golden["rep_penalty_scores"][0], atol=1e-4, rtol=0)


def test_official_keys_and_shapes():
    description = official_keys("lm")
    with torch.device("meta"):
        model = StepAudio2ForCausalLM(StepAudio2Config(**official_sizes(description["keys"])))
    ours = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert ours == {name: list(shape) for name, shape in description["keys"].items()}


def official_sizes(keys):
    """Sizes that follow from the official shapes; what shapes do not say is from the specification, section 1.1."""
    vocabulary, hidden = keys["lm_head.weight"]
    state, bands, _ = keys["encoder.conv1.weight"]

    def layers(prefix):
        return len({name.split(".")[prefix.count(".") + 1] for name in keys if name.startswith(prefix + ".")})

    head = 128
    return {
        "text_config": {
            "vocab_size": vocabulary,
            "hidden_size": hidden,
            "intermediate_size": keys["model.layers.0.mlp.gate_proj.weight"][0],
            "num_hidden_layers": layers("model.layers"),
            "num_attention_heads": keys["model.layers.0.self_attn.q_proj.weight"][0] // head,
            "num_key_value_heads": keys["model.layers.0.self_attn.k_proj.weight"][0] // head,
            "rms_norm_eps": 1e-6,
        },
        "audio_encoder_config": {
            "n_mels": bands,
            "n_audio_ctx": keys["encoder.positional_embedding.weight"][0],
            "n_audio_state": state,
            "n_audio_head": 20,
            "n_audio_layer": layers("encoder.blocks"),
            "llm_dim": keys["adapter.linear2.weight"][0],
        },
    }
