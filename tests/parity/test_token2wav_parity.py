"""Numbers of the reference: prompt features, flow, vocoder."""

import re

import pytest
import torch
from parity.golden_numbers import about, official_keys, tensors, weights
from support.checkpoints import FLOW_YAML

from vivavoce.model.token2wav.configuration import FlowSizes, build_flow, read_flow_sizes
from vivavoce.model.token2wav.flow.encoder import LOOKAHEAD, EncoderState
from vivavoce.model.token2wav.flow.matching import NOTHING
from vivavoce.model.token2wav.prompt_features import fitted_to_tokens, prompt_mel, speaker_fbank
from vivavoce.model.token2wav.resampling import resample
from vivavoce.model.token2wav.speech_tokenizer import SpeechTokenizer
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import MelStream, Quality, TokenChunks, read_prompt
from vivavoce.model.token2wav.vocoder import HiFT

pytestmark = pytest.mark.models

# A correct path reaches these (specification, 8b.13); those of the files would let mistakes through.
MEL, VELOCITY, SOUND, SOURCE, PCM = 1e-4, 2e-5, 2e-3, 2e-3, 40


def close(ours, golden, atol, rtol=0.0):
    torch.testing.assert_close(ours, golden, atol=atol, rtol=rtol)


def loaded_flow(config, golden):
    model = build_flow(FlowSizes(config["flow"], config["encoder"], config["estimator"]))
    model.load_state_dict(weights(golden))
    return model.eval()


@pytest.fixture(scope="module")
def flow():
    description, golden = about("d_flow"), tensors("d_flow")
    return description, golden, loaded_flow(description["config"], golden)


def test_prompt_features():
    description, golden = about("f_prompt_features"), tensors("f_prompt_features")
    fbank = speaker_fbank(golden["wave16k"])
    close(fbank, golden["fbank"], 2e-3)
    close(fbank - fbank.mean(0), golden["fbank_cmn"], 2e-3)
    mel = prompt_mel(golden["wave24k"], golden["mel24k"].shape[1])
    close(mel, golden["mel24k"], description["atol"])
    padded = fitted_to_tokens(mel, description["n_tokens_for_padding"])
    close(padded, golden["mel24k_padded_to_2x_tokens"][0], description["atol"])


def test_resampling():
    description, golden = about("f_prompt_features"), tensors("f_prompt_features")
    stereo = golden["wave44k1_stereo"]
    close(resample(golden["wave16k"], 16_000, 24_000), golden["resample_16k_to_24k"], description["atol"])
    close(resample(stereo, 44_100, 16_000)[0], golden["resample_44k1_to_16k_ch0"], description["atol"])
    close(resample(stereo.mean(0), 44_100, 24_000), golden["resample_mean_44k1_to_24k"], description["atol"])
    close(resample(golden["wave24k"], 48_000, 16_000), golden["resample_48k_to_16k"], description["atol"])


def test_flow_of_a_whole_utterance(flow):
    description, golden, model = flow
    prompt, length = golden["prompt_mel"], golden["prompt_mel"].shape[1]
    with torch.inference_mode():
        speaker = model.speaker(golden["spk_embedding"])
        close(speaker, golden["spk.proj"], MEL)
        tokens = torch.cat([golden["prompt_token"], golden["token"]], 1)
        states = model.encoder(model.input_embedding(tokens), EncoderState(), last=True)
        close(states, golden["enc.out"], MEL)
        mu = model.course(tokens, EncoderState(), last=True)
        close(mu, golden["enc.proj"], MEL)
        cond = torch.zeros_like(mu)
        cond[:, :length] = prompt
        noise = golden["rand_noise"][:, :, : mu.shape[1]].transpose(1, 2)
        for name in (name for name in golden if name.startswith("full.mel")):
            few = re.search(r"_(\d+)steps$", name)
            steps = int(few.group(1)) if few else description["n_timesteps"]
            mel = model.solve(mu, speaker, cond, noise, [model.fresh(steps)], last=True)[:, length:]
            close(mel.transpose(1, 2), golden[name], MEL)


def test_one_call_of_the_estimator(flow):
    _, golden, model = flow
    estimator = model.decoder.estimator
    mu = golden["enc.proj"].expand(2, -1, -1)
    noise = golden["rand_noise"][:, :, : mu.shape[1]].transpose(1, 2)
    speaker = torch.cat([golden["spk.proj"], torch.zeros_like(golden["spk.proj"])])[:, None].expand(-1, mu.shape[1], -1)
    x = torch.cat([torch.cat([noise, 0.5 * noise]), mu, speaker, torch.zeros_like(mu)], 2)
    with torch.inference_mode():
        close(estimator.t_embedder(golden["dit.t"]), golden["dit.t_embed"], VELOCITY)
        vectors = estimator.vectors(golden["dit.t"])
        rows = [
            estimator(x[row : row + 1], [vector[row] for vector in vectors], [[NOTHING]] * len(estimator.blocks))[0]
            for row in range(2)
        ]
    velocity = torch.cat(rows)
    close(velocity.transpose(1, 2), golden["dit.out"], VELOCITY)


def test_state_after_the_prompt(flow):
    description, golden, model = flow
    state = model.fresh(description["n_timesteps"])
    with torch.inference_mode():
        tokens = torch.cat([golden["prompt_token"], golden["prompt_token"][:, :LOOKAHEAD]], 1)
        mu = model.course(tokens, state.encoder, last=False)
        noise = golden["rand_noise"][:, :, : mu.shape[1]].transpose(1, 2)
        speaker = model.speaker(golden["spk_embedding"])
        model.solve(mu, speaker, golden["prompt_mel"], noise, [state])
    close(torch.cat([state.encoder.context, state.encoder.up_context], 2), golden["setup.conformer_cnn_cache"], MEL)
    wanted = golden["setup.conformer_att_cache"]
    for layer, past in enumerate(state.encoder.attention):
        close(past, wanted[layer][:, :, : past.shape[2]], MEL)
    for step, memories in enumerate(state.memories):
        pasts = torch.stack([torch.cat(memory.parts[0], 3) for memory in memories])
        close(pasts, golden["setup.estimator_att_cache"][step], 2 * MEL)
        contexts = torch.stack([memory.context.transpose(2, 3).flatten(1, 2) for memory in memories])
        close(contexts, golden["setup.estimator_cnn_cache"][step], 2 * MEL)


@pytest.fixture(scope="module")
def vocoder():
    description, golden = about("e_hift"), tensors("e_hift")
    config = description["config"]
    model = HiFT(config["in_channels"], config["base_channels"], config["f0_cond_channels"])
    model.load_state_dict(weights(golden))
    return golden, model.eval()


def test_vocoder(vocoder):
    golden, model = vocoder
    mel = golden["mel"]
    with torch.inference_mode():
        close(model.f0_predictor(mel), golden["f0"], 1e-2, 1e-4)
        for name, noise in (("zero", None), ("injected", golden["seeded.noise"].float())):
            source = model.source(mel, noise)
            close(source, golden[f"{name}.source"], SOURCE)
            close(model.decode(mel, source), golden[f"{name}.wav"], SOUND)
        source = golden["cached.source"]
        close(model.decode(mel, source), golden["cached.wav"], SOUND)
        close(model.decode(mel, golden["zero.source"]), golden["decode_of_zero_source.wav"], SOUND)


def test_speech_tokenizer():
    description, golden = about("i_s3tokenizer"), tensors("i_s3tokenizer")
    config = description["config"]
    sizes = (config["n_mels"], config["n_audio_state"], config["n_audio_head"], config["n_audio_layer"])
    model = SpeechTokenizer(*sizes).eval()
    model.load_state_dict(weights(golden))
    with torch.inference_mode():
        states, lengths = model.encoder(golden["mels"], golden["mel_lens"])
        codes, _ = model(golden["mels"], golden["mel_lens"])
    assert lengths.tolist() == golden["code_lens"].tolist()
    sure = golden["round_margin"] > description["atol"]
    for row, length in enumerate(lengths.tolist()):
        close(states[row, :length], golden["hidden"][row, :length], description["atol"])
        certain = sure[row, :length]
        assert codes[row, :length][certain].tolist() == golden["code"][row, :length][certain].tolist()


def test_a_stream_sounds_as_the_reference_does(flow, vocoder):
    description, stored = about("de_pipeline"), tensors("de_pipeline")
    _, golden, model = flow
    _, hift = vocoder

    def noise(offset, frames):
        return golden["rand_noise"][:, :, offset : offset + frames].transpose(1, 2)

    quality = Quality(as_reference=True)
    prompt = read_prompt(model, golden["prompt_token"], golden["prompt_mel"], golden["spk_embedding"], noise, quality)
    stream = MelStream(model, prompt, noise)
    stitcher = Stitcher(hift, lambda samples: None, as_reference=True)
    chunks = TokenChunks(description["chunk"])
    cut = [(chunk, False) for chunk in chunks.push(golden["token"][0].tolist())]
    cut.append((chunks.finish(), True))
    assert len(cut) == len(description["chunks"])
    for number, ((tokens, last), wanted) in enumerate(zip(cut, description["chunks"], strict=True)):
        assert (len(tokens), last) == (wanted["tokens_in"], wanted["last"])
        assert stream.state.length == wanted["noise_offset"]
        mel = stream.push(tokens, last=last).transpose(1, 2)
        close(mel, stored[f"stream.mel.{number}"], MEL)
        assert stream.state.length == wanted["att_len_after_truncation"]
        assert stream.state.encoder.attention[-1].shape[2] == wanted["conf_att_len"]
        sound = stitcher.push(mel, last=last).clamp(-1, 1)
        pcm = (sound * 32767).to(torch.int16)
        assert pcm.numel() == wanted["pcm_samples"]
        assert (pcm.int() - stored[f"stream.pcm.{number}"].int()).abs().max() <= PCM


def test_a_whole_utterance_sounds_as_the_reference_does(vocoder):
    stored = tensors("de_pipeline")
    _, hift = vocoder
    with torch.inference_mode():
        mel = stored["whole.mel"]
        close(hift.decode(mel, hift.source(mel)), stored["whole.wav"], SOUND)


def test_official_keys_and_shapes(tmp_path):
    (tmp_path / "flow.yaml").write_text(FLOW_YAML)
    with torch.device("meta"):
        models = {
            "flow": build_flow(read_flow_sizes(tmp_path / "flow.yaml")),
            "hift": HiFT(),
            "s3tokenizer_v2_25hz": SpeechTokenizer(),
        }
    for name, model in models.items():
        wanted = {key: list(shape) for key, shape in official_keys(name)["keys"].items()}
        assert {key: list(tensor.shape) for key, tensor in model.state_dict().items()} == wanted, name
