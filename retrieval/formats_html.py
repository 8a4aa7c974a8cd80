"""Web pages: the main text that trafilatura finds, with its headings, lists, code and tables."""

import re
from typing import Any

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.encoding import decode
from vivavoce.retrieval.formats_text import title_of

Untyped = Any  # elements of lxml

XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
TAG = re.compile(r"<[^<>]*>")
TITLE = re.compile(r"<title[^>]*>([^<]*)</title>", re.IGNORECASE)
LANGUAGE = re.compile(r"""<html[^>]*\slang\s*=\s*["']?([A-Za-z-]{2,12})""", re.IGNORECASE)
CONTAINERS = frozenset(["body", "quote", "div", "main", "section"])


def read_html(data: bytes, name: str, limits: Limits) -> Document:
    """Navigation, comments and the like are left out.

    Raises:
        DocumentError: it is no web page.
    """
    del limits
    from lxml.etree import LxmlError
    from trafilatura import bare_extraction, html2txt
    from trafilatura.utils import load_html

    text = XML_DECLARATION.sub("", decode(data, markup=True))
    try:
        tree: Any = load_html(text)
    except (LxmlError, ValueError) as error:
        raise DocumentError("is not a readable web page") from error
    builder = DocumentBuilder()
    if tree is None:  # hardly a tag in it
        builder.add(TAG.sub(" ", text).strip())
        return builder.build(title_of(name), {})
    found: Any = bare_extraction(tree, include_comments=False, include_tables=True, with_metadata=True, favor_recall=True)
    if found is not None and found.body is not None:
        _walk(found.body, builder)
    document = builder.build("", {})
    if not document.sections:  # too short for an article, or made of parts that none has
        builder.add(html2txt(tree))
    title, language = TITLE.search(text[:100_000]), LANGUAGE.search(text[:10_000])
    facts = {key: str(getattr(found, key, None) or "") for key in ("author", "date")}
    facts["language"] = language.group(1) if language else ""
    return builder.build((title.group(1) if title else "") or builder.first_heading() or title_of(name), facts)


def _walk(parent: Untyped, builder: DocumentBuilder) -> None:
    """The elements of trafilatura's XML, in order."""
    for element in parent:
        match element.tag:
            case "head":
                builder.heading(_level(element), _words(element))
            case "list":
                _list(element, builder)
            case "table":
                builder.add(_table(element), "table")
            case "code":
                builder.add("".join(element.itertext()), "code")
            case tag if tag in CONTAINERS and len(element):
                builder.add(" ".join((element.text or "").split()))
                _walk(element, builder)
            case _:
                builder.add(_words(element))
        builder.add(" ".join((element.tail or "").split()))


def _list(parent: Untyped, builder: DocumentBuilder) -> None:
    for item in parent.iter("item"):
        own = [item.text or ""]
        for child in item:
            own += [*([] if child.tag == "list" else child.itertext()), child.tail or ""]
        if words := " ".join(" ".join(own).split()):
            builder.add(f"- {words}")


def _table(parent: Untyped) -> str:
    rows = (" | ".join(_words(cell) for cell in row.iter("cell")) for row in parent.iter("row"))
    return "\n".join(row for row in rows if row.strip(" |"))


def _level(element: Untyped) -> int:
    rend = element.get("rend") or ""
    return int(rend[1]) if re.fullmatch(r"h[1-6]", rend) else 2


def _words(element: Untyped) -> str:
    return " ".join("".join(element.itertext()).split())
