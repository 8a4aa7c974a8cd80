"""The latency lab: made-up turns get the known figures; the baseline does the same steps without overlap."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vivavoce.agent.testing import ScriptedLM, call, echo
from vivavoce.agent.turn import Span, Timings
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult
from vivavoce.core.settings import load_settings
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.home import own_home as own_home_of_run
from vivavoce.eval.lab.lab import Item, Options
from vivavoce.eval.latency.lab import LatencyLab, timed
from vivavoce.eval.latency.report import AGENT, STAGES, exceeded, latency_page, percentile_of
from vivavoce.eval.latency.set import read_latency_set
from vivavoce.eval.latency.stages import StageByStage

pytestmark = pytest.mark.unit
QUESTIONS = Path(__file__).parents[3] / "examples" / "questions"
FOUR_S = AudioClip(np.full(32_000, 0.1, np.float32), 8_000)
BUDGETS = [
    {"measure": "time to first audio", "percentile": 50, "at_most": 2.0},
    {"measure": "whole turn", "percentile": 90, "at_most": 1.0},
    {"measure": "unheard of", "percentile": 90, "at_most": 1.0},
]


def item(way: str, question: str, number: int) -> Item:
    facts = {"way": way, "question": question, "round": number, "seed": 0, "budgets": BUDGETS}
    return Item(f"{way}/{question}/{number}", question, facts, {"answered": 0.0})


def turn(way: str, question: str, number: int, first_s: float):
    """Heard in 0.5 s, chosen in 0.25 s, a tool of 0.1 s that took 0.125 s, spoken from ``first_s`` on."""
    spans = (
        Span("hear", 0.0, 0.5),
        Span("choose", 0.5, 0.75),
        Span("tool: clock", 0.75, 0.875),
        Span("speak", first_s - 0.1, first_s + 0.5),
    )
    call = ToolResult(ToolCall("1", "clock", "{}"), "done", ToolOutput(""), duration_s=0.1)
    record = {"tool_calls": [{"name": "clock"}], "timings": {"spans": [[s.stage, s.start_s, s.end_s] for s in spans]}}
    return timed(item(way, question, number), Timings(spans, first_s, first_s + 0.5), FOUR_S, [call], record)


@pytest.fixture
def turns():
    found = []
    for question, extra in (("a", 0.0), ("b", 0.5), ("c", 1.0)):
        for number in range(4):
            found.append(turn(AGENT, question, number, 1.0 + extra + 0.01 * number))
            found.append(turn(STAGES, question, number, 3.0 + extra + 0.01 * number))
    return found


def test_a_turn_as_numbers(turns):
    scores = turns[0].scores
    assert scores["time to first audio"] == 1.0
    assert scores["real-time factor"] == pytest.approx(1.5 / 4)
    assert (scores["hear"], scores["choose"], scores["tools"]) == (0.5, 0.25, 0.125)
    assert scores["dispatch of tools"] == pytest.approx(0.025)


def test_a_turn_without_sound_is_not_answered():
    found = timed(item(AGENT, "a", 0), Timings((), None, 1.0), None, [], {})
    assert (found.verdict, found.scores["answered"]) == ("silent", 0.0)
    assert "time to first audio" not in found.scores


def test_percentiles_are_those_of_the_turns(turns):
    agent = [one for one in turns if one.facts["way"] == AGENT]
    values = [one.scores["time to first audio"] for one in agent]
    found = percentile_of(agent, "time to first audio", 90)
    assert found.value == pytest.approx(np.percentile(values, 90))
    assert found.low <= found.value <= found.high
    assert (found.low, found.high) == pytest.approx((1.027, 2.03), abs=0.01)  # all turns of one question, drawn alone
    assert percentile_of(agent, "unheard of", 50) is None


def test_budgets_are_told_kept_exceeded_or_not_measured(turns):
    verdicts = {row[0]: row[4] for row in exceeded([one for one in turns if one.facts["way"] == AGENT])}
    assert verdicts == {
        "time to first audio": "kept, within the interval",
        "whole turn": "exceeded",
        "unheard of": "not measured",
    }


def test_the_page_tells_what_is_gained(turns):
    page = latency_page(turns)
    gained = page.summary["first audio sooner than stage by stage"]
    assert gained.value == pytest.approx(2.0)
    assert gained.count == 12
    assert "1 of 3 exceeded" in page.body
    assert set(page.pictures) == {"first-audio.png", "stages.png"}


def test_failed_turns_are_counted_and_named(turns):
    failed = replace(turns[0], scores={"answered": 0.0}, record={}, error="the model failed", verdict="failed")
    page = latency_page([failed, *turns[1:]])
    assert page.summary["answered, agent"].value == pytest.approx(11 / 12)
    assert "the model failed" in page.body
    assert page.summary["first audio sooner than stage by stage"].count == 11


def test_a_page_of_failures_alone_is_still_one(turns):
    failed = [replace(one, scores={"answered": 0.0}, record={}, error="x", verdict="failed") for one in turns]
    assert latency_page(failed).summary["answered, agent"].value == 0


async def test_the_baseline_does_what_the_agent_does(own_home, tone):
    def script(messages, tools):
        return echo([replace(messages[-1], text="tool get_date_time {}") if first(messages) else messages[-1]], tools)

    def first(messages):
        return len(messages) == 1

    async with open_agent(load_settings(model="scripted")) as agent:
        stages = StageByStage(replace(agent.services, lm=ScriptedLM(script)))
        staged = await stages.ask(tone)
    assert [result.call.name for result in staged.results] == ["get_date_time"]
    assert staged.results[0].status == "done"
    assert staged.text
    names = [span.stage for span in staged.timings.spans]
    assert names == ["choose", "tool: get_date_time", "answer", "speak"]
    ends = [0.0, *(span.end_s for span in staged.timings.spans)]
    assert [span.start_s for span in staged.timings.spans] == ends[:-1]  # no overlap and no gap
    assert staged.timings.ttfa_s == staged.timings.total_s >= ends[-1]


async def test_the_baseline_stops_calling_tools(own_home, tone):
    async with open_agent(load_settings(model="scripted")) as agent:
        always = ScriptedLM(lambda messages, tools: [call("get_date_time"), "Well."])
        staged = await StageByStage(replace(agent.services, lm=always, max_steps=2)).ask(tone)
    assert len(staged.results) == 2
    assert staged.text == "Well."


async def test_the_run_interleaves_both_ways(own_home, tmp_path):
    path = tmp_path / "set.json"
    questions = [str(QUESTIONS / f"{name}.wav") for name in ("2-time", "3-voice", "5-carried-over")]
    path.write_text(json.dumps({"questions": questions, "rounds": 2, "budgets": BUDGETS}))
    options = Options(load_settings(model="scripted"), (str(path),))
    order = [(one.facts["way"], one.facts["question"]) for one in LatencyLab().items(options)]
    assert [way for way, _ in order] == [AGENT, STAGES] * 6
    assert all(one[1] != other[1] for one, other in zip(order[::2], order[1::2], strict=True))
    assert all(order.count(one) == 2 for one in order)
    finished = await run_lab(LatencyLab(), options, tmp_path / "run")
    assert {result.verdict for result in finished.results} == {"answered"}
    assert finished.page.summary["answered, stage by stage"].value == 1
    assert not (tmp_path / "run" / "home").exists()
    assert not list(own_home.rglob("sessions/*"))


def test_wrong_sets_are_told(tmp_path):
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"questions": ["a.wav", "b.wav"]}))
    with pytest.raises(ConfigError, match=r"a\.wav is neither beside set\.json nor here"):
        read_latency_set(str(path))
    path.write_text(json.dumps({"questions": ["a.wav", "x/a.wav"]}))
    with pytest.raises(ConfigError, match="two questions have files of one name"):
        read_latency_set(str(path))
    path.write_text(json.dumps({"questions": ["a.wav", "b.wav"], "rounds": 0}))
    with pytest.raises(ConfigError, match="rounds"):
        read_latency_set(str(path))
    with pytest.raises(ConfigError, match="there is no set 'absent'"):
        read_latency_set("absent")


def test_a_home_of_a_run_shares_but_never_takes_away(own_home, tmp_path):
    (own_home / "weights").mkdir(parents=True)
    (own_home / "weights" / "model.bin").write_bytes(b"precious")
    (own_home / "sessions").mkdir()
    settings = load_settings(model="scripted")
    with own_home_of_run(settings, tmp_path / "run") as own:
        assert (own.home / "weights" / "model.bin").read_bytes() == b"precious"
        assert not own.sessions_dir.exists()
        (own.home / "index").mkdir()
    assert not own.home.exists()
    assert (own_home / "weights" / "model.bin").read_bytes() == b"precious"
    assert not (own_home / "index").exists()
