"""Recordings that a dialogue refers to, by content hash: checkpoints hold the hash, this holds the bytes."""

from pathlib import Path

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError

SAMPLE_RATE_HZ = 16_000  # what every model hears


class AudioStore:
    """A folder of FLAC files named by hash, and the newest clip in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: tuple[str, AudioClip] | None = None

    def put(self, clip: AudioClip) -> str:
        """Keep a recording; return its hash.

        Raises:
            StoreError: it cannot be written.
        """
        clip = clip.resampled(SAMPLE_RATE_HZ)
        key = clip.content_hash
        path = self._folder / f"{key}.flac"
        if not path.exists():
            clip.save(path)
        self._newest = (key, clip)
        return key

    def get(self, key: str) -> AudioClip | None:
        """The recording, or None when it is gone; a dialogue survives that."""
        if self._newest is not None and self._newest[0] == key:
            return self._newest[1]
        try:
            return AudioClip.load(self._folder / f"{key}.flac")
        except AudioError:
            return None
