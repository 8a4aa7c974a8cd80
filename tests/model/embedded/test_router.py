"""The router: what it learns from examples, in English and in Chinese."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.routing.router import BEYOND, HASHED, NO_TOOL, IntentRouter, hashed_runs
from vivavoce.tools.examples import CLOCK, WEATHER

pytestmark = pytest.mark.unit


class NoEmbedder:
    """Unit vectors that mean nothing: what the router still knows comes from words."""

    id, dimension = "none", 8

    def __init__(self):
        self.read = []

    def embed(self, texts):
        self.read += texts
        vectors = [[hashlib.sha256(text.encode()).digest()[n] - 127.5 for n in range(8)] for text in texts]
        matrix = np.asarray(vectors, np.float32)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


TOOLS = (
    ToolSpec("clock", "", {}, tuple(ToolExample(u) for u in ("What time is it?", "现在几点了？", "今天星期几？"))),
    ToolSpec("weather", "", {}, tuple(ToolExample(u) for u in ("Will it rain?", "今天下雨吗？", "天气怎么样？"))),
)
CHAT = ("Hello there.", "你好。", "Tell me a joke.", "讲个笑话。")


@pytest.fixture
def router(tmp_path):
    router = IntentRouter(NoEmbedder(), CHAT, tmp_path)
    router.fit(TOOLS)
    return router


@pytest.mark.parametrize(
    ("utterance", "label"),
    [
        ("时间几点了", "clock"),
        ("明天会下雨吗", "weather"),
        ("天氣怎麼樣", "weather"),  # the other script
        ("你好呀", NO_TOOL),
    ],
)
def test_chinese_is_told_apart_by_its_syllables(router, utterance, label):
    assert router.route(utterance).label == label


def test_after_an_answer_talk_is_likelier_than_the_same_question_again(router):
    asked = "天气怎么样好"
    alone, after = router.route(asked), router.route(asked, "weather")
    assert alone.label == "weather"
    assert (after.label, after.probability) != (alone.label, alone.probability)
    assert after.label == NO_TOOL or after.probability < alone.probability
    assert router.route(asked, "clock") == alone


def shared(one, other):
    rows = hashed_runs([one, other]).of_length(1.0).matrix()
    return float((rows[:1] @ rows[1:].T).toarray()[0, 0])


def test_scripts_and_words_that_sound_alike_have_much_in_common():
    assert shared("天气怎么样", "天氣怎麼樣") > 0.5
    assert shared("女声", "女生") > 0.5
    assert shared("温柔的女声", "温柔的绿色") > shared("温柔的女声", "温柔的天气")


def test_chinese_is_never_given_to_an_embedder_that_cannot_read_it(tmp_path):
    embedder = NoEmbedder()
    IntentRouter(embedder, CHAT, tmp_path).fit(TOOLS)
    assert embedder.read == [text for text in embedder.read if text.isascii()]
    assert "what time is it?" in embedder.read


def test_a_syllable_is_no_english_word():
    assert shared("有", "you") == 0


def test_what_was_learnt_is_kept_and_taken_up(router, tmp_path):
    again = IntentRouter(NoEmbedder(), CHAT, tmp_path)
    again.fit(TOOLS)
    assert again.route("现在几点") == router.route("现在几点")
    (stored,) = tmp_path.glob("router-*.npz")
    stored.write_bytes(b"damaged")
    mended = IntentRouter(NoEmbedder(), CHAT, tmp_path)
    mended.fit(TOOLS)
    assert mended.route("现在几点").label == router.route("现在几点").label


@given(st.text(max_size=80))
def test_any_text_is_a_vector_of_length_one_or_zero(text):
    rows = hashed_runs([text]).of_length(1.0).matrix()
    assert rows.shape == (1, HASHED)
    length = np.sqrt(rows.multiply(rows).sum())
    assert length == pytest.approx(1.0, abs=1e-5) or rows.nnz == 0


def test_examples_of_the_tools_carry_the_arguments_of_their_table():
    by_utterance = {example.utterance: dict(example.arguments) for example in (*CLOCK, *WEATHER)}
    assert by_utterance["What time is it in Berlin?"] == {"place": "Berlin"}
    assert by_utterance["北京今天天气怎么样？"] == {"location": "北京"}
    assert by_utterance["What time is it?"] == {}


def test_what_needs_a_tool_that_is_not_there_is_a_route_of_its_own(tmp_path):
    lacking = {tool.name: [example.utterance for example in tool.examples] for tool in TOOLS}
    router = IntentRouter(NoEmbedder(), CHAT, tmp_path, ("Lock the door.", "把门锁上"), lacking)
    router.fit(TOOLS)
    assert router.route("锁门").label == BEYOND
    assert router.route("现在几点").label == "clock"
    router.fit(TOOLS[1:])
    assert router.route("现在几点").label == BEYOND
    assert router.route("明天会下雨吗").label == "weather"
    router.fit([])
    assert [router.route(said).label for said in ("天气怎么样", "你好呀")] == [BEYOND, NO_TOOL]


def test_tools_without_examples_are_nothing_to_learn(tmp_path):
    embedder = NoEmbedder()
    IntentRouter(embedder, CHAT, tmp_path).fit(TOOLS)
    embedder.read.clear()
    router = IntentRouter(embedder, CHAT, tmp_path)
    router.fit([*TOOLS, *(ToolSpec(f"new_{number}", "New.", {}) for number in range(30))])
    assert embedder.read == []
    assert router.route("现在几点").label == "clock"


def test_of_a_new_tool_its_own_examples_alone_are_read(tmp_path):
    embedder = NoEmbedder()
    IntentRouter(embedder, CHAT, tmp_path).fit(TOOLS)
    embedder.read.clear()
    dice = ToolSpec("dice", "", {}, (ToolExample("Roll the dice."), ToolExample("掷骰子")))
    router = IntentRouter(embedder, CHAT, tmp_path)
    router.fit([*TOOLS, dice])
    assert embedder.read == ["roll the dice."]
    assert router.route("掷骰子").label == "dice"
    assert router.route("现在几点").label == "clock"


def test_what_was_learnt_before_a_crash_is_not_learnt_again(tmp_path):
    class Crashing(NoEmbedder):
        def embed(self, texts):
            if "hello there." in texts:
                raise KeyboardInterrupt
            return super().embed(texts)

    crashing, embedder = Crashing(), NoEmbedder()
    with pytest.raises(KeyboardInterrupt):
        IntentRouter(crashing, CHAT, tmp_path).fit(TOOLS)
    assert crashing.read == ["what time is it?", "will it rain?"]
    IntentRouter(embedder, CHAT, tmp_path).fit(TOOLS)
    assert embedder.read == ["hello there.", "tell me a joke."]
