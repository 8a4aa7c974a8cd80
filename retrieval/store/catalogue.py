"""The catalogue of an index in SQLite: documents, passages by row, and which words they hold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.catalogue import StoreCatalogue
from vivavoce.core.store.journal import checksum
from vivavoce.core.store.vector_index import Rows
from vivavoce.retrieval.store.records import (
    DocumentRecord,
    PassageRecord,
    decode_document,
    decode_passage,
    embedded_text,
    encode,
)
from vivavoce.retrieval.words import lexemes

PAGE = 1_000  # rows read at once
SCHEMA = """
CREATE TABLE document (first INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, sum TEXT, json TEXT NOT NULL);
CREATE TABLE passage (row INTEGER PRIMARY KEY, first INTEGER NOT NULL, sum TEXT, json TEXT NOT NULL);
CREATE TABLE word (word TEXT PRIMARY KEY, holding INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE total (one INTEGER PRIMARY KEY CHECK (one = 1), lexemes INTEGER NOT NULL);
INSERT INTO total VALUES (1, 0);
CREATE VIRTUAL TABLE lexeme USING fts5 (words, detail = none, columnsize = 0, tokenize = "ascii");
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage with its document: what the catalogue takes in as one row."""

    document: DocumentRecord
    passage: PassageRecord


class IndexCatalogue(StoreCatalogue):
    """One catalogue file; see `StoreCatalogue`. The passages of a document are consecutive rows, told by the first."""

    application = 0x56564931  # "VVI1" in the header of the file: whose database it is
    version = 1
    schema = SCHEMA
    what = "the document index"
    advice = "run `vivavoce index repair`"

    def document(self, source: str) -> tuple[int, DocumentRecord] | None:
        """A document with its first row."""
        with self._guarded():
            found = self._connection.execute("SELECT first, sum, json FROM document WHERE source = ?", (source,)).fetchone()
        return (found[0], self._document(*found)) if found else None

    def documents(self, firsts: Iterable[int] | None = None) -> Iterator[tuple[int, DocumentRecord]]:
        """Documents by their first row, in the order they were added; all when none are named."""
        if firsts is not None:
            for part in _parts(sorted(set(firsts))):
                marks = ",".join("?" * len(part))
                with self._guarded():
                    query = f"SELECT first, sum, json FROM document WHERE first IN ({marks}) ORDER BY first"
                    page = self._connection.execute(query, part).fetchall()
                yield from ((first, self._document(first, sum_, text)) for first, sum_, text in page)
            return
        last = -1
        while True:
            with self._guarded():
                query = "SELECT first, sum, json FROM document WHERE first > ? ORDER BY first LIMIT ?"
                page = self._connection.execute(query, (last, PAGE)).fetchall()
            if not page:
                return
            yield from ((first, self._document(first, sum_, text)) for first, sum_, text in page)
            last = page[-1][0]

    def sources_by_first(self) -> dict[int, str]:
        """Sources of all documents by their first rows, in order; they can be read where the documents are damaged."""
        with self._guarded():
            found = self._connection.execute("SELECT first, source FROM document ORDER BY first")
            return {first: str(source) for first, source in found}

    def sources(self, prefix: str = "") -> list[str]:
        """Sources of documents that begin with a text."""
        with self._guarded():
            found = self._connection.execute(
                "SELECT source FROM document WHERE substr(source, 1, ?) = ?", (len(prefix), prefix)
            )
            return [row[0] for row in found]

    def passages(self, rows: Sequence[int]) -> dict[int, tuple[int, PassageRecord]]:
        """Passages by row, with the first row of their document; a row that left since is absent."""
        found: dict[int, tuple[int, PassageRecord]] = {}
        for part in _parts(rows):
            marks = ",".join("?" * len(part))
            with self._guarded():
                query = f"SELECT row, first, sum, json FROM passage WHERE row IN ({marks})"
                page = self._connection.execute(query, part).fetchall()
            found |= {row: (first, self._passage(row, sum_, text)) for row, first, sum_, text in page}
        return found

    def lexemes(self, rows: Sequence[int]) -> dict[int, list[str]]:
        """The lexemes of passages by row."""
        found: dict[int, list[str]] = {}
        for part in _parts(rows):
            marks = ",".join("?" * len(part))
            with self._guarded():
                page = self._connection.execute(f"SELECT rowid, words FROM lexeme WHERE rowid IN ({marks})", part).fetchall()
            found |= {row: text.split() for row, text in page}
        return found

    def holding(self, words: Sequence[str]) -> dict[str, int]:
        """How many passages hold each of some words; those that none holds are absent."""
        marks = ",".join("?" * len(words))
        with self._guarded():
            return dict(
                self._connection.execute(f"SELECT word, holding FROM word WHERE word IN ({marks})", words).fetchall()
            )

    def all_holding(self) -> dict[str, int]:
        """The same for all words."""
        with self._guarded():
            return dict(self._connection.execute("SELECT word, holding FROM word").fetchall())

    def rows_with(self, word: str) -> Rows:
        """Rows (N,) of the passages that hold a word, ascending."""
        quoted = '"' + word.replace('"', '""') + '"'
        # As one string: a common word has thousands of rows, and an object for each would take most of a search's time.
        query = "SELECT group_concat(rowid) FROM lexeme WHERE lexeme MATCH ?"
        with self._guarded():
            (rows,) = self._connection.execute(query, (quoted,)).fetchone()
        return np.sort(np.fromstring(rows or "", np.int64, sep=","))

    def total_lexemes(self) -> int:
        """Lexemes of all passages together."""
        with self._guarded():
            found = self._connection.execute("SELECT lexemes FROM total").fetchone()
        if found is None or not isinstance(found[0], int):
            raise StoreCorrupt(f"{self.path} is damaged (no total); {self.advice}")
        return found[0]

    def insert(self, first: int, items: Sequence[Cut]) -> None:
        """See `StoreCatalogue.insert`."""
        documents: list[tuple[int, str, str, str]] = []
        passages: list[tuple[int, int, str, str]] = []
        texts: list[tuple[int, str]] = []
        counted: Counter[str] = Counter()
        total, start = 0, first
        for row, cut in enumerate(items, first):
            if cut.passage.ordinal == 0:
                start = row
                text = encode(cut.document)
                documents.append((row, cut.document.source, checksum(text), text))
            text = encode(cut.passage)
            passages.append((row, start, checksum(text), text))
            found = lexemes(embedded_text(cut.document, cut.passage))
            texts.append((row, " ".join(found)))
            counted.update(set(found))
            total += len(found)
        self._connection.executemany("INSERT INTO document VALUES (?, ?, ?, ?)", documents)
        self._connection.executemany("INSERT INTO passage VALUES (?, ?, ?, ?)", passages)
        self._connection.executemany("INSERT INTO lexeme (rowid, words) VALUES (?, ?)", texts)
        self._count(counted, total)

    def delete(self, rows: Iterable[int]) -> None:
        """See `StoreCatalogue.delete`."""
        gone = list(rows)
        counted: Counter[str] = Counter()
        total = 0
        for found in self.lexemes(gone).values():
            counted.subtract(set(found))
            total -= len(found)
        pairs = [(row,) for row in gone]
        self._connection.executemany("DELETE FROM document WHERE first = ?", pairs)
        self._connection.executemany("DELETE FROM passage WHERE row = ?", pairs)
        self._connection.executemany("DELETE FROM lexeme WHERE rowid = ?", pairs)
        self._count(counted, total)
        self._mark_removed(gone)

    def _count(self, counted: Counter[str], total: int) -> None:
        self._connection.executemany(
            "INSERT INTO word VALUES (?, ?) ON CONFLICT (word) DO UPDATE SET holding = holding + excluded.holding",
            counted.items(),
        )
        self._connection.executemany("DELETE FROM word WHERE word = ? AND holding <= 0", [(word,) for word in counted])
        self._connection.execute("UPDATE total SET lexemes = lexemes + ?", (total,))

    def _document(self, first: int, sum_: Any, text: Any) -> DocumentRecord:  # noqa: ANN401 - whatever a damaged file holds
        return decode_document(self._checked(first, sum_, text))

    def _passage(self, row: int, sum_: Any, text: Any) -> PassageRecord:  # noqa: ANN401 - whatever a damaged file holds
        return decode_passage(self._checked(row, sum_, text))

    def _checked(self, row: int, sum_: Any, text: Any) -> str:  # noqa: ANN401 - whatever a damaged file holds
        if not isinstance(text, str) or checksum(text) != sum_:
            raise StoreCorrupt(f"row {row} of {self.path} does not match its checksum; {self.advice}")
        return text


def _parts(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """Few enough at a time for one statement."""
    for start in range(0, len(rows), PAGE):
        yield rows[start : start + PAGE]
