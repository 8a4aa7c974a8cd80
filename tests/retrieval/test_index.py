"""What the document index does, on a small embedder."""

import os
from pathlib import Path

import pytest
from support.word_embedder import WordEmbedder

from vivavoce.core.errors import ConfigError, DocumentError, StoreError
from vivavoce.retrieval import index as index_module
from vivavoce.retrieval.collections import Collections, collection_folder, collections_in
from vivavoce.retrieval.documents.loading import Document, Section, read
from vivavoce.retrieval.export import export
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import PassageFilters, SearchOptions
from vivavoce.retrieval.upkeep.compaction import compact, reembed
from vivavoce.retrieval.upkeep.verify import verify

pytestmark = pytest.mark.unit


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


@pytest.fixture
def index(tmp_path):
    return DocumentIndex(tmp_path / "index", WordEmbedder())


def old(path: Path) -> Path:
    """A file whose time of change is believed: it lies back far enough."""
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


async def test_add_search_change_and_remove(files, tmp_path, index):
    assert list(await index.search("cats", 3)) == []
    assert len(index.add([files]).added) == 3
    assert len(index.add([files]).unchanged) == 3
    best = (await index.search("how long do cats sleep", 1))[0]
    assert (best.title, best.location, best.heading) == ("On cats", "lines 3-3", "On cats")
    assert best.source == str((files / "cats.md").resolve())
    (files / "dogs.txt").write_text("Dogs now whisper quietly.")
    assert len(index.add([files]).added) == 1
    again = DocumentIndex(tmp_path / "index", WordEmbedder())
    assert "whisper" in (await again.search("dogs whisper", 1))[0].text
    assert again.find("bark", 1, SearchOptions(mode="lexical")) == []
    assert again.remove(str(files / "dogs.txt")) == 1
    assert [document.title for document in again.documents()] == ["On cats", "Birds"]
    with pytest.raises(DocumentError, match="not in the index"):
        again.remove("nothing.txt")
    assert again.remove(str(files)) == 2
    assert (len(again), again.find("cats", 3)) == (0, [])
    assert [finding.text for finding in verify(again)] == ["5 removed rows still take space"]


def test_a_passage_knows_its_place_to_the_character(files, index):
    index.add([files])
    text = read((files / "cats.md").read_bytes(), "cats.md").text
    for passage in index.document(str(files / "cats.md"))[1]:
        start, end = passage.span
        assert text[start:end].split() == passage.text.split()


def test_only_what_changed_is_read_and_embedded_again(files, tmp_path):
    embedder = WordEmbedder()
    index = DocumentIndex(tmp_path / "index", embedder)
    for path in files.iterdir():
        old(path)
    index.add([files])
    before = embedder.embedded
    assert len(index.add([files]).unchanged) == 3
    (files / "cats.md").write_bytes((files / "cats.md").read_bytes())  # touched, not changed
    assert len(index.add([files]).unchanged) == 3
    assert embedder.embedded == before
    (files / "new.md").write_text("Foxes run.")
    assert index.add([files]).added == (str((files / "new.md").resolve()),)
    assert embedder.embedded == before + 1


def test_a_file_changed_within_the_clocks_tick_is_noticed(files, index):
    path = files / "dogs.txt"
    stat = path.stat()
    index.add([path])
    path.write_text("Dogs bark softly at night.")  # as long as before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert len(index.add([path]).added) == 1


def test_an_unchanged_file_is_not_even_opened(files, index, monkeypatch):
    index.add([old(files / "dogs.txt")])
    monkeypatch.setattr(index_module, "read_bytes", lambda *_: pytest.fail("opened"))
    assert len(index.add([files / "dogs.txt"]).unchanged) == 1


def test_prune_forgets_what_is_gone_below_the_named_folders_alone(files, tmp_path, index):
    other = tmp_path / "other.txt"
    other.write_text("Whales swim.")
    index.add([files, other])
    (files / "dogs.txt").unlink()
    other.unlink()
    report = index.add([files], prune=True)
    assert report.removed == (str((files / "dogs.txt").resolve()),)
    assert {Path(document.source).name for document in index.documents()} == {"cats.md", "page.html", "other.txt"}


def test_files_that_cannot_be_read_are_reported_and_the_rest_goes_in(files, tmp_path, index):
    (files / "binary.md").write_bytes(b"\x00\x01\x02" * 100)
    (files / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (files / "empty.txt").write_text("  ")
    report = index.add([files, tmp_path / "absent.md"])
    assert len(report.added) == 3
    assert sorted(Path(path).name for path, _ in report.failed) == ["absent.md", "binary.md", "broken.pdf", "empty.txt"]
    assert all("\n" not in why and str(tmp_path) not in why for _, why in report.failed)


def test_documents_from_memory_go_by_their_source(index):
    page = read(b"<html><title>Tides</title><body><p>The tide rises twice a day on this coast.</p></body></html>", "x.html")
    index.put({"https://example.org/tides": page})
    found = index.find("when does the tide rise", 1)[0]
    assert (found.source, found.title) == ("https://example.org/tides", "Tides")
    index.put({"https://example.org/tides": Document("Tides", (Section("The tide rises three times."),))})
    assert ([d.passages for d in index.documents()], len(index)) == ([1], 1)
    with pytest.raises(DocumentError, match="cannot be the name of a document"):
        index.put({"\ud800": page})


def test_filters_caps_duplicates_diversity_and_neighbours(tmp_path, index):
    for name, text in {
        "a.md": "# Tea\n\nGreen tea is steamed.\n\n## Black\n\nBlack tea is oxidised tea.\n\n## White\n\nWhite tea is rare.",
        "b.txt": "Tea grows on hills.",
        "c.txt": "Tea grows on hills.",
    }.items():
        (tmp_path / name).write_text(text)
    index.add([tmp_path / name for name in ("a.md", "b.txt", "c.txt")])

    def texts(**options):
        return [passage.text for passage in index.find("tea", 9, SearchOptions(**options))]

    assert len(texts(distinct=False)) == 5
    assert texts().count("Tea grows on hills.") == 1
    assert sum("tea" in text for text in texts(per_source=1)) == 1
    assert set(texts(filters=PassageFilters(metadata={"kind": "md"}))) == set(texts(filters=PassageFilters("*/a.md")))
    assert texts(filters=PassageFilters("*/nothing")) == []
    assert set(texts(diversity=0.9)) == set(texts())
    found = index.find("oxidised", 1, SearchOptions(neighbours=True))[0]
    assert (found.before, found.after) == ("Green tea is steamed.", "White tea is rare.")


def test_chinese_is_found_by_its_words(index):
    pages = {"图书馆": "图书馆每周一闭馆，借书期限为三十天。", "地铁": "地铁单程票当日有效，退票须在进站前办理。"}
    index.put({name: Document(name, (Section(text),)) for name, text in pages.items()})
    for question, source in (("借书可以借多少天？", "图书馆"), ("单程票怎么退票？", "地铁")):
        assert index.find(question, 1, SearchOptions(mode="lexical"))[0].source == source


def test_without_an_embedder_words_alone_count(files, tmp_path):
    index = DocumentIndex(tmp_path / "index", None)
    index.add([files])
    assert index.find("fish", 1)[0].heading == "On cats > Food"
    with pytest.raises(ConfigError, match="without an embedder"):
        index.find("fish", 1, SearchOptions(mode="dense"))


def test_another_embedder_says_so_and_embeds_again(files, tmp_path, index):
    index.add([files])
    other = DocumentIndex(tmp_path / "index", WordEmbedder("words-2"))
    page = Document("x", (Section("x"),))
    for use in (lambda: other.find("cats", 1), lambda: other.add([files]), lambda: other.put({"x": page})):
        with pytest.raises(StoreError, match="made by words-1, this program uses words-2; run `vivavoce index reembed`"):
            use()
    assert reembed(other) == 4
    assert other.find("cats eat", 1)[0].text == "Cats eat fish."
    assert reembed(other) == 0


def test_compaction_keeps_what_is_there(files, index):
    index.add([files])
    (files / "dogs.txt").write_text("Dogs sleep.")
    index.add([files])
    before = [(d.source, [p.text for p in index.document(d.source)[1]]) for d in index.documents()]
    assert compact(index) == 1
    assert [(d.source, [p.text for p in index.document(d.source)[1]]) for d in index.documents()] == before
    assert verify(index) == []
    assert index.find("dogs sleep", 1)[0].text == "Dogs sleep."


def test_an_export_holds_every_passage_and_can_be_indexed(files, tmp_path, index):
    index.add([files])
    assert export(index, tmp_path / "out.jsonl") == 4
    again = DocumentIndex(tmp_path / "again", WordEmbedder())
    again.add([tmp_path / "out.jsonl"])
    assert "Cats eat fish." in again.find("what do cats eat, fish?", 1)[0].text


async def test_collections_are_searched_as_one(files, tmp_path):
    names = ("animals", "plants")
    one, two = (DocumentIndex(collection_folder(tmp_path / "all", name), WordEmbedder()) for name in names)
    one.add([files])
    two.put({"ferns": Document("Ferns", (Section("Ferns love shade."),))})
    both = Collections({"animals": one, "plants": two})
    assert (await both.search("ferns love shade", 1))[0].title == "Ferns"
    assert (await both.search("cats eat fish", 1))[0].title == "On cats"
    assert collections_in(tmp_path / "all") == ["animals", "plants"]
    for name in ("..", "A", "a/b", "", "-x"):
        with pytest.raises(ConfigError, match="no name of a collection"):
            collection_folder(tmp_path, name)


def test_odd_requests(files, index):
    index.add([files])
    assert index.find("   ", 3) == []
    assert index.find("?!", 3, SearchOptions(mode="lexical")) == []
    assert len(index.find("cats " * 5_000, 3)) == 3
    assert index.find('cats" OR (', 1, SearchOptions(mode="lexical"))[0].title == "On cats"
    for k in (0, 1_001):
        with pytest.raises(ConfigError, match="ask for 1 to 1000"):
            index.find("cats", k)
