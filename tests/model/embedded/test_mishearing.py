"""Chinese as a recogniser mishears it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.wording.mishearing import HANZI, alike, misheard, syllables_of

pytestmark = pytest.mark.unit


def test_confused_syllables_have_one_name_that_is_no_syllable():
    assert alike("zhang") == alike("zan")
    assert alike("lan") == alike("nang")
    assert alike("fu") == alike("hu")
    assert alike("nan") != "nan"
    assert alike("bao") != alike("mao")


@given(st.text(alphabet="请问今天天气怎么样换个温柔的女声abc ，。", max_size=40), st.integers(0, 3))
def test_characters_become_others_that_sound_alike_and_the_rest_stays(said, copy):
    heard = misheard(said, copy)
    assert heard == misheard(said, copy), "the same copy is the same"
    assert len(heard) == len(said)
    for one, other in zip(said, heard, strict=True):
        if HANZI.match(one):
            assert alike(syllables_of([one])[0]) == alike(syllables_of([other])[0])
        else:
            assert one == other or not one.isascii()  # punctuation may get another width


def test_about_a_quarter_is_exchanged():
    said = "我不喜欢这个音色来个温柔的女声" * 40
    changed = sum(a != b for a, b in zip(said, misheard(said, 0), strict=True)) / len(said)
    assert 0.1 < changed < 0.35
