import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, StoreError

pytestmark = pytest.mark.unit


def sine(rate=16_000, seconds=0.5, channels=1):
    times = np.arange(int(rate * seconds)) / rate
    return np.stack([0.4 * np.sin(2 * np.pi * 300 * times)] * channels, axis=1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_channel_count_loads_as_mono(tmp_path, rate, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(rate, channels=channels), rate)
    clip = AudioClip.load(path)
    assert clip.samples.ndim == 1
    assert clip.duration_s == pytest.approx(0.5)
    assert clip.resampled(16_000).samples.size == pytest.approx(8_000, abs=2)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_formats_are_told_by_content_not_by_ending(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, sine(44_100), 44_100)
    mislabelled = tmp_path / "b.wav"
    mislabelled.write_bytes(path.read_bytes())
    assert AudioClip.load(mislabelled).duration_s == pytest.approx(0.5, abs=0.1)


def test_broken_files_give_one_clear_line(tmp_path):
    cases = {"zero.wav": b"", "text.wav": b"not audio at all" * 20, "head.wav": b"RIFF\x00\x00"}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AudioError) as caught:
            AudioClip.load(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
    with pytest.raises(AudioError, match="no such file"):
        AudioClip.load(tmp_path / "absent.wav")


def test_nan_empty_and_too_long_are_refused(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full(1000, np.nan), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN"):
        AudioClip.load(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="no samples"):
        AudioClip.load(tmp_path / "none.wav")
    soundfile.write(tmp_path / "long.wav", sine(8_000, 3.0), 8_000)
    with pytest.raises(AudioError, match="longer than"):
        AudioClip.load(tmp_path / "long.wav", max_duration_s=2.0)


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_lossless_round_trip_keeps_the_hash(length, seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    clip = AudioClip(samples, 16_000)
    again = AudioClip.from_bytes(clip.to_bytes("FLAC"))
    assert again.content_hash == clip.content_hash
    assert np.abs(again.samples - clip.samples).max() < 1e-4


def test_one_sample_is_a_clip_and_can_be_resampled():
    clip = AudioClip(np.array([0.5], np.float32), 48_000)
    assert clip.resampled(16_000).samples.size >= 1


def test_nothing_is_left_when_a_write_fails(tmp_path, tone):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(StoreError):
        tone.save(blocked / "answer.wav")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
