"""The voices of a run: the agent knows the first half of each clip, similarity is measured against the second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import DEFAULT_VOICE_ID, VoiceEntry
from vivavoce.eval.lab.statistics import Numbers, equal_error_rate
from vivavoce.eval.voices.halves import first_half, is_long, second_half, with_clip
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import SpeakerEmbedder


def is_divided(entry: VoiceEntry) -> bool:
    """Whether its clip is long enough to hold half of it out. The default voice needs no clip to be spoken in."""
    return is_long(entry) and entry.id != DEFAULT_VOICE_ID


def fill(own: FolderVoiceBank, bank: FolderVoiceBank, entries: Sequence[VoiceEntry]) -> None:
    """Put voices into the bank of a run, with the first half of their clips where they are long enough. Blocking."""
    clips = ((entry, bank.clip(entry)) for entry in entries)
    voices = [with_clip(entry, first_half(clip) if is_divided(entry) else clip) for entry, clip in clips]
    own.add_all([own.analyse(voice) for voice in voices], replace_existing=True)


@dataclass(frozen=True, slots=True)
class Ear:
    """What one embedder knows of all voices.

    heard: unit vectors (V, D) of what was held out. cosines: (V, V), of first halves (rows) and second halves (columns).
    threshold: where one speaker is missed as often as two are taken for one.
    """

    embedder: SpeakerEmbedder
    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    heard: NDArray[np.float32]
    cosines: Numbers
    error: float
    threshold: float

    def similarities(self, clip: AudioClip) -> Mapping[str, float]:
        """Cosine to each voice. Blocking."""
        return dict(zip(self.ids, (self.heard @ self.embedder.embed(clip)).tolist(), strict=True))

    def speaker(self, voice_id: str) -> str:
        """Who speaks in a voice."""
        return self.speakers[self.ids.index(voice_id)]


def listen(bank: FolderVoiceBank, entries: Sequence[VoiceEntry], embedder: SpeakerEmbedder) -> Ear:
    """Embed both halves of every clip, and find the threshold that tells one speaker from two. Blocking.

    Raises:
        ValueError: there are no two speakers. AudioError: a clip is too short. ModelError: the embedder cannot be loaded.
    """
    clips = [bank.clip(entry) for entry in entries]
    first = np.stack([embedder.embed(first_half(clip)) for clip in clips])
    second = np.stack([embedder.embed(second_half(clip)) for clip in clips])
    who = tuple(entry.speaker or entry.id for entry in entries)
    cosines = np.asarray(first @ second.T, np.float64)
    error, threshold = equal_error_rate(*pairs(cosines, who))
    return Ear(embedder, tuple(entry.id for entry in entries), who, second, cosines, error, threshold)


def pairs(
    cosines: Numbers, speakers: Sequence[str], rows: Sequence[int] | NDArray[np.int64] | None = None
) -> tuple[Numbers, Numbers]:
    """Cosines of two halves of one clip, and of halves of two speakers. rows: of which first halves; all when not given."""
    who = np.asarray(speakers)
    at = np.arange(who.size) if rows is None else np.asarray(rows)
    return cosines.diagonal()[at], cosines[at][who[at][:, None] != who[None, :]]
