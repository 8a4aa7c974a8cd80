"""A collection on disk.

manifest.json                     which generation counts, the models of its vectors, its sealed indexes
generations/<number>/
    catalogue.sqlite              what the rows are; its commit is the commit of the collection
    journal.jsonl                 the same once more, line by line, for repair
    <space>.rows, ...             append-only; raw vectors are kept, so that indexes can be made again
    <space>-<rows>.index, ...     for large collections
.lock                             held by whoever writes; any number may read meanwhile
"""

import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from vivavoce.core.durable import discard, exclusive, remove_wholly, sync_folder, write_atomic
from vivavoce.core.errors import StoreCorrupt, StoreError, reason
from vivavoce.core.store.batches import Batch, append
from vivavoce.core.store.catalogue import Group, StoreCatalogue
from vivavoce.core.store.journal import Commit
from vivavoce.core.store.manifest import Embedding, Manifest, SealedIndex, check_version, load, save
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import LargeIndexes, Matrix
from vivavoce.core.store.view import StoreView, opened_index

UNSEALED_SHARE = 0.1  # an index file is written again when this share of the rows came after it
OUTGROWN = 3  # the lists of an index are learnt again when the collection is so many times larger
ATTEMPTS = 20  # to read a state that a writer keeps replacing
AGAIN = 3  # times that something is worked out again; then it may lack what was replaced meanwhile

V = TypeVar("V", bound=StoreView[Any])
C = TypeVar("C", bound=StoreCatalogue[Any])
T = TypeVar("T")


class GenerationStore(ABC, Generic[V, C]):
    """One folder. Opening reads nothing; `view` is what a reader sees.

    view_type: of what is seen, which knows the spaces of vectors. catalogue_type: of the catalogue, which also knows how the
    collection is called. reembed: the command that makes vectors again.
    """

    view_type: ClassVar[type[StoreView[Any]]]
    catalogue_type: ClassVar[type[StoreCatalogue[Any]]]
    reembed: ClassVar[str]

    def __init__(self, folder: Path, large: LargeIndexes | None) -> None:
        self.folder = folder
        self.large = large
        self._manifest_path = folder / "manifest.json"
        self._lock = RLock()
        self._writer, self._writing = RLock(), False
        self._stamp: tuple[int, int] | None = None  # of the manifest that was read
        self._tried: tuple[int, int] | None = None  # of the one that was tried last
        self._manifest: Manifest | None = None
        self._view: V | None = None

    @property
    def what(self) -> str:
        """How the collection is called, such as "the voice bank"."""
        return self.catalogue_type.what

    @property
    def advice(self) -> str:
        """What to do about damage."""
        return self.catalogue_type.advice

    @property
    def busy(self) -> str:
        """What is said when another process keeps writing."""
        return f"{self.what} is being changed by another process; try again in a moment"

    @property
    def spaces(self) -> tuple[str, ...]:
        """Of vectors, each with a row file of its name."""
        return self.view_type.spaces

    @abstractmethod
    def batch(self, catalogue: C, records: Sequence[Any], vectors: Mapping[str, Matrix], gone: Sequence[int]) -> Batch:
        """What is written of records."""

    @abstractmethod
    def groups_of(self, commit: Commit) -> list[Group[Any]]:
        """The records of a batch as the journal tells them.

        Raises:
            StoreCorrupt: they are none.
        """

    # Reading

    @property
    def count(self) -> int:
        """Records that were not removed."""
        view = self.view()
        return view.count if view else 0

    def view(self) -> V | None:
        """What is committed now; None where there is nothing yet. Costs microseconds while nothing has changed.

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
            raise StoreError(self.busy)

    def reading(self, work: Callable[[V], T]) -> T | None:
        """What is worked out of one committed state, once more where a writer went on meanwhile; None without one."""
        for attempt in range(ATTEMPTS):
            if (view := self.view()) is None:
                return None
            try:
                found = work(view)
                if attempt == AGAIN or view.catalogue.state() == view.state:
                    return found
            except StoreCorrupt:
                if (now := self.view()) is not None and now.manifest == view.manifest:
                    raise
        raise StoreError(self.busy)

    def _current(self) -> V | None:
        if not self._refresh_manifest():
            return None
        if self._view is None:
            manifest = self._manifest
            assert manifest is not None
            self._view = self._opened(manifest)
        elif (state := self._view.catalogue.state()) != self._view.state:
            self._view = self._view.caught_up(state)
        return self._view

    def _opened(self, manifest: Manifest) -> V:
        folder = self.generation_folder(manifest)
        catalogue: Any = self.catalogue_type(folder / "catalogue.sqlite")
        try:
            view: Any = self.view_type(
                manifest=manifest,
                folder=folder,
                catalogue=catalogue,
                files=self.row_files(folder, manifest.embeddings),
                state=catalogue.state(),
                large=self.large,
            )
        except BaseException:
            catalogue.close()
            raise
        return view

    def _overtaken(self) -> bool:
        """Whether another manifest counts than the one that was read."""
        try:
            stat = self._manifest_path.stat()
        except OSError:
            return False
        return (stat.st_mtime_ns, stat.st_ino) != self._tried

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
            raise StoreError(f"cannot read {self._manifest_path}: {reason(error)}; check its rights") from error
        stamp = self._tried = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            self._forget()
            self._manifest, self._stamp = load(self._manifest_path, self.advice), stamp
        return self._manifest is not None

    def check_layout(self) -> None:
        """Leave alone what a program of another version wrote: nothing of it is damaged.

        Raises:
            StoreCorrupt: the manifest or a catalogue is of another version.
        """
        check_version(self._manifest_path)
        for generation in self.generations:
            if self.catalogue_type.is_newer(generation / "catalogue.sqlite"):
                self.catalogue_type(generation / "catalogue.sqlite")

    def _check_not_damaged(self) -> None:
        """Whether a folder without a manifest is empty as it should be.

        Raises:
            StoreCorrupt: it is not.
        """
        self.check_layout()
        if self.has_batches:
            raise StoreCorrupt(f"{self._manifest_path} is missing; {self.advice}")

    def generation_folder(self, manifest: Manifest) -> Path:
        """Where the files of a generation lie."""
        return self.folder / "generations" / f"{manifest.generation:06d}"

    @property
    def generations(self) -> list[Path]:
        """Folders of generations, oldest first, those that do not count among them."""
        return sorted(path for path in (self.folder / "generations").glob("[0-9]*") if path.is_dir())

    @property
    def has_batches(self) -> bool:
        """Whether any generation was written to; a first one without is what a crash left of a collection's making."""
        written = ("*/*.rows", "*/journal.jsonl")
        return any(True for pattern in written for _ in (self.folder / "generations").glob(pattern))

    def row_files(self, folder: Path, embeddings: Mapping[str, Embedding]) -> dict[str, RowFile]:
        """The append-only files of a generation."""
        files: dict[str, RowFile] = {}
        for space in self.spaces:
            dimension = embeddings.get(space, Embedding()).dimension
            files[space] = RowFile(folder / f"{space}.rows", np.dtype("<f4"), (dimension,), advice=self.advice)
        return files

    def check_models(self, manifest: Manifest, embeddings: Mapping[str, Embedding], *spaces: str) -> None:
        """Whether vectors of these models can be compared with those on disk. spaces: all when none is given.

        Raises:
            StoreError: they cannot; says so and offers re-embedding.
        """
        for space in spaces or self.spaces:
            held, given = manifest.embeddings.get(space, Embedding()), embeddings.get(space, Embedding())
            if held != given:
                raise StoreError(
                    f"the {space} vectors of {self.what} were made by {held.model or 'nothing'}, this program uses "
                    f"{given.model or 'nothing'}; run `{self.reembed}` to make them again"
                )

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
            with exclusive(self.folder / ".lock", self.busy):
                self._writing = True
                try:
                    yield
                finally:
                    self._writing = False

    def start_generation(
        self,
        embeddings: Mapping[str, Embedding],
        fill: Callable[[Manifest, C], None] | None = None,
    ) -> Manifest:
        """Write a new generation beside the current one, then let it count. Within `writing`.

        fill: writes the rows of the new generation; without one it is empty.
        """
        numbers = [int(path.name) for path in (self.folder / "generations").glob("[0-9]*") if path.name.isdigit()]
        manifest = Manifest(max(numbers, default=0) + 1, dict(embeddings))
        folder = self.generation_folder(manifest)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot make {folder}: {reason(error)}; free space or check rights") from error
        catalogue: Any = self.catalogue_type(folder / "catalogue.sqlite", create=True)
        try:
            if fill is not None:
                fill(manifest, catalogue)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            catalogue.close()
        try:
            for path in (folder, folder.parent, self.folder):
                sync_folder(path)
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {reason(error)}; is the disk failing?") from error
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
        if view is None or self.large is None:
            return
        if view.unsealed_rows > max(self.large.exact_rows, UNSEALED_SHARE * view.state.rows):
            self.seal(progress)

    def seal(self, progress: Callable[[str], None] | None = None) -> None:
        """Write the index files of a collection that is large enough. Within `writing`.

        The lists are learnt again when the collection has grown to a multiple of what they were learnt from.
        """
        view, large = self.view(), self.large
        if view is None or large is None or view.count <= large.exact_rows:  # too few living ones to learn lists from
            return
        folder, indexes = self.generation_folder(view.manifest), dict(view.manifest.indexes)
        for space in self.spaces:
            vectors, old = view.vectors[space], indexes.get(space)
            if vectors.shape[1] == 0 or (old is not None and old.rows == view.state.rows):
                continue  # a file of that name would be written over while it counts
            if old is not None and view.state.rows < OUTGROWN * old.learnt:
                index, sealed = opened_index(folder, old, large, self.advice), old
                large.extend(index, vectors)
            else:
                index, probing, recall = large.build(vectors, view.alive, progress)
                sealed = SealedIndex("", 0, "", view.state.rows, probing.few, probing.many, probing.sure, recall)
            data = large.serialised(index)
            name, sha256 = f"{space}-{view.state.rows}.index", hashlib.sha256(data).hexdigest()
            write_atomic(folder / name, data)
            indexes[space] = replace(sealed, file=name, rows=view.state.rows, sha256=sha256)
        manifest = replace(view.manifest, indexes=indexes)
        self.publish(manifest)
        self.sweep(manifest)

    def manifest_for(self, embeddings: Mapping[str, Embedding], *, wanted: bool) -> Manifest | None:
        """The manifest to write by; a first generation where there is none and one is wanted. Within `writing`."""
        view = self.view()
        if view is None:
            return self.start_generation(embeddings) if wanted else None
        if wanted:
            self.check_models(view.manifest, embeddings)
        return view.manifest

    def write(
        self,
        manifest: Manifest,
        catalogue: C,
        records: Sequence[Any],
        vectors: Mapping[str, Matrix],
        gone: Sequence[int] = (),
    ) -> None:
        """Append whole groups to a generation, and take rows out. Within `writing`.

        vectors: unit (N, D) by space, of all spaces that a model makes.
        """
        folder = self.generation_folder(manifest)
        batch = self.batch(catalogue, records, vectors, gone)
        append(folder, manifest.embeddings, self.row_files(folder, manifest.embeddings), catalogue, batch)

    def writable(self, manifest: Manifest) -> C:
        """The catalogue of the generation that counts. Within `writing`."""
        view = self.view()
        if view is None or view.manifest.generation != manifest.generation:
            raise StoreError(f"{self.what} was deleted while it was being written")
        return view.catalogue
