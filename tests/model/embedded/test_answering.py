"""Answers of the small model end with a sentence."""

import pytest

from vivavoce.core.messages import ToolCall, ToolMessage, ToolOutput, ToolResult, UserMessage
from vivavoce.core.untrusted import fence
from vivavoce.model.embedded.answering import ANSWER_TOKENS, MOST_TOKENS, AnswerWriter

pytestmark = pytest.mark.unit


class Llama:
    """Writes these tokens, at most as many as it may."""

    def __init__(self, tokens):
        self.tokens = tokens

    async def stream(self, prompt, slot, *, max_tokens):
        for token in self.tokens[:max_tokens]:
            yield token


async def written(tokens, said="Tell me something."):
    answers = AnswerWriter(Llama(tokens), "en")
    return "".join([piece async for piece in answers.write([UserMessage(said)], [], said, said, "I cannot.")])


SENTENCE = ["It", " is", " so", ".", " "]


async def test_a_long_answer_ends_with_the_sentence_it_is_in():
    answer = await written(SENTENCE * 99)
    assert answer.endswith("It is so.")
    assert ANSWER_TOKENS <= len(answer.split()) * 5 / 3 <= ANSWER_TOKENS + 2 * len(SENTENCE)


async def test_a_sentence_without_end_ends_at_a_pause():
    tokens = [" word"] * (ANSWER_TOKENS + 20) + [",", " and"] + [" more"] * 200
    answer = await written(tokens)
    assert answer.endswith(" word.")
    assert len(answer.split()) == ANSWER_TOKENS + 20
    assert len((await written([" word"] * 999)).split()) == MOST_TOKENS


async def test_a_short_answer_is_as_it_is_and_none_is_told():
    assert await written([" ", "Yes"]) == "Yes"
    assert await written([]) == "I am sorry, I have no answer to that."
    assert await written([" ", "\n"]) == "I am sorry, I have no answer to that."


async def test_a_deed_that_nobody_did_is_not_told():
    assert await written(["I have", " booked", " it", "."], "Book a table.") == "I cannot."


async def told(*contents):
    """What is said of calls with these results."""
    calls = [
        ToolResult(ToolCall.new("set_lights", "{}"), "done", ToolOutput(fence("set_lights", text))) for text in contents
    ]
    answers = AnswerWriter(Llama(["I'm sorry", "."]), "en")
    pieces = answers.write([UserMessage("Lights!")], [ToolMessage(call) for call in calls], "Lights!", "", "I cannot.")
    return "".join([piece async for piece in pieces]).strip()


@pytest.mark.parametrize(
    "content", ["ok", "OK.", "done", "Success!", "completed", '{"status": "ok"}', '{"success": true}', ""]
)
async def test_a_result_that_only_says_that_all_went_well_is_told_without_the_model(content):
    assert await told(content) == "Done: set lights."


@pytest.mark.parametrize(
    "content", ["it is not ok", "true", "false", "none", '{"status": "failed"}', "okra", "12.5 EUR", "0"]
)
async def test_every_other_result_is_read_by_the_model(content):
    assert await told(content) == "I'm sorry."


async def test_what_was_done_twice_is_told_once():
    assert await told("ok", "ok") == "Done: set lights."
