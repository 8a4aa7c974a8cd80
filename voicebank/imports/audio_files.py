"""Sound files of any kind as clips that a bank can hold."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from vivavoce.core.audio import MAX_SAMPLE_RATE_HZ, AudioClip
from vivavoce.core.errors import AudioError, reason

SUFFIXES = (
    ".wav",
    ".flac",
    ".ogg",
    ".opus",
    ".mp3",
    ".g722",
    ".gsm",
    ".ulaw",
    ".alaw",
    ".m4a",
    ".webm",
    ".aiff",
    ".aif",
    ".au",
)
RAW = {".g722": ("g722", 16_000), ".gsm": ("gsm", 8_000), ".ulaw": ("mulaw", 8_000), ".alaw": ("alaw", 8_000)}
BY_SOUNDFILE = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")
KEPT_RATE_HZ = 48_000  # no decoder hears more
EXCERPT_S = 30.0  # of a long recording
LONGEST_S = 60.0  # kept whole
MAX_FILE_BYTES = 4 << 30
MAX_CHANNELS = 64


def read_clip(path: Path) -> AudioClip:
    """A recording mixed down to mono, at 48 kHz at most; of a long one the 30 s from the first sound on.

    Raises:
        AudioError: the file is missing, empty, damaged, silent at first, or no sound.
    """
    try:
        clip = _read(path)
    except AudioError as error:
        raise AudioError(" ".join(str(error).split())) from error  # a file name may hold line breaks
    except (OSError, ValueError) as error:
        raise AudioError(f"{path.name[:80]!r} cannot be read ({reason(error)})") from error
    if clip.duration_s > LONGEST_S:
        start = min(_first_sound_s(clip), clip.duration_s - EXCERPT_S)
        clip = clip.section(start, start + EXCERPT_S)
    return clip.resampled(min(clip.sample_rate, KEPT_RATE_HZ))


def _read(path: Path) -> AudioClip:
    if not path.is_file():
        raise AudioError(f"{path.name}: no such file")
    if not 0 < path.stat().st_size <= MAX_FILE_BYTES:
        raise AudioError(f"{path.name}: the file is empty or larger than 4 GiB")
    return _by_soundfile(path) if path.suffix.lower() in BY_SOUNDFILE else _by_av(path)


def _by_soundfile(path: Path) -> AudioClip:
    """At most the first minutes, so that a recording of hours costs no more than one of minutes."""
    try:
        with soundfile.SoundFile(path) as file:
            if not 0 < file.channels <= MAX_CHANNELS or not 0 < file.samplerate <= MAX_SAMPLE_RATE_HZ:
                raise AudioError(f"{path.name}: {file.channels} channels at {file.samplerate} Hz is no recording of speech")
            rate = int(file.samplerate)
            blocks = file.blocks(rate, frames=int(2 * LONGEST_S * rate), dtype="float32", always_2d=True)
            parts = [block.mean(axis=1) for block in blocks]  # mixed down second by second: 64 channels are no more memory
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path.name}: not a readable recording ({reason(error)})") from error
    return _clip(path, np.concatenate(parts) if parts else np.zeros(0, np.float32), rate)


def _by_av(path: Path) -> AudioClip:
    """What libsndfile does not read: telephone codecs, AAC, WebM."""
    import av
    from av.error import FFmpegError

    codec, rate = RAW.get(path.suffix.lower(), (None, 0))
    try:
        # Opened here and nothing by FFmpeg itself: a playlist in the file could otherwise name others.
        options = {"protocol_whitelist": "none"}
        if codec in ("mulaw", "alaw"):
            options["sample_rate"] = str(rate)
        with path.open("rb") as file, av.open(file, "r", format=codec, options=options) as container:
            stream = container.streams.audio[0]
            rate = rate or int(stream.rate or 0)
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            parts: list[Any] = []
            wanted = 2 * LONGEST_S * rate
            for frame in container.decode(stream):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                if (wanted := wanted - frame.samples * rate / frame.sample_rate) <= 0:
                    break
    except (FFmpegError, IndexError, ValueError, ArithmeticError, OSError) as error:
        raise AudioError(f"{path.name}: not a readable recording ({reason(error)})") from error
    return _clip(path, np.concatenate(parts) if parts else np.zeros(0, np.float32), rate)


def _clip(path: Path, samples: Any, rate: int) -> AudioClip:  # noqa: ANN401 - array from a codec
    try:
        return AudioClip(np.asarray(samples, np.float32), rate)
    except AudioError as error:
        raise AudioError(f"{path.name}: {error}") from error


def _first_sound_s(clip: AudioClip) -> float:
    """Where the recording first rises above a tenth of its peak."""
    loud = np.flatnonzero(np.abs(clip.samples) > 0.1 * float(np.abs(clip.samples).max()))
    return float(loud[0]) / clip.sample_rate if loud.size else 0.0
