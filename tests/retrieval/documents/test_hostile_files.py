"""Files made to hang, swell, crash or deceive: each is refused with one line, and the next file is read as ever."""

import gzip
import json
import os
import random
import struct
import threading
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.document_files import docx_of, pdf_of

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.chunking import passages
from vivavoce.retrieval.documents.document import Document
from vivavoce.retrieval.documents.isolation import ParserProcess
from vivavoce.retrieval.documents.loading import Limits, load, read

pytestmark = pytest.mark.process
SMALL = Limits(bytes=1_000_000, pages=20, seconds=300.0, rows=100)
QUICK = Limits(seconds=2.0)


def refused(data: bytes, name: str, limits: Limits = SMALL) -> str:
    with pytest.raises(DocumentError) as caught:
        read(data, name, limits)
    return one_line(caught.value)


def one_line(error: DocumentError) -> str:
    message = str(error)
    assert message.isprintable()
    assert len(message) < 300
    return message


def still_reads() -> bool:
    return read(b"# Fine\n\nAll is well.", "fine.md").text == "All is well."


def test_a_file_of_two_gigabytes_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(DocumentError, match=r"large\.txt: is larger than 50 MB; split it"):
        load(path)


def test_what_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "grows.txt"
    path.write_text("x" * 100)
    small = os.stat_result((0o100644, 0, 0, 1, 0, 0, 10, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: small)
    monkeypatch.setattr(Path, "stat", lambda *_, **__: small)
    with pytest.raises(DocumentError, match="larger than 50 bytes"):
        load(path, Limits(bytes=50))


def test_what_vanishes_before_it_is_opened_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "gone.md"
    path.write_text("x")
    really = os.open
    monkeypatch.setattr(os, "open", lambda *arguments: (path.unlink(), really(*arguments))[1])
    with pytest.raises(DocumentError, match="no such file"):
        load(path)


def test_what_shrinks_while_it_is_read_is_read_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "shrinks.txt"
    path.write_text("one two three")
    really = os.open
    monkeypatch.setattr(os, "open", lambda *arguments: (os.truncate(path, 3), really(*arguments))[1])
    assert load(path).text == "one"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_pipes_devices_and_folders_are_refused_unopened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    for name in ("pipe.md", "folder.md", "zero.txt"):
        with pytest.raises(DocumentError, match="is not a regular file"):
            load(tmp_path / name)


def test_a_file_becoming_a_pipe_between_look_and_open_does_not_hang(tmp_path, monkeypatch):
    path = tmp_path / "swapped.md"
    path.write_text("x")
    really = os.open

    def swap(*arguments: object) -> int:
        path.unlink()
        os.mkfifo(path)
        return really(*arguments)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(DocumentError, match="is not a regular file"):
        load(path)


def test_links_to_files_are_followed_and_circles_are_not(tmp_path):
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "link.md").symlink_to("a.md")
    (tmp_path / "circle.md").symlink_to("circle.md")
    assert load(tmp_path / "link.md").text == "text"
    with pytest.raises(DocumentError) as caught:
        load(tmp_path / "circle.md")
    assert "circle.md" in one_line(caught.value)


def test_a_name_with_line_breaks_and_broken_characters_stays_on_one_line():
    message = refused(b"\x00" * 100, "bad\nname\x1b[31m\udcff.md")
    assert message == "bad?name?[31m?.md: is a binary file, not text; give it the ending of its format"


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 10_000,
        bytes(range(256)) * 40,
        b"\x7fELF\x02\x01\x01" + b"\x00" * 60,
        b"\x89PNG\r\n\x1a\n" + os.urandom(4000),
    ],
)
@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html", "a.csv", "a.py", "a.jsonl", "unknown"])
def test_binary_content_under_a_name_of_text_is_refused(data, name):
    assert "binary" in refused(data, name)


def test_nothing_but_space_is_no_document():
    for name in ("a.txt", "a.md", "a.html", "a.csv", "a.py", "a.1"):
        assert "holds no text" in refused(b" \n\t\n", name)
    assert "recognition (OCR)" in refused(pdf_of([""]), "scan.pdf")


def test_compressed_files_inflate_to_the_limit_and_no_further():
    assert "larger than 1 MB" in refused(gzip.compress(b"\x20" * 200_000_000), "bomb.txt.gz")
    assert "damaged gz" in refused(gzip.compress(b"text " * 1000)[:-20], "cut.txt.gz")
    assert "damaged gz" in refused(b"\x1f\x8b nonsense", "odd.txt.gz")
    assert "binary" in refused(gzip.compress(gzip.compress(b"text")), "twice.txt.gz")


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_member(docx: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(docx)) as archive:
        return zip_of({**{member: archive.read(member) for member in archive.namelist()}, name: content})


def docx_body(xml: str) -> bytes:
    head = (
        '<?xml version="1.0"?>{}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    )
    doctype, _, body = xml.rpartition("|")
    return with_member(
        docx_of([("Normal", "x")]), "word/document.xml", f"{head.format(doctype)}{body}</w:body></w:document>".encode()
    )


def test_word_bombs_are_refused_before_they_inflate():
    assert "inflate" in refused(with_member(docx_of([]), "word/media/a.png", b"\x00" * 30_000_000), "ratio.docx")
    noise = random.Random(1).randbytes(900_000)
    many = zip_of({f"word/{n}": (noise[:200] * 4900)[:980_000] for n in range(9)})
    assert len(many) < 1_000_000
    assert "inflate" in refused(many, "sum.docx")
    assert "parts inside" in refused(zip_of({f"word/{n}.xml": b"" for n in range(5001)}), "members.docx")


def test_a_word_file_that_lies_about_its_size_is_refused():
    data = with_member(docx_of([("Normal", "x")]), "word/document.xml", b"<a>" + b" " * 900_000 + b"</a>")
    size = struct.pack("<I", 900_007)
    assert data.count(size) == 2
    assert "not a readable Word document" in refused(data.replace(size, struct.pack("<I", 300)), "lies.docx")


def test_entities_are_not_expanded_and_nothing_is_read_from_outside(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret word is walrus")
    lol = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    bodies = [
        f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]>|<w:p><w:r><w:t>text &s;</w:t></w:r></w:p>',
        f"<!DOCTYPE x [{lol}]>|<w:p><w:r><w:t>text &j;</w:t></w:r></w:p>",
    ]
    for body in bodies:
        try:
            text = read(docx_body(body), "entity.docx", SMALL).text
        except DocumentError as error:
            text = one_line(error)
        assert "walrus" not in text
        assert "haha" not in text


@pytest.mark.parametrize("depth", [1_000, 200_000])
def test_deeply_nested_documents_are_read_or_refused(depth):
    hostile = {
        "a.html": b"<html><body>" + b"<div>" * depth + b"deep words here",
        "b.html": b"<html><body>" + b"<ul><li>" * depth + b"deep words here",
        "c.html": b"<html><body>" + b"<table><tr><td>" * depth + b"deep words here",
        "l.html": b"<html><body><h1>x</h1>" + b"<i>" * depth + b"deep words here",
        "m.html": b"<html><body><h1>x</h1>" + b"<div class=menu><dl><dd>" * depth + b"deep words here",
        "n.html": b"<html><body>" + b"<h1>x<dl><dt>" * depth + b"deep words here",
        "d.md": b"> " * depth + b"deep words here",
        "e.md": b"".join(b" " * n + b"- x\n" for n in range(min(depth, 1000))),
        "f.md": b"[" * depth + b"deep words here",
        "g.md": b"*a **b " * depth,
        "h.md": b"[a](" * depth,
        "i.md": b"`" * depth + b" x " + b"`" * (depth - 1),
        "j.jsonl": b"[" * depth + b"]" * depth,
        "k.docx": docx_body("<w:tbl><w:tr><w:tc>" * min(depth, 20_000)),
    }
    for name, data in hostile.items():
        try:
            assert isinstance(read(data, name, Limits(seconds=1.5)), Document)
        except DocumentError as error:
            one_line(error)
    assert still_reads()


def test_deep_words_of_a_page_are_kept():
    pages = [b"<div>" * 240, b"<blockquote><i>" * 120, b"<ul><li><b>" * 80, b"<details><summary>t</summary>" * 240]
    for opened in pages:
        assert "deep words here" in read(b"<html><body><h1>x</h1>" + opened + b"deep words here", "deep.html").text


def test_a_heading_that_is_never_closed_is_no_heading():
    page = b"<html><body><h1>One</h1><p>words</p><h2>Two" + b"<ul><li>more words</ul>" * 500
    sections = read(page, "open.html").sections
    assert {section.headings for section in sections} == {("One",)}
    assert sum(section.text.count("more words") for section in sections) == 500


@pytest.mark.parametrize("name", ["menu", "nav", "sidebar toc", "footer-note", "site-header"])
def test_names_alone_do_not_hide_the_text_of_a_page(name):
    text = "Water the roses in the morning before the sun is high. " * 20
    page = f"<html><body class='{name}'><div class='{name}'><h1>Roses</h1><p>{text}</p></div></body></html>"
    assert text.strip() in read(page.encode(), "named.html").text


def test_a_page_that_takes_too_long_is_given_up():
    slow = b"<html><body>" + b"<p><b>x</p>" * 2_000_000
    message = refused(slow, "slow.html", Limits(seconds=0.5))
    assert "took longer than 0.5 s" in message
    assert still_reads()


def raw_pdf(objects: dict[int, str], root: int = 1) -> bytes:
    """Objects as they are written, with a right table of where they stand."""
    out, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(
        f"{places[n]:010} 00000 n \n" if n in places else "0000000000 65535 f \n" for n in range(max(objects) + 1)
    )
    start = len(out)
    end = f"trailer <</Size {max(objects) + 1} /Root {root} 0 R>>\nstartxref\n{start}\n%%EOF"
    return out + f"xref\n0 {max(objects) + 1}\n{table}{end}".encode()


def test_pdfs_with_too_many_pages_loops_and_bombs():
    page = "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>"
    many = {1: "<</Type /Catalog /Pages 2 0 R>>", 2: f"<</Type /Pages /Count 60 /Kids [{'3 0 R ' * 60}]>>", 3: page}
    assert "more than 20 pages" in refused(raw_pdf(many), "many.pdf")
    lying = {**many, 2: "<</Type /Pages /Count 1000000000 /Kids [3 0 R]>>"}
    loop = {1: "<</Type /Catalog /Pages 2 0 R>>", 2: "<</Type /Pages /Count 1 /Kids [2 0 R] /Parent 2 0 R>>"}
    wide = {1: many[1], **{n: f"<</Type /Pages /Count 1 /Kids [{f'{n + 1} 0 R ' * 50}]>>" for n in range(2, 12)}, 12: page}
    outline = {
        1: "<</Type /Catalog /Pages 2 0 R /Outlines 4 0 R>>",
        2: "<</Type /Pages /Count 1 /Kids [3 0 R]>>",
        3: page,
        4: "<</First 5 0 R /Last 5 0 R>>",
        5: "<</Title (x) /Parent 4 0 R /Next 5 0 R /First 5 0 R /Dest [3 0 R /Fit]>>",
    }
    for objects in (lying, loop, wide):
        assert refused(raw_pdf(objects), "odd.pdf", QUICK)
    assert [section.text for section in read(raw_pdf(outline), "odd.pdf", SMALL).sections] == ["x"]
    assert still_reads()


def test_a_stream_that_inflates_to_gigabytes_is_refused():
    bomb = zlib.compress(zlib.compress(b"\x20" * 400_000_000, 9), 9)
    body = f"<</Length {len(bomb)} /Filter [/FlateDecode /FlateDecode]>>\nstream\n{bomb.decode('latin-1')}\nendstream"
    objects = {
        1: "<</Type /Catalog /Pages 2 0 R>>",
        2: "<</Type /Pages /Count 1 /Kids [3 0 R]>>",
        3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R>>",
        4: body,
    }
    assert refused(raw_pdf(objects), "bomb.pdf", Limits(seconds=5.0))
    assert still_reads()


def test_locked_and_damaged_pdfs():
    assert "password" in refused(pdf_of(["secret words"], password="x"), "locked.pdf")
    assert "not a readable PDF" in refused(b"%PDF-1.4 nonsense", "broken.pdf")
    assert refused(pdf_of(["words"] * 9)[:700], "cut.pdf")


def test_memory_is_limited():
    pytest.importorskip("resource")
    parsers = ParserProcess(memory_bytes=400_000_000)
    try:
        with pytest.raises(DocumentError, match="memory"):
            parsers.read("html", b"<html><body><p>" + b"<i>x</i>" * 1_000_000, "a.html", Limits(seconds=300.0))
        assert parsers.read("markdown", b"one", "a.md", SMALL).text == "one"
    finally:
        parsers.close()


def test_csv_tricks():
    assert "quote that is never closed" in refused(b'a,b\n"' + b"x" * 500_000, "open.csv")
    assert "more than 100 rows" in refused(b"a\n" + b"1\n" * 101, "rows.csv")
    assert "not JSON" in refused(b"1" * 100_000, "number.jsonl")


def test_a_process_that_died_is_started_anew():
    parsers = ParserProcess()
    try:
        assert parsers.read("markdown", b"one", "a.md", SMALL).text == "one"
        process = parsers._process
        process.kill()
        process.wait()
        assert parsers.read("markdown", b"two", "a.md", SMALL).text == "two"
        assert parsers._process is not process
    finally:
        parsers.close()


def test_the_process_ends_with_its_owner():
    parsers = ParserProcess()
    parsers.read("markdown", b"one", "a.md", SMALL)
    process = parsers._process
    process.stdin.close()
    assert process.wait(timeout=300) == 0
    process.stdout.close()


def test_threads_share_the_process_and_get_their_own_answers():
    texts = {f"text{n}": "" for n in range(24)}

    def work(text: str) -> None:
        texts[text] = read(text.encode(), "a.md").text

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(text == heard for text, heard in texts.items())


SEEDS = {
    "a.pdf": pdf_of(["Some words", "more words"], [("Part", 1)]),
    "a.docx": docx_of([("Heading 1", "Part"), ("Normal", "words"), [["a", "b"], ["c", "d"]]]),
    "a.html": b"<html><title>t</title><body><h1>a</h1><p>words</p><table><tr><td>x</td></tr></table></body></html>",
    "a.md": b"# a\n\nwords\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n",
    "a.csv": b'a,b\n"x\ny",2\n',
    "a.jsonl": json.dumps({"a": [1, {"b": None}]}).encode(),
    "a.1": b".TH A 1\n.SH NAME\na \\- \\fBb\\fR \\(em \\[u41] \\*(lq\n.IP \\(bu 2\nx\n.Op Fl a Ar b\n.nf\nc\n",
    "a.rst": b"T\n=\n\nwords\n\nP\n-\n\nmore\n",
    "a.txt.gz": gzip.compress(b"words"),
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_any_damage_is_read_or_refused(name, data):
    damaged = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(1, len(damaged)))]
    try:
        document = read(bytes(damaged), name, SMALL)
    except DocumentError as error:
        one_line(error)
        return
    assert all(document.text[s.start :].startswith(s.text) for s in document.sections)
    document.text.encode()
    assert passages(document, name)
    assert all(value.isprintable() for value in [document.title, *document.metadata.values()])
