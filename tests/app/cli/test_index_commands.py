"""`vivavoce index`, as a user meets it; but for the last tests with an embedder that needs no weights."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from support.command_line import run_here
from support.fakes import assert_one_line
from support.word_embedder import WordEmbedder

from vivavoce.retrieval.embedder import MiniLMEmbedder

pytestmark = pytest.mark.process
PATIENCE_S = 300.0
TEA = "# On tea\n\nGreen tea is steamed.\n\n## Black\n\nBlack tea is oxidised.\n\n## White\n\nRare."


class HashedWords(MiniLMEmbedder):
    """Stands in for MiniLM."""

    id, dimension = "words-1", WordEmbedder.dimension

    def embed(self, texts):
        return WordEmbedder().embed(texts)

    def count_tokens(self, text):
        return len(text.split())

    def reads(self, text):
        return True


def environment(home, **more):
    return {"VIVAVOCE_HOME": str(home / "home"), "VIVAVOCE_HUB": "false", "VIVAVOCE_THREADS": "1", **more}


def index(*arguments, home, stdin=b"", **more):
    with patch("vivavoce.app.parts.MiniLMEmbedder", HashedWords):
        return run_here("index", *arguments, folder=home, stdin=stdin, **environment(home, **more))


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "tea.md").write_text(TEA)
    (folder / "dogs.txt").write_text("Dogs bark loudly at night.")
    return tmp_path


@pytest.fixture
def filled(home):
    assert index("add", "files", home=home).returncode == 0
    return home


def test_documents_are_added_listed_shown_searched_and_removed(home):
    assert "2 added, 0 unchanged, 0 refused" in index("add", "files", home=home).text
    assert "0 added, 2 unchanged, 0 refused" in index("add", "files/tea.md", "files/*.txt", home=home).text
    listed = index("list", home=home).text
    assert "On tea" in listed and "dogs.txt" in listed.replace(" ", "")
    shown = index("show", "files/tea.md", home=home).text
    assert "On tea (3 passages)" in shown and "lines 7-7 On tea > Black" in shown and "Black tea is oxidised." in shown
    found = index("search", "oxidised", home=home, COLUMNS="200").text
    assert "On tea" in found and "tea.md lines 7-7" in found and "Black tea is oxidised." in found
    assert "1 documents forgotten" in index("remove", "files/dogs.txt", home=home).text
    assert "1 documents forgotten" in index("remove", "files", home=home).text
    assert index("list", "--json", home=home).json == []
    assert index("search", "oxidised", "--json", home=home).json == []


def test_every_command_prints_one_json_value(home):
    added = index("add", "files", "--json", home=home).json
    assert sorted(Path(path).name for path in added["added"]) == ["dogs.txt", "tea.md"]
    assert (added["unchanged"], added["removed"], added["failed"]) == ([], [], [])
    (home / "files" / "dogs.txt").unlink()
    synced = index("sync", "files", "--json", home=home).json
    assert ([Path(path).name for path in synced["removed"]], len(synced["unchanged"])) == (["dogs.txt"], 1)
    (entry,) = index("list", "--json", home=home).json
    assert (entry["title"], entry["passages"], entry["metadata"]["kind"]) == ("On tea", 3, "md")
    shown = index("show", entry["source"], "--json", home=home).json
    assert [passage["heading"] for passage in shown["text"]] == ["On tea", "On tea > Black", "On tea > White"]
    (found,) = index("search", "black tea", "-k", "1", "--context", "--json", home=home).json
    assert (found["text"], found["before"], found["after"]) == ("Black tea is oxidised.", "Green tea is steamed.", "Rare.")
    assert found["source"] == entry["source"] and 0.0 <= found["score"] <= 1.0
    assert index("collections", "--json", home=home).json == {"documents": {"documents": 1, "passages": 3}}
    assert index("export", "out.jsonl", "--json", home=home).json == {"file": "out.jsonl", "passages": 3}
    head, *lines = map(json.loads, (home / "out.jsonl").read_text().splitlines())
    assert (head["passages"], head["embedder"], [line["text"] for line in lines][1]) == (3, "words-1", found["text"])
    verified = index("verify", "--json", home=home).json
    assert verified["whole"] and verified["findings"] == [{"text": "1 removed rows still take space", "damage": False}]
    assert index("compact", "--json", home=home).json == {"rows": 1}
    assert index("verify", "--json", home=home).json == {"whole": True, "findings": []}
    assert index("repair", "--json", home=home).json == {"kept": 1, "made_again": 0, "lost": []}
    assert index("reembed", "--json", home=home).json == {"passages": 0}
    assert index("remove", entry["source"], "--json", home=home).json == {"removed": 1}


def test_the_same_for_people(filled):
    assert "4 passages in out.jsonl" in index("export", "out.jsonl", home=filled).text
    assert "4 passages, all whole" in index("verify", home=filled).text
    assert "dropped 0 removed rows" in index("compact", home=filled).text
    assert "nothing to do" in index("reembed", home=filled).text
    assert "2 documents are there; 0 vectors were made again" in index("repair", home=filled).text
    assert "documents 2 4" in index("collections", home=filled).text
    (filled / "files" / "dogs.txt").unlink()
    assert "0 added, 1 unchanged, 1 forgotten, 0 refused" in index("sync", "files", home=filled).text


def test_an_export_can_be_added_to_another_collection(filled):
    index("export", "out.jsonl", home=filled)
    assert "1 added" in index("add", "out.jsonl", "-c", "copy", home=filled).text
    assert "oxidised" in index("search", "oxidised", "-c", "copy", "-k", "1", home=filled).text
    assert list(index("collections", "--json", home=filled).json) == ["copy", "documents"]
    assert index("list", "--json", home=filled).json != index("list", "--json", "-c", "copy", home=filled).json


def test_standard_input_is_a_document(home):
    page = b"<html><title>Tides</title><body><p>The tide rises twice a day on this coast.</p></body></html>"
    assert "1 added" in index("add", "-", "--name", "https://example.org/tides.html", home=home, stdin=page).text
    assert "3 added" in index("add", "-", "files", home=home, stdin=b"Whales sing in the deep.").text
    found = index("search", "tide rises", "-k", "1", "--json", home=home).json[0]
    assert (found["source"], found["title"]) == ("https://example.org/tides.html", "Tides")
    assert index("search", "whales", "-k", "1", "--json", home=home).json[0]["source"] == "standard-input.txt"
    assert "1 added" in index("add", "-", home=home, stdin=b"Other words.").text
    assert index("search", "whales", "--mode", "lexical", "--json", home=home).json == []
    for text in (b"", b"\x00\x01" * 200):
        done = index("add", "-", home=home, stdin=text)
        assert (done.returncode, done.stdout) == (6, "")
        assert_one_line(done.stderr.strip(), "standard-input.txt")


def test_a_search_meets_conditions(filled):
    def titles(*options, query="tea dogs"):
        return [hit["title"] for hit in index("search", query, "--json", "-k", "9", *options, home=filled).json]

    assert sorted(titles()) == ["On tea", "On tea", "On tea", "dogs"]
    assert titles("--where", "kind=txt") == ["dogs"]
    assert titles("--where", "kind=md", "--where", "title = on tea", "--per-source", "1") == ["On tea"]
    assert titles("--source", "*/tea.*", "--diversity", "0.5") == ["On tea"] * 3
    assert titles("--source", "*/absent") == []
    assert titles("--mode", "lexical", query="bark") == ["dogs"]


def test_what_is_refused_is_told_and_the_rest_goes_in(home):
    (home / "files" / "empty.txt").touch()
    (home / "files" / "binary.md").write_bytes(b"\x00\x01" * 200)
    done = index("add", "files", "absent.txt", "picture.png", home=home)
    assert done.text.startswith("2 added, 0 unchanged, 4 refused")
    for name in ("empty.txt", "binary.md", "absent.txt", "picture.png"):
        assert name in done.stdout.replace("\n", "")
    again = index("add", "files", "--json", home=home)
    assert (again.returncode, len(again.json["failed"]), len(again.json["unchanged"])) == (0, 2, 2)


def test_names_that_are_no_text_are_told_in_one_line_each(home):
    bad = os.fsencode(home / "files") + b"/caf\xe9.txt"
    try:
        with open(bad, "wb") as file:  # noqa: PTH123 - Path has no names in bytes
            file.write(b"An old name.")
    except OSError:
        pytest.skip("the disk takes names of UTF-8 alone")
    command = [sys.executable, "-m", "vivavoce.app.cli", "index", "add", os.fsdecode(bad)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **environment(home)}, cwd=home, check=False)
    assert done.returncode == 6
    assert b"Traceback" not in done.stderr
    assert b"1 refused" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["add", "absent.txt"], 6, ["none of these could be indexed"]),
        (["sync", "absent"], 6, ["none of these could be indexed"]),
        (["watch", "absent"], 6, ["absent cannot be watched: no such file or folder"]),
        (["show", "absent.txt"], 6, ["absent.txt is not in the index; see `vivavoce index list`"]),
        (["remove", "absent.txt"], 6, ["absent.txt is not in the index; see `vivavoce index list`"]),
        (["search", "tea", "--where", "kind"], 2, ["write KEY=VALUE, such as kind=pdf"]),
        (["search", "tea", "--where", "=x"], 2, ["write KEY=VALUE"]),
        (["search", "tea", "-k", "1001"], 2, ["ask for 1 to 1000 passages"]),
        (["search", "tea", "-c", "../x"], 2, ["is no name of a collection"]),
        (["list", "-c", "No Name"], 2, ["is no name of a collection"]),
        (["export", "tea.md/out.jsonl"], 7, ["cannot write"]),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(filled, arguments, code, words):
    (filled / "tea.md").touch()
    done = index(*arguments, home=filled)
    assert done.returncode == code, done.stderr
    assert_one_line(done.stderr.strip().splitlines()[-1], *words)
    assert "Traceback" not in done.stderr
    told = index(*arguments, *(() if arguments[0] == "watch" else ("--json",)), home=filled)
    assert told.returncode == code
    if arguments[0] not in ("watch", "add", "sync"):
        assert set(json.loads(told.stdout)) == {"error", "kind"}


@pytest.mark.parametrize(
    "arguments", [["search", "tea", "--mode", "magic"], ["search", "tea", "-k", "0"], ["search"], ["add"]]
)
def test_wrong_usage_is_told_by_the_command(home, arguments):
    done = index(*arguments, home=home)
    assert (done.returncode, "Usage" in done.stderr) == (2, True)


def test_a_collection_that_is_not_there_is_empty_and_none_is_made_by_looking(home):
    for arguments in (["list"], ["search", "tea"], ["verify"], ["compact"], ["repair"], ["reembed"], ["collections"]):
        assert index(*arguments, home=home).returncode == 0
    assert not list((home / "home" / "index").glob("*/manifest.json"))


def test_a_damaged_collection_is_verified_and_repaired(filled):
    folder = filled / "home" / "index" / "documents" / "generations" / "000001"
    (folder / "passage.rows").write_bytes(b"rubbish")
    for arguments in (["search", "tea"], ["list"], ["add", "files"], ["compact"]):
        done = index(*arguments, home=filled)
        assert done.returncode == 7
        assert_one_line(done.stderr.strip().splitlines()[-1], "passage.rows is cut short; run `vivavoce index repair`")
    done = index("verify", home=filled)
    assert (done.returncode, "run `vivavoce index repair`" in done.stderr) == (7, True)
    done = index("verify", "--json", home=filled)
    assert done.returncode == 7
    repaired = index("repair", "--json", home=filled).json
    assert repaired == {"kept": 2, "made_again": 4, "lost": []}
    assert index("verify", "--json", home=filled).json["whole"]
    (folder.parent / "000002" / "catalogue.sqlite").write_bytes(b"rubbish")
    (folder.parent / "000002" / "journal.jsonl").write_bytes(b"rubbish")
    lost = index("repair", home=filled)
    assert lost.text.startswith("0 documents are there") and "add the documents again" in lost.text


def test_what_a_later_version_wrote_is_left_alone(filled):
    path = filled / "home" / "index" / "documents" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    before = path.read_bytes()
    for arguments in (["list"], ["repair"], ["add", "files"], ["verify"]):
        done = index(*arguments, home=filled)
        assert done.returncode == 7
        assert "use the program that wrote it" in " ".join((done.stdout + done.stderr).split())
    assert path.read_bytes() == before


def test_another_embedder_asks_to_embed_again(filled):
    with patch.object(HashedWords, "id", "words-2"):
        for arguments in (["search", "tea"], ["add", "files"]):
            done = index(*arguments, home=filled)
            assert done.returncode == 7
            assert_one_line(done.stderr.strip().splitlines()[-1], "made by words-1", "run `vivavoce index reembed`")
        assert len(index("list", "--json", home=filled).json) == 2
        assert "4 passages embedded again" in index("reembed", home=filled).text
        assert index("search", "bark", "-k", "1", "--json", home=filled).json[0]["title"] == "dogs"


def test_an_index_of_an_earlier_version_says_what_to_do_and_is_left_alone(home):
    """The first version kept one list of files, and no collections."""
    folder = home / "home" / "index"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"version": 1, "embedder": "x", "documents": []}')
    for arguments in (["repair"], ["add", "files/dogs.txt"], ["search", "tea"], ["list"]):
        done = index(*arguments, home=home)
        assert done.returncode == 7
        words = "is of an earlier version; move it away and add the documents again"
        assert_one_line(done.stderr.strip().splitlines()[-1], words)
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


def documents_of(home):
    listed = index("list", "--json", home=home)
    return {Path(document["source"]).name for document in listed.json}


def test_a_watch_keeps_in_step_until_it_is_interrupted(home):
    """A real process with the real embedder; this one only lists."""
    command = [sys.executable, "-m", "vivavoce.app.cli", "index", "watch", "files"]
    env = {**os.environ, **environment(home)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs tests in the background ignores it
    with subprocess.Popen(command, **pipes, env=env, cwd=home, preexec_fn=heard) as watching:
        try:
            until(watching, lambda: documents_of(home) == {"tea.md", "dogs.txt"})
            (home / "files" / "cats.txt").write_text("Cats sleep all day.")
            until(watching, lambda: "cats.txt" in documents_of(home))
            (home / "files" / "dogs.txt").unlink()
            until(watching, lambda: documents_of(home) == {"tea.md", "cats.txt"})
            watching.send_signal(signal.SIGINT)
            out, err = watching.communicate(timeout=PATIENCE_S)
        finally:
            watching.kill()
    assert watching.returncode == 0, err
    assert "2 added" in out and "1 forgotten" in out
    assert "Traceback" not in err and "ended" in err


def until(process, holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
