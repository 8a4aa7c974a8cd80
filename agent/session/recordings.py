"""Recordings that a dialogue refers to: its log holds their names, this holds the sound."""

import shutil
from pathlib import Path

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import private_folder
from vivavoce.core.errors import AudioError

SAMPLE_RATE_HZ = 16_000  # what every model hears


class Recordings:
    """FLAC files named by content hash, in a folder for each session, and the newest clip in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: tuple[str, AudioClip] | None = None

    def put(self, session: str, clip: AudioClip) -> str:
        """Keep a recording; return its name: session, slash, hash.

        Raises:
            StoreError: it cannot be written.
        """
        clip = clip.resampled(SAMPLE_RATE_HZ)
        name = f"{session}/{clip.content_hash}"
        path = self.path(name)
        if not path.exists():
            private_folder(self._folder)
            private_folder(path.parent)
            clip.save(path)
            path.chmod(0o600)
        self._newest = (name, clip)
        return name

    def get(self, name: str) -> AudioClip | None:
        """The recording, or None when it is gone; a dialogue survives that."""
        if self._newest is not None and self._newest[0] == name:
            return self._newest[1]
        try:
            return AudioClip.load(self.path(name))
        except AudioError:
            return None

    def path(self, name: str) -> Path:
        """Where a recording lies, if it is there."""
        session, _, digest = name.partition("/")
        return self._folder / session / f"{digest}.flac"

    def delete(self, session: str) -> None:
        """Remove all that was recorded in a session.

        Raises:
            OSError: the disk refuses.
        """
        self._newest = None
        folder = self._folder / session
        if folder.is_dir():
            shutil.rmtree(folder)
