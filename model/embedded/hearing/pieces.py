"""A recording as pieces in which somebody speaks: what Whisper is given to read."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
MIN_SPEECH_S = 0.2
MAX_PIECE_S = 26.0  # with the silence that follows no more than the half minute that Whisper reads
PAUSE_MS = 300  # between two words it is shorter


def pieces_of_speech(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Pieces of a recording at 16 kHz, in order, each of at most `MAX_PIECE_S` and cut where nobody speaks, if anywhere.

    Of a silence of more than 0.8 s the middle is left out. Empty where nobody speaks for `MIN_SPEECH_S`.
    """
    from faster_whisper.vad import VadOptions, collect_chunks, get_speech_timestamps

    if samples.size < MIN_SPEECH_S * SAMPLE_RATE_HZ:
        return []
    options = VadOptions(
        threshold=0.4,
        min_speech_duration_ms=100,
        max_speech_duration_s=MAX_PIECE_S,
        min_silence_duration_ms=PAUSE_MS,
    )
    spans = get_speech_timestamps(samples, options)
    if sum(span["end"] - span["start"] for span in spans) < MIN_SPEECH_S * SAMPLE_RATE_HZ:
        return []
    return collect_chunks(samples, spans, max_duration=MAX_PIECE_S)[0]
