"""How something is asked does not change what the router reads of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.wording.plain import as_sentence, plain

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Speak like a robot.", "speak like a robot"),
        ("Could you please speak like a robot?", "speak like a robot"),
        ("Would you mind telling me the time?", "tell me the time"),
        ("Would you mind setting a timer, please?", "set a timer"),
        ("Would you mind giving me 3.5 litres?", "give me 3.5 litres"),
        ("Um, well, you know, what time is it?", "what time is it"),
        ("Okay so, hey, set a timer for 7:30, would you?", "set a timer for 7:30"),
        ("I'd like you to turn off the light, please", "turn off the light"),
        ("Send $50 to Anna, thanks!", "send $50 to anna"),
        ("What's the weather in St. John's?", "what's the weather in st john's"),
        ("你能开灯吗？", "开灯"),
        ("请帮我把灯关了，好吗？", "把灯关了"),
        ("嗯，那个，现在几点？", "现在几点"),
        ("请问现在几点", "现在几点"),
        ("麻烦你帮我查一下天气，谢谢", "查一下天气"),
    ],
)
def test_form_is_taken_off(said, read):
    assert plain(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Please!", "please"),
        ("Thank you.", "thank you"),
        ("No, thanks.", "no"),
        ("Hello there.", "hello there"),
        ("Can you?", "can you"),
        ("Well done!", "well done"),
        ("Do you know what time it is?", "do you know what time it is"),
        ("List every child's voice you know.", "list every child's voice you know"),
        ("那个声音好听", "那个声音好听"),
        ("可以了，停", "可以了停"),
        ("好吧", "好吧"),
        ("请", "请"),
        ("谢谢你。", "谢谢你"),
    ],
)
def test_what_would_leave_nothing_or_another_meaning_stays(said, read):
    assert plain(said) == read


@given(st.text(max_size=60) | st.text(alphabet="please um, 请帮我嗯吧.?", max_size=30))
def test_any_text_is_read_and_something_stays(said):
    assert bool(plain(said)) == bool(said.strip())


def test_an_embedder_reads_sentences():
    assert as_sentence("what time is it") == "what time is it?"
    assert as_sentence("tell me the time") == "tell me the time."
