"""StepEval-Audio-Toolcall in its own layout, on a small fixture with the official call spellings."""

import json

import numpy as np
import pytest

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import ToolCall, ToolSpec
from vivavoce.eval.toolcall.asking import Asked
from vivavoce.eval.toolcall.lab import questions_of
from vivavoce.eval.toolcall.scoring import score

pytestmark = pytest.mark.unit
TIME = "<tool_call>function  \nget_date_time  \n{}</tool_call>"
TIME_AFTER_SPEECH = "我现在确认一下！<tool_call>function\n get_date_time\n{}</tool_call>"
VOICE = '<tool_call>function\ntimbre_rag\n{"query": "御姐音"}</tool_call>'
SUM = '<tool_call>function\ncalculate\n{"expression": "3*7"}</tool_call>'
SPECS = (
    ToolSpec("get_date_time", "", {"type": "object", "properties": {}}),
    ToolSpec("voice_search", "", {"type": "object", "properties": {"description": {"type": "string"}}}),
)


def turns(*said, name="x"):
    """Turns of a row: (who, text); the user's are recorded."""
    row = []
    for at, (who, text) in enumerate(said):
        value = {"type": "wav", "value": f"wav/{name}-0-{at}.wav"} if who == "Human" else text
        row.append({"session_id": f"s-{name}", "turn_idx": at, "from": who, "text": text, "value": value})
    return row


ROWS = {
    "get_date_time_positive": [
        turns(("Human", "现在几点？"), ("Assistant", TIME), name="a"),
        turns(
            ("Human", "讲个笑话"),
            ("Assistant", "好的。"),
            ("Human", "今天几号？"),
            ("Assistant", TIME_AFTER_SPEECH),
            name="b",
        ),
    ],
    "get_date_time_negative": [
        turns(("Human", "三乘七？"), ("Assistant", SUM), name="c"),
        turns(
            ("Human", "现在几点？"),
            ("Assistant", TIME),
            ("Input", "15:20"),
            ("Assistant", "三点二十。"),
            ("Human", "谢谢"),
            ("Assistant", "不客气。"),
            name="d",
        ),
    ],
    "timbre_positive": [turns(("Human", "换个御姐音"), ("Assistant", VOICE), name="e")],
}


@pytest.fixture
def folder(tmp_path):
    for name, rows in ROWS.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    tone = AudioClip(np.full(1600, 0.1, np.float32), 16_000)
    for rows in ROWS.values():
        for turn in (turn for row in rows for turn in row if turn["from"] == "Human"):
            tone_path = tmp_path / turn["value"]["value"]
            tone_path.parent.mkdir(exist_ok=True)
            tone.save(tone_path)
    return tmp_path


def test_rows_become_questions_with_gold_call_and_history(folder):
    questions = {question.id: question for question in questions_of(f"{folder}:text")}
    assert len(questions) == 5
    assert questions["get_date_time_positive-1"].tool == "get_date_time"
    spoken_first = questions["get_date_time_positive-2"]
    assert (spoken_first.tool, spoken_first.kind, spoken_first.text) == ("get_date_time", "request", "今天几号？")
    assert [(part.who, part.text) for part in spoken_first.history] == [("user", "讲个笑话"), ("assistant", "好的。")]
    assert (questions["get_date_time_negative-1"].tool, questions["get_date_time_negative-1"].kind) == (
        "calculate",
        "another tool",
    )
    answered = questions["get_date_time_negative-2"]
    assert (answered.tool, answered.kind) == ("none", "no tool")
    assert [(part.who, part.name, part.text) for part in answered.history] == [
        ("user", "", "现在几点？"),
        ("call", "get_date_time", "15:20"),
        ("assistant", "", "三点二十。"),
    ]


def test_official_names_become_the_products(folder):
    voice = next(question for question in questions_of(f"{folder}:text") if question.about == "voice_search")
    assert (voice.tool, voice.arguments) == ("voice_search", {"description": "御姐音"})


def test_recordings_are_asked_unless_texts_are_wanted(folder):
    spoken, typed = questions_of(str(folder)), questions_of(f"{folder}:text")
    assert all(AudioClip.load(question.audio).duration_s == pytest.approx(0.1) for question in spoken)
    assert all(part.audio for question in spoken for part in question.history if part.who == "user")
    assert not any(question.audio for question in typed)
    assert [question.id for question in spoken] == [question.id for question in typed]
    assert {question.session for question in spoken} == {f"s-{name}" for name in "abcde"}


def test_calling_another_tool_is_no_false_trigger_of_the_one_in_question(folder):
    negative = next(q for q in questions_of(f"{folder}:text") if q.id == "get_date_time_negative-1")

    def verdict(*names):
        return score(negative, Asked("", "", tuple(ToolCall("1", name, "{}") for name in names), 0.1), SPECS).verdict

    assert verdict() == verdict("calculate") == verdict("voice_search") == "quiet"
    assert verdict("get_date_time") == verdict("voice_search", "get_date_time") == "false trigger"


def test_a_missing_recording_names_the_typed_set(folder):
    (folder / "wav" / "e-0-0.wav").unlink()
    with pytest.raises(ConfigError, match=r"timbre_positive\.jsonl, line 1.*:text"):
        questions_of(str(folder))
    assert len(questions_of(f"{folder}:text")) == 5


def test_a_recording_outside_of_the_folder_is_not_read(folder):
    row = turns(("Human", "?"), ("Assistant", TIME), name="f")
    row[0]["value"]["value"] = "../secret.wav"
    (folder.parent / "secret.wav").write_bytes(b"x")
    (folder / "timbre_positive.jsonl").write_text(json.dumps(row))
    with pytest.raises(ConfigError, match="no recording"):
        questions_of(str(folder))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ("[]", "not a list of 1"),
        ("{}", "not a list"),
        ("[1]", "no JSON object"),
        ('[{"from": "Robot", "text": "x"}]', "Robot"),
        (json.dumps(turns(("Human", "?"))), "last turn"),
        (json.dumps(turns(("Assistant", "?"))), "nobody asks"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, line, why):
    (tmp_path / "web_search_negative.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(ConfigError, match=why) as error:
        questions_of(f"{tmp_path}:text")
    assert "web_search_negative.jsonl, line 2" in str(error.value)


def test_a_folder_without_the_benchmark_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="timbre_positive"):
        questions_of(str(tmp_path))
