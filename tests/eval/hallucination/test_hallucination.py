"""The lab on planted models whose scores are known: one knows all, one nothing, one reads what it finds."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from support.backends import set_script

from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import ToolMessage
from vivavoce.core.settings import Settings
from vivavoce.eval.hallucination import lab as hallucination
from vivavoce.eval.hallucination.arms import ARMS, Room
from vivavoce.eval.hallucination.lab import HallucinationLab, Rooms
from vivavoce.eval.hallucination.report import differences, hallucination_page
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.judge import Judge
from vivavoce.eval.lab.lab import Options, Result
from vivavoce.eval.lab.run_folder import read_results
from vivavoce.model.step_audio2.dialect.tool_calls import render_tool_call

pytestmark = pytest.mark.unit
FACTS = {
    "Who runs the lighthouse of Skagen?": ("Ada Marsh", "The lighthouse of Skagen is run by Ada Marsh, a former sailor."),
    "Which fish is sold in the harbour of Lund?": ("herring", "In the harbour of Lund only herring is sold, on Fridays."),
    "When was the bakery of Ystad founded?": ("1926", "The bakery of Ystad was founded in 1926 by two sisters."),
}


def unknowing(question):
    return "It is the old mill, of course."


def knowing(question):
    return f"It is {FACTS[question][0]}."


def silent(question):
    return "I don't know."


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "town.jsonl"
    lines = [
        {"question": question, "answers": [answer], "passages": [passage]} for question, (answer, passage) in FACTS.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def run(tmp_path, monkeypatch, questions):
    """Runs the lab with a model that reads what its tools find, and answers from memory without any."""

    async def run(memory, parts="text", name="run", **options):
        def script(messages, tools):
            last = messages[-1]
            if isinstance(last, ToolMessage):
                yield last.result.output.spoken or last.result.output.content
            elif tools:
                yield render_tool_call(tools[0].name, json.dumps({"query": last.text}))
            else:
                yield memory(last.text)

        set_script(monkeypatch, script)
        settings = Settings(home=tmp_path / "user", model="scripted", threads=1)
        resume = options.pop("resume", False)
        chosen = Options(settings, (f"{questions}:{parts}",), **options)
        finished = await run_lab(HallucinationLab(), chosen, tmp_path / name, resume=resume)
        return finished, {arm: [r for r in finished.results if r.facts["arm"] == arm] for arm in ARMS}

    return run


def verdicts(results):
    return [result.verdict for result in results]


async def test_every_arm_asks_the_same_and_shows_what_it_knows(run, tmp_path):
    finished, arms = await run(unknowing)
    assert {arm: verdicts(found) for arm, found in arms.items()} == {
        "closed-book": ["incorrect"] * 3,
        "rag": ["correct"] * 3,
        "oracle": ["correct"] * 3,
        "wrong-passage": ["abstained"] * 3,
        "no-answer": ["abstained"] * 3,
        "web": ["correct"] * 3,
        "rag+web": ["correct"] * 3,
    }
    assert len({tuple(result.facts["question_id"] for result in found) for found in arms.values()}) == 1
    summary = finished.page.summary
    assert summary["town: correct, rag - closed-book"].value == 1.0
    assert summary["town: incorrect, no-answer - closed-book"].value == -1.0
    assert summary["town, rag: CRAG score"].value == 1.0
    assert summary["town, rag: R@1"].value == summary["town, rag: right passage read"].value == 1.0
    assert summary["town, rag: faithful"].value == summary["town, rag: citation precision"].value == 1.0
    assert "town, closed-book: faithful" not in summary
    assert not (finished.folder / "home").exists()
    assert not (tmp_path / "user" / "sessions").exists(), "sessions of a run must not reach the user's home"


async def test_what_a_model_knows_by_itself_shows_in_the_closed_book(run):
    _, arms = await run(knowing, "closed-book,rag,text")
    assert verdicts(arms["closed-book"]) == verdicts(arms["rag"]) == ["correct"] * 3
    _, arms = await run(silent, "closed-book,text", "silent")
    assert [result.scores["CRAG score"] for result in arms["closed-book"]] == [0.0] * 3
    assert all("correct given attempted" not in result.scores for result in arms["closed-book"])


async def test_a_run_goes_on_where_it_was_cut_off(run, tmp_path):
    whole, _ = await run(unknowing, "closed-book,oracle,text", "whole")
    before = (tmp_path / "whole" / "summary.json").read_text()
    lines = (tmp_path / "whole" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "whole" / "results.jsonl").write_bytes(b"".join(lines[:4]) + lines[4][:50])
    again, _ = await run(unknowing, "closed-book,oracle,text", "whole", resume=True)
    assert (tmp_path / "whole" / "summary.json").read_text() == before
    assert verdicts(again.results) == verdicts(whole.results)
    assert len(read_results(tmp_path / "whole")) == 6


async def test_questions_are_spoken_once_for_all_arms(run, tmp_path, monkeypatch, tone):
    said = []

    def speak(self, recipe):
        said.append(recipe.text)
        return tone

    monkeypatch.setattr("vivavoce.app.voices.pack_audio.PackAudio.synthesised", speak)
    finished, _ = await run(lambda text: "It is a tone.", "closed-book,web-live", limit=2)
    assert said == [result.facts["question"] for result in finished.results[:2]]
    assert {result.record["asked"] for result in finished.results} == {"spoken"}
    assert len(list((tmp_path / "run" / "questions").iterdir())) == 2


async def test_each_seed_is_a_repetition_and_shares_its_passage(run):
    finished, _ = await run(unknowing, "closed-book,oracle,text", limit=1, seeds=(1, 2))
    assert [result.id[-5:] for result in finished.results] == ["seed1", "seed2", "seed1", "seed2"]
    assert len({result.cluster for result in finished.results}) == 1


@pytest.mark.parametrize(
    ("parts", "says"),
    [("closed-book,nothing", "there is no arm 'nothing'"), ("ragg", "there is no arm 'ragg'")],
)
def test_an_unknown_arm_is_named(questions, parts, says):
    with pytest.raises(ConfigError, match=says):
        HallucinationLab().items(Options(Settings(), (f"{questions}:{parts}",)))


def test_a_set_without_passages_can_be_asked_without_an_index_only(tmp_path):
    path = tmp_path / "bare.jsonl"
    path.write_text('{"question": "Who?", "answers": ["Ada"], "passages": []}\n')
    assert len(HallucinationLab().items(Options(Settings(), (f"{path}:closed-book",)))) == 1
    with pytest.raises(ConfigError, match="has no passages"):
        HallucinationLab().items(Options(Settings(), (f"{path}:closed-book,rag",)))


def test_a_set_is_named_once(questions):
    with pytest.raises(ConfigError, match="named twice"):
        HallucinationLab().items(Options(Settings(), (f"{questions}:rag", f"{questions}:web")))


def result(arm, number, verdict, judge=None):
    facts = {"set": "s", "arm": arm, "question_id": str(number), "seed": None, "question": "?"}
    scores = {one: float(one == verdict) for one in ("correct", "incorrect", "abstained")}
    record = {"judge": judge, "judge_id": "judge-7b", "judge_prompt": "abc"} if judge else {}
    return Result(f"s/{arm}/{number}", f"p{number}", facts, scores, verdict, record=record)


def test_differences_are_paired_by_question_and_corrected_together():
    right, wrong = "correct", "incorrect"
    closed = [result("closed-book", n, wrong) for n in range(10)]
    rag = [result("rag", n, right if n < 8 else wrong) for n in reversed(range(10))]
    compared = {one.difference.metric: one.difference for one in differences({"closed-book": closed, "rag": rag})}
    assert compared["correct, rag - closed-book"].difference.value == pytest.approx(0.8)
    assert compared["incorrect, rag - closed-book"].difference.value == pytest.approx(-0.8)
    # Eight pairs, all one way: 2 * 0.5 ** 8, and twice that since two differences were tested.
    assert compared["correct, rag - closed-book"].p == pytest.approx(4 * 0.5**8)


def test_a_judge_is_named_with_its_agreement():
    results = [result("rag", 0, "correct", "correct"), result("rag", 1, "incorrect", "correct")]
    body = hallucination_page(results, {"rag": "documents"}).body
    assert "judge-7b (prompt abc) judged 2 answers; kappa with the rules is 0.000" in body
    assert "The judge" not in hallucination_page([result("rag", 0, "correct")], {}).body


async def test_one_agent_is_open_at_a_time_however_many_questions_are_under_way(tmp_path, questions):
    opened, most = [], 0

    @asynccontextmanager
    async def open_room(arm, collection, knowledge, asked, settings):
        nonlocal most
        opened.append(arm.holds)
        most = max(most, len(opened) - len(closed))
        yield Room(None, None)
        closed.append(arm.holds)

    closed = []
    settings = Settings(home=tmp_path, model="remote")
    chosen = {"town": hallucination.choose(f"{questions}:rag,oracle", Options(settings, ()))}
    rooms = Rooms(settings, chosen, tmp_path, ("town", "rag", 0), open_room)
    together = set()

    async def ask(arm):
        async with rooms.open.using(("town", arm, 0)):
            together.add(arm)
            assert len(together) == 1, "two arms at once"
            await asyncio.sleep(0)
            together.discard(arm)

    async with rooms.open, asyncio.TaskGroup() as group:
        for arm in ("rag", "rag", "oracle", "rag", "oracle"):
            group.create_task(ask(arm))
    assert most == 1
    assert sorted(opened) == sorted(closed)
    assert set(opened) == {"all", "right"}


@pytest.mark.parametrize(("says", "record"), [("Incorrect.", {"judge": "incorrect"}), ("Hm.", {})])
async def test_a_judge_gives_a_second_opinion_and_its_silence_is_no_fault_of_the_agent(run, monkeypatch, says, record):
    class Answering(Judge):
        async def _said(self, body):
            assert "Right answers: Ada Marsh\nAnswer: It is Ada Marsh." in body["messages"][0]["content"]
            return says.lower()

    @asynccontextmanager
    async def opened(settings, template, words):
        yield Answering(None, "judge-7b", template, words)

    monkeypatch.setattr(hallucination, "open_judge", opened)
    finished, _ = await run(knowing, "closed-book,text", limit=1)
    (result,) = finished.results
    assert result.verdict == "correct"
    assert {name: value for name, value in result.record.items() if name == "judge"} == record
    assert result.error is None
    assert ("judge_error" in result.record) == (not record)
