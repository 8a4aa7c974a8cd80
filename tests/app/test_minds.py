"""A mind of somebody's own behind the product's ears and voice: as an object, by settings, and on the command line."""

import json
from functools import partial

import pytest
from support.command_line import run_here
from support.strict_server import KEY

from vivavoce.agent.testing import ScriptedLM
from vivavoce.app import open_agent
from vivavoce.app.assets import needed_assets
from vivavoce.app.backends import BACKENDS, MIND, backend_of
from vivavoce.app.doctor import examine
from vivavoce.app.model_choice import ModelChoice
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.messages import TextDelta
from vivavoce.core.settings import load_settings
from vivavoce.eval.cli import options_of
from vivavoce.eval.lab.driver import facts_of
from vivavoce.eval.toolcall.lab import ToolCallLab
from vivavoce.model.mind import presence
from vivavoce.model.mind.chat_model import ChatModelMind
from vivavoce.model.mind.opening import open_chat_model

pytestmark = pytest.mark.process
TONES = {"model": "scripted", "grounding": "off", "warm": False}


def look(at: str) -> str:
    """Look at something."""
    return f"I looked at {at}."


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


FAILED = "I am sorry, I cannot answer right now: my model has failed."
STOPPED = "Half of... I am sorry, I have to stop here: my model has failed."


@pytest.mark.parametrize(
    ("model", "said", "why"),
    [
        ("nothing", FAILED, "sent nothing that is an answer; correct its address"),
        ("html", FAILED, "sent nothing that is an answer; correct its address"),
        ("empty", "I am sorry, I have no answer to that.", ""),
        ("refusal", "I am sorry, I have no answer to that.", ""),
        ("refuses", "I am sorry, I cannot help with that.", ""),
        ("plain", "Grüß Gott, 世界.", ""),
        ("calls-1000", "I can do at most 16 things for one answer, so I left out the rest.", ""),
        ("call-unknown", "I am sorry, I could not finish that in the steps I am allowed.", ""),
        ("call-broken", "I am sorry, I could not finish that in the steps I am allowed.", ""),
        ("call-bare", "I am sorry, I could not finish that in the steps I am allowed.", ""),
        ("endless", "There is more, but I stop reading here.", ""),
        ("endless-arguments", "I am sorry, I have no answer to that.", ""),
        ("guarded", FAILED, "refuses the key (401); set the right one as VIVAVOCE_MIND_API_KEY"),
        ("missing", FAILED, "does not exist); correct the model's name"),
        ("always-busy", FAILED, "try again later"),
        ("failing", FAILED, "(500: CUDA out of memory); try again later, or look at its log"),
        ("stall", STOPPED, "did not answer in time; it is stuck or overloaded, try again later"),
        ("cut", STOPPED, "broke off its answer"),
        ("reported", STOPPED, "engine dead"),
        ("malformed", STOPPED, "ask again"),
    ],
)
async def test_whatever_a_mind_does_is_one_sentence_and_the_session_is_intact(
    strict_server, chat_model, own_home, model, said, why
):
    chosen = open_chat_model(f"openai:{model}", f"{strict_server}/v1", "sk-wrong")
    mind = ChatModelMind(chosen, name="the mind", stall_timeout_s=0.5 if model == "stall" else 30.0, max_spoken_chars=60)
    async with open_agent(mind=mind, ears=Ears(""), tools=[look], **TONES) as agent:
        turn = await agent.ask("hello", session="s")
    assert turn.answer_text.endswith(said)
    assert turn.answer_text.count("I am sorry") <= 1
    assert turn.answer_audio.duration_s > 0
    assert why in turn.error if why else not turn.error
    assert "sk-wrong" not in turn.error + turn.answer_text
    async with open_agent(mind=chat_model("echo"), ears=Ears(""), tools=[look], **TONES) as agent:
        after = await agent.ask("again", session="s")
        assert (after.answer_text, after.error) == ("You said: again", "")  # a strict server took the history
        assert [turn.heard for turn in await agent.history("s")] == ["hello", "again"]


async def test_a_server_that_is_down_is_told_of_aloud(own_home):
    nowhere = open_chat_model("openai:m", "http://127.0.0.1:9/v1")
    async with open_agent(mind=nowhere, ears=Ears(""), **TONES) as agent:
        turn = await agent.ask("hello", session="s")
    assert turn.answer_text == FAILED
    assert "cannot be reached" in turn.error
    assert "start it, or correct its address" in turn.error


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
    with_mind = load_settings(mind="openai:m", mind_api_key="sk-a-secret")
    language_model = with_mind.embedded.language_model
    assert language_model in needed_assets(load_settings())
    assert language_model not in needed_assets(with_mind)
    found = {finding.what: finding for finding in examine(with_mind)}
    assert found["mind"].ok
    assert found["mind"].detail == "openai:m at its provider, which was not asked"
    assert f"asset {language_model}" not in found


@pytest.mark.parametrize(
    ("mind", "path", "key", "ok", "told"),
    [
        ("plain", "/v1", KEY, True, "/v1, which answers"),
        ("echo", "/v1/", None, True, "/v1/, which answers"),
        ("other", "/v1", None, True, "but lists no other; should it fail, choose one that it has: plain, echo:latest"),
        (
            "plain",
            "",
            None,
            True,
            "which answers, but lists no models; should it fail, correct the address, most end in /v1",
        ),
        ("plain", "/html/v1", None, True, "which answers, but lists no models"),
        ("plain", "/odd/v1", None, True, "which answers, but lists no models"),
        ("plain", "/failing/v1", None, False, "(503: Service Unavailable); try again later, or look at its log"),
        ("plain", "/dripping/v1", None, False, "did not answer in time"),
        ("plain", "/v1", "sk-wrong", False, "refuses the key (401); set the right one as VIVAVOCE_MIND_API_KEY"),
        ("plain", "/v1", "sk-schlüssel", False, "failed"),
        ("plain", None, None, False, "cannot be reached"),
    ],
)
def test_doctor_asks_whether_the_server_is_there(monkeypatch, own_home, strict_server, mind, path, key, ok, told):
    monkeypatch.setattr(presence, "PATIENCE_S", 0.5 if path == "/dripping/v1" else 30.0)
    url = "http://127.0.0.1:9/v1" if path is None else f"{strict_server}{path}"
    found = {one.what: one for one in examine(load_settings(mind=f"openai:{mind}", mind_url=url, mind_api_key=key))}
    assert found["mind"].ok is ok
    assert told in found["mind"].detail
    assert "\n" not in found["mind"].detail
    assert "sk-" not in found["mind"].detail


def test_ask_says_what_is_said_and_ends_with_what_to_do(own_home, tmp_path, monkeypatch):
    nowhere = open_chat_model("openai:m", "http://127.0.0.1:9/v1")
    opened = partial(open_agent, mind=nowhere, ears=Ears(""))
    monkeypatch.setattr("vivavoce.app.conversation.open_agent", opened)
    options = ("ask", "--text", "hello", "--model", "scripted")
    done = run_here(*options, folder=tmp_path, VIVAVOCE_GROUNDING="off")
    assert done.returncode == 4
    assert FAILED in done.stdout
    assert done.stderr.strip().startswith("vivavoce: the mind (ChatOpenAI) cannot be reached")
    assert "\n" not in done.stderr.strip()
    assert AudioClip.load(tmp_path / "answer.wav").duration_s > 0
    done = run_here(*options, "--json", folder=tmp_path, VIVAVOCE_GROUNDING="off")
    assert done.returncode == 4
    assert "cannot be reached" in json.loads(done.stdout)["error"]
    assert json.loads(done.stdout)["answer_text"] == FAILED


def test_chat_says_what_to_do_and_goes_on(own_home, tmp_path, monkeypatch):
    def script(messages, tools):
        if messages[-1].text == "fail":
            raise ModelError("the server is down; start it")
        yield "Well."

    monkeypatch.setattr("vivavoce.app.conversation.open_agent", partial(open_agent, lm=ScriptedLM(script)))
    done = run_here("chat", "--model", "scripted", folder=tmp_path, stdin=b"fail\nagain\n")
    assert done.returncode == 0
    assert FAILED in done.stdout
    assert "Well." in done.stdout
    assert done.stderr.splitlines()[-1] == "the server is down; start it"
    done = run_here("chat", "--model", "scripted", "--json", folder=tmp_path, stdin=b"fail\nagain\n")
    turns = json.loads("[" + done.stdout.replace("}\n{", "},{") + "]")
    assert [turn["error"] for turn in turns] == ["the server is down; start it", None]


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
