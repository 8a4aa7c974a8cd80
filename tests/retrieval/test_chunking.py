import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vivavoce.core.passage import Passage
from vivavoce.retrieval.chunking import approximate_tokens, passages
from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Section
from vivavoce.retrieval.documents.loading import read

pytestmark = pytest.mark.unit
WORD = st.text("abcdé上下", min_size=1, max_size=8).map(lambda word: word.strip())
SENTENCE = st.lists(WORD, min_size=1, max_size=12).flatmap(
    lambda words: st.sampled_from([". ", "。", "! ", "\n"]).map(lambda end: " ".join(words) + end)
)
TEXT = st.lists(
    st.one_of(SENTENCE, st.sampled_from(["\n\n", "\n- ", "\n \n", "\n    indented ", "=" * 40, "\n1. "])), max_size=25
).map("".join)
KIND = st.sampled_from(["text", "code", "table"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, Sequence[str]]:
    """A document made as readers make it, and the lines of its file."""
    builder, lines = DocumentBuilder(), list[str]()
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            builder.heading(draw(st.integers(1, 3)), draw(WORD), line=len(lines) + 1)
            lines += [draw(WORD), ""]
        text = draw(TEXT)
        builder.add(text.lstrip("\n"), draw(KIND), line=len(lines) + 1)
        lines += [*text.strip("\n").split("\n"), ""]
    return builder.build("t", {}), lines


def words(text: str) -> str:
    return "".join(text.split())


def covered(document: Document, cut: Sequence[Passage]) -> str:
    """The document's text with what no passage spans left out."""
    behind, parts = 0, list[str]()
    for passage in cut:
        start, end = passage.span
        parts.append(document.text[max(start, behind) : end])
        behind = max(behind, end)
    return "".join(parts)


@given(documents(), st.integers(1, 40))
def test_every_word_is_in_some_passage_in_order(made, most):
    document, _ = made
    cut = passages(document, "s", most=most)
    assert words(covered(document, cut)) == words(document.text)
    assert [passage.ordinal for passage in cut] == list(range(len(cut)))
    assert all(a.span[0] <= b.span[0] and a.span[1] <= b.span[1] for a, b in pairwise(cut))


@given(documents(), st.integers(1, 40), st.sampled_from([approximate_tokens, len, lambda text: len(text.split())]))
@example((Document("t", (Section("x" * 5000),)), []), 3, len)
def test_no_passage_is_longer_than_allowed(made, most, count):
    for passage in passages(made[0], "s", count, most):
        assert passage.text
        # a line break or a space between two pieces counts for `len`, which is no token counter
        assert (count(passage.text) if count is not len else len(words(passage.text))) <= most


@given(documents(), st.integers(1, 40))
def test_a_span_is_where_the_text_stands(made, most):
    document, _ = made
    for passage in passages(document, "s", most=most):
        there = words(document.text[slice(*passage.span)])
        assert words(passage.text) == there or words(passage.text).endswith(there)  # behind a table's first row
        if not any(section.kind == "table" for section in document.sections):
            assert words(passage.text) == there


@given(documents(), st.integers(1, 40))
def test_no_passage_crosses_a_heading(made, most):
    document, _ = made
    for passage in passages(document, "s", most=most):
        start, end = passage.span
        inside = [s for s in document.sections if s.start < end and s.start + len(s.text) > start]
        assert {" > ".join(section.headings) for section in inside} == {passage.heading}


@given(TEXT.filter(str.strip), st.integers(1, 30), KIND)
def test_lines_are_those_of_the_file(text, most, kind):
    lines = text.split("\n")
    for passage in passages(Document("t", (Section(text, kind, start_line=1),)), "s", most=most):
        first, last = map(int, re.fullmatch(r"lines (\d+)-(\d+)", passage.location).groups())
        there = text[slice(*passage.span)]
        assert words(there) in words("\n".join(lines[first - 1 : last]))
        assert words(lines[first - 1]) and there.split("\n")[0] in lines[first - 1]
        assert there.split("\n")[-1] in lines[last - 1]


def test_markdown_lines_are_those_of_the_file():
    text = "---\ntitle: x\n---\n# A\n\nOne two.\n\n> quoted\n> words\n\n1. first\n2. second\n   goes on\n\n"
    text += "## B\n\n```\ncode\n```\n"
    lines = text.split("\n")
    for passage in passages(read(text.encode(), "a.md"), "s", most=3):
        first, last = map(int, re.findall(r"\d+", passage.location))
        assert words(passage.text) in words("\n".join(lines[first - 1 : last]).replace("> ", ""))


def test_paragraphs_stay_whole_and_headings_are_carried():
    text = "# Cats\n\nCats sleep sixteen hours.\n\nThey dream.\n\n## Food\n\nCats eat fish.\n"
    cut = passages(read(text.encode(), "cats.md"), "cats.md", most=8)
    assert [(p.heading, p.text, p.location) for p in cut] == [
        ("Cats", "Cats sleep sixteen hours.\nThey dream.", "lines 3-5"),
        ("Cats > Food", "Cats eat fish.", "lines 9-9"),
    ]


def test_long_paragraphs_are_cut_at_sentences_and_share_one():
    text = " ".join(f"Sentence number {n} has exactly seven words." for n in range(20))
    cut = passages(Document("t", (Section(text, start_line=1),)), "s", most=40)
    assert len(cut) > 4
    for one, other in pairwise(cut):
        shared = one.text[one.text.rindex("Sentence") :]
        assert other.text.startswith(f"{shared} Sentence")
    assert all(passage.text.endswith("words.") for passage in cut)


def test_chinese_is_cut_at_its_sentences_and_joined_without_spaces():
    text = "猫每天睡十六个小时。" * 3 + "它们喜欢\n吃鱼！" + "狗在夜里大声叫。" * 4
    cut = passages(Document("t", (Section(text),)), "s", most=40)
    assert all(passage.text[-1] in "。！" for passage in cut)
    assert "它们喜欢吃鱼！" in cut[0].text


def test_a_sentence_does_not_end_behind_an_abbreviation():
    cut = passages(Document("t", (Section("We keep pets, e.g. cats and dogs. " * 3),)), "s", most=18)
    assert all(passage.text.endswith("dogs.") for passage in cut)


def test_a_table_repeats_its_first_row():
    rows = [f"thing {n} | {n} euro" for n in range(30)]
    text = "name | price\n" + "\n".join(rows)
    cut = passages(Document("t", (Section(text, "table", start_line=5),)), "s", most=40)
    assert len(cut) > 3
    assert all(passage.text.startswith("name | price\n") for passage in cut)
    assert [row for passage in cut for row in passage.text.split("\n")[1:]] == rows
    assert cut[0].location.startswith("lines 5-")


def test_code_is_cut_at_definitions_and_keeps_its_indents():
    body = "".join(f"    x{n} = compute(x{n})\n" for n in range(6))
    functions = [f"def f{n}(x):\n{body}\n    return x\n" for n in range(4)]
    cut = passages(read("\n\n".join(functions).encode(), "f.py"), "f.py", most=60)
    assert [passage.text for passage in cut] == [function.rstrip() for function in functions]
    (inner,) = [p for p in passages(read(functions[0].encode(), "f.py"), "f.py", most=20) if "return" in p.text]
    assert inner.text.startswith("    ")


def test_rows_are_joined_and_never_overlap():
    text = "q,a\n" + "".join(f"question {n},answer {n}\n" for n in range(50))
    cut = passages(read(text.encode(), "faq.csv"), "faq.csv", most=40)
    assert 5 < len(cut) < 20
    assert [line for p in cut for line in p.text.split("\n")] == [f"q: question {n}; a: answer {n}" for n in range(50)]
    assert cut[0].location == f"lines 2-{1 + cut[0].text.count('q:')}"


def test_pages_stay_apart_unless_a_sentence_goes_on():
    sections = (
        Section("First page ends here.", page=1, start=0),
        Section("The second page breaks in the", page=2, start=23),
        Section("middle of a sentence.", page=3, start=54),
    )
    cut = passages(Document("Book", sections), "b.pdf")
    assert [(p.text, p.location, p.label) for p in cut] == [
        ("First page ends here.", "page 1", "Book, page 1"),
        ("The second page breaks in the\nmiddle of a sentence.", "pages 2-3", "Book, pages 2-3"),
    ]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("two words", 2),
        ("你好 world", 3),
        ("end.", 2),
        ("x" * 30, 3),
        ("-" * 9, 3),
        ("snake_case", 1),
        ("한국 です", 4),
    ],
)
def test_approximate_tokens(text, tokens):
    assert approximate_tokens(text) == tokens


@pytest.mark.parametrize("unit", [".", ". ", "\n", " ", "。", "\n- ", "x", "(", '"', "\n\n\t", "。」"])
def test_a_long_run_of_one_thing_is_cut_without_trying_all_ways(unit):
    text = "a" + unit * (200_000 // len(unit)) + "a"
    for kind in ("text", "code", "table"):
        cut = passages(Document("t", (Section(text, kind),)), "s")
        assert cut[0].span[0] == 0
        assert cut[-1].span[1] == len(text)
