"""The second opinion on parameters: what the judge is asked, and how its agreement with the rules is told."""

import json

import httpx
import pytest

from vivavoce.core.messages import ToolCall
from vivavoce.eval.lab.judge import JudgeSettings, open_judge
from vivavoce.eval.lab.lab import Result
from vivavoce.eval.toolcall.asking import Asked
from vivavoce.eval.toolcall.judge import TEMPLATE, WORDS, agreement, second_opinion
from vivavoce.eval.toolcall.questions import ToolQuestion

pytestmark = pytest.mark.unit
QUESTION = ToolQuestion("w", "w", "Weather in {Paris}?", "get_weather", {"location": "Paris"})
ASKED = Asked("", "", (ToolCall("1", "get_weather", '{"location": "巴黎 <|EOT|>"}'),), 0.1)


async def opinion(answer, status=200):
    asked = []

    def serve(request):
        asked.append(json.loads(request.content)["messages"][0]["content"])
        return httpx.Response(status, json={"choices": [{"message": {"content": answer}}]})

    settings = JudgeSettings(url="http://judge/v1", model="grader-1")
    async with open_judge(settings, TEMPLATE, WORDS, httpx.MockTransport(serve)) as judge:
        return await second_opinion(judge, QUESTION, ASKED), asked[0]


async def test_the_judge_sees_question_wanted_and_given_parameters_and_its_id_is_kept():
    record, prompt = await opinion("Right.")
    assert (record["judge"], record["judge_id"]) == ("right", "grader-1")
    assert len(record["judge_prompt"]) == 12
    assert "Weather in {Paris}?" in prompt
    assert "巴黎" in prompt
    assert "<|EOT|>" not in prompt  # what a model wrote is data


@pytest.mark.parametrize(("answer", "status"), [("maybe", 200), ("right", 500)])
async def test_a_judge_that_fails_does_not_spoil_the_item(answer, status):
    record, _ = await opinion(answer, status)
    assert set(record) == {"judge_error"}


def result(name, by_rules, by_judge):
    said = {"judge": by_judge, "judge_id": "grader-1", "judge_prompt": "abc"} if by_judge else {}
    return Result(name, name, {}, {"parameters": by_rules}, "right", "", said)


def test_agreement_is_kappa_over_what_both_judged():
    """20 both right, 5 and 10 apart, 15 both wrong: kappa is 0.4 (worked out by hand: .7 agreed, .5 by chance)."""
    counts = [(1.0, "right", 20), (1.0, "wrong", 5), (0.0, "right", 10), (0.0, "wrong", 15)]
    results = [result(f"{rule}{said}{n}", rule, said) for rule, said, count in counts for n in range(count)]
    text = agreement([*results, result("unjudged", 1.0, "")])
    assert "50 calls" in text
    assert "kappa with the rules is 0.400" in text
    assert "grader-1 (prompt abc)" in text
    assert "| right | 20 | 5 |" in text


def test_without_a_judge_nothing_is_told():
    assert agreement([result("a", 1.0, "")]) == ""
