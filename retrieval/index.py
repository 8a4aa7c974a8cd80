"""The document index: what the other files of this package do, behind one class."""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vivavoce.core.errors import ConfigError, DocumentError, reason
from vivavoce.core.passage import Passage
from vivavoce.core.protocols import TextEmbedder
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.vector_index import LargeIndexes, Matrix, Vector
from vivavoce.retrieval.chunking import TokenCounter, approximate_tokens, passages
from vivavoce.retrieval.documents.finding import read_bytes
from vivavoce.retrieval.documents.loading import Document, Limits, find_files, read
from vivavoce.retrieval.search.ranking import Query, Reranker, SearchOptions, find
from vivavoce.retrieval.store.catalogue import Cut
from vivavoce.retrieval.store.records import DocumentRecord, PassageRecord, embedded_text
from vivavoce.retrieval.store.store import IndexStore, check
from vivavoce.retrieval.store.view import SPACE, IndexView

MAX_QUERY_CHARS = 2_000
MAX_K = 1_000
BATCH = 1_000  # passages that are committed together; a killed `add` goes on behind them
SETTLED_NS = 2_000_000_000  # a file changed so shortly before it was read may change again within one tick of its clock
DEFAULT = SearchOptions()

Progress = Callable[[int, int], None]  # files done, files in all


@dataclass(frozen=True, slots=True)
class AddReport:
    """Sources added or read again, left as they were, and forgotten; (path, reason) of those refused."""

    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


class DocumentIndex:
    """Implements `Retriever` over a folder; opening it reads nothing.

    embedder: for the search by meaning; without one only words count. An index is written with the embedder it was made
    with. large: indexes for many passages, see `LargeIndexes`; without it every passage is compared. reranker: reads the
    best candidates. count: how long a text is for the embedder. reads: whether it understands a question; where it does not,
    words alone count.
    """

    def __init__(
        self,
        folder: Path,
        embedder: TextEmbedder | None,
        *,
        large: LargeIndexes | None = None,
        reranker: Reranker | None = None,
        count: TokenCounter = approximate_tokens,
        reads: Callable[[str], bool] = lambda text: True,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._embedder = embedder
        self._reranker = reranker
        self._count = count
        self._reads = reads
        self._limits = limits
        self.store = IndexStore(folder, large)

    @property
    def embeddings(self) -> dict[str, Embedding]:
        """What vectors are made by."""
        return {SPACE: Embedding(self._embedder.id, self._embedder.dimension) if self._embedder else Embedding()}

    def __len__(self) -> int:
        """Passages in the index."""
        return self.store.count

    def documents(self) -> Iterator[DocumentRecord]:
        """All documents, in the order they were added, read page by page.

        Raises:
            StoreError: the index is damaged or cannot be read.
        """
        view = self.store.view()
        if view is not None:
            yield from (document for _, document in view.catalogue.documents())

    def document(self, source: str) -> tuple[DocumentRecord, list[Passage]]:
        """A document with its passages.

        Raises:
            DocumentError: it is not in the index.
        """
        check(source)
        names = (source, os.path.realpath(source))

        def work(view: IndexView) -> tuple[DocumentRecord, list[Passage]] | None:
            found = next(filter(None, map(view.catalogue.document, names)), None)
            if found is None:
                return None
            first, document = found
            records = view.catalogue.passages(range(first, first + document.passages))
            return document, [record.passage(document) for _, (_, record) in sorted(records.items())]

        if (read := self.store.reading(work)) is None:
            raise DocumentError(f"{source} is not in the index; see `vivavoce index list`")
        return read

    # Writing

    def add(self, paths: Sequence[Path | str], *, prune: bool = False, progress: Progress | None = None) -> AddReport:
        """Index files, folders and patterns; what did not change is not read again. Blocking.

        prune: also forget documents below the named folders whose files are gone.

        Raises:
            StoreError: the index cannot be written, or was made by another embedder.
        """
        failed: list[tuple[str, str]] = []
        files = find_files(paths, failed)
        added: list[str] = []
        unchanged: list[str] = []
        removed: list[str] = []
        pending: list[Cut] = []
        view = self.store.view()
        if view is not None:
            self.store.check_models(view.manifest, self.embeddings)
        for done, path in enumerate(files, 1):
            source = os.path.realpath(path)
            try:
                cuts = self._read(path, source)
            except DocumentError as error:
                failed.append((str(path), _why(error, path)))
                if isinstance(error, _Unreadable) and self._forget([source]):
                    removed.append(source)
                continue
            if cuts is None:
                unchanged.append(source)
            else:
                pending += cuts
                added.append(source)
            if len(pending) >= BATCH or done == len(files):
                self._commit(pending)
                pending = []
            if progress is not None:
                progress(done, len(files))
        self._commit(pending)
        if prune:
            removed += self._prune(paths)
        with self.store.writing():
            self.store.seal_if_due()
        return AddReport(tuple(added), tuple(unchanged), tuple(removed), tuple(failed))

    def put(self, documents: Mapping[str, Document]) -> AddReport:
        """Index documents that are in memory, by their source: a page that was fetched, what came from a pipe. Blocking.

        Raises:
            DocumentError: one holds no text, or its source cannot be a name.
            StoreError: the index cannot be written, or was made by another embedder.
        """
        pending: list[Cut] = []
        for source, document in documents.items():
            pending += self._cut(document, source, _digest(document.text.encode(errors="replace")), 0, 0)
            if len(pending) >= BATCH:
                self._commit(pending)
                pending = []
        self._commit(pending)
        with self.store.writing():
            self.store.seal_if_due()
        return AddReport(added=tuple(documents))

    def remove(self, *names: str) -> int:
        """Forget documents, by their sources or by folders that they lie below; how many.

        Raises:
            DocumentError: none of them is in the index.
        """
        sources = [source for name in names for source in self._sources(name)]
        if not sources:
            raise DocumentError(f"{', '.join(names)[:200]} is not in the index; see `vivavoce index list`")
        return self._forget(list(dict.fromkeys(sources)))

    def vectors_of(self, records: Sequence[Cut], spaces: Sequence[str] = (SPACE,)) -> dict[str, Matrix]:
        """Unit vectors (N, D) of passages by space; none without an embedder. Blocking.

        Raises:
            ModelError: the embedder cannot be loaded.
        """
        if self._embedder is None or not records or SPACE not in spaces:
            return {}
        return {SPACE: self._embedder.embed([embedded_text(cut.document, cut.passage) for cut in records])}

    def _read(self, path: Path, source: str) -> list[Cut] | None:
        """The passages of a file; None where it is as it was."""
        check(source)
        try:
            stat = path.stat()
        except OSError as error:
            raise DocumentError(f"cannot be read ({reason(error)}); look at its permissions") from error
        view = self.store.view()
        known = view.catalogue.document(source) if view else None
        record = known[1] if known else DocumentRecord(source, "", 0, "")
        if stat.st_mtime_ns == record.mtime_ns and stat.st_size == record.size:
            return None
        data = read_bytes(path, self._limits.bytes)
        if (digest := _digest(data)) == record.sha256:
            return None
        try:
            document = read(data, str(path), self._limits)
        except DocumentError as error:
            raise _Unreadable(str(error)) from error
        settled = time.time_ns() - stat.st_mtime_ns > SETTLED_NS
        return self._cut(document, source, digest, stat.st_size, stat.st_mtime_ns if settled else 0)

    def _cut(self, document: Document, source: str, sha256: str, size: int, mtime_ns: int) -> list[Cut]:
        cut = passages(document, source, self._count)
        if not cut:
            raise DocumentError(f"{source}: holds no text; leave it out")
        record = DocumentRecord(source, document.title, len(cut), sha256, size, mtime_ns, dict(document.metadata))
        check(source)
        return [Cut(record, PassageRecord.of(passage)) for passage in cut]

    def _commit(self, cuts: Sequence[Cut]) -> None:
        if cuts:
            self.store.commit(cuts, self.vectors_of(cuts), self.embeddings)

    def _sources(self, name: str) -> list[str]:
        """Sources of the document of this name, or of those below a folder of this name."""
        view = self.store.view()
        if view is None:
            return []
        check(name)
        names = dict.fromkeys((name, os.path.realpath(name)))
        found = [one for one in names if view.catalogue.document(one)]
        return found or [source for one in names for source in view.catalogue.sources(one.rstrip(os.sep) + os.sep)]

    def _forget(self, sources: Sequence[str]) -> int:
        return self.store.commit([], {}, self.embeddings, remove=sources)

    def _prune(self, paths: Sequence[Path | str]) -> list[str]:
        """Forget what lay in folders and is gone; what merely cannot be looked at stays."""
        view = self.store.view()
        folders = [os.path.realpath(path) + os.sep for path in paths if Path(path).is_dir()]
        known = {source for folder in folders for source in (view.catalogue.sources(folder) if view else ())}
        gone = sorted(source for source in known if _is_gone(source))
        if gone:
            self._forget(gone)
        return gone

    # Searching

    def meaning_of(self, text: str) -> Vector | None:
        """The embedding (D,) of a question; None without an embedder that reads it. Blocking."""
        return self._embedder.embed([text])[0] if self._embedder is not None and self._reads(text) else None

    async def search(self, query: str, k: int, options: SearchOptions = DEFAULT) -> Sequence[Passage]:
        """See `Retriever.search`; the score of a passage says how well it answers, see `answerability`.

        Raises:
            ConfigError: k is out of range.
            StoreError: the index is damaged or was made by another embedder.
        """
        return await asyncio.to_thread(self.find, query, k, options)

    def find(self, query: str, k: int, options: SearchOptions = DEFAULT) -> list[Passage]:
        """The same. Blocking."""
        if not 1 <= k <= MAX_K:
            raise ConfigError(f"k is {k}; ask for 1 to {MAX_K} passages")
        text = query.strip()[:MAX_QUERY_CHARS].encode(errors="replace").decode()  # a terminal hands over any bytes
        view = self.store.view()
        if not text or view is None or view.count == 0:
            return []
        if self._embedder is None and options.mode == "dense":
            raise ConfigError("this index was opened without an embedder; search by words")
        self.store.check_models(view.manifest, self.embeddings)
        meaning = self.meaning_of(text)
        asked = Query(text, meaning, k, options if meaning is not None else replace(options, mode="lexical"))

        def work(now: IndexView) -> list[Passage]:
            self.store.check_models(now.manifest, self.embeddings)
            return find(now, asked, self._reranker)

        return self.store.reading(work) or []


class _Unreadable(DocumentError):
    """A file that could be opened and holds no document any more: what was known of it is out of date."""


def _is_gone(source: str) -> bool:
    try:
        Path(source).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _why(error: DocumentError, path: Path) -> str:
    """The reason without the name that the report gives already."""
    return str(error).removeprefix(f"{path}: ")
