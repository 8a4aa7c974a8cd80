"""Whatever is done to an index, it tells and finds what a dictionary and a plain ranking of all passages would."""

import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from math import log
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from support.crash_worker import without_syncing
from support.small_index import document

from vivavoce.core.errors import ConfigError, DocumentError
from vivavoce.core.store import view as view_module
from vivavoce.core.store.vector_index import Probing
from vivavoce.retrieval.chunking import passages
from vivavoce.retrieval.documents.loading import read
from vivavoce.retrieval.export import export
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search import ranking as search
from vivavoce.retrieval.search.bm25 import K1, PAIRS, B
from vivavoce.retrieval.search.ranking import (
    DEEP,
    MOST_WORDS,
    RANK_OFFSET,
    SAME,
    WORDS_WEIGHT,
    PassageFilters,
    SearchOptions,
)
from vivavoce.retrieval.store.records import PassageRecord, embedded_text
from vivavoce.retrieval.upkeep.compaction import compact, reembed
from vivavoce.retrieval.upkeep.verify import verify
from vivavoce.retrieval.words import lexemes
from vivavoce.vectors.faiss_index import FaissIndexes

pytestmark = pytest.mark.unit
BLOCKS = 16
LISTS = 4
WORDS = ("apple", "Apples", "pear", "plums", "fig", "quince", "grow", "ripe", "the", "of", "苹果树", "梨树", "zebra")
SOURCES = st.sampled_from(("doc-1", "doc-2", "doc-3", "shelf/one", "shelf/two", "shelf/deep/three", "other"))
SAID_AGAIN = ("the", "of", "of the", "apple pear", "pear apple", "pear apple fig", "fig pear apple")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join) | st.sampled_from(SAID_AGAIN)
DOCUMENTS = st.builds(
    lambda title, texts, kind: replace(document(title, *texts), metadata={"kind": kind}),
    st.sampled_from(("Fruit", "Trees", "the")),
    st.lists(TEXTS, min_size=1, max_size=5),
    st.sampled_from(("txt", "pdf")),
)
FILES = st.sampled_from(("a.txt", "b.md", "inner/c.txt", "inner/d.md"))
QUERIES = st.one_of(TEXTS, st.sampled_from(("the of", "xylophone", "apple xylophone", "how do pear trees grow?", "!")))
OPTIONS = st.builds(
    SearchOptions,
    mode=st.sampled_from(("hybrid", "hybrid", "dense", "lexical")),
    fusion=st.sampled_from(("scores", "ranks")),
    filters=st.none()
    | st.builds(
        PassageFilters,
        st.sampled_from(("", "", "shelf/*", "*[.-]?*", "doc-?", "nothing")),
        st.sampled_from(({}, {}, {"kind": "PDF"}, {"title": "fruit"}, {"kind": "txt", "title": "Trees"}, {"author": "x"})),
    ),
    per_source=st.none() | st.integers(1, 2),
    distinct=st.booleans(),
    diversity=st.sampled_from((0.0, 0.0, 0.37, 0.71, 1.0)),  # none at which relevance and novelty can weigh out
    neighbours=st.booleans(),
)


class MinHash:
    """Words choose one of four directions in each block: cosines are multiples of 1/16, so that rounding decides nothing."""

    dimension = 4 * BLOCKS

    def __init__(self, number=1):
        self.id = f"minhash-{number}"

    def embed(self, texts):
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            chosen = np.min([self.ranks(word) for word in text.lower().split() or [""]], axis=0)
            vector[4 * np.arange(BLOCKS) + chosen % 4] = BLOCKS**-0.5
        return vectors

    @cache  # noqa: B019 - a few words
    def ranks(self, word):
        return np.frombuffer(hashlib.shake_256(f"{self.id} {word}".encode()).digest(2 * BLOCKS), "<u2")


def text_of(document, passage):
    """What is compared of a passage; `embedded_text` only looks at the title of a record."""
    return embedded_text(document, PassageRecord.of(passage))


def bm25(text, weights, asked, mean_length):
    """As a share of what holds all words often; see `bm25.bm25`."""

    def saturated(count):
        return count * (K1 + 1) / (count + K1 * (1 - B + B * len(text) / max(mean_length, 1.0)))

    held, together = Counter(text), Counter(pairwise(text))
    score = sum(weight * saturated(held[word]) for word, weight in weights.items())
    for pair in set(pairwise(asked)):
        score += PAIRS * (weights[pair[0]] + weights[pair[1]]) / 2 * saturated(together[pair])
    return score / ((K1 + 1) * max(sum(weights.values()), 1e-6))


def plain_search(documents, embedder, query, k, options):
    """Every passage is ranked. documents: (document, its passages) by source, in order."""
    rows = [(source, found, passage) for source, (found, cut) in documents.items() for passage in cut]
    texts = [lexemes(text_of(found, passage)) for _, found, passage in rows]
    mean_length = sum(map(len, texts)) / max(1, len(rows))
    asked = lexemes(query)[:MOST_WORDS]
    holding = {word: sum(word in text for text in texts) for word in asked}
    weights = {word: log(1 + (len(rows) - count + 0.5) / (count + 0.5)) for word, count in holding.items()}
    mode = options.mode if embedder else "lexical"
    near = embedder.embed([text_of(*row[1:]) for row in rows] + [query]) if embedder else np.zeros((len(rows) + 1, 0))
    kept = [
        at
        for at, (source, found, _) in enumerate(rows)
        if passes(source, found, options.filters) and (mode != "lexical" or set(asked) & set(texts[at]))
    ]
    cosines = np.array([float(near[at] @ near[-1]) for at in kept], np.float32)
    words = np.array([bm25(texts[at], weights, asked, mean_length) for at in kept], np.float32)
    scores = {"dense": cosines, "lexical": words, "hybrid": fused(cosines, words, options.fusion)}[mode]
    order = sorted(range(len(kept)), key=lambda i: (-scores[i], -cosines[i], kept[i]))
    ranked = [kept[i] for i in order][: DEEP * k if options.per_source is None else None]
    return [rows[at] for at in chosen(ranked, rows, near, k, options)]


def passes(source, found, filters):
    known = {"title": found.title, **found.metadata}
    return filters is None or (
        (not filters.source or fnmatchcase(source, filters.source))
        and all(known.get(key, "").lower() == value.lower() for key, value in filters.metadata.items())
    )


def fused(cosines, words, fusion):
    if fusion == "scores":
        return cosines + np.float32(WORDS_WEIGHT) * words
    places = [[1 + sum(other > score for other in some) for score in some] for some in (cosines, words)]
    return [np.float32(1 / (RANK_OFFSET + one) + 1 / (RANK_OFFSET + two)) for one, two in zip(*places, strict=True)]


def chosen(ranked, rows, near, k, options):
    """Maximal marginal relevance by the places, without those that are not allowed beside the ones before."""
    left, taken = list(enumerate(ranked)), []
    while left and len(taken) < k:

        def worth(place_and_row):
            place, row = place_and_row
            novelty = -max((float(near[row] @ near[one]) for one in taken), default=0.0)
            return (1 - options.diversity) * (1 - place / max(1, len(ranked) - 1)) + options.diversity * novelty

        best = max(left, key=worth)
        left.remove(best)
        source = rows[best[1]][0]
        same = [one for one in taken if float(near[best[1]] @ near[one]) >= SAME or said(rows[one]) == said(rows[best[1]])]
        if options.distinct and same:
            continue
        if options.per_source and sum(rows[one][0] == source for one in taken) >= options.per_source:
            continue
        taken.append(best[1])
    return taken


def said(row):
    return re.findall(r"\w+", row[2].text.casefold()) or row[2].text


class WholeLists(FaissIndexes):
    """Inverted lists of whole vectors, of which all are looked into: they find what a comparison of all finds."""

    def build(self, vectors, allowed, progress=None):
        quantizer = faiss.IndexFlatIP(vectors.shape[1])
        index = faiss.IndexIVFFlat(quantizer, vectors.shape[1], LISTS, faiss.METRIC_INNER_PRODUCT)
        quantizer.this.disown()
        index.own_fields = True
        index.train(np.ascontiguousarray(vectors[allowed]))
        self.extend(index, vectors)
        return index, Probing(LISTS, LISTS, -1.0), 1.0


class IndexModel(RuleBasedStateMachine):
    large = WholeLists()
    first = 0

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        without_syncing(self.patch)
        for name in ("NEAREST", "WORDY", "POSTINGS"):  # no passage is left out before it is ranked
            self.patch.setattr(search, name, 10_000)
        self.patch.setattr(view_module, "KEPT_TAIL", 8)
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None, prefix="vivavoce-test-"))
        self.files = Path(os.path.realpath(self.folder / "files"))
        (self.files / "inner").mkdir(parents=True)
        self.embedder, self.documents = MinHash(), {}
        self.open()
        if self.first:
            self.put({f"first-{at}": document(f"First {at}", f"apple {at} grow", f"pear {at}") for at in range(self.first)})

    def open(self):
        self.index = DocumentIndex(self.folder / "index", self.embedder, large=self.large)

    def teardown(self):
        self.index.store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    def remember(self, source, found):
        self.documents.pop(source, None)
        self.documents[source] = (found, passages(found, source))

    @initialize(pages=st.dictionaries(SOURCES, DOCUMENTS, min_size=4))
    def begin(self, pages):
        self.put(pages)

    @rule(pages=st.dictionaries(SOURCES, DOCUMENTS, min_size=1, max_size=4))
    def put(self, pages):
        assert self.index.put(pages).added == tuple(pages)
        for source, found in pages.items():
            self.remember(source, found)

    @rule(source=SOURCES)
    def remove(self, source):
        if source in self.documents:
            assert self.index.remove(source) == 1
            del self.documents[source]
        else:
            with pytest.raises(DocumentError, match="not in the index"):
                self.index.remove(source)

    @precondition(lambda self: any(source.startswith("shelf/") for source in self.documents))
    @rule()
    def remove_what_lies_below(self):
        below = [source for source in self.documents if source.startswith("shelf/")]
        assert self.index.remove("shelf") == len(below)
        for source in below:
            del self.documents[source]

    @rule(name=FILES, text=TEXTS)
    def write_a_file(self, name, text):
        (self.files / name).write_text(f"{text}\n\n{text} fig\n")

    @rule(name=FILES)
    def delete_a_file(self, name):
        (self.files / name).unlink(missing_ok=True)

    @rule(prune=st.booleans())
    def add_files(self, prune):
        there = {str(self.files / name): read((self.files / name).read_bytes(), name) for name in self.names()}
        known = {source: self.documents[source][0] for source in there if source in self.documents}
        new = {source: found for source, found in there.items() if known.get(source) != found}
        gone = [source for source in self.documents if source.startswith(f"{self.files}/") and source not in there]
        report = self.index.add([self.files], prune=prune)
        assert (set(report.added), report.failed) == (set(new), ())
        assert set(report.unchanged) == there.keys() - new.keys()
        assert sorted(report.removed) == (sorted(gone) if prune else [])
        for source in report.added:
            self.remember(source, new[source])
        for source in report.removed:
            del self.documents[source]

    def names(self):
        return [str(path.relative_to(self.files)) for path in self.files.rglob("*.*")]

    @rule()
    def compact(self):
        compact(self.index)
        seen = self.index.store.view()
        assert seen is None or (seen.state.rows, seen.state.removed) == (len(self.index), 0)

    @rule(to=st.sampled_from((None, 1, 2)))
    def embed_again(self, to):
        seen = self.index.store.view()
        before = self.embedder.id if self.embedder else None
        self.embedder = MinHash(to) if to else None
        self.open()
        changed = seen is not None and before != (self.embedder.id if to else None)
        assert reembed(self.index) == (len(self.index) if changed else 0)

    @rule()
    def reopen(self):
        self.index.store.close()
        self.open()

    @rule()
    def seal(self):
        with self.index.store.writing():
            self.index.store.seal()

    @rule(asked=st.lists(st.tuples(QUERIES, st.integers(1, 12), OPTIONS), min_size=4, max_size=4))
    def search(self, asked):
        for query, k, options in asked:
            if self.embedder is None and options.mode == "dense" and self.documents:
                with pytest.raises(ConfigError, match="without an embedder"):
                    self.index.find(query, k, options)
            else:
                self.search_for(query, k, options)

    def search_for(self, query, k, options):
        found = self.index.find(query, k, options)
        wanted = plain_search(self.documents, self.embedder, query, k, options)
        assert [(p.source, p.ordinal) for p in found] == [(source, passage.ordinal) for source, _, passage in wanted]
        assert all(0.0 <= passage.score <= 1.0 for passage in found)
        for passage in found:
            cut = self.documents[passage.source][1]
            before, after = (cut[at].text if 0 <= at < len(cut) else "" for at in (passage.ordinal - 1, passage.ordinal + 1))
            beside = {"before": before, "after": after} if options.neighbours else {}
            assert passage == replace(cut[passage.ordinal], score=passage.score, **beside)

    @rule()
    def export(self):
        count = sum(len(cut) for _, cut in self.documents.values())
        assert export(self.index, self.folder / "out.jsonl") == count
        assert len((self.folder / "out.jsonl").read_text().splitlines()) == count + 1

    @invariant()
    def it_tells_the_same(self):
        told = {record.source: self.index.document(record.source)[1] for record in self.index.documents()}
        assert list(told) == list(self.documents)
        assert told == {source: cut for source, (_, cut) in self.documents.items()}
        assert len(self.index) == sum(map(len, told.values()))
        for record in self.index.documents():
            found, cut = self.documents[record.source]
            assert (record.title, record.passages, dict(record.metadata)) == (found.title, len(cut), dict(found.metadata))

    @invariant()
    def a_filter_that_was_used_before_is_worked_out_again(self):
        self.search_for("apple pear", 12, SearchOptions(filters=PassageFilters("doc-?"), distinct=False))

    @invariant()
    def words_are_counted(self):
        if (seen := self.index.store.view()) is None:
            return
        texts = [lexemes(text_of(found, passage)) for found, cut in self.documents.values() for passage in cut]
        holding = Counter(word for text in texts for word in set(text))
        assert seen.catalogue.total_lexemes() == seen.total_lexemes == sum(map(len, texts))
        assert seen.catalogue.all_holding() == holding
        assert seen.catalogue.holding(["appl", "xylophon", "梨树"]) == {
            word: holding[word] for word in ("appl", "梨树") if holding[word]
        }
        for word in ("appl", "苹果", "zebra", "xylophon"):
            assert len(seen.catalogue.rows_with(word)) == holding[word]

    @rule()
    def it_is_whole(self):
        assert [finding for finding in verify(self.index) if finding.damage] == []


class IndexedModel(IndexModel):
    """The same with index files, rows behind them, and filters within them."""

    large = WholeLists(exact_rows=18, gathered_rows=3)
    first = 12

    def __init__(self):
        super().__init__()
        assert set(self.index.store.view().manifest.indexes) == {"passage"}


QUICK = settings(
    max_examples=16,
    stateful_step_count=30,
    deadline=None,
    phases=(Phase.generate,),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_an_index_is_a_dictionary_that_can_be_searched():
    run_state_machine_as_test(IndexModel, settings=QUICK)


def test_an_index_with_index_files_is_one_too():
    run_state_machine_as_test(IndexedModel, settings=settings(QUICK, max_examples=10))


def test_a_document_without_text_is_refused_and_changes_nothing(tmp_path):
    index = DocumentIndex(tmp_path, MinHash())
    index.put({"doc": document("Doc", "apple")})
    with pytest.raises(DocumentError, match="doc: holds no text"):
        index.put({"other": document("Other", "pear"), "doc": document("Doc")})
    assert [record.source for record in index.documents()] == ["doc"]
    assert index.find("apple", 1)[0].source == "doc"
