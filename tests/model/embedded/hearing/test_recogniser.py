"""What is heard of recordings of any length, with silence and noise in them."""

from pathlib import Path

import jiwer
import numpy as np
import pytest

from vivavoce.app.backends import open_recogniser
from vivavoce.core.audio import AudioClip
from vivavoce.model.embedded.hearing.pieces import MAX_PIECE_S, SAMPLE_RATE_HZ, pieces_of_speech
from vivavoce.model.embedded.hearing.whisper import MAX_FRAMES

pytestmark = pytest.mark.models
RECORDINGS = Path(__file__).parents[3] / "e2e"
SPOKEN = Path(__file__).parents[4] / "eval" / "sets" / "spoken"
PLAIN = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.RemoveMultipleSpaces(), jiwer.Strip()])


@pytest.fixture(scope="module")
def recogniser(installed):
    return open_recogniser(installed)


@pytest.fixture(scope="module")
def questions():
    """What is said in each of the test's questions, and its samples."""
    rows = [line.split("\t") for line in (RECORDINGS / "questions.tsv").read_text().splitlines()]
    return {name: (said, samples(RECORDINGS / "questions" / f"{name}.flac")) for name, _, said, *_ in rows}


def samples(path):
    return AudioClip.load(path).resampled(SAMPLE_RATE_HZ).samples


def silence(seconds):
    return np.random.default_rng(0).normal(0.0, 1e-4, int(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def clip(*parts):
    return AudioClip(np.concatenate(parts).astype(np.float32), SAMPLE_RATE_HZ)


def wrong(said, heard):
    return jiwer.wer(PLAIN(said), PLAIN(heard))


def encoded(recogniser, monkeypatch):
    """Frames of each pass of the encoder, from now on."""
    whisper, frames = recogniser._loaded(), []
    encode = whisper._encoded
    monkeypatch.setattr(whisper, "_encoded", lambda *given: frames.append(encode(*given)) or frames[-1])
    return frames


def test_a_short_question_is_encoded_once_and_not_as_half_a_minute(recogniser, questions, monkeypatch):
    _, heard = questions["time-tokyo"]
    states = encoded(recogniser, monkeypatch)
    recogniser.listen(clip(heard))
    [state] = states
    assert 2 * state.shape[1] <= MAX_FRAMES / 3


@pytest.mark.parametrize("before_s", [0.0, 3.0, 29.0, 40.0])
def test_silence_before_and_after_a_question_is_not_in_its_way(recogniser, questions, before_s):
    said, heard = questions["time-tokyo"]
    assert wrong(said, recogniser.listen(clip(silence(before_s), heard, silence(5.0)))) == 0


def test_both_halves_of_a_question_with_a_long_pause_are_heard(recogniser, questions):
    (one, first), (other, second) = questions["museum-sunday"], questions["weather-paris"]
    assert wrong(f"{one} {other}", recogniser.listen(clip(first, silence(8.0), second))) < 0.2


@pytest.mark.parametrize("seconds", [1e-4, 0.01, 0.1, 0.2, 0.25, 0.39])
def test_less_than_a_word_is_no_error(recogniser, questions, seconds):
    _, heard = questions["time-tokyo"]
    middle = heard[SAMPLE_RATE_HZ // 2 :][: int(seconds * SAMPLE_RATE_HZ)]
    assert len(recogniser.listen(clip(middle)).split()) <= 2


@pytest.mark.parametrize("seconds", [30.0, 120.0])
def test_long_speech_is_heard_whole(recogniser, questions, seconds):
    parts, said = [], []
    for one, heard in [*questions.values()] * 3:
        if sum(map(len, parts)) + len(heard) > (seconds - 0.5) * SAMPLE_RATE_HZ:
            break
        parts += [heard, silence(0.5)]
        said.append(one)
    whole = np.concatenate(parts)
    whole = np.concatenate([whole, silence(seconds)])[: int(seconds * SAMPLE_RATE_HZ)]
    assert wrong(" ".join(said), recogniser.listen(clip(whole))) < 0.2


def test_pieces_fit_into_half_a_minute_and_leave_no_word_out(questions):
    spoken = np.concatenate([heard for _, heard in questions.values()])  # over a minute without a pause
    pieces = pieces_of_speech(spoken)
    assert all(piece.size <= MAX_PIECE_S * SAMPLE_RATE_HZ for piece in pieces)
    assert len(pieces) > 2
    assert sum(piece.size for piece in pieces) > 0.95 * spoken.size


@pytest.mark.parametrize("level", [0.0, 0.001, 0.05])
def test_noise_is_no_speech(recogniser, level):
    noise = np.random.default_rng(1).normal(0.0, 1.0, 10 * SAMPLE_RATE_HZ) * level
    assert recogniser.listen(clip(noise)) == ""
