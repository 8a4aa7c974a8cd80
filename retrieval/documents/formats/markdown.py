"""Markdown (CommonMark with tables): plain words, at the lines where they stand in the file."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.formats.text import title_of

FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
FACT = re.compile(r"^(title|author|date|lang(?:uage)?)[ \t]*:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
HTML_TAG = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^<>]*>", re.DOTALL)


def read_markdown(data: bytes, name: str, limits: Limits) -> Document:
    """Headings, paragraphs, lists, code and tables; of links and images the words remain."""
    del limits
    text = decode(data)
    front = FRONT_MATTER.match(text)
    facts = {key.lower(): value.strip("\"'") for key, value in FACT.findall(front.group(1))} if front else {}
    if front:
        text = "\n" * front.group(0).count("\n") + text[front.end() :]  # the lines below keep their numbers
    builder = DocumentBuilder()
    _walk(MarkdownIt("commonmark").enable("table").parse(text), builder)
    language = facts.get("language", facts.get("lang", ""))
    title = facts.get("title") or builder.first_heading() or title_of(name)
    return builder.build(title, {"author": facts.get("author", ""), "date": facts.get("date", ""), "language": language})


def _walk(tokens: Sequence[Token], builder: DocumentBuilder) -> None:
    marker, level, stream = "", 0, iter(tokens)
    for token in stream:
        line = token.map[0] + 1 if token.map else 0
        match token.type:
            case "heading_open":
                level = int(token.tag[1:])
            case "heading_close":
                level = 0
            case "list_item_open":
                marker = f"{token.info}{token.markup} " if token.info else "- "
            case "table_open":
                builder.add(_table(stream, line), "table", line=line)
            case "fence" | "code_block":
                builder.add(token.content, "code", line=line + (token.type == "fence"))
            case "html_block":
                builder.add(_without_tags(token.content), line=line)
            case "inline" if level:
                builder.heading(level, _words(token), line=line)
            case "inline":
                builder.add(marker + _words(token), line=line)
                marker = ""
            case _:
                pass


def _table(stream: Iterator[Token], first: int) -> str:
    """Rows at their lines; the line of dashes is left empty."""
    lines: list[str] = []
    for token in stream:
        if token.type == "table_close":
            break
        if token.type == "tr_open" and token.map:
            lines += [""] * (token.map[0] + 2 - first - len(lines))
        elif token.type == "inline" and lines:
            words = " ".join(_words(token).split())
            lines[-1] = f"{lines[-1]} | {words}" if lines[-1] else words
    return "\n".join(lines)


def _words(token: Token) -> str:
    """What a reader sees of a paragraph, its line breaks kept."""
    parts = (
        "\n" if child.type in ("softbreak", "hardbreak") else "" if child.type == "html_inline" else child.content
        for child in token.children or ()
    )
    return "".join(parts)


def _without_tags(text: str) -> str:
    r"""Lines stay; a comment of three lines becomes two ``\n``."""
    return HTML_TAG.sub(lambda tag: "\n" * tag.group(0).count("\n"), text)
