"""The index on disk: documents, their passages and vectors, in generations.

A folder holds ``manifest.json`` (version, embedder, documents, checksums) and the generation it names:
``passages-N.json`` and ``vectors-N.npy``. A writer adds a generation and then renames the manifest into place, so a
crash leaves the old one whole.
"""

import asyncio
import hashlib
import heapq
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.durable import discard, exclusive, write_atomic
from vivavoce.core.errors import DocumentError, StoreCorrupt, StoreError
from vivavoce.core.passage import Passage
from vivavoce.core.protocols import FloatMatrix, TextEmbedder
from vivavoce.retrieval.chunking import passages
from vivavoce.retrieval.loaders import ENDINGS, load

VERSION = 1
LEXICAL_WEIGHT = 0.15  # of the share of the query's rarer words that a passage holds
CANDIDATES = 30
WORD = re.compile(r"\w+")
COMMON = frozenset(  # words that say nothing about the subject
    [
        "a", "an", "and", "are", "at", "by", "can", "do", "does", "for", "from", "how", "i", "in",
        "is", "it", "my", "of", "on", "or", "say", "the", "to", "what", "when", "where", "which", "who",
    ]
)  # fmt: skip
BUSY = "another process is changing the index; try again in a moment"


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document of the index. passages: how many it was cut into."""

    source: str
    title: str
    passages: int
    sha256: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """Sources added and left as they were, and (path, reason) of those refused."""

    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Generation:
    number: int = 0
    documents: tuple[DocumentRecord, ...] = ()
    passages: tuple[Passage, ...] = ()
    vectors: FloatMatrix = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class DocumentIndex:
    """Implements `Retriever` over a folder. Opening reads nothing."""

    def __init__(self, folder: Path, embedder: TextEmbedder) -> None:
        self._folder = folder
        self._embedder = embedder
        self._loaded: tuple[int, _Generation] | None = None  # (manifest's modification time, what it names)

    def documents(self) -> tuple[DocumentRecord, ...]:
        """All documents.

        Raises:
            StoreCorrupt: the index is damaged.
        """
        return self._current().documents

    def add(self, paths: Sequence[Path]) -> AddReport:
        """Index files and folders; what did not change is not read again. Blocking.

        Raises:
            StoreError: the index cannot be written, or was made by another embedder.
        """
        with exclusive(self._folder / ".lock", BUSY):
            current = self._current()
            known = {document.source: document.sha256 for document in current.documents}
            added: dict[str, tuple[DocumentRecord, list[Passage]]] = {}
            unchanged: list[str] = []
            failed: list[tuple[str, str]] = []
            for path in _files(paths):
                source = str(path.resolve())
                try:
                    digest = _digest(path)
                    if known.get(source) == digest:
                        unchanged.append(source)
                        continue
                    document = load(path)
                except DocumentError as error:
                    failed.append((str(path), str(error)))
                    continue
                cut = passages(document, source)
                added[source] = (DocumentRecord(source, document.title, len(cut), digest), cut)
            if added:
                self._write(self._merged(current, added))
        return AddReport(tuple(added), tuple(unchanged), tuple(failed))

    def remove(self, source: str) -> None:
        """Forget a document.

        Raises:
            DocumentError: it is not in the index.
        """
        with exclusive(self._folder / ".lock", BUSY):
            current = self._current()
            names = {source, str(Path(source).resolve())}
            gone = {document.source for document in current.documents} & names
            if not gone:
                raise DocumentError(f"{source} is not in the index; see `vivavoce index list`")
            self._write(_without(current, gone))

    async def search(self, query: str, k: int) -> Sequence[Passage]:
        """See `Retriever.search`. The score is the cosine, plus a little for words that occur."""
        return await asyncio.to_thread(self._search, query, k)

    def _search(self, query: str, k: int) -> list[Passage]:
        current = self._current()
        if not current.passages or k < 1 or not query.strip():
            return []
        import faiss

        index: Any = faiss.IndexFlatIP(current.vectors.shape[1])
        index.add(current.vectors)
        count = min(len(current.passages), max(k, CANDIDATES))
        scores, rows = index.search(self._embedder.embed([query]), count)
        wanted = _content_words(query)
        ranked = [
            replace(passage, score=float(np.clip(score + LEXICAL_WEIGHT * _overlap(wanted, passage), -1.0, 1.0)))
            for score, passage in zip(scores[0], (current.passages[row] for row in rows[0]), strict=True)
        ]
        return heapq.nlargest(k, ranked, key=attrgetter("score"))

    def _merged(self, current: _Generation, added: dict[str, tuple[DocumentRecord, list[Passage]]]) -> _Generation:
        kept = _without(current, set(added))
        new = [passage for _, cut in added.values() for passage in cut]
        vectors = self._embedder.embed([f"{passage.title}. {passage.text}" for passage in new])
        return _Generation(
            current.number,
            (*kept.documents, *(record for record, _ in added.values())),
            (*kept.passages, *new),
            np.concatenate([kept.vectors, vectors]) if kept.passages else vectors,
        )

    def _current(self) -> _Generation:
        manifest = self._folder / "manifest.json"
        try:
            stamp = manifest.stat().st_mtime_ns
        except OSError:
            return _Generation()
        if self._loaded is None or self._loaded[0] != stamp:
            self._loaded = (stamp, self._read(manifest))
        return self._loaded[1]

    def _read(self, manifest: Path) -> _Generation:
        try:
            head = json.loads(manifest.read_bytes())
            if head["version"] != VERSION:
                raise StoreError(f"{self._folder} is of version {head['version']}; delete it and add the documents again")
            if head["embedder"] != self._embedder.id:
                raise StoreError(f"{self._folder} was made by {head['embedder']}; delete it and add the documents again")
            number = int(head["generation"])
            texts = self._checked(f"passages-{number}.json", head["sha256"]["passages"])
            data = self._checked(f"vectors-{number}.npy", head["sha256"]["vectors"])
            vectors = np.load(BytesIO(data), allow_pickle=False)
            documents = tuple(DocumentRecord(**record) for record in head["documents"])
            return _Generation(number, documents, tuple(Passage(**p) for p in json.loads(texts)), vectors)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreCorrupt(f"the index in {self._folder} is damaged; delete it and add the documents again") from error

    def _checked(self, name: str, sha256: str) -> bytes:
        data = (self._folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"{name} does not match its checksum")
        return data

    def _write(self, generation: _Generation) -> None:
        number = generation.number + 1
        texts = json.dumps([asdict(passage) for passage in generation.passages], ensure_ascii=False).encode()
        buffer = BytesIO()
        np.save(buffer, generation.vectors, allow_pickle=False)
        write_atomic(self._folder / f"passages-{number}.json", texts)
        write_atomic(self._folder / f"vectors-{number}.npy", buffer.getvalue())
        head = {
            "version": VERSION,
            "embedder": self._embedder.id,
            "generation": number,
            "documents": [asdict(document) for document in generation.documents],
            "sha256": {
                "passages": hashlib.sha256(texts).hexdigest(),
                "vectors": hashlib.sha256(buffer.getvalue()).hexdigest(),
            },
        }
        write_atomic(self._folder / "manifest.json", json.dumps(head, ensure_ascii=False, indent=1).encode())
        for old in (f"passages-{generation.number}.json", f"vectors-{generation.number}.npy"):
            discard(self._folder / old)


def _files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves; folders by their readable files, links not followed."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file() and not p.is_symlink())
            found += [p for p in inside if p.suffix.lower() in ENDINGS]
        else:
            found.append(path)
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror})") from error


def _without(generation: _Generation, sources: set[str]) -> _Generation:
    keep = [row for row, passage in enumerate(generation.passages) if passage.source not in sources]
    return _Generation(
        generation.number,
        tuple(document for document in generation.documents if document.source not in sources),
        tuple(generation.passages[row] for row in keep),
        generation.vectors[keep],
    )


def _content_words(text: str) -> set[str]:
    return {word for word in WORD.findall(text.lower()) if word not in COMMON}


def _overlap(wanted: set[str], passage: Passage) -> float:
    have = _content_words(f"{passage.title} {passage.text}")
    return len(wanted & have) / len(wanted) if wanted else 0.0
