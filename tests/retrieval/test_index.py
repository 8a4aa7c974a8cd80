import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.errors import DocumentError, StoreCorrupt, StoreError
from vivavoce.retrieval.chunking import passages
from vivavoce.retrieval.loaders import Document, Section, load
from vivavoce.retrieval.store import DocumentIndex


class WordEmbedder:
    """Shipped models are not needed to test a store: words hashed into a vector."""

    dimension = 64

    def __init__(self, id="words-1"):
        self.id = id

    def embed(self, texts):
        vectors = np.full((len(texts), 64), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, hashlib.sha256(word.strip(".,?").encode()).digest()[0] % 64] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def files(tmp_path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "cats.md").write_text("# On cats\n\nCats sleep sixteen hours.\n\n## Food\nCats eat fish.")
    (folder / "dogs.txt").write_text("Dogs bark loudly at night.")
    (folder / "page.html").write_text(
        "<html><head><title>Birds</title></head><body><p>Birds sing early in the morning, all of them.</p></body></html>"
    )
    return folder


async def test_add_search_change_and_remove(files, tmp_path):
    index = DocumentIndex(tmp_path / "index", WordEmbedder())
    assert list(await index.search("cats", 3)) == []
    report = index.add([files])
    assert len(report.added) == 3
    assert len(index.add([files]).unchanged) == 3
    best = (await index.search("how long do cats sleep", 1))[0]
    assert (best.title, best.location) == ("On cats", "lines 1-3")
    (files / "dogs.txt").write_text("Dogs now whisper quietly.")
    assert len(index.add([files]).added) == 1
    again = DocumentIndex(tmp_path / "index", WordEmbedder())
    assert "whisper" in (await again.search("dogs whisper", 1))[0].text
    again.remove(str(files / "dogs.txt"))
    assert {document.title for document in again.documents()} == {"On cats", "Birds"}
    with pytest.raises(DocumentError, match="not in the index"):
        again.remove("nothing.txt")
    assert len(list((tmp_path / "index").glob("passages-*.json"))) == 1


def test_files_that_cannot_be_read_are_reported_and_the_rest_goes_in(files, tmp_path):
    (files / "binary.md").write_bytes(b"\x00\x01\x02" * 100)
    (files / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (files / "empty.txt").write_text("  ")
    report = DocumentIndex(tmp_path / "index", WordEmbedder()).add([files, tmp_path / "absent.md"])
    assert len(report.added) == 3
    assert sorted(Path(path).name for path, _ in report.failed) == ["absent.md", "binary.md", "broken.pdf", "empty.txt"]
    assert all("\n" not in why for _, why in report.failed)


def test_damage_and_another_embedder_are_told_apart(files, tmp_path):
    folder = tmp_path / "index"
    DocumentIndex(folder, WordEmbedder()).add([files])
    with pytest.raises(StoreError, match="was made by words-1"):
        DocumentIndex(folder, WordEmbedder("words-2")).documents()
    vectors = next(folder.glob("vectors-*.npy"))
    vectors.write_bytes(vectors.read_bytes()[:-7])
    with pytest.raises(StoreCorrupt, match="damaged"):
        DocumentIndex(folder, WordEmbedder()).documents()
    (folder / "manifest.json").write_text("{")
    with pytest.raises(StoreCorrupt, match="damaged"):
        DocumentIndex(folder, WordEmbedder()).documents()


def test_latin_1_text_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("Café à la carte".encode("cp1252"))
    assert load(path).sections[0].text == "Café à la carte"


WORDS = st.text("ab.#é上", min_size=1, max_size=6).filter(lambda word: not set(word) <= {"#"})


@given(st.lists(st.lists(WORDS, max_size=120), max_size=6))
def test_passages_keep_every_word_in_order(paragraphs):
    text = "\n\n".join(" ".join(words) for words in paragraphs)
    cut = passages(Document("t", (Section(text, start_line=1),)), "s")
    assert " ".join(passage.text for passage in cut).split() == text.split()
    assert all(len(passage.text.split()) <= 90 for passage in cut)
