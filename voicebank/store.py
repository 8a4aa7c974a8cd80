"""The bank on disk.

manifest.json                     which generation counts, the models of its vectors, its sealed indexes
generations/<number>/
    catalogue.sqlite              entries; its commit is the commit of the bank
    journal.jsonl                 the same once more, line by line, for repair
    facts.rows, speaker.rows, description.rows   append-only; raw vectors are kept, so that indexes can be made again
    speaker-<rows>.index, ...     FAISS, for large banks
clips/<2 hex>/<content hash>.flac
.lock                             held by whoever writes; any number may read meanwhile
"""

import hashlib
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TypeVar

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard, exclusive, remove_wholly, sync_folder, write_atomic
from vivavoce.core.errors import AudioError, ConfigError, StoreCorrupt, StoreError, VoiceNotFound
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.batches import Vectors, append, row_files
from vivavoce.voicebank.catalogue import Catalogue
from vivavoce.voicebank.manifest import ADVICE, Embedding, Manifest, SealedIndex, load, save
from vivavoce.voicebank.rows import RowFile
from vivavoce.voicebank.vector_index import EXACT_ROWS, build, extend, serialised
from vivavoce.voicebank.view import SPACES, View, opened_index

BUSY = "the voice bank is being changed by another process; try again in a moment"
UNSEALED_SHARE = 0.1  # an index file is written again when this share of the rows came after it
OUTGROWN = 3  # the lists of an index are learnt again when the bank is so many times larger
ATTEMPTS = 20  # to read a state that a writer keeps replacing

T = TypeVar("T")


class BankStore:
    """One folder. Opening reads nothing; `view` is what a reader sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest_path = folder / "manifest.json"
        self._lock = RLock()
        self._writer, self._writing = RLock(), False
        self._stamp: tuple[int, int] | None = None  # of the manifest that was read
        self._tried: tuple[int, int] | None = None  # of the one that was tried last
        self._manifest: Manifest | None = None
        self._catalogue: Catalogue | None = None
        self._view: View | None = None

    # Reading

    def view(self) -> View | None:
        """What is committed now; None where there is no bank yet. Costs microseconds while nothing has changed.

        Raises:
            StoreCorrupt: what is on disk is damaged, or of another version.
        """
        with self._lock:
            for _ in range(ATTEMPTS):
                try:
                    return self._current()
                except StoreError:
                    if not self._overtaken():
                        raise
            raise StoreError(BUSY)

    def reading(self, work: Callable[[View], T]) -> T | None:
        """What is worked out of the committed state, once more where a writer swept its files away; None without a bank."""
        for _ in range(ATTEMPTS):
            if (view := self.view()) is None:
                return None
            try:
                return work(view)
            except StoreCorrupt:
                if (now := self.view()) is not None and now.manifest == view.manifest:
                    raise
        raise StoreError(BUSY)

    def _current(self) -> View | None:
        if not self._refresh_manifest():
            return None
        if self._view is None:
            self._view = self._open()
        elif (state := self._view.catalogue.state()) != self._view.state:
            self._view = self._view.caught_up(state, self._row_files(self._view.manifest))
        return self._view

    def _overtaken(self) -> bool:
        """Whether another manifest counts than the one that was read."""
        try:
            stat = self._manifest_path.stat()
        except OSError:
            return False
        return (stat.st_mtime_ns, stat.st_ino) != self._tried

    def clip_path(self, clip: str) -> Path:
        """Where the samples of a content hash lie."""
        return self.folder / "clips" / clip[:2] / f"{clip}.flac"

    def close(self) -> None:
        """Let all files go."""
        with self._lock:
            if self._view is not None:
                self._view.catalogue.close()
            self._forget()

    def _forget(self) -> None:
        """Let go of what was read. Its catalogue stays open for the threads that still search in it."""
        self._view = self._stamp = self._manifest = None

    def _refresh_manifest(self) -> bool:
        """Read the manifest if it changed; whether there is one."""
        try:
            stat = self._manifest_path.stat()
        except FileNotFoundError:
            self._forget()
            self._tried = None
            self._check_not_damaged()
            return False
        except OSError as error:
            raise StoreError(f"cannot read {self._manifest_path}: {error.strerror or error}; check its rights") from error
        stamp = self._tried = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            self._forget()
            self._manifest, self._stamp = load(self._manifest_path), stamp
        return self._manifest is not None

    def _check_not_damaged(self) -> None:
        if (self.folder / "voices.json").exists():
            raise StoreCorrupt(f"the voice bank in {self.folder} was made by an earlier version; {ADVICE} to take it over")
        if self.has_batches:
            raise StoreCorrupt(f"{self._manifest_path} is missing; {ADVICE}")

    def _open(self) -> View:
        manifest = self._manifest
        assert manifest is not None
        return View.open(manifest, self.generation_folder(manifest), self._row_files(manifest))

    def generation_folder(self, manifest: Manifest) -> Path:
        """Where the files of a generation lie."""
        return self.folder / "generations" / f"{manifest.generation:06d}"

    @property
    def has_batches(self) -> bool:
        """Whether any generation was written to; a first one without is what a crash left of a bank's making."""
        written = ("*/*.rows", "*/journal.jsonl")
        return any(True for pattern in written for _ in (self.folder / "generations").glob(pattern))

    def _row_files(self, manifest: Manifest) -> dict[str, RowFile]:
        return row_files(self.generation_folder(manifest), manifest.embeddings)

    # Writing

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the writer's lock, for several steps that belong together; may be nested.

        Raises:
            StoreError: another process keeps it.
        """
        with self._writer:
            if self._writing:
                yield
                return
            with exclusive(self.folder / ".lock", BUSY):
                self._writing = True
                try:
                    yield
                finally:
                    self._writing = False

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
            manifest = self._manifest_for(embeddings, wanted=bool(entries))
            if manifest is None:
                raise VoiceNotFound(f"no voice is called {remove[0][:80]!r}; the bank is empty")
            catalogue = self._writable(manifest)
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

    def start_generation(
        self,
        embeddings: Mapping[str, Embedding],
        fill: Callable[[Path, Manifest, Catalogue], None] | None = None,
    ) -> Manifest:
        """Write a new generation beside the current one, then let it count. Within `writing`.

        fill: writes the entries of the new generation; without one it is empty.
        """
        numbers = [int(path.name) for path in (self.folder / "generations").glob("[0-9]*") if path.name.isdigit()]
        manifest = Manifest(max(numbers, default=0) + 1, dict(embeddings))
        folder = self.generation_folder(manifest)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot make {folder}: {error.strerror or error}; free space or check rights") from error
        catalogue = Catalogue(folder / "catalogue.sqlite", create=True)
        try:
            if fill is not None:
                fill(folder, manifest, catalogue)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            catalogue.close()
        try:
            for path in (folder, folder.parent, self.folder):
                sync_folder(path)
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error.strerror or error}; is the disk failing?") from error
        self.publish(manifest)
        self.sweep(manifest)
        return manifest

    def publish(self, manifest: Manifest) -> None:
        """Let a manifest count."""
        save(self._manifest_path, manifest)
        with self._lock:
            self._stamp = None

    def sweep(self, manifest: Manifest) -> None:
        """Delete generations that do not count and index files that no manifest names."""
        keep = self.generation_folder(manifest)
        for folder in (self.folder / "generations").iterdir():
            if folder != keep:
                remove_wholly(folder)
        named = {sealed.file for sealed in manifest.indexes.values()}
        for path in (*keep.glob("*.index"), *keep.glob(".*.partial")):
            if path.name not in named:
                discard(path)

    def seal_if_due(self, progress: Callable[[str], None] | None = None) -> None:
        """Write index files where many rows have come since they were written. Within `writing`."""
        view = self.view()
        if view is not None and view.unsealed_rows > max(EXACT_ROWS, UNSEALED_SHARE * view.state.rows):
            self.seal(progress)

    def seal(self, progress: Callable[[str], None] | None = None) -> None:
        """Write the index files of a bank that is large enough. Within `writing`.

        The lists are learnt again when the bank has grown to a multiple of what they were learnt from.
        """
        view = self.view()
        if view is None or view.count <= EXACT_ROWS:  # too few living ones to learn lists from
            return
        manifest, folder = view.manifest, self.generation_folder(view.manifest)
        indexes = dict(manifest.indexes)
        for space in SPACES:
            vectors = view.vectors[space]
            if vectors.shape[1] == 0:
                continue
            old = indexes.get(space)
            if old is not None and old.rows == view.state.rows:  # its file would be written over while it counts
                continue
            if old is not None and view.state.rows < OUTGROWN * old.learnt:
                index, sealed = opened_index(folder, old), old
                extend(index, vectors)
            else:
                index, probing, recall = build(vectors, view.alive, progress)
                sealed = SealedIndex("", 0, "", view.state.rows, probing.few, probing.many, probing.sure, recall)
            data = serialised(index)
            name, sha256 = f"{space}-{view.state.rows}.index", hashlib.sha256(data).hexdigest()
            write_atomic(folder / name, data)
            indexes[space] = replace(sealed, file=name, rows=view.state.rows, sha256=sha256)
        manifest = replace(manifest, indexes=indexes)
        self.publish(manifest)
        self.sweep(manifest)

    def _manifest_for(self, embeddings: Mapping[str, Embedding], *, wanted: bool) -> Manifest | None:
        """The manifest to write by; a first generation where there is none and one is wanted."""
        view = self.view()
        if view is None:
            return self.start_generation(embeddings) if wanted else None
        if wanted:
            check_models(view.manifest, embeddings)
        return view.manifest

    def _writable(self, manifest: Manifest) -> Catalogue:
        view = self.view()
        if view is None or view.manifest.generation != manifest.generation:
            raise StoreError("the voice bank was deleted while it was being written")
        return view.catalogue

    def _discard_clips(self, clips: set[str], catalogue: Catalogue) -> None:
        for clip in clips:
            if not catalogue.ids_of_clip(clip):
                discard(self.clip_path(clip))
                with suppress(OSError):  # another clip may lie beside it
                    self.clip_path(clip).parent.rmdir()


def check_models(manifest: Manifest, embeddings: Mapping[str, Embedding], *spaces: str) -> None:
    """Whether vectors of these models can be compared with those of a bank. spaces: all when none is given.

    Raises:
        StoreError: they do not; says so and offers re-embedding.
    """
    for space in spaces or SPACES:
        held, given = manifest.embeddings.get(space, Embedding()), embeddings.get(space, Embedding())
        if held != given:
            raise StoreError(
                f"the {space} vectors of this voice bank were made by {held.model or 'nothing'}, this program uses "
                f"{given.model or 'nothing'}; run `vivavoce voices reembed` to make them again"
            )


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
