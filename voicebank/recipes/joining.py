"""Several recordings of one speaker as one clip."""

from collections.abc import Sequence

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError
from vivavoce.voicebank.recipes.recipe import Cut

FADE_S = 0.01
PAUSE_S = 0.15
PEAK = 0.7


def joined(clips: Sequence[AudioClip]) -> AudioClip:
    """Clips of one rate at one peak level, faded at the cuts, with pauses between them."""
    rate = clips[0].sample_rate
    peak = max(float(np.abs(clip.samples).max()) for clip in clips)
    gain = PEAK / peak if peak > 0 else 1.0
    pause = AudioClip(np.zeros(max(1, int(PAUSE_S * rate)), np.float32), rate)
    parts: list[AudioClip] = []
    for clip in clips:
        samples = clip.samples * gain
        length = min(int(FADE_S * rate), samples.size // 2)
        ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
        samples[:length] *= ramp
        samples[samples.size - length :] *= ramp[::-1]
        parts += [AudioClip(samples, rate), pause]
    return AudioClip.joined(parts[:-1])


def cut_from(clip: AudioClip, cut: Cut) -> AudioClip:
    """The sections of a catalogue clip, joined.

    Raises:
        AudioError: the clip is shorter than its recipe expects.
    """
    if cut.sections and clip.duration_s < cut.sections[-1][0] + 0.1:
        raise AudioError(f"{cut.asset} is shorter than its recipe expects")
    return joined([clip.section(start, end) for start, end in cut.sections])
