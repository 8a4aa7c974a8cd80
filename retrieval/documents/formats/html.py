"""Web pages: the text that stands under a page's own headings; of a page without any, what trafilatura finds in it."""

import re
from typing import Any

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.formats.text import title_of

Untyped = Any  # elements of lxml

XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
TAG = re.compile(r"<[^<>]*>")
LANGUAGE = re.compile(r"""<html[^>]*\slang\s*=\s*["']?([A-Za-z-]{2,12})""", re.IGNORECASE)
SITE = r"\s[|»«·•–—-]{1,2}\s"  # sets the name of a site apart in a title
CONTAINERS = frozenset(["body", "quote", "div", "main", "section"])
MOSTLY_LINKS = 0.5  # share of a page's characters that stand in links
ENOUGH = 0.7  # of the text outside links; what keeps less of it has lost text


def read_html(data: bytes, name: str, limits: Limits) -> Document:
    """Navigation, comments and the like are left out.

    Raises:
        DocumentError: it is no web page.
    """
    del limits
    from trafilatura.metadata import extract_metadata

    text = XML_DECLARATION.sub("", decode(data, markup=True))
    tree = _parsed(text)
    builder = DocumentBuilder()
    if tree is None:  # hardly a tag in it
        builder.add(TAG.sub(" ", text).strip())
        return builder.build(title_of(name), {})
    found: Any = extract_metadata(tree)
    language = LANGUAGE.search(text[:10_000])
    facts = {key: str(getattr(found, key, None) or "") for key in ("author", "date")}
    facts["language"] = language.group(1) if language else ""
    title = " ".join((tree.findtext(".//title") or "").split())
    builder = _read(tree, text)
    heading = builder.first_heading()
    return builder.build(_without_site(title, heading) or heading or title_of(name), facts)


def _parsed(text: str) -> Untyped:
    """The page's tree; None where it is hardly one.

    Raises:
        DocumentError: it is no web page.
    """
    from lxml.etree import LxmlError
    from trafilatura.utils import load_html

    try:
        return load_html(text)
    except (LxmlError, ValueError) as error:
        raise DocumentError("is not a readable web page") from error


def _read(tree: Untyped, text: str) -> DocumentBuilder:
    """By the page's structure where it has one, else by whichever reader keeps the text without what stands around it."""
    from trafilatura import html2txt

    from vivavoce.retrieval.documents.formats.html_navigation import letters, linked_letters, main_part, remove_navigation
    from vivavoce.retrieval.documents.formats.html_sections import PageReader

    body = tree.find("body")
    body = tree if body is None else body
    remove_navigation(body)
    part = main_part(body)
    structured = DocumentBuilder()
    PageReader(structured).read(part)
    count, linked = letters(part), linked_letters(part)
    if part is not body or (linked <= MOSTLY_LINKS * count and _has_headings(structured)):
        return structured
    found = _main_text(_parsed(text))
    kept = _length(found)
    if kept and kept >= ENOUGH * (count - linked):
        return found
    if not _length(structured):  # nothing but navigation
        structured.add(html2txt(_parsed(text)))
    return structured


def _has_headings(builder: DocumentBuilder) -> bool:
    return any(section.headings for section in builder.build("", {}).sections)


def _length(builder: DocumentBuilder) -> int:
    """Characters of what was read, without white space."""
    return sum(map(len, builder.build("", {}).text.split()))


def _without_site(title: str, heading: str) -> str:
    """The heading alone where the title adds no more than the name of the site to it."""
    named = heading and re.fullmatch(rf"(?:.*{SITE})?{re.escape(heading)}(?:{SITE}.*)?", title)
    return heading if named else title


def _main_text(tree: Untyped) -> DocumentBuilder:
    """What trafilatura takes for the main text."""
    from trafilatura import bare_extraction

    builder = DocumentBuilder()
    found: Any = bare_extraction(tree, include_comments=False, include_tables=True, favor_recall=True)
    if found is not None and found.body is not None:
        _walk(found.body, builder)
    return builder


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
