"""A checkpoint in the official format drives the whole product: the command line, tools, history, speech."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file
from support.checkpoints import write_config, write_tokenizer, write_weights
from support.command_line import run_here

from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.model.step_audio2.language_model import StepAudio2LM
from vivavoce.model.step_audio2.network.checkpoint import load_model, read_checkpoint

QUESTIONS = Path(__file__).parents[2] / "examples" / "questions"
pytestmark = pytest.mark.models


def vivavoce(*arguments, folder, home, **environment):
    variables = {"VIVAVOCE_HOME": str(home), "VIVAVOCE_TEMPERATURE": "0", **environment}
    return run_here(*arguments, folder=folder, **variables)


def test_ask_with_a_checkpoint_hears_calls_a_tool_and_answers_aloud(taught, home, tmp_path):
    question = QUESTIONS / "2-time.wav"
    arguments = ("ask", question, "--model", "step-audio-2", "--checkpoint", taught, "--json")
    done = vivavoce(*arguments, folder=tmp_path, home=home.home, VIVAVOCE_SPEAK_TOKENS="true")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)
    assert [(call["name"], call["arguments"], call["status"]) for call in turn["tool_calls"]] == [
        ("get_date_time", {"place": "Tokyo"}, "done")
    ]
    assert "JST" in turn["tool_calls"][0]["result"]
    assert turn["answer_text"] == "Let me look. It is late."
    assert AudioClip.load(tmp_path / "answer.wav").duration_s > 1.0


async def test_a_dialogue_keeps_its_past_computed(taught, home):
    options = {"model": "step-audio-2", "checkpoint": taught, "temperature": 0, "speak_tokens": True}
    settings = home.changed(**options)
    async with open_agent(settings) as agent:
        lm = agent.services.lm
        assert isinstance(lm, StepAudio2LM)
        work = lm.engine.work
        warm = work.prefilled
        assert warm > 500, "the instructions were read before the first question"
        first = await agent.ask(AudioClip.load(QUESTIONS / "2-time.wav"), session="kept")
        assert [call.call.name for call in first.tool_calls] == ["get_date_time"]
        after_first, encoded = work.prefilled, work.encoded
        assert encoded == 1
        assert after_first - warm < 200, "question and tool result, not the instructions again"
        second = await agent.ask("Hello.", session="kept")
        assert second.tool_calls == ()
        assert work.encoded == 1, "the first question was not encoded again"
        assert work.prefilled - after_first < 60
        france = await agent.ask(AudioClip.load(QUESTIONS / "5-carried-over.wav"), session="other")
        assert france.answer_text == "Paris."
        assert work.encoded == 2


def test_tokens_are_spoken_in_a_prepared_voice(taught, home, tmp_path):
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("<audio_12><audio_6000> 77, 6561 9999 " + "5 " * 60)
    done = vivavoce(
        "voices", "prepare", "default", "robot", "--checkpoint", taught, "--json", folder=tmp_path, home=home.home
    )
    assert json.loads(done.stdout) == {"default": "ready", "robot": "ready"}, done.stderr
    options = ("--tokens", tokens, "--out", "said.wav", "--voice", "robot", "--json")
    done = vivavoce("say", "--decoder", "token2wav", "--checkpoint", taught, *options, folder=tmp_path, home=home.home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["duration_s"] == pytest.approx(63 / 25)
    assert AudioClip.load(tmp_path / "said.wav").sample_rate == 24_000
    tokens.write_text("no numbers")
    done = vivavoce("say", "--tokens", tokens, "--checkpoint", taught, "--out", "x.wav", folder=tmp_path, home=home.home)
    assert (done.returncode, "holds no audio tokens" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "x.wav").exists()


def test_doctor_says_what_memory_is_needed(taught, home, tmp_path):
    done = vivavoce("doctor", "--checkpoint", taught, "--json", folder=tmp_path, home=home.home)
    checks = {check["what"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["checkpoint"]["ok"]
    assert "million parameters in 2 files, chat" in checks["checkpoint"]["detail"]
    assert "GiB needed as bfloat16" in checks["memory"]["detail"]


def test_ask_with_a_server_runs_the_tool_here(server, home, tmp_path):
    arguments = ("ask", "--text", "tool get_date_time {}", "--base-url", f"{server}/fork", "--json")
    done = vivavoce(*arguments, folder=tmp_path, home=home.home, VIVAVOCE_REMOTE__MODEL="echo")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)
    assert [(call["name"], call["status"]) for call in turn["tool_calls"]] == [("get_date_time", "done")]
    assert turn["answer_text"]
    down = vivavoce("ask", "--text", "Hello.", "--base-url", "http://127.0.0.1:9", folder=tmp_path, home=home.home)
    assert (down.returncode, "no server answers at" in down.stderr) == (4, True), down.stderr
    checks = vivavoce("doctor", "--base-url", f"{server}/fork", "--json", folder=tmp_path, home=home.home)
    assert {c["what"]: c["ok"] for c in json.loads(checks.stdout)["checks"]}["server"] is True


def cut_shard(folder):
    shard = next(folder.glob("model-00001*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1000])


def without(folder, change):
    weights = {}
    for shard in sorted(folder.glob("model-*.safetensors")):
        weights |= load_file(shard)
    change(weights)
    write_weights(folder, weights)


def pickles_only(folder):
    for path in folder.glob("model*"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")


def other_model(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2"}))


def without_sizes(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["text_config"]["num_hidden_layers"]
    (folder / "config.json").write_text(json.dumps(config))


def changed(part, fields):
    """Something that changes a part of config.json, or takes it away."""

    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        if fields is None:
            del config[part]
        else:
            config[part] |= fields
        (folder / "config.json").write_text(json.dumps(config))

    return change


def traversal(folder):
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["lm_head.weight"] = "../../elsewhere.safetensors"
    path.write_text(json.dumps(index))


DAMAGE = {
    "no folder": (shutil.rmtree, "is not a folder"),
    "no config": (lambda f: (f / "config.json").unlink(), "config.json is missing"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "not readable JSON"),
    "other model": (other_model, "is of model type 'qwen2'"),
    "sizes missing": (without_sizes, "text_config lacks num_hidden_layers"),
    "no audio sizes": (changed("audio_encoder_config", None), "lacks audio_encoder_config"),
    "odd activation": (changed("text_config", {"hidden_act": "foo"}), "is not usable"),
    "no heads": (changed("text_config", {"num_attention_heads": 0}), "is not usable"),
    "words for numbers": (changed("text_config", {"num_hidden_layers": "x"}), "is not usable"),
    "odd heads": (changed("audio_encoder_config", {"n_audio_head": 7}), "cannot be cut into 7 heads"),
    "missing tensor": (
        lambda f: without(f, lambda w: w.pop("adapter.linear1.bias")),
        "lacks 1 tensors, first adapter.linear1.bias",
    ),
    "extra tensor": (
        lambda f: without(f, lambda w: w.update(odd=w["lm_head.weight"][:1].clone())),
        "does not explain, first odd",
    ),
    "wrong shape": (
        lambda f: without(f, lambda w: w.update({"lm_head.weight": w["lm_head.weight"][:9].clone()})),
        "has the shape [9, 64]",
    ),
    "cut shard": (cut_shard, "damaged or cut short"),
    "missing shard": (lambda f: next(f.glob("model-00002*")).unlink(), "lacks 1 of 2 weight files"),
    "pickles": (pickles_only, "as pickles, which can run code"),
    "traversal": (traversal, "is no file of this folder"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "lacks tokenizer.json"),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "cannot be read"),
    "wrong tokenizer": (lambda f: write_tokenizer(f, {151_665: "<|EOS|>"}), "the tokenizer lacks <|EOT|>"),
    "shifted ids": (
        lambda f: write_tokenizer(f, {151_665: "<odd>", 151_667: "<|EOT|>"}),
        "gives <|EOT|> the id 151667 where 151665 is documented",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_one_clear_line(damage, taught, tmp_path):
    folder = tmp_path / "checkpoint"
    shutil.copytree(taught, folder)
    change, line = DAMAGE[damage]
    change(folder)
    with pytest.raises(ModelError) as caught:
        load_model(read_checkpoint(folder))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flat_config_is_the_same_model(taught, tmp_path):
    folder = tmp_path / "Step-Audio-2-tiny-Base"
    shutil.copytree(taught, folder)
    write_config(folder, flat=True)
    flat, nested = read_checkpoint(folder), read_checkpoint(taught)
    fields = [config.text_config.to_dict() for config in (flat.config, nested.config)]
    assert all(fields[0][name] == value for name, value in fields[1].items() if name != "dtype")
    assert (flat.variant, nested.variant) == ("base", "chat")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "line"),
    [
        (("--checkpoint", "absent"), {}, 4, "absent is not a folder"),
        (("--model", "step-audio-2"), {}, 4, "run `vivavoce models pull step-audio-2-mini` or give --checkpoint"),
        (("--model", "embedded", "--checkpoint", "absent"), {}, 2, "--checkpoint belongs to the model step-audio-2"),
        (("--model", "remote"), {}, 2, "the remote model needs an address"),
        (("--base-url", "http://127.0.0.1:99999"), {}, 2, "address is not usable"),
        (("--checkpoint", "TAUGHT"), {"VIVAVOCE_STEP_AUDIO2__DEVICE": "abacus"}, 2, "there is no device 'abacus'"),
        (("--checkpoint", "TAUGHT"), {"VIVAVOCE_STEP_AUDIO2__DTYPE": "float8"}, 2, "dtype 'float8' is not known"),
        (("--checkpoint", "TAUGHT"), {"VIVAVOCE_STEP_AUDIO2__WEIGHTS": "int2"}, 2, "VIVAVOCE_STEP_AUDIO2__WEIGHTS='int2'"),
        (("--checkpoint", "TAUGHT"), {"VIVAVOCE_STEP_AUDIO2__CONTEXT": "600"}, 4, "positions of the model's context"),
    ],
)
def test_bad_choices_are_one_line_and_an_exit_code(arguments, environment, code, line, taught, home, tmp_path):
    arguments = [str(taught) if argument == "TAUGHT" else argument for argument in arguments]
    done = vivavoce("ask", "--text", "Hello.", *arguments, folder=tmp_path, home=home.home, **environment)
    assert (done.returncode, line in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_too_little_memory_is_said_before_loading(taught):
    with pytest.raises(ModelError, match=r"needs 0\.0 GiB on cpu and 0\.0 GiB are free"):
        load_model(read_checkpoint(taught), free=lambda device: 10 << 20)


async def test_a_question_longer_than_the_context_is_one_line(taught, home):

    options = {"model": "step-audio-2", "checkpoint": taught, "context": 2200, "temperature": 0}
    clip = AudioClip.load(QUESTIONS / "2-time.wav")
    long = AudioClip.joined([clip] * 30)
    async with open_agent(home.changed(**options), warm=False) as agent:
        turn = await agent.ask(long, session="long")
        assert turn.answer_text == "I am sorry, I cannot answer right now: my model has failed."
        assert "say less at once" in turn.error
        assert (await agent.ask("Hello.", session="short")).answer_text == "Hello to you."
