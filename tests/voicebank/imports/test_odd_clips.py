"""Recordings of every odd kind are read or refused in one line, and none takes much memory."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from support.fakes import MEASURED, assert_one_line, small_bank
from support.voices import tone

from vivavoce.core.errors import AudioError
from vivavoce.voicebank.imports.audio_files import EXCERPT_S, KEPT_RATE_HZ, read_clip
from vivavoce.voicebank.imports.importing import import_voices
from vivavoce.voicebank.imports.layouts import find_candidates

pytestmark = pytest.mark.process
HOURS_S = 3 * 3_600


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)


def refusal(path, tmp_path):
    """Why an import refuses a file; nothing is stored then."""
    bank = small_bank(tmp_path / "bank")
    report = import_voices(bank, find_candidates(path))
    assert (report.added, len(bank)) == ([], 0)
    ((_, why),) = report.refused
    assert_one_line(why)
    return why


def imported(path, tmp_path):
    bank = small_bank(tmp_path / "bank")
    report = import_voices(bank, find_candidates(path))
    assert report.refused == []
    return bank.get(report.added[0]).reference


def long_flac(path, *parts):
    """A recording of hours at 8 kHz. parts: (seconds, frequency), 0 for silence."""
    second = np.arange(8_000) / 8_000
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16", format="FLAC") as file:
        for seconds, f0_hz in parts:
            block = np.tile((0.3 * np.sin(2 * np.pi * f0_hz * second) * 32_767).astype(np.int16), 60)
            for start in range(0, seconds, 60):
                file.write(block[: (min(60, seconds - start)) * 8_000])
    return path


def test_of_three_hours_the_first_half_minute_of_sound_is_kept(tmp_path):
    clip = imported(long_flac(tmp_path / "long.flac", (40, 0), (HOURS_S - 40, 250)), tmp_path)
    assert clip.duration_s == EXCERPT_S
    assert np.abs(clip.samples[:8_000]).max() > 0.2


def test_sound_that_begins_late_is_kept_at_full_length(tmp_path):
    clip = imported(long_flac(tmp_path / "long.flac", (110, 0), (HOURS_S - 110, 250)), tmp_path)
    assert clip.duration_s == EXCERPT_S
    assert np.abs(clip.samples).max() > 0.2


def test_three_hours_that_begin_with_long_silence_are_refused(tmp_path):
    assert "silent" in refusal(long_flac(tmp_path / "long.flac", (200, 0), (HOURS_S - 200, 250)), tmp_path)


def test_a_twentieth_of_a_second_is_refused(tmp_path):
    soundfile.write(tmp_path / "short.wav", tone(200, 0.05).samples, 16_000)
    assert refusal(tmp_path / "short.wav", tmp_path) == "the clip is 0.05 s long; at least 1 s of speech are needed"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_samples_that_are_no_numbers_are_refused(tmp_path, value, channels):
    samples = np.repeat(tone(200, 2.0).samples[:, None], channels, axis=1)
    samples[5_000] = value
    soundfile.write(tmp_path / "odd.wav", samples, 16_000, subtype="FLOAT")
    assert "odd.wav: the recording holds NaN or infinite samples" in refusal(tmp_path / "odd.wav", tmp_path)


def test_samples_beyond_full_scale_are_clipped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", 30 * tone(200, 2.0).samples, 16_000, subtype="FLOAT")
    assert np.abs(imported(tmp_path / "loud.wav", tmp_path).samples).max() <= 1.0


def test_silence_is_refused(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(32_000), 16_000)
    assert refusal(tmp_path / "silent.wav", tmp_path) == "the clip is silent; record speech"


def test_eight_channels_at_96_khz_are_mixed_down(tmp_path):
    times = np.arange(96_000 * 2) / 96_000
    soundfile.write(tmp_path / "wide.wav", np.repeat(0.3 * np.sin(1_400 * times)[:, None], 8, axis=1), 96_000)
    clip = imported(tmp_path / "wide.wav", tmp_path)
    assert (clip.sample_rate, clip.duration_s) == (KEPT_RATE_HZ, 2.0)
    assert np.abs(clip.samples).max() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("empty.wav", b"", "the file is empty"),
        ("empty.m4a", b"", "the file is empty"),
        ("text.wav", b"This is a letter.\n" * 100, "not a readable recording"),
        ("text.m4a", b"This is a letter.\n" * 100, "not a readable recording"),
        ("text.mp3", b"This is a letter.\n" * 100, ""),
        ("zeros.flac", bytes(10_000), "not a readable recording"),
        ("zeros.webm", bytes(10_000), "not a readable recording"),
        ("one-byte.ogg", b"O", "not a readable recording"),
        ("two\nlines.wav", b"This is a letter.\n" * 100, "not a readable recording"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, name, data, why):
    (tmp_path / name).write_bytes(data)
    assert why in refusal(tmp_path / name, tmp_path)


def wav(channels=1, rate=16_000, bits=16, size=None, data=b"\1\2" * 32_000):
    """A WAV file whose header may lie."""
    width = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    size = len(data) if size is None else size
    chunks = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", (len(chunks) + size) & 0xFFFFFFFF) + chunks + data


@pytest.mark.parametrize(
    "header",
    [
        {"channels": 0},
        {"channels": 65_535},
        {"channels": 100},
        {"rate": 0},
        {"rate": 0xFFFFFFFF},
        {"rate": 1},
        {"bits": 0},
        {"bits": 7_777},
        {"data": b""},
        {"size": 0},
    ],
)
def test_a_senseless_header_is_refused(tmp_path, header):
    (tmp_path / "odd.wav").write_bytes(wav(**header))
    refusal(tmp_path / "odd.wav", tmp_path)


def test_a_header_that_promises_more_than_there_is_takes_what_there_is(tmp_path):
    (tmp_path / "cut.wav").write_bytes(wav(size=0xFFFFFFF0))
    assert read_clip(tmp_path / "cut.wav").duration_s == pytest.approx(2.0, abs=0.01)


def test_every_cut_and_flip_is_a_clip_or_one_line(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
        soundfile.write(tmp_path / f"whole.{suffix}", tone(200, 1.5).samples, 16_000)
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        for attempt in range(12):
            data = bytearray(whole)
            if attempt % 2:
                del data[int(rng.integers(len(data))) :]
            else:
                place = int(rng.integers(min(len(data), 200)))
                data[place : place + 8] = rng.bytes(8)
            path = tmp_path / f"damaged.{suffix}"
            path.write_bytes(bytes(data))
            try:
                assert read_clip(path).duration_s < 130
            except AudioError as error:
                assert_one_line(error, "damaged")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    for suffix in ("wav", "m4a"):
        path = tmp_path / f"secret.{suffix}"
        soundfile.write(path, tone(200).samples, 16_000, format="WAV")
        path.chmod(0)
        assert refusal(path, tmp_path)


def test_a_folder_with_the_name_of_a_recording_is_no_file(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=r"folder\.wav: no such file"):
        read_clip(tmp_path / "folder.wav")


@pytest.mark.parametrize("suffix", ["m4a", "webm", "gsm"])
@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.wav\n",
        "ffconcat version 1.0\nfile '{folder}/secret.wav'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\nfile://{folder}/secret.wav\n#EXT-X-ENDLIST\n",
        "v=0\nm=audio 5004 RTP/AVP 0\nc=IN IP4 127.0.0.1\n",
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path, suffix, text):
    soundfile.write(tmp_path / "secret.wav", tone(200, 2.0).samples, 16_000)
    path = tmp_path / f"list.{suffix}"
    path.write_text(text.format(folder=tmp_path))
    try:
        clip = read_clip(path)  # telephone codecs make noise of any bytes
    except AudioError as error:
        assert_one_line(error)
    else:
        assert suffix == "gsm"
        assert clip.duration_s < 0.5


MEASURES = """
import resource, sys
from vivavoce.voicebank.imports.audio_files import read_clip
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(read_clip(__import__("pathlib").Path(sys.argv[1])).duration_s)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_many_channels_for_minutes_take_little_memory(tmp_path):
    block = np.repeat((3_000 * np.sin(np.arange(44_100) / 20)).astype(np.int16)[:, None], 24, axis=1)
    with soundfile.SoundFile(tmp_path / "wide.wav", "w", 44_100, 24, "PCM_16") as file:
        for _ in range(130):
            file.write(block)
    # 120 s of 24 channels as float32 are 485 MiB.
    done = subprocess.run(
        [sys.executable, "-c", MEASURES, tmp_path / "wide.wav"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    seconds, mib = done.stdout.split()
    assert float(seconds) == EXCERPT_S
    assert int(mib) < 150
