"""A recording with what should come of it: what every speech set is made of."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vivavoce.core.audio import AudioClip
from vivavoce.voicebank.imports.audio_files import read_clip

Task = Literal["transcription", "translation", "paralinguistics", "choice", "question"]
PLAIN = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording and what should come of it.

    cluster: the speaker, or what else makes recordings alike. references: what was said, or answers that are right, equally
    good. language: of the references. instruction: asked in a turn before; "" where the recording says all. topic: by which
    reports divide the set.
    """

    id: str
    audio: Path
    task: Task
    references: tuple[str, ...]
    cluster: str
    language: str = "en"
    instruction: str = ""
    choices: tuple[str, ...] = ()
    topic: str = ""

    def as_facts(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "audio": str(self.audio), "references": list(self.references), "choices": list(self.choices)}


def load(path: Path) -> AudioClip:
    """A recording; whole where it is WAV, FLAC, OGG or MP3, of other formats at most a minute (see `read_clip`).

    Raises:
        AudioError: it is missing, damaged or too long.
    """
    return AudioClip.load(path) if path.suffix.lower() in PLAIN else read_clip(path)
