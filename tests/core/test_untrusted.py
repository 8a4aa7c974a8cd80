import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.untrusted import MARKER, fence, neutralise, unfenced

pytestmark = pytest.mark.unit
MARKERS = [
    "<tool_call>",
    "</tool_call>",
    "<|EOT|>",
    "<|BOT|>",
    "<|im_end|>",
    "<tts_start>",
    "<audio_17>",
    "<audio_start>",
    "</think>",
]


@given(st.lists(st.sampled_from([*MARKERS, "a", " ", "<", "\x00", "\n"])), st.integers(1, 200))
def test_no_marker_survives_and_nothing_grows_past_the_limit(pieces, limit):
    clean = neutralise("".join(pieces), limit)
    assert not MARKER.search(clean)
    assert len(clean) <= limit + len(" [cut]")


def test_plain_text_is_untouched():
    text = "2 < 3 and a<b>c</b>, 5 °C\nnext line"
    assert neutralise(text, 100) == text


@pytest.mark.parametrize("text", ["ok", "", "two\nlines\n", "[end of result]"])
def test_a_result_is_found_between_its_marks(text):
    assert unfenced("clock", fence("clock", text)) == text
    assert unfenced("clock", text) == text.removesuffix("\n[end of result]")
