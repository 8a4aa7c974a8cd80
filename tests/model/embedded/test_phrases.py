from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.speaking.phrases import PhraseCutter, speakable

pytestmark = pytest.mark.unit


def cut(*pieces):
    cutter = PhraseCutter()
    return [phrase for piece in pieces for phrase in cutter.push(piece)] + cutter.finish()


@given(st.text(alphabet="ab ,.;!?\n1:-上。", max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_phrases_joined_are_the_text_in_any_split(text, cuts):
    bounds = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    assert "".join("".join(cut(*pieces)).split()) == "".join(text.split())


def test_numbers_and_abbreviations_are_not_torn():
    text = "Dr. Smith pays 3.5 euros at 10:30 a.m. for it. Then he goes."
    assert cut(text) == ["Dr. Smith pays 3.5 euros at 10:30 a.m. for it.", "Then he goes."]


def test_the_first_phrase_of_a_growing_sentence_ends_at_a_comma():
    cutter = PhraseCutter()
    assert cutter.push("According to the manual, ") == ["According to the manual,"]
    assert cutter.push("it takes time") == []
    assert cutter.finish() == ["it takes time"]


def test_a_whole_sentence_is_one_phrase():
    assert cut("In Tokyo it is late, on Tuesday, I think. ") == ["In Tokyo it is late, on Tuesday, I think."]


def test_what_cannot_be_said_is_replaced():
    assert speakable("**See** https://example.org/x 🎉 at 5 °C & 10%") == "See a link at 5 degrees Celsius and 10 percent"
