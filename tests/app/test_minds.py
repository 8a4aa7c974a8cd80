"""A mind of somebody's own behind the product's ears and voice: as an object, by settings, and on the command line."""

import pytest
from support.command_line import run_here
from support.strict_server import KEY

from vivavoce.app import open_agent
from vivavoce.app.assets import needed_assets
from vivavoce.app.backends import BACKENDS, MIND, backend_of
from vivavoce.app.doctor import examine
from vivavoce.app.model_choice import ModelChoice
from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.messages import TextDelta
from vivavoce.core.settings import load_settings
from vivavoce.eval.cli import options_of
from vivavoce.eval.lab.driver import facts_of
from vivavoce.eval.toolcall.lab import ToolCallLab
from vivavoce.model.mind.opening import open_chat_model

pytestmark = pytest.mark.process
TONES = {"model": "scripted", "grounding": "off", "warm": False}


class Ears:
    def __init__(self, heard):
        self.heard, self.closed = heard, 0

    async def warm_up(self):
        pass

    async def transcribe(self, audio):
        return self.heard

    async def close(self):
        self.closed += 1


class Parrot:
    """A `TextModel`."""

    def __init__(self):
        self.closed = 0

    async def warm_up(self, tools, instructions=()):
        pass

    async def stream(self, messages, tools):
        yield TextDelta(f"You said {messages[-1].text}.")

    async def close(self):
        self.closed += 1


@pytest.fixture
def chat_model(strict_server):
    return lambda model: open_chat_model(f"openai:{model}", f"{strict_server}/v1", KEY)


async def test_a_whole_dialogue_is_what_a_strict_server_takes(chat_model, own_home, tone):
    def fox() -> str:
        """Find a fox."""
        return "a *fox*"

    async with open_agent(mind=chat_model("echo"), ears=Ears("tool fox {}"), tools=[fox], **TONES) as agent:
        first = await agent.ask(tone, session="s")
        assert (first.heard, [call.status for call in first.tool_calls]) == ("tool fox {}", ["done"])
        assert first.answer_text.startswith("Let me see. You said: [result of fox")
        assert first.answer_text.count("a fox") == 1
        assert first.answer_audio.duration_s > 0
        for said in ("tool nothing {}", "tool fox {", 'tool fox {"a": 1}', "hello"):
            turn = await agent.ask(said, session="s")
            assert [call.status for call in turn.tool_calls] == ([] if said == "hello" else ["failed"])
            assert "You said" in turn.answer_text


async def test_a_thousand_calls_are_some_and_the_rest_is_told(chat_model, own_home):
    async with open_agent(mind=chat_model("calls-1000"), ears=Ears(""), **TONES) as agent:
        turn = await agent.ask("look", session="s")
    assert len(turn.tool_calls) == 16
    assert "I left out the rest" in turn.answer_text


@pytest.mark.parametrize("model", ["cut", "reported", "guarded", "missing"])
async def test_a_failure_costs_the_turn_and_not_the_session(strict_server, chat_model, own_home, model):
    failing = open_chat_model(f"openai:{model}", f"{strict_server}/v1", "sk-wrong")
    async with open_agent(mind=failing, ears=Ears(""), **TONES) as agent:
        with pytest.raises(ModelError):
            await agent.ask("hello", session="s")
    async with open_agent(mind=chat_model("echo"), ears=Ears(""), **TONES) as agent:
        assert "You said" in (await agent.ask("again", session="s")).answer_text
        assert [turn.heard for turn in await agent.history("s")] == ["hello", "again"]


async def test_what_was_given_is_left_open_and_any_ears_go_before_any_mind(own_home, tone):
    ears, mind = Ears("a word"), Parrot()
    async with open_agent(mind=mind, ears=ears, **TONES) as agent:
        assert (await agent.ask(tone)).answer_text == "You said a word."
    assert (ears.closed, mind.closed) == (0, 0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mind": 3}, "the mind is 3; give one of LangChain's chat models"),
        ({"mind": Parrot(), "lm": Parrot()}, "either lm, or mind and ears"),
        ({"ears": Ears(""), "lm": Parrot()}, "either lm, or mind and ears"),
    ],
)
async def test_what_cannot_be_a_mind_is_one_line(own_home, given, told):
    with pytest.raises(ConfigError, match=told):
        async with open_agent(**given, **TONES):
            pass


@pytest.mark.parametrize(
    ("choice", "mind", "model"),
    [
        (ModelChoice(), "openai:set", "embedded"),
        (ModelChoice(mind="openai:m"), "openai:m", "embedded"),
        (ModelChoice(mind_url="http://other/v1"), "openai:set", "embedded"),
        (ModelChoice("scripted"), None, "scripted"),
        (ModelChoice(base_url="http://step/v1"), None, "remote"),
    ],
)
def test_what_is_asked_for_goes_before_the_environment(monkeypatch, choice, mind, model):
    monkeypatch.setenv("VIVAVOCE_MIND", "openai:set")
    settings = choice.settings()
    assert (settings.mind, settings.model) == (mind, model)
    assert backend_of(settings) is (MIND if mind else BACKENDS[model])


def test_a_mind_needs_no_weights_of_a_language_model(own_home):
    with_mind = load_settings(mind="openai:m", mind_url="http://127.0.0.1:9/v1")
    language_model = with_mind.embedded.language_model
    assert language_model in needed_assets(load_settings())
    assert language_model not in needed_assets(with_mind)
    found = {finding.what: finding for finding in examine(with_mind)}
    assert found["mind"].ok
    assert f"asset {language_model}" not in found


@pytest.mark.models
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--mind", "openai:m", "--model", "embedded"], "leave out --model"),
        (["--mind", "openai:m", "--base-url", "http://host/v1"], "leave out --model"),
        (["--mind-url", "http://host/v1"], "give --mind"),
        (["--mind", "openai:m", "--mind-url", "nowhere"], "give one such as http://localhost:11434/v1"),
        (["--mind", "anthropic:m"], "pip install 'vivavoce[anthropic]'"),
    ],
)
def test_the_command_line_says_what_to_do(home, tmp_path, options, told):
    done = run_here("ask", "--text", "hello", *options, folder=tmp_path, VIVAVOCE_HOME=str(home.home))
    assert done.returncode == 2
    assert told in done.stderr
    assert "\n" not in done.stderr.strip()


def test_a_lab_asks_a_mind_and_its_page_holds_no_key(monkeypatch):
    monkeypatch.setenv("VIVAVOCE_MIND_API_KEY", "sk-a-secret")
    options = options_of("toolcall", None, None, 1, None, "openai:m", "http://host/v1")
    facts = facts_of(ToolCallLab(), options, [])
    assert facts["mind"] == "openai:m"
    assert "mind_url" not in facts
    assert "sk-a-secret" not in str(facts)
    assert options.seeds == (0, 1, 2)
