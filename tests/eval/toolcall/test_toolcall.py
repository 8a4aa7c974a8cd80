"""The tool-calling lab end to end: planted models get the scores that they must get."""

import json
from collections import Counter
from dataclasses import asdict
from hashlib import sha256

import pytest
from support.backends import set_script

from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.messages import ToolMessage, UserMessage
from vivavoce.core.settings import load_settings
from vivavoce.eval.lab.compare import compare_runs
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Options, Result
from vivavoce.eval.toolcall.brought.questions import brought_questions
from vivavoce.eval.toolcall.lab import ToolCallLab, questions_of
from vivavoce.eval.toolcall.questions import HALVES, NEGATIVE_KINDS, TOOLS, ToolQuestion, read_questions
from vivavoce.eval.toolcall.report import measures
from vivavoce.model.step_audio2.dialect.tool_calls import render_tool_call

pytestmark = pytest.mark.unit
TABLE = (
    'w1\tdev\ten\tget_weather\trequest\t{"location": "Paris"}\t\tWeather in Paris?',
    'w2\ttest\ten\tget_weather\trequest\t{"location": "Rome"}\t\tWeather in Rome?',
    "t1\tdev\ten\tget_date_time\trequest\t\t\tWhat time is it?",
    "t2\ttest\ten\tget_date_time\trequest\t\t\tWhich day is it?",
    "n1\tdev\ten\tnone\tchat\t\t\tHello.",
    "n2\ttest\ten\tnone\ttopic\t\t\tWhy does it rain?",
    'n3\ttest\ten\tnone\tanswered\t\t[["user", "Weather in Rome?"], ["call", "get_weather", {"location": "Rome"}, "dry"], '
    '["assistant", "It is dry."]]\tThanks.',
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("# a comment\n" + "\n".join(TABLE) + "\n")
    return path


@pytest.fixture
def run_with(monkeypatch, own_home, tmp_path, table):
    """Run the lab with a model that follows a script."""
    runs = Counter()

    async def run(script, sets=None, delay_s=0.0, **options):
        set_script(monkeypatch, script, delay_s)
        runs["all"] += 1
        settings = load_settings(model="scripted")
        given = Options(settings, sets or (str(table),), **options)
        return await run_lab(ToolCallLab(), given, tmp_path / f"run{runs['all']}")

    return run


def calls(*wanted):
    """A script that makes these calls, whatever is asked, and then talks."""

    def script(messages, tools):
        if isinstance(messages[-1], ToolMessage):
            yield "Done."
            return
        for name, arguments in wanted:
            yield render_tool_call(name, json.dumps(arguments))

    return script


def talks(messages, tools):
    yield "I would rather talk."


async def test_a_model_that_never_calls_is_silent_and_misses_everything(run_with):
    finished = await run_with(talks)
    values = {name: estimate.value for name, estimate in finished.page.summary.items()}
    assert values["own: recall get_weather"] == values["own: recall get_date_time"] == 0
    assert values["own: false trigger"] == 0
    assert values["own: choice"] == pytest.approx(3 / 7)
    assert "own: precision get_weather" not in values  # of no calls there is no precision
    assert Counter(result.verdict for result in finished.results) == {"missed": 4, "quiet": 3}


async def test_a_model_that_always_calls_one_tool_has_all_recall_for_it_and_the_prevalence_as_precision(run_with):
    finished = await run_with(calls(("get_weather", {"location": "paris"})))
    values = {name: estimate.value for name, estimate in finished.page.summary.items()}
    assert values["own: recall get_weather"] == 1
    assert values["own: precision get_weather"] == pytest.approx(2 / 7)
    assert values["own: recall get_date_time"] == 0
    assert values["own: recall of any call"] == 1
    assert values["own: precision of any call"] == pytest.approx(4 / 7)
    assert values["own: type"] == pytest.approx(2 / 4)
    assert values["own: parameters"] == pytest.approx(1 / 2)  # Rome was wanted once
    assert values["own: false trigger"] == values["own: false trigger, chat"] == values["own: format"] == 1
    assert values["own, test: parameters"] == 0
    assert values["own, dev: parameters"] == 1


async def test_a_model_that_calls_at_random_is_right_as_often_as_its_coin(run_with, tmp_path):
    """200 requests and 200 negatives; the coin is the parity of a hash, so the true counts are known."""
    lines = [f"r{n}\tdev\ten\tget_date_time\trequest\t\t\tQuestion {n}?" for n in range(200)]
    lines += [f"n{n}\tdev\ten\tnone\tchat\t\t\tTalk {n}." for n in range(200)]
    (tmp_path / "many.tsv").write_text("\n".join(lines))

    def heads(text):
        return sha256(text.encode()).digest()[0] % 2 == 0

    def coin(messages, tools):
        if isinstance(messages[-1], UserMessage) and heads(messages[-1].text):
            yield render_tool_call("get_date_time", "{}")
        else:
            yield "No."

    finished = await run_with(coin, (str(tmp_path / "many.tsv"),), limit=100)
    asked = [result.facts["text"] for result in finished.results]
    hits = sum(heads(text) for text in asked if text.startswith("Question"))
    alarms = sum(heads(text) for text in asked if text.startswith("Talk"))
    summary = finished.page.summary
    assert len(asked) == 100
    assert summary["many: recall get_date_time"].value == pytest.approx(hits / 50)
    assert summary["many: precision get_date_time"].value == pytest.approx(hits / (hits + alarms))
    assert summary["many: false trigger"].value == pytest.approx(alarms / 50)
    assert summary["many: recall get_date_time"].low < 0.5 < summary["many: recall get_date_time"].high


async def test_parallel_calls_of_one_round_are_all_seen(run_with):
    finished = await run_with(calls(("get_weather", {"location": "Paris"}), ("get_date_time", {})))
    by_id = {result.id: result for result in finished.results}
    assert [call["name"] for call in by_id["own/w1"].record["calls"]] == ["get_weather", "get_date_time"]
    assert by_id["own/w1"].verdict == "too much"
    assert by_id["own/w1"].scores["triggered"] == 1
    assert by_id["own/w1"].scores["choice"] == 0
    assert by_id["own/t1"].scores["type"] == 0  # the first call is the other tool's


async def test_what_follows_the_first_calls_is_not_judged(run_with):
    def twice(messages, tools):
        results = [message for message in messages if isinstance(message, ToolMessage)]
        yield (
            render_tool_call("get_date_time", "{}") if not results else render_tool_call("get_weather", '{"location": "X"}')
        )

    finished = await run_with(twice, delay_s=0.3)  # no model answers a result at once
    assert {
        tuple(call["name"] for call in result.record["calls"]) for result in finished.results if "n3" not in result.id
    } == {("get_date_time",)}


async def test_malformed_and_unknown_calls_are_not_well_formed(run_with):
    wrong = await run_with(calls(("get_weather", {"place": "Paris"})))
    assert wrong.page.summary["own: format"].value == 0
    assert "own: parameters" not in wrong.page.summary
    unknown = await run_with(calls(("calculate", {"expression": "1+1"})))
    assert unknown.page.summary["own: format"].value == 0
    assert unknown.page.summary["own: recall of any call"].value == 1


async def test_earlier_turns_reach_the_model_as_history(run_with):
    seen = []

    def watch(messages, tools):
        seen.append([type(message).__name__ for message in messages])
        yield "Yes."

    await run_with(watch)
    assert max(seen, key=len) == [
        "SystemMessage", "UserMessage", "AssistantMessage", "ToolMessage", "AssistantMessage", "UserMessage",
    ]  # fmt: skip
    assert sorted(map(len, seen)) == [2, 2, 2, 2, 2, 2, 6]


async def test_two_runs_can_be_compared_item_by_item(run_with, tmp_path):
    await run_with(talks)
    await run_with(calls(("get_date_time", {})))
    found = {difference.metric: difference for difference in compare_runs(tmp_path / "run1", tmp_path / "run2")}
    assert found["dev: triggered"].difference.value == pytest.approx(1 / 2)
    assert found["test: false trigger"].difference.value == 1


async def test_repetitions_share_the_session_of_their_question(run_with):
    finished = await run_with(talks, seeds=(1, 2, 3))
    assert len(finished.results) == 21
    assert len({result.cluster for result in finished.results}) == 7


async def test_the_report_has_matrix_bars_and_published_rows_apart(run_with):
    finished = await run_with(calls(("get_weather", {"location": "Paris"})))
    report = (finished.folder / "report.md").read_text()
    assert "published: Step-Audio 2" in report
    assert all(name in report for name in finished.page.pictures)
    assert all((finished.folder / name).stat().st_size > 5_000 for name in finished.page.pictures)
    assert not (finished.folder / "home").exists()


def test_the_set_of_the_lab_holds_what_it_promises():
    questions = questions_of("text")
    counts = Counter((question.tool, question.language) for question in questions)
    for tool in TOOLS:
        assert counts[tool, "en"] + counts[tool, "zh"] >= 60
        negatives = sum(question.tool != tool for question in questions)
        assert negatives >= 60
    assert 0.3 < sum(question.language == "zh" for question in questions) / len(questions) < 0.4
    assert {question.kind for question in questions if not question.wants_call} == set(NEGATIVE_KINDS)
    for half in HALVES:
        for tool in (*TOOLS, "none"):
            assert sum(question.half == half and question.tool == tool for question in questions) >= 50
    texts = [(question.text, question.history) for question in questions]
    assert len(set(texts)) == len(texts)


def test_no_question_of_a_set_is_an_example_of_the_router():
    from vivavoce.tools.examples import (
        BEYOND_EXAMPLES,
        CHAT_EXAMPLES,
        CLOCK,
        EXPLAIN,
        KNOWLEDGE,
        VOICE,
        WEATHER,
        WEB,
    )

    def plain(text):
        return "".join(c for c in text.lower() if c.isalnum())

    examples = (*CLOCK, *EXPLAIN, *KNOWLEDGE, *VOICE, *WEATHER, *WEB)
    texts = [*CHAT_EXAMPLES, *BEYOND_EXAMPLES, *(example.utterance for example in examples)]
    learnt = {plain(text) for text in texts}
    questions = [*questions_of("text"), *brought_questions("deeds")]
    assert [question.text for question in questions if plain(question.text) in learnt] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a\tdev\ten\tnone\tchat\t\tHello.", "7 fields"),
        ("a\tdev\ten\tnone\trequest\t\t\tHello.", "does not go with"),
        ("a\tdev\ten\tget_time\trequest\t\t\tHello.", "unknown"),
        ("a\tdev\ten\tnone\tchat\t[1]\t\tHello.", "no JSON object"),
        ("a\tdev\ten\tnone\tchat\t{\t\tHello.", "no JSON"),
        ('a\tdev\ten\tnone\tchat\t\t[["bot", "x"]]\tHello.', "history"),
    ],
)
def test_a_wrong_line_of_a_table_is_named(tmp_path, line, why):
    path = tmp_path / "wrong.tsv"
    path.write_text(f"# one\n{line}\n")
    with pytest.raises(ConfigError, match=why) as error:
        read_questions(path)
    assert "line 2" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_set_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(ConfigError, match="spoken"):
        questions_of("nowhere")


async def test_a_model_that_speaks_before_it_calls_is_heard_to_the_end(monkeypatch, own_home, tmp_path, table):
    """Step-Audio 2 may say "let me see" first; only the models that never do are interrupted at their first word."""

    def confirms_first(messages, tools):
        if not isinstance(messages[-1], ToolMessage):
            yield "Let me see. "
            yield render_tool_call("get_weather", '{"location": "Paris"}')

    set_script(monkeypatch, confirms_first, transcribes=False)
    options = Options(load_settings(model="scripted"), (str(table),))
    finished = await run_lab(ToolCallLab(), options, tmp_path / "run")
    assert {tuple(call["name"] for call in result.record["calls"]) for result in finished.results} == {("get_weather",)}


async def test_a_model_that_fails_has_not_answered_that_it_calls_nothing(monkeypatch, own_home, tmp_path, table):
    def failing(messages, tools):
        raise ModelError("the model is down; start it")
        yield

    set_script(monkeypatch, failing)
    finished = await run_lab(ToolCallLab(), Options(load_settings(model="scripted"), (str(table),)), tmp_path / "run")
    assert {result.error for result in finished.results} == {"the model is down; start it"}


def test_every_question_of_the_spoken_set_has_a_recording():
    from vivavoce.core.audio import AudioClip

    questions = questions_of("spoken")
    assert [question.text for question in questions] == [question.text for question in questions_of("text")]
    assert sum(len(questions_of(f"spoken:{half}")) for half in HALVES) == len(questions)
    for question in questions[::40]:
        clip = AudioClip.load(question.audio)
        assert 0.8 < clip.duration_s < 15
        assert not clip.is_silent


def test_where_the_agent_fails_every_share_counts_it_as_wrong():
    wanting = ToolQuestion("a", "a", "Weather in Paris?", "get_weather", {"location": "Paris"})
    assert wanting.as_item().at_worst == dict.fromkeys(("choice", "triggered", "called", "type", "parameters"), 0.0)
    of_another = ToolQuestion("b", "b", "What time is it?", "get_date_time", about="get_weather")
    assert of_another.as_item().at_worst == {"choice": 0.0, "false trigger": 1.0}


def test_parameters_that_were_misheard_are_told_apart():
    def spoken(name, heard, right, audio="a.ogg"):
        facts = {**asdict(ToolQuestion(name, name, "Rain in Oslo?", "get_weather", {"location": "Oslo"})), "audio": audio}
        record = {"heard": heard, "calls": [{"name": "get_weather", "arguments": "{}"}]}
        return Result(name, name, facts, {"parameters": right}, "", record=record)

    found = measures(
        [spoken("a", "rain in Oslo", 1.0), spoken("b", "Rain in also?", 0.0), spoken("c", "Rain in Oslo?", 0.0, "")]
    )
    assert (found["parameters"].value, found["parameters"].count) == (pytest.approx(1 / 3), 3)
    assert (
        found["parameters, where every word was heard"].value,
        found["parameters, where every word was heard"].count,
    ) == (1, 1)
