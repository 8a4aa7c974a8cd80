"""How much Whisper is given to read, and when it said something twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.hearing.whisper import MAX_FRAMES, SILENCE_FRAMES, padded, says_twice

pytestmark = pytest.mark.unit


@given(st.integers(1, 3_500), st.integers(0, 3_000))
def test_frames_are_even_whole_and_followed_by_silence(count, silence):
    features = np.random.default_rng(count).normal(0.0, 1.0, (80, count)).astype(np.float32)
    given_ = padded(features, silence)
    length = given_.shape[1]
    assert length % 2 == 0
    assert length <= MAX_FRAMES
    assert min(MAX_FRAMES, count + silence) <= length <= count + silence + 1
    kept = min(count, MAX_FRAMES)
    assert np.array_equal(given_[:, :kept], features[:, :kept])
    assert (given_[:, kept:] == features.min()).all()
    assert given_.dtype == np.float32


def test_an_utterance_of_three_seconds_is_read_in_less_than_a_third_of_half_a_minute():
    assert padded(np.zeros((80, 300), np.float32), SILENCE_FRAMES).shape[1] <= MAX_FRAMES / 3


@given(
    st.lists(st.integers(0, 50_000), min_size=2, max_size=40),
    st.lists(st.integers(0, 50_000), max_size=5),
    st.integers(2, 9),
)
def test_a_sentence_that_is_said_again_is_noticed(sentence, before, times):
    assert says_twice([*before, *sentence * times])


@given(st.lists(st.integers(0, 50_000), max_size=60, unique=True))
def test_a_sentence_that_is_said_once_is_not(sentence):
    assert not says_twice(sentence)


@given(st.lists(st.integers(0, 50_000), min_size=2, max_size=12), st.integers(2, 9), st.integers(0, 11))
def test_one_that_was_cut_off_while_it_was_said_again_is_noticed(sentence, times, cut):
    said = sentence * times
    assert says_twice(said + sentence[: min(cut, len(sentence))])
