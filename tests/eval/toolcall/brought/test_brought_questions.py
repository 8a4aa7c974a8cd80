"""Sets whose questions bring their own tools: those that come with the lab, and files of one's own."""

import json
from collections import Counter

import pytest

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.language.words import is_in_pairs
from vivavoce.eval.toolcall.brought.questions import brought_questions

pytestmark = pytest.mark.unit
TOOL = {
    "type": "function",
    "function": {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}},
}
ROW = {
    "id": "a_1",
    "question": "Add two and two.",
    "tools": [TOOL],
    "expected": {"class": "call", "calls": [{"name": "add", "arguments": {"x": [2]}}]},
}


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(ROW) + "\n\n" + json.dumps({**ROW, "id": "a_2", "expected": {"class": "ask"}}) + "\n")
    return path


@pytest.mark.parametrize(("name", "count"), [("bfcl", 150), ("bfcl-parallel", 72), ("bfcl-spoken", 60), ("when2call", 139)])
def test_the_sets_of_the_lab_hold_what_they_promise(name, count):
    questions = brought_questions(name)
    assert len({question.id for question in questions}) == len(questions) == count
    assert {question.group for question in questions} == {name}
    assert all(bool(question.audio) == (name == "bfcl-spoken") for question in questions)
    assert all((len(question.calls) > 1) == (name == "bfcl-parallel") for question in questions)
    classes = Counter(question.wanted for question in questions)
    assert classes == ({"call": 44, "ask": 48, "cannot": 47} if name == "when2call" else {"call": count})


def test_the_requests_to_act_want_what_twenty_tools_do_and_lack_half_of_them():
    questions = brought_questions("deeds")
    assert len({question.text for question in questions}) == len(questions) == 100
    assert Counter(question.wanted for question in questions) == {"call": 47, "ask": 11, "cannot": 42}
    assert len({tool["name"] for question in questions for tool in question.tools}) == 20
    assert all(8 <= len(question.tools) <= 12 for question in questions)
    assert 12 <= sum(is_in_pairs(question.text) for question in questions) <= 18
    for question in questions:
        there = {tool["name"] for tool in question.tools}
        wished = {wish["tool"] for wish in question.wishes}
        assert {call["name"] for call in question.calls} == (wished & there if question.wanted == "call" else set()), (
            question
        )
        assert bool(wished & there) == (question.wanted != "cannot"), question
        assert all(about["description"] for tool in question.tools for about in tool["parameters"]["properties"].values())
    lacking = [q for q in questions if {wish["tool"] for wish in q.wishes} - {tool["name"] for tool in q.tools}]
    assert len(lacking) == 49


def test_tools_are_named_from_the_file_beside_the_set(mine):
    row = {**ROW, "tools": ["add"]}
    mine.write_text(json.dumps(row) + "\n")
    with pytest.raises(ConfigError, match="no tool 'add'"):
        brought_questions(str(mine))
    mine.with_name("mine_tools.jsonl").write_text(json.dumps(TOOL) + "\n")
    (question,) = brought_questions(str(mine))
    assert question.tools == (TOOL["function"],)


def test_every_recording_of_the_spoken_set_can_be_heard():
    for question in brought_questions("bfcl-spoken"):
        clip = AudioClip.load(question.audio)
        assert 1 < clip.duration_s < 25
        assert not clip.is_silent


def test_a_file_of_ones_own_is_a_set(mine):
    one, two = brought_questions(str(mine))
    assert (one.id, one.group, one.wanted, one.tools[0]["name"]) == ("a_1", "mine", "call", "add")
    assert one.calls == ({"name": "add", "arguments": {"x": [2]}},)
    assert (two.wanted, two.calls, two.audio, two.beside) == ("ask", (), "", False)


def test_beside_the_products_tools_it_is_another_set(mine):
    assert {(question.group, question.beside) for question in brought_questions(f"{mine}+own")} == {("mine+own", True)}
    assert {question.group for question in brought_questions("when2call+own")} == {"when2call+own"}


@pytest.mark.parametrize("form", ["spoken", "folder"])
def test_of_a_spoken_set_those_with_a_recording_are_asked(mine, tmp_path, form):
    folder = tmp_path / ("mine" if form == "spoken" else "elsewhere")
    given = f"{mine}:spoken" if form == "spoken" else f"{mine}:{folder}"
    with pytest.raises(ConfigError, match=r"holds no recording such as a_1\.ogg"):
        brought_questions(given)
    folder.mkdir()
    (folder / "a_2.ogg").touch()
    (question,) = brought_questions(given)
    assert (question.id, question.group, question.audio) == ("a_2", "mine-spoken", str(folder / "a_2.ogg"))


@pytest.mark.parametrize("given", ["spoken", "text:dev", "nowhere", "own.tsv"])
def test_other_names_are_not_of_this_kind(given):
    assert brought_questions(given) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": "../a"}, "id"),
        ({"question": ""}, "question"),
        ({"tools": [TOOL, TOOL]}, "one name"),
        ({"tools": []}, "called add"),
        ({"tools": [{"type": "function", "function": {**TOOL["function"], "name": "a b"}}]}, "name"),
        ({"expected": {"class": "call"}}, "go with"),
        ({"expected": {"class": "cannot", "calls": ROW["expected"]["calls"]}}, "go with"),
        ({"expected": {"class": "shrug"}}, "class"),
        ({"wishes": [{"tool": "add"}, {"tool": "divide"}]}, "words"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, changes, why):
    path = tmp_path / "wrong.jsonl"
    path.write_text(f"\n{json.dumps({**ROW, **changes})}\n")
    with pytest.raises(ConfigError, match=rf"wrong\.jsonl, line 2: .*{why}") as error:
        brought_questions(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_and_an_id_that_stands_twice_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no set"):
        brought_questions(str(tmp_path / "none.jsonl"))
    path = tmp_path / "twice.jsonl"
    path.write_text(2 * (json.dumps(ROW) + "\n"))
    with pytest.raises(ConfigError, match="stands twice"):
        brought_questions(str(path))
