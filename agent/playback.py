"""What was heard of an answer: what was played, not what was made."""

import re
from collections.abc import Sequence

from vivavoce.agent.turn import AudioChunk
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError

WORD_BORDER = re.compile(r"(?<=\s)(?=\S)|(?<=[\u3040-\u9fff])(?=\S)")


class Playback:
    """The clock of one answer. Without reports a chunk counts as heard when the next event is asked for."""

    def __init__(self) -> None:
        self.chunks: list[AudioChunk] = []
        self._heard = 0  # chunks, as long as nobody reports
        self._given = 0
        self._reported_s: float | None = None

    @property
    def end_s(self) -> float:
        """Length of the sound so far, in seconds."""
        return self.chunks[-1].end_s if self.chunks else 0.0

    @property
    def heard_s(self) -> float:
        """Seconds of it that were heard."""
        if self._reported_s is not None:
            return min(self._reported_s, self.end_s)
        return self.chunks[self._heard - 1].end_s if self._heard else 0.0

    def next_asked(self) -> bool:
        """Whoever listens wants the next event; whether more counts as heard now."""
        grew = self._reported_s is None and self._heard < self._given
        self._heard = self._given
        return grew

    def given(self) -> None:
        """The next chunk goes out."""
        self._given += 1

    def played(self, seconds: float) -> None:
        """So much of the answer was played, says whoever plays it. From now on only reports count.

        Raises:
            ConfigError: it is no length of time.
        """
        if not seconds >= 0:
            raise ConfigError(f"{seconds} seconds of an answer cannot have been played; count from 0")
        self._reported_s = max(self._reported_s or 0.0, seconds)

    def is_whole(self) -> bool:
        """Whether all that was made was heard."""
        return self._heard == len(self.chunks) if self._reported_s is None else self._reported_s >= self.end_s

    def text(self) -> str:
        """The text of what was heard, cut between words."""
        if self._reported_s is None:
            return "".join(chunk.text for chunk in self.chunks[: self._heard])
        return "".join(_part(chunk, self._reported_s) for chunk in self.chunks)

    def sound(self, *, whole: bool) -> AudioClip | None:
        """The sound of all, or of what was heard; None where there is none."""
        clips = [chunk.audio for chunk in self.chunks]
        sound = AudioClip.joined(clips) if clips else None
        if sound is None or whole:
            return sound
        return sound.section(0.0, self.heard_s) if self.heard_s * sound.sample_rate >= 1 else None


def _part(chunk: AudioChunk, heard_s: float) -> str:
    if chunk.end_s <= heard_s:
        return chunk.text
    if chunk.start_s >= heard_s:
        return ""
    return words_within(chunk.text, (heard_s - chunk.start_s) / (chunk.end_s - chunk.start_s))


def words_within(text: str, share: float) -> str:
    """The words of a text that are over when this share of its sound is, in [0, 1]."""
    at = share * len(text)
    borders = [border.start() for border in WORD_BORDER.finditer(text) if border.start() <= at]
    return text[: borders[-1]] if borders else ""


def divided(heard: str, texts: Sequence[str]) -> list[str]:
    """What was heard of each of the texts that make up an answer. Spaces do not count: decoders may leave some out."""
    left = sum(not character.isspace() for character in heard)
    parts: list[str] = []
    for text in texts:
        end = len(text)
        for at, character in enumerate(text):
            if not character.isspace():
                if not left:
                    end = at
                    break
                left -= 1
        parts.append(text[:end])
    return parts
