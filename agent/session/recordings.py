"""Recordings that a dialogue refers to: its log holds their names, this holds the sound."""

import shutil
from pathlib import Path

from vivavoce.agent.session.database import refusals
from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import private_folder, write_atomic
from vivavoce.core.errors import AudioError

SAMPLE_RATE_HZ = 16_000  # what every model hears


class Recordings:
    """FLAC files named by content hash, in a folder for each session, and the newest clip in memory.

    Raises:
        SessionError: from everything that writes: the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: tuple[str, AudioClip] | None = None

    def put(self, session: str, clip: AudioClip) -> str:
        """Keep a recording; return its name: session, slash, hash."""
        clip = clip.resampled(SAMPLE_RATE_HZ)
        name = f"{session}/{clip.content_hash}"
        if not self.path(name).exists():
            self._write(name, clip.to_bytes("FLAC"))
        self._newest = (name, clip)
        return name

    def adopt(self, session: str, file: Path) -> str:
        """Copy a recording that lies elsewhere, named by its hash; return its name here.

        Raises:
            OSError: it cannot be read.
        """
        name = f"{session}/{file.stem}"
        self._write(name, file.read_bytes())
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

    def sessions(self) -> list[str]:
        """Names of the sessions that something was recorded in."""
        with refusals(self._folder):
            return [entry.name for entry in self._folder.iterdir()] if self._folder.is_dir() else []

    def bytes_of(self, session: str) -> int:
        """What the recordings of a session take."""
        with refusals(self._folder):
            return sum(file.stat().st_size for file in (self._folder / session).glob("*"))

    def delete(self, session: str) -> None:
        """Remove all that was recorded in a session."""
        self._newest = None
        with refusals(self._folder):
            if (self._folder / session).is_dir():
                shutil.rmtree(self._folder / session)

    def _write(self, name: str, data: bytes) -> None:
        path = self.path(name)
        with refusals(path):
            private_folder(self._folder)
            private_folder(path.parent)
            write_atomic(path, data, mode=0o600)
