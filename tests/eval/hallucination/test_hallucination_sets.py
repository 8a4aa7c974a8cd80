"""Questions: the user's file with its errors by line, and sets made of data."""

import json

import pytest
from support.benchmarks import made_benchmarks

from vivavoce.core.errors import ConfigError
from vivavoce.eval.hallucination.matcher import judge
from vivavoce.eval.hallucination.sets import geonames, halluqa, halueval, read_file
from vivavoce.eval.lab.benchmarks import HALLUQA, HALUEVAL

pytestmark = pytest.mark.unit
GOOD = {"question": "Who runs the bar?", "answers": ["Ada"], "passages": ["Ada runs the bar."]}


def written(tmp_path, *lines):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_a_file_of_the_users_own(tmp_path):
    more = {
        **GOOD,
        "question": "Who else?",
        "id": "x",
        "wrong_answers": ["Bo"],
        "wrong_passages": ["Bo cooks."],
        "language": "zh",
    }
    read = read_file(written(tmp_path, GOOD, "", more))
    first, second = read.questions
    assert (read.name, first.right, second.id, second.wrong, second.language) == ("mine", ("Ada",), "x", ("Bo",), "zh")
    assert first.passages == second.passages, "the same text is one passage"
    assert first.cluster == second.cluster
    assert {read.passages[source] for source in (*first.passages, *second.misleading)} == {"Ada runs the bar.", "Bo cooks."}
    assert read_file(written(tmp_path, GOOD)).questions[0].id == first.id, "ids stay from run to run"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: the object: Invalid JSON"),
        ("[]", "line 2: the object"),
        ({**GOOD, "answers": []}, "line 2: answers"),
        ({**GOOD, "question": "  "}, "line 2: question"),
        ({**GOOD, "answer": "Ada"}, "line 2: answer: Extra"),
        ({**GOOD, "passages": [""]}, "line 2: passages.0"),
        ({**GOOD, "language": "fr"}, "line 2: language"),
        (GOOD, "line 2: the id .* is taken"),
    ],
)
def test_a_line_that_is_not_of_the_form_is_named(tmp_path, line, says):
    with pytest.raises(ConfigError, match=says) as error:
        read_file(written(tmp_path, GOOD, line))
    assert "\n" not in str(error.value)


def test_no_file_an_empty_one_and_one_that_is_too_large(tmp_path):
    with pytest.raises(ConfigError, match="choose halueval, geonames, halluqa or a JSONL file"):
        read_file(tmp_path / "absent.jsonl")
    with pytest.raises(ConfigError, match="holds no questions"):
        read_file(written(tmp_path, ""))
    with pytest.raises(ConfigError, match="larger than"):
        read_file(written(tmp_path, GOOD), most_bytes=10)


def test_facts_of_countries_stand_in_their_passages():
    facts = geonames()
    assert len(facts.questions) > 800
    assert len({question.id for question in facts.questions}) == len(facts.questions)
    for question in facts.questions:
        (source,) = question.passages
        assert judge("?", facts.passages[source], question.right).outcome == "correct", question
    by_id = {question.id: question for question in facts.questions}
    assert by_id["FR-capital"].right == ("Paris",)
    assert by_id["US-capital"].text == "What is the capital of the United States?"


@pytest.fixture
def package(tmp_path):
    """A package of benchmarks in the layout of the real one."""
    row = {"knowledge": "A passage.", "question": " Who? ", "right_answer": "Ada", "hallucinated_answer": "Bo"}
    asked = {"Question": "谁？", "Best Answer1": "甲", "Best Answer2": "", "Wrong_Answer1": "乙", "question_id": 7}
    rows = [{**asked, "Source": "是甲。"}, {**asked, "Source": "https://example.org/a", "question_id": 8}]
    members = {HALUEVAL.format(part="qa"): f"{json.dumps(row)}\n{json.dumps(row)}\n", HALLUQA: json.dumps(rows)}
    return made_benchmarks(tmp_path / "made.whl", members)


def test_halueval(package, tmp_path):
    read = halueval(tmp_path, package)
    assert [(question.text, question.right) for question in read.questions] == [("Who?", ("Ada",))] * 2
    assert list(read.passages.values()) == ["A passage."]
    assert len({question.id for question in read.questions}) == 2


def test_halluqa_keeps_prose_as_a_passage_and_no_address(package, tmp_path):
    prose, address = halluqa(tmp_path, package).questions
    assert (prose.right, prose.wrong, prose.language) == (("甲",), ("乙",), "zh")
    assert halluqa(tmp_path, package).passages == {prose.passages[0]: "是甲。"}
    assert address.passages == ()
