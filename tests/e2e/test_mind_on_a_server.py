"""A question that a server of other people's software thinks about: llama.cpp's, over the embedded weights."""

from pathlib import Path

import pytest
from support.command_line import run_here
from support.llama_server import running_llama

from vivavoce.app.assets import weight_store
from vivavoce.core.errors import WeightsError
from vivavoce.core.settings import load_settings

pytestmark = pytest.mark.models
QUESTION = Path(__file__).parents[2] / "examples" / "questions" / "2-time.wav"


@pytest.fixture(scope="module")
def address(installed):
    with running_llama(weight_store(installed).path(installed.embedded.language_model)) as address:
        yield address


@pytest.fixture
def without_language_model(home, tmp_path):
    """A home that has all but the embedded language model's weights."""
    folder = tmp_path / "home"
    (folder / "weights").mkdir(parents=True)
    language_model = weight_store(home).path(home.embedded.language_model)
    for path in home.weights_dir.iterdir():
        if path.name != language_model.name:
            (folder / "weights" / path.name).symlink_to(path)
    for name in ("voices", "index", "cache"):
        (folder / name).symlink_to(home.home / name)
    return folder


def ask(address, home, folder, *question):
    mind = ("--mind", "openai:qwen2.5-coder", "--mind-url", address)
    environment = {"VIVAVOCE_HOME": str(home), "VIVAVOCE_TEMPERATURE": "0", "VIVAVOCE_MAX_STEPS": "1"}
    return run_here("ask", *question, *mind, "--json", folder=folder, **environment).json


def test_a_tool_is_called_and_the_answer_spoken(address, home, tmp_path):
    turn = ask(address, home.home, tmp_path, "--text", "What time is it in Tokyo?")
    assert "get_date_time" in {call["name"] for call in turn["tool_calls"]}
    assert turn["answer_text"].strip()
    assert (tmp_path / "answer.wav").stat().st_size > 1_000


def test_a_recording_is_heard_by_our_ears_without_other_weights(address, without_language_model, tmp_path):
    with pytest.raises(WeightsError):
        weights = load_settings(home=without_language_model, hub=False)
        weight_store(weights).path(weights.embedded.language_model)
    turn = ask(address, without_language_model, tmp_path, QUESTION)
    assert "Tokyo" in turn["heard"]
    assert turn["answer_text"].strip()
