"""The judge behind an OpenAI-compatible server."""

import json

import httpx
import pytest

from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.eval.lab.judge import NO_JUDGE, JudgeSettings, agreement, open_judge, second_opinion

pytestmark = pytest.mark.unit
WORDS = ("correct", "abstained", "incorrect")
SETTINGS = JudgeSettings(url="http://judge.invalid/v1", model="judge-7b", key="secret")


def answering(text, requests):
    def respond(request):
        requests.append(request)
        return httpx.Response(200, json={"choices": [{"message": {"content": text}}]})

    return httpx.MockTransport(respond)


async def verdict(text, requests=None, **limits):
    transport = answering(text, [] if requests is None else requests)
    async with open_judge(SETTINGS, "Q: {question}", WORDS, transport, **limits) as judge:
        return await judge.verdict(question="Who?")


@pytest.mark.parametrize(
    ("said", "means"),
    [("Correct", "correct"), ("**incorrect**.", "incorrect"), ("Verdict: abstained, not correct", "abstained")],
)
async def test_its_first_word_counts(said, means):
    assert await verdict(said) == means


async def test_what_it_is_asked():
    requests = []
    await verdict("correct", requests)
    (request,) = requests
    assert str(request.url) == "http://judge.invalid/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer secret"
    body = json.loads(request.content)
    assert (body["model"], body["temperature"], body["messages"][0]["content"]) == ("judge-7b", 0, "Q: Who?")


async def test_the_hash_tells_templates_apart():
    hashes = set()
    for template in ("a {question}", "b {question}", "a {question}"):
        async with open_judge(SETTINGS, template, WORDS) as judge:
            hashes.add(judge.prompt_hash)
    assert len(hashes) == 2


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json={"choices": [{"message": {"content": "I like it."}}]}),
    ],
)
async def test_what_is_no_verdict_is_an_error(response):
    async with open_judge(SETTINGS, "{question}", WORDS, httpx.MockTransport(lambda _: response)) as judge:
        with pytest.raises(ModelError, match="the judge judge-7b"):
            await judge.verdict(question="Who?")


async def test_an_answer_without_end_is_cut_off():
    with pytest.raises(ModelError, match="more than 20 bytes"):
        await verdict("correct " * 10, max_bytes=20)


async def test_without_an_address_there_is_none_and_without_a_name_it_is_an_error():
    async with open_judge(NO_JUDGE, "{question}", WORDS) as judge:
        assert judge is None
    with pytest.raises(ConfigError, match="VIVAVOCE_JUDGE_MODEL"):
        async with open_judge(JudgeSettings(url="http://judge.invalid"), "{question}", WORDS):
            pass


async def test_a_second_opinion_names_who_gave_it_or_why_nobody_could():
    for said, keys in (("Correct", {"judge", "judge_id", "judge_prompt"}), ("Hm.", {"judge_error"})):
        async with open_judge(SETTINGS, "{question}", WORDS, answering(said, [])) as judge:
            assert (await second_opinion(judge, question="Who?")).keys() == keys


def test_agreement_is_of_what_both_judged():
    record = {"judge_id": "judge-7b", "judge_prompt": "abc"}
    judged = [("correct", {"judge": "correct", **record}), ("incorrect", {"judge": "correct", **record}), ("correct", {})]
    told = agreement(judged, WORDS, "answers")
    assert "judge-7b (prompt abc) judged 2 answers; kappa with the rules is 0.000" in told
    assert "| correct | 1 | 0 | 0 |" in told
    assert agreement([("correct", {})], WORDS, "answers") == ""
