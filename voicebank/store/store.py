"""The bank on disk: a collection of `core.store` with one more file of rows for facts, and clips.

generations/<number>/facts.rows             see `columns.py`
clips/<2 hex>/<content hash>.flac
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard
from vivavoce.core.errors import AudioError, ConfigError, StoreCorrupt, VoiceNotFound
from vivavoce.core.store.catalogue import State
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.rows import RowFile
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.batches import Vectors, append, row_files
from vivavoce.voicebank.store.catalogue import Catalogue
from vivavoce.voicebank.store.view import SPACES, View


class BankStore(GenerationStore[View, Catalogue]):
    """One folder. Opening reads nothing; `view` is what a reader sees."""

    spaces = SPACES
    catalogue_type = Catalogue
    reembed = "vivavoce voices reembed"

    def clip_path(self, clip: str) -> Path:
        """Where the samples of a content hash lie."""
        return self.folder / "clips" / clip[:2] / f"{clip}.flac"

    def row_files(self, folder: Path, embeddings: Mapping[str, Embedding]) -> dict[str, RowFile]:
        """See `GenerationStore.row_files`."""
        return row_files(folder, embeddings)

    def _opened(self, manifest: Manifest, folder: Path) -> View:
        return View.open(manifest, folder, self.row_files(folder, manifest.embeddings), self.large)

    def _caught_up(self, view: View, state: State) -> View:
        return view.caught_up(state, self.row_files(view.folder, view.manifest.embeddings))

    def check_layout(self) -> None:
        """See `GenerationStore.check_layout`."""
        if (self.folder / "voices.json").exists() and not (self.folder / "manifest.json").exists():
            raise StoreCorrupt(
                f"the voice bank in {self.folder} is of an earlier version; move it away and run `vivavoce voices build`"
            )
        super().check_layout()

    def commit(
        self,
        entries: Sequence[VoiceEntry],
        vectors: Vectors,
        embeddings: Mapping[str, Embedding],
        *,
        clips: Mapping[str, AudioClip] | None = None,
        remove: Sequence[str] = (),
        replace_existing: bool = False,
    ) -> None:
        """Add and remove in one step that happens wholly or not at all.

        embeddings: what made the vectors. clips: samples by content hash, of those entries whose clip is not stored yet.

        Raises:
            ConfigError: an id is taken. VoiceNotFound: an id to remove is not there.
            StoreError: another process keeps writing, the disk is full, or the vectors are of another model.
        """
        with self.writing():
            manifest = self.manifest_for(embeddings, wanted=bool(entries))
            if manifest is None:
                raise VoiceNotFound(f"no voice is called {remove[0][:80]!r}; the bank is empty")
            catalogue = self.writable(manifest)
            gone = _leaving(catalogue, entries, remove, replace_existing=replace_existing)
            for clip_hash, clip in (clips or {}).items():
                self.save_clip(clip_hash, clip)
            append(self.generation_folder(manifest), manifest, catalogue, entries, vectors, list(gone))
            self._discard_clips({entry.clip for entry in gone.values()}, catalogue)

    def save_clip(self, clip_hash: str, clip: AudioClip) -> None:
        """Store samples, unless they are there and whole. Within `writing`."""
        path = self.clip_path(clip_hash)
        with suppress(AudioError):
            if path.exists() and AudioClip.load(path).content_hash == clip_hash:
                return
        clip.save(path)

    def _discard_clips(self, clips: set[str], catalogue: Catalogue) -> None:
        for clip in clips:
            if not catalogue.ids_of_clip(clip):
                discard(self.clip_path(clip))
                with suppress(OSError):  # another clip may lie beside it
                    self.clip_path(clip).parent.rmdir()


def _leaving(
    catalogue: Catalogue, entries: Sequence[VoiceEntry], remove: Sequence[str], *, replace_existing: bool
) -> dict[int, VoiceEntry]:
    """Rows that a change takes out, with their entries."""
    gone: dict[int, VoiceEntry] = {}
    for voice_id in dict.fromkeys(remove):
        found = catalogue.by_id(voice_id)
        if found is None:
            raise VoiceNotFound(f"no voice is called {voice_id[:80]!r}; see `vivavoce voices list`")
        gone[found[0]] = found[1]
    seen: set[str] = set()
    for entry in entries:
        found = catalogue.by_id(entry.id)
        if entry.id in seen or (found and found[0] not in gone and not replace_existing):
            raise ConfigError(f"a voice called {entry.id!r} is there already; remove it first or choose another id")
        seen.add(entry.id)
        if found:
            gone[found[0]] = found[1]
    return gone
