"""Timbre approximation: the source voice moved toward a reference clip by WORLD analysis and resynthesis.

Pitch is mapped to the reference's median and spread; the frequency axis is warped to its vocal tract length; means and
spreads of the cepstra are moved to its own. It approximates a voice, it does not clone one.
"""

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError
from vivavoce.model.embedded.speaking.world import SAMPLE_RATE_HZ, Floats, WorldFrames, analyse, synthesise, warp

FORMAT = 1
CEPSTRA = 60  # coefficients that carry the timbre; the rest is fine structure and stays
MAX_REFERENCE_S = 12.0
MIN_SPEECH_S = 1.0
MIN_VOICED_SHARE = 0.12  # of active frames; below, the reference is a whisper
MONOTONE_SPREAD = 0.04  # natural log units
WARPS = np.linspace(0.82, 1.22, 41)
WARP_CEPSTRA = 26
MET = 12.0  # squared nats per cepstrum
HIGHER = 0.05  # natural log of the F0 ratio from which a target counts as higher than the source
NOT_HIGHER_WARP = 0.85  # measured: best for the human readers of the voice bank, none of them higher than the source
PITCH_TO_LENGTH = 0.25  # log vocal tract factor per log F0 ratio, between male and female averages


@dataclass(frozen=True, slots=True)
class TimbreStatistics:
    """What is kept of a voice.

    log_f0: median and spread (natural log Hz). mean, spread: cepstra of level-free log envelopes, (CEPSTRA,).
    envelope, aperiodicity: averages over frames, (513,). whispered: no pitch at all.
    """

    log_f0: tuple[float, float]
    mean: Floats
    spread: Floats
    envelope: Floats
    aperiodicity: Floats
    whispered: bool

    def to_bytes(self) -> bytes:
        """As an NPZ file without pickled objects."""
        buffer = BytesIO()
        head = np.array([FORMAT, *self.log_f0, float(self.whispered)])
        arrays = {"mean": self.mean, "spread": self.spread, "envelope": self.envelope, "aperiodicity": self.aperiodicity}
        np.savez(buffer, allow_pickle=False, head=head, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "TimbreStatistics":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: it is damaged or of another version.
        """
        try:
            with np.load(BytesIO(data), allow_pickle=False) as file:
                head = file["head"]
                arrays = {name: file[name] for name in ("mean", "spread", "envelope", "aperiodicity")}
        except (KeyError, OSError, EOFError) as error:
            raise ValueError("damaged timbre file") from error
        if head.shape != (4,) or head[0] != FORMAT or arrays["mean"].shape != (CEPSTRA,):
            raise ValueError("timbre file of another version")
        return cls((float(head[1]), float(head[2])), whispered=bool(head[3]), **arrays)


def measure(clip: AudioClip) -> TimbreStatistics:
    """Analyse a reference clip; of a long one its first 12 s.

    Raises:
        AudioError: there is less than 1 s of sound in it.
    """
    frames = analyse(clip.section(0.0, MAX_REFERENCE_S))
    active = frames.active
    if clip.is_silent or active.sum() * 0.005 < MIN_SPEECH_S:
        raise AudioError("the reference clip holds less than 1 s of speech; use a longer recording")
    voiced = active & (frames.f0 > 0)
    whispered = voiced.sum() < MIN_VOICED_SHARE * active.sum()
    chosen = active if whispered else voiced
    envelope = (frames.envelope - frames.level)[chosen]
    cepstra = _cepstra(envelope)[:, :CEPSTRA]
    log_f0 = np.log(frames.f0[voiced]) if voiced.any() else np.log([150.0])
    low, median, high = np.percentile(log_f0, (16, 50, 84))
    return TimbreStatistics(
        log_f0=(float(median), float((high - low) / 2)),
        mean=cepstra.mean(axis=0),
        spread=cepstra.std(axis=0),
        envelope=envelope.mean(axis=0),
        aperiodicity=frames.aperiodicity[chosen].mean(axis=0),
        whispered=bool(whispered),
    )


def warp_factor(source: TimbreStatistics, target: TimbreStatistics) -> float:
    """The frequency warp from the source's vocal tract length to the target's.

    It is the one that brings the average envelopes together, where one does. Another speaker in another room is not met
    by any; then the difference in pitch says more.
    """
    wanted = _cepstra(target.envelope)[1:WARP_CEPSTRA]
    moved = _cepstra(np.stack([warp(source.envelope, factor) for factor in WARPS]))[:, 1:WARP_CEPSTRA]
    distance = ((moved - wanted) ** 2).mean(axis=1)
    if distance.min() < MET:
        return float(WARPS[distance.argmin()])
    higher = 0.0 if target.whispered else target.log_f0[0] - source.log_f0[0]
    return float(np.exp(PITCH_TO_LENGTH * higher)) if higher > HIGHER else NOT_HIGHER_WARP


def convert(clip: AudioClip, source: TimbreStatistics, target: TimbreStatistics) -> AudioClip:
    """Speech of the source voice in the timbre of the target, at 16 kHz and the loudness it had.

    ``source`` describes the speaking voice as a whole, not this clip: a short phrase says little about it.
    """
    from scipy.fft import idct

    factor = warp_factor(source, target)
    frames = analyse(clip)
    level = frames.level
    shape = warp(frames.envelope - level, factor)
    cepstra = _cepstra(shape)
    origin = _cepstra(warp(source.envelope, factor))[:CEPSTRA]
    gain = np.clip(target.spread / np.maximum(source.spread, 1e-6), 0.6, 1.5)
    cepstra[:, :CEPSTRA] = (cepstra[:, :CEPSTRA] - origin) * gain + target.mean
    cepstra[:, 0] = 0.0  # the level is kept apart
    converted = WorldFrames(
        f0=_mapped_pitch(frames.f0, source, target),
        envelope=np.asarray(idct(cepstra, axis=1, norm="ortho")) + level,
        aperiodicity=_mapped_aperiodicity(frames, source, target),
    )
    return _as_loud_as(synthesise(converted), clip)


def vary(
    clip: AudioClip,
    *,
    pitch: float = 1.0,
    formants: float = 1.0,
    pitch_range: float = 1.0,
    speed: float = 1.0,
    breath: float = 0.0,
) -> AudioClip:
    """Another, synthetic speaker from speech, at 16 kHz.

    pitch: factor on F0. formants: factor on formant frequencies. pitch_range: factor on the spread of log F0, 0 is
    monotone. speed: factor on tempo. breath: 0 voiced to 1 whispered.
    """
    frames = analyse(clip)
    voiced = frames.f0 > 0
    f0 = np.zeros_like(frames.f0)
    if voiced.any() and breath < 1.0:
        log_f0 = np.log(frames.f0[voiced])
        f0[voiced] = pitch * np.exp(np.median(log_f0) + pitch_range * (log_f0 - np.median(log_f0)))
    aperiodicity = frames.aperiodicity + (1.0 - frames.aperiodicity) * breath
    varied = replace(frames, f0=f0, envelope=warp(frames.envelope, formants), aperiodicity=aperiodicity)
    return _as_loud_as(synthesise(varied, speed), clip)


def _cepstra(envelope: Floats) -> Floats:
    """Cosine transform over frequency, the last axis."""
    from scipy.fft import dct

    return np.asarray(dct(envelope, axis=-1, norm="ortho"), np.float64)


def _mapped_pitch(f0: Floats, source: TimbreStatistics, target: TimbreStatistics) -> Floats:
    mapped = np.zeros_like(f0)
    if target.whispered:
        return mapped
    gain = float(np.clip(target.log_f0[1] / max(source.log_f0[1], 1e-6), 0.6, 1.6))
    if target.log_f0[1] < MONOTONE_SPREAD:
        gain = 0.0
    voiced = f0 > 0
    mapped[voiced] = np.exp((np.log(f0[voiced]) - source.log_f0[0]) * gain + target.log_f0[0])
    return mapped


def _mapped_aperiodicity(frames: WorldFrames, source: TimbreStatistics, target: TimbreStatistics) -> Floats:
    if target.whispered:
        return np.ones_like(frames.aperiodicity)
    moved = frames.aperiodicity.copy()
    moved[frames.f0 > 0] += target.aperiodicity - source.aperiodicity
    return np.clip(moved, 0.001, 1.0)


def _as_loud_as(clip: AudioClip, model: AudioClip) -> AudioClip:
    have, want = (float(np.sqrt(np.mean(c.samples**2))) for c in (clip, model))
    peak = float(np.abs(clip.samples).max())
    gain = min(want / max(have, 1e-9), 0.98 / max(peak, 1e-9))
    return AudioClip((clip.samples * gain).astype(np.float32), SAMPLE_RATE_HZ)
