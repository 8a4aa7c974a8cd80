"""What people take back as they speak is not asked about; what only looks like it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.wording.corrections import corrected

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("What's the weather in Bergen, no, Stavanger?", "What's the weather in Stavanger?"),
        ("What's the weather in Oslo, I mean Bergen?", "What's the weather in Bergen?"),
        ("What's the weather in Oslo I mean Bergen", "What's the weather in Bergen"),
        ("Bergen, no, Stavanger", "Stavanger"),
        ("Weather in Bergen. Sorry, Stavanger.", "Weather in Stavanger."),
        ("What's the weather in Bergen tomorrow, no wait, Stavanger?", "What's the weather in Stavanger tomorrow?"),
        ("What time is it in Tokyo, no, in Osaka?", "What time is it in Osaka?"),
        ("What day is tomorrow, sorry, the day after tomorrow?", "What day is the day after tomorrow?"),
        ("Set a timer for five minutes, no, ten minutes.", "Set a timer for ten minutes."),
        ("Set a timer for five, no, ten minutes.", "Set a timer for ten minutes."),
        ("Book a table for 4, make that 6.", "Book a table for 6."),
        ("Call Anna, no, Maria.", "Call Maria."),
        ("Send fifty euros to Anna, I mean Maria Holm.", "Send fifty euros to Maria Holm."),
        ("Turn on the lamp, no, the heater.", "Turn on the heater."),
        ("What's the time, no, what's the weather in Rome?", "what's the weather in Rome?"),
        ("What's the weather in Rome, no, Milan, no, Turin?", "What's the weather in Turin?"),
        ("北京天气怎么样，不对，是上海", "上海天气怎么样"),
        ("明天北京的天气怎么样，不，上海？", "明天上海的天气怎么样？"),
        ("北京，不，上海明天的天气怎么样？", "上海明天的天气怎么样？"),
        ("东京现在几点，我是说大阪", "大阪现在几点"),
        ("订三个人的位子，不对，四个人", "订四个人的位子"),
        ("明天是几号，说错了，后天", "后天是几号"),
    ],
)
def test_what_was_taken_back_is_gone(said, meant):
    assert corrected(said) == meant


@pytest.mark.parametrize(
    "said",
    [
        "No, thanks.",
        "No problem.",
        "No, I said Oslo.",
        "Sorry, Stavanger.",
        "I'm sorry, I have no idea.",
        "Is there no train to Oslo?",
        "Is it raining in Oslo, or no rain at all?",
        "I am in Oslo, sorry, I cannot come.",
        "There is no place like London.",
        "I like Oslo, no doubt about it.",
        "Sorry, what time is it in Rome?",
        "What do you mean?",
        "No, no, no.",
        "I mean it.",
        "不用了，谢谢。",
        "天气不错。",
        "北京不冷吗？",
        "不对，是上海。",
        "是不是下雨了？",
        "对不起，我没听清。",
        "我不去北京，你呢？",
        "你说得不对，北京今天下雨了。",
    ],
)
def test_what_only_looks_like_it_stays_as_it_is(said):
    assert corrected(said) == said


@given(st.text(alphabet="no, sorry Imean Oslo.不对，是 上海", max_size=60))
def test_any_text_is_read(said):
    assert len(corrected(said)) <= len(said)
