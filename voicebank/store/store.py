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
from vivavoce.core.store.batches import Batch
from vivavoce.core.store.catalogue import Group
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.journal import Commit
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.catalogue import BankCatalogue
from vivavoce.voicebank.store.columns import ROW, pack
from vivavoce.voicebank.store.records import decode, encode
from vivavoce.voicebank.store.view import BankView


class BankStore(GenerationStore[BankView, BankCatalogue]):
    """One folder. Opening reads nothing; `view` is what a reader sees."""

    view_type = BankView
    catalogue_type = BankCatalogue
    reembed = "vivavoce voices reembed"

    def clip_path(self, clip: str) -> Path:
        """Where the samples of a content hash lie."""
        return self.folder / "clips" / clip[:2] / f"{clip}.flac"

    def check_layout(self) -> None:
        """See `GenerationStore.check_layout`."""
        if (self.folder / "voices.json").exists() and not (self.folder / "manifest.json").exists():
            raise StoreCorrupt(
                f"the voice bank in {self.folder} is of an earlier version; move it away and run `vivavoce voices build`"
            )
        super().check_layout()

    def row_files(self, folder: Path, embeddings: Mapping[str, Embedding]) -> dict[str, RowFile]:
        """See `GenerationStore.row_files`."""
        facts = RowFile(folder / "facts.rows", ROW, advice=self.advice)
        return {"facts": facts, **super().row_files(folder, embeddings)}

    def batch(
        self, catalogue: BankCatalogue, records: Sequence[VoiceEntry], vectors: Mapping[str, Matrix], gone: Sequence[int]
    ) -> Batch:
        """See `GenerationStore.batch`."""
        lines = [encode(record) for record in records]
        return Batch(records, lines, lambda: {"facts": pack(records, catalogue.code), **vectors}, gone)

    def groups_of(self, commit: Commit) -> list[Group[VoiceEntry]]:
        """See `GenerationStore.groups_of`."""
        return [Group(row, (decode(line),)) for row, line in enumerate(commit.added, commit.first)]

    def commit(
        self,
        records: Sequence[VoiceEntry],
        vectors: Mapping[str, Matrix],
        embeddings: Mapping[str, Embedding],
        *,
        clips: Mapping[str, AudioClip] | None = None,
        remove: Sequence[str] = (),
        replace_existing: bool = False,
    ) -> None:
        """Add and remove in one step that happens wholly or not at all.

        vectors: unit (N, D) by space. embeddings: what made them. clips: samples by content hash, of those records whose
        clip is not stored yet.

        Raises:
            ConfigError: an id is taken. VoiceNotFound: an id to remove is not there.
            StoreError: another process keeps writing, the disk is full, or the vectors are of another model.
        """
        with self.writing():
            manifest = self.manifest_for(embeddings, wanted=bool(records))
            if manifest is None:
                raise VoiceNotFound(f"no voice is called {remove[0][:80]!r}; the bank is empty")
            catalogue = self.writable(manifest)
            gone = _leaving(catalogue, records, remove, replace_existing=replace_existing)
            for clip_hash, clip in (clips or {}).items():
                self._save_clip(clip_hash, clip)
            self.write(manifest, catalogue, records, vectors, list(gone))
            self._discard_clips({record.clip for record in gone.values()}, catalogue)

    def _save_clip(self, clip_hash: str, clip: AudioClip) -> None:
        """Store samples, unless they are there and whole."""
        path = self.clip_path(clip_hash)
        with suppress(AudioError):
            if path.exists() and AudioClip.load(path).content_hash == clip_hash:
                return
        clip.save(path)

    def _discard_clips(self, clips: set[str], catalogue: BankCatalogue) -> None:
        for clip in clips:
            if not catalogue.ids_of_clip(clip):
                discard(self.clip_path(clip))
                with suppress(OSError):  # another clip may lie beside it
                    self.clip_path(clip).parent.rmdir()


def _leaving(
    catalogue: BankCatalogue, records: Sequence[VoiceEntry], remove: Sequence[str], *, replace_existing: bool
) -> dict[int, VoiceEntry]:
    """Rows that a change takes out, with their records."""
    gone: dict[int, VoiceEntry] = {}
    for voice_id in dict.fromkeys(remove):
        found = catalogue.by_id(voice_id)
        if found is None:
            raise VoiceNotFound(f"no voice is called {voice_id[:80]!r}; see `vivavoce voices list`")
        gone[found[0]] = found[1]
    seen: set[str] = set()
    for record in records:
        found = catalogue.by_id(record.id)
        if record.id in seen or (found and found[0] not in gone and not replace_existing):
            raise ConfigError(f"a voice called {record.id!r} is there already; remove it first or choose another id")
        seen.add(record.id)
        if found:
            gone[found[0]] = found[1]
    return gone
