import gzip
import os
import re
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.document_files import docx_of, pdf_of

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.formats.html import read_html
from vivavoce.retrieval.documents.loading import Limits, find_files, load, read

pytestmark = pytest.mark.process
MARKDOWN = """\
---
title: "Garden"
author: Ann Lee
date: 2024-05-01
---
# The garden

Roses need *much* [water](http://x.example)
and `sun`.

## Empty
## Tools

- a spade
- a rake

```sh
dig --deep
```

| Tool | Price |
|------|-------|
| rake | 12 €  |

<div>Loose <b>words</b></div>
"""


def test_markdown_keeps_structure_and_lines():
    document = read(MARKDOWN.encode(), "garden.md")
    assert (document.title, document.metadata) == (
        "Garden",
        {"kind": "md", "author": "Ann Lee", "date": "2024-05-01"},
    )
    assert [(s.kind, s.headings, s.start_line, s.text) for s in document.sections] == [
        ("text", ("The garden",), 8, "Roses need much water\nand sun."),
        ("text", ("The garden",), 11, "Empty"),
        ("text", ("The garden", "Tools"), 14, "- a spade\n- a rake"),
        ("code", ("The garden", "Tools"), 18, "dig --deep"),
        ("table", ("The garden", "Tools"), 21, "Tool | Price\n\nrake | 12 €"),
        ("text", ("The garden", "Tools"), 25, "Loose words"),
    ]


def test_offsets_count_in_the_documents_text():
    document = read(MARKDOWN.encode(), "garden.md")
    assert all(document.text[s.start :].startswith(s.text) for s in document.sections)


def test_html_main_text_headings_lists_tables_and_code():
    page = """<?xml version="1.0" encoding="utf-8"?><html lang="en"><head><title>Birds &amp; co</title>
    <meta name="author" content="Ann Lee"></head><body><nav><a href="/">Home</a></nav><article><h1>Birds</h1>
    <p>Birds sing early in the <b>morning</b>, all of them, and people listen.</p><h2>Food</h2>
    <p>They eat seeds and write &lt;p&gt; tags about it all day long.</p><ul><li>apples<ul><li>red</li></ul></li></ul>
    <pre><code>feed --now
  twice</code></pre><table><tr><th>Name</th><th>Size</th></tr><tr><td>Wren</td><td>10 cm</td></tr></table></article>
    <footer>Imprint</footer></body></html>"""
    document = read(page.encode(), "https://birds.example/page?id=7")
    assert (document.metadata["kind"], document.metadata["author"], document.metadata["language"]) == (
        "html",
        "Ann Lee",
        "en",
    )
    found = {(s.kind, s.headings, s.text) for s in document.sections}
    assert ("text", ("Birds",), "Birds sing early in the morning, all of them, and people listen.") in found
    assert ("code", ("Birds", "Food"), "feed --now\n  twice") in found
    assert ("table", ("Birds", "Food"), "Name | Size\nWren | 10 cm") in found
    assert "They eat seeds and write <p> tags about it all day long.\n\n- apples\n\n- red" in document.text
    assert "Home" not in document.text


MANUAL_PAGE = """<html><head><title>Pumps - The garden site</title></head><body>
<div id="site-nav" class="docnav"><a href="a.html">Prev</a> The garden book <a href="c.html">Next</a></div>
<div class="header"><h1>Pumps<a class="headerlink" href="#pumps">¶</a></h1></div>
<ul><li><a href="#q1">How do I start it?</a></li><li><a href="#q2">Which oil?</a></li><li><a href="#q3">More</a></li></ul>
<p><code>pump</code> moves wa<b>ter</b> <i>up</i>hill.</p><div style="display: none">secret</div>
<h2>Use</h2><p><b>(1) How do I start it?</b></p><blockquote>Pull the <span>cord</span>.<br><br>Then wait.</blockquote>
<p><strong>(2) Which oil?</strong></p><p>Any thin oil, see <a href="x.html">the list</a>.</p>
<h2>Parts</h2><dl><dt>valve</dt><dt>tap</dt><dd><p>Lets water through.</p><p>Never force it.</p></dd><dt>hose</dt></dl>
<div class="sidebar"><p class="title"><strong>TIP Winter</strong></p>
<div>Empty the hose before the first frost comes.</div></div>
<ol start="3"><li><p>Close the tap.</p><p>Wait.</p></li><li>Open it.<ul><li>slowly</li></ul></li></ol>
<table><tr><td><h3>Price</h3>It costs little.</td></tr></table>
<table><caption>Sizes</caption><tr><th>Pump</th><th>Flow</th></tr>
<tr><td>small<br>one</td><td><ul><li>9 l</li></ul></td></tr></table>
<div class="footer">All rights reserved.</div></body></html>"""


def test_html_documentation_stands_under_its_headings():
    document = read(MANUAL_PAGE.encode(), "pumps.html")
    use, parts = ("Pumps", "Use"), ("Pumps", "Parts")
    assert document.title == "Pumps"
    assert [(section.kind, section.headings, section.text) for section in document.sections] == [
        ("text", ("Pumps",), "pump moves water uphill."),
        ("text", (*use, "(1) How do I start it?"), "Pull the cord.\n\nThen wait."),
        ("text", (*use, "(2) Which oil?"), "Any thin oil, see the list."),
        ("text", parts, "valve\ntap\nLets water through.\n\nNever force it.\n\nhose"),
        ("text", (*parts, "TIP Winter"), "Empty the hose before the first frost comes."),
        ("text", parts, "3. Close the tap.\n\nWait.\n\n4. Open it.\n\n- slowly"),
        ("text", (*parts, "Price"), "It costs little."),
        ("text", parts, "Sizes"),
        ("table", parts, "Pump | Flow\nsmall one | 9 l"),
    ]


BLOCK = st.sampled_from(
    [
        "<p>{}</p>",
        "<p><code>{}</code> {}</p>",
        "<div>{}<p>{}</p>{}</div>",
        "<ul><li>{}<li><p>{}</p>{}</ul>",
        "<pre>{}</pre>",
        "<dl><dt>{}<dd>{}<ul><li>{}</ul></dl>",
        "<h1>{}</h1>",
        "<h2>{}</h2>",
        "<h3><a name=x>{}</a></h3>",
        "<p><b>{}</b></p>",
        "<table><tr><td>{}<td>{}<tr><td><p>{}</table>",
        "<div class='note'><p><b>{}</b></p>{}</div>",
        "<aside><h4>{}</h4></aside>",
        "<blockquote><h1>{}</h1>{}</blockquote>",
        "<details><summary>{}</summary>{}</details>",
        "{}<br><br>{}",
        "<h2>{}<p>{}</h2>",
        "<div class='sidebar'><div>{}</div><pre>{}</pre>{}</div>",
        "<header><h2>{}</h2></header>",
        "<dl><dd>{}<dt>{}</dl>",
    ]
)


@given(st.lists(BLOCK, min_size=1, max_size=12))
def test_no_word_of_a_structured_page_is_lost_or_told_twice(blocks):
    numbers = count()
    body = "".join(re.sub(r"\{\}", lambda _: f"word{next(numbers)}", block) for block in blocks)
    page = f"<html><body><h1>Start</h1><article><header>first</header>{body}</article></body></html>"
    document = read_html(page.encode(), "page.html", Limits())
    headings = {word for section in document.sections for heading in section.headings for word in heading.split()}
    told = re.findall(r"word\d+", document.text)
    assert sorted(told) == sorted(set(told))
    assert set(told) | headings >= {f"word{number}" for number in range(next(numbers))}


@pytest.mark.parametrize(
    ("title", "heading", "short"),
    [
        ("Birds — Animals 1.2 documentation", "Birds", "Birds"),
        ("Animals | Birds", "Birds", "Birds"),
        ("Birds &amp; bees", "Birds", "Birds & bees"),
        ("Blackbirds - Animals", "Birds", "Blackbirds - Animals"),
        ("", "Birds (all)", "Birds (all)"),
        ("a* | b", "a*", "a*"),
    ],
)
def test_title_of_a_page_is_without_the_name_of_its_site(title, heading, short):
    page = f"<html><head><title>{title}</title></head><body><h1>{heading}</h1><p>They sing.</p></body></html>"
    assert read(page.encode(), "x.html").title == short


def test_a_page_without_headings_is_read_without_what_stands_around_its_text():
    text = "".join(f"<p>Day {day}: the gardener waters the roses before the sun is high, and rests.</p>" for day in range(9))
    page = f"<html><body><div><a href='/a'>Shop</a> <a href='/b'>Basket</a></div><div>{text}</div></body></html>"
    document = read(page.encode(), "x.html")
    assert all(f"Day {day}: the gardener" in document.text for day in range(9))
    assert "Basket" not in document.text


def test_links_that_are_what_a_page_is_there_for_stay():
    lists = "".join(f"<li><a href='{part}.html'>All about the {part}</a></li>" for part in ("valve", "hose", "tap"))
    page = f"<html><body><h1>Parts</h1><p>See:</p><ul>{lists}</ul></body></html>"
    assert "All about the hose" in read(page.encode(), "x.html").text


def test_a_page_that_is_nothing_but_navigation_is_not_lost():
    page = b"<html><body><main><nav><a href='/a'>All about roses</a></nav></main></body></html>"
    assert "All about roses" in read(page, "x.html").text


def test_rst_as_documentation_shows_it():
    document = read(b"Title\n=====\n\nPart\n----\n\nWords.\n", "faq/general.rst.txt")
    assert [(section.headings, section.text) for section in document.sections] == [(("Title", "Part"), "Words.")]


def test_short_html_page_is_not_lost():
    assert "Hello there" in read(b"<html><body><div>Hello there</div></body></html>", "x.html").text


def test_pdf_pages_outline_title_and_running_heads():
    texts = [
        f"The Manual {n}\nChapter {n}\nWords about part{n} that are infor-\nmative\nand end {'x' * n}" for n in range(1, 6)
    ]
    data = pdf_of(texts, [(f"Chapter {n}", n - 1) for n in range(1, 6)], title="Coffee machine")
    document = read(data, "m.pdf")
    assert document.title == "Coffee machine"
    assert document.metadata == {"kind": "pdf", "author": "Ann Lee", "date": "2024-01-31"}
    assert [(s.page, s.headings) for s in document.sections] == [(n, (f"Chapter {n}",)) for n in range(1, 6)]
    assert document.sections[1].text.split() == ["Words", "about", "part2", "that", "are", "informative", "and", "end", "xx"]


def test_docx_headings_lists_and_tables():
    blocks = [
        ("Heading 1", "Kitchen"),
        ("Normal", "The oven is hot."),
        ("Heading 2", "Pans"),
        ("List Bullet", "a wok"),
        [["Pan", "Size"], ["wok", "30 cm"]],
    ]
    document = read(docx_of(blocks, title="House"), "house.docx")
    assert document.title == "House"
    assert [(s.kind, s.headings, s.text) for s in document.sections] == [
        ("text", ("Kitchen",), "The oven is hot."),
        ("text", ("Kitchen", "Pans"), "- a wok"),
        ("table", ("Kitchen", "Pans"), "Pan | Size\nwok | 30 cm"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("a.csv", "name,age\nAnn,31\n", [(2, "name: Ann; age: 31")]),
        ("a.csv", "name;age\nAnn, the first;31\n", [(2, "name: Ann, the first; age: 31")]),
        ("a.tsv", "name\tnote\nAnn\tone, two\n", [(2, "name: Ann; note: one, two")]),
        ("a.csv", '"a b",c\n"x\ny",1\nz,2\n', [(2, "a b: x y; c: 1"), (4, "a b: z; c: 2")]),
        ("a.csv", "1,2\n3,4\n", [(1, "column 1: 1; column 2: 2"), (2, "column 1: 3; column 2: 4")]),
        ("a.csv", "a,b\n1,2,3\n4\n", [(2, "a: 1; b: 2; 3"), (3, "a: 4")]),
        ("a.jsonl", '{"q": "why", "a": {"b": [1]}, "n": null}\n\n"word"\n', [(1, 'q: why; a: {"b": [1]}'), (3, "word")]),
    ],
)
def test_rows(name, text, rows):
    assert [(s.start_line, s.text) for s in read(text.encode(), name).sections] == rows


def test_too_many_rows_and_a_line_that_is_not_json():
    with pytest.raises(DocumentError, match="more than 2 rows"):
        read(b"a\nx\ny\nz\n", "a.csv", Limits(rows=2))
    with pytest.raises(DocumentError, match=r"a\.jsonl: line 2 is not JSON"):
        read(b'{"a": 1}\n{"a"\n', "a.jsonl")


MAN = r""".\" comment
.TH CUT 1
.SH NAME
cut \- remove \fBsections\fR
.SH OPTIONS
.TP
\fB\-b\fR, \fB\-\-bytes\fR=\fI\,LIST\/\fR
select only these bytes
.SS Examples
.nf
cut \-b 1
.fi
"""


def test_man_page_also_compressed(tmp_path):
    path = tmp_path / "cut.1.gz"
    path.write_bytes(gzip.compress(MAN.encode()))
    document = load(path)
    assert (document.title, document.metadata["kind"]) == ("cut(1)", "man")
    assert [(s.kind, s.headings, s.start_line, s.text) for s in document.sections] == [
        ("text", ("NAME",), 4, "cut - remove sections"),
        ("text", ("OPTIONS",), 7, "-b, --bytes=LIST\nselect only these bytes"),
        ("code", ("OPTIONS", "Examples"), 11, "cut -b 1"),
    ]


def test_mdoc_page():
    text = ".Dd May 1, 2024\n.Sh SYNOPSIS\n.Nm ssh\n.Op Fl b Ar address\n.Pp\n.Nm\nuses\n.Xr ssh_config 5 .\n"
    assert read(text.encode(), "ssh.1").sections[0].text == "ssh\n[-b address]\n\nssh\nuses\nssh_config(5)."


def test_a_numbered_file_that_is_no_manual_is_text():
    assert read(b"Dear diary.", "notes.1").metadata["kind"] == "text"


def test_rst_headings():
    text = "=====\nTitle\n=====\n\nIntro.\n\nPart\n----\nBody\nmore\n\nNext\n----\n\nEnd.\n"
    sections = [(s.headings, s.start_line, s.text) for s in read(text.encode(), "a.rst").sections]
    assert sections == [(("Title",), 5, "Intro."), (("Title", "Part"), 9, "Body\nmore"), (("Title", "Next"), 15, "End.")]


def test_source_code_is_its_own_text():
    text = "import os\n\n\ndef f():\n\treturn 1\n"
    document = read(text.encode(), "/x/tool.py")
    assert (document.title, document.text, document.sections[0].kind) == ("tool.py", text.rstrip(), "code")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café à la carte", "cp1252"),
        ("“Curaçao” costs £5", "cp1252"),
        ("你好，世界。这是一个测试文件。", "gb18030"),
        ("これは日本語のテキストです。漢字も含みます。", "cp932"),
        ("Привет, как дела? Это обычный текст.", "cp1251"),
        ("Grüße", "utf-8-sig"),
        ("Grüße aus Köln", "utf-16"),
        ("Grüße aus Köln", "utf-16-le"),
        ("Grüße aus Köln", "utf-16-be"),
        ("Grüße", "utf-32"),
    ],
)
def test_encodings(text, encoding):
    assert read(text.encode(encoding), "a.txt").text == text


def test_declared_encoding_of_a_page_wins_over_guesses():
    page = '<html><head><meta charset="iso-8859-7"></head><body><p>Καλημέρα κόσμε, τι κάνετε;</p></body></html>'
    assert "Καλημέρα κόσμε" in read(page.encode("iso-8859-7"), "a.html").text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200))
def test_utf_8_is_read_as_it_is(text):
    assert decode(b"\xef\xbb\xbf" + text.encode()) == text


def test_line_ends_are_counted_alike():
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_title_is_short_and_one_line():
    document = read(b"# " + b"very long words " * 20 + b"\n\ntext", "a.md")
    assert len(document.title) <= 60
    assert document.title.endswith("very long")


@pytest.mark.parametrize("name", ["https://x.example/a.pdf?page=2#top", "whatever"])
def test_content_tells_a_pdf_where_the_name_does_not(name):
    assert read(pdf_of(["Some words"]), name).sections[0].page == 1


def test_a_page_served_under_the_name_of_a_source_file_is_a_page():
    page = b"<!DOCTYPE html><html><body><p>A page that shows a file to the reader.</p></body></html>"
    assert "<p>" not in read(page, "https://x.example/blob/main/tool.py").text


def test_find_files(tmp_path, monkeypatch):
    for name in [
        "a.md",
        "b.png",
        ".hidden.md",
        "sub/c.txt",
        "sub/d.PY",
        ".git/e.md",
        "node_modules/f.js",
        "__pycache__/g.py",
    ]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "link.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "loop").symlink_to(tmp_path)
    failed: list[tuple[str, str]] = []
    assert [p.relative_to(tmp_path).as_posix() for p in find_files([tmp_path, tmp_path / "a.md"], failed)] == [
        "a.md",
        "sub/c.txt",
        "sub/d.PY",
    ]
    assert failed == []
    monkeypatch.chdir(tmp_path)
    assert find_files(["**/*.txt", "link.md"], failed) == [Path("sub/c.txt"), Path("link.md")]
    assert failed == []
    assert find_files(["b.png", "absent.md", "*.docx"], failed) == []
    assert [path for path, _ in failed] == ["b.png", "absent.md", "*.docx"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(0o000)
    failed: list[tuple[str, str]] = []
    assert find_files([tmp_path], failed) == []
    assert failed[0][0] == str(closed)


def test_importing_the_loaders_loads_no_parser():
    heavy = "{'trafilatura', 'pypdf', 'docx', 'lxml', 'markdown_it', 'charset_normalizer', 'numpy'}"
    code = f"import sys, vivavoce.retrieval.documents.loading; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
