"""The catalogue of an index in SQLite: documents, passages by row, and which words they hold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store.catalogue import Group, StoreCatalogue
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


class IndexCatalogue(StoreCatalogue[Cut]):
    """One catalogue file; see `StoreCatalogue`. The passages of a document are consecutive rows, told by the first."""

    application = 0x56564931  # "VVI1" in the header of the file: whose database it is
    version = 1
    schema = SCHEMA
    what = "the document index"
    advice = "run `vivavoce index repair`"

    def document(self, source: str) -> tuple[int, DocumentRecord] | None:
        """A document with its first row."""
        found = self._select("SELECT first, sum, json FROM document WHERE source IN ({})", [source])
        return next(((first, decode_document(self._checked(first, sum_, text))) for first, sum_, text in found), None)

    def documents(self) -> Iterator[tuple[int, DocumentRecord]]:
        """All documents with their first rows, in the order they were added."""
        for first, text in self._select_all("document", "first"):
            yield first, decode_document(text)

    def documents_at(self, firsts: Sequence[int]) -> dict[int, DocumentRecord]:
        """Documents by their first rows; those that left since are absent."""
        found = self._select("SELECT first, sum, json FROM document WHERE first IN ({})", firsts)
        return {first: decode_document(self._checked(first, sum_, text)) for first, sum_, text in found}

    def groups(self) -> Iterator[Group[Cut]]:
        """See `StoreCatalogue.groups`; of each document its passages."""
        for first, document in self.documents():
            yield self._group(first, document, document.passages)

    def readable(self, rows: int) -> Iterator[Group[Cut]]:
        """See `StoreCatalogue.readable`."""
        for first in self.sources_by_first():
            with suppress(StoreError):
                for document in self.documents_at([first]).values():
                    group = self._group(first, document, min(document.passages, rows - first))
                    if len(group.records) == document.passages:
                        yield group

    def _group(self, first: int, document: DocumentRecord, passages: int) -> Group[Cut]:
        records = self.passages(range(first, first + passages))
        return Group(first, [Cut(document, record) for _, (_, record) in sorted(records.items())])

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
        found = self._select("SELECT row, first, sum, json FROM passage WHERE row IN ({})", rows)
        return {row: (first, decode_passage(self._checked(row, sum_, text))) for row, first, sum_, text in found}

    def lexemes(self, rows: Sequence[int]) -> dict[int, list[str]]:
        """The lexemes of passages by row."""
        return {row: text.split() for row, text in self._select("SELECT rowid, words FROM lexeme WHERE rowid IN ({})", rows)}

    def holding(self, words: Sequence[str]) -> dict[str, int]:
        """How many passages hold each of some words; those that none holds are absent."""
        return dict(self._select("SELECT word, holding FROM word WHERE word IN ({})", words))

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

    def insert(self, first: int, records: Sequence[Cut]) -> None:
        """See `StoreCatalogue.insert`."""
        documents: list[tuple[int, str, str, str]] = []
        passages: list[tuple[int, int, str, str]] = []
        texts: list[tuple[int, str]] = []
        counted: Counter[str] = Counter()
        total, start = 0, first
        for row, cut in enumerate(records, first):
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
