"""What a web page shows beside its text: told by its elements, their roles, their names, and by how much of them is links.

A name alone proves little: in a handbook a "sidebar" may be prose, and a "header" may hold the only title.
"""

import re
from typing import Any

from lxml.etree import strip_elements

Untyped = Any  # elements of lxml

BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
])  # fmt: skip
NEVER = (
    "audio", "button", "canvas", "datalist", "head", "iframe", "input", "map", "nav", "noscript", "object", "rp",
    "rt", "script", "select", "style", "svg", "template", "textarea", "video",
)  # fmt: skip
ROLES = frozenset(["navigation", "contentinfo", "search", "menu", "menubar", "toolbar", "dialog", "alertdialog"])
LISTS = frozenset(["ul", "ol", "dl", "menu", "dir"])
NAMED = LISTS | {"div", "aside", "header", "footer", "table", "p", "form", "td"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
SECTIONING = ("article", "main", "section", "aside")  # a header or footer inside one of these belongs to its text
PERMALINK = re.compile(r"\s*[¶#§🔗]?\s*")
HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)

PLACE = r"(?:(?:site|page|global|main|top|bottom|sphinx)[-_]?)?"
FOOTER = re.compile(rf"(?:^|\s){PLACE}footer(?:\s|$)", re.IGNORECASE)
HEADER = re.compile(rf"(?:^|\s){PLACE}(?:header|banner|masthead)(?:\s|$)", re.IGNORECASE)
EDGE = re.compile(
    r"(?<![a-z])(?:nav(?:bar|header|footer|igation)?|menu|breadcrumbs?|noindex|nosearch|skip-?links?)(?![a-z])"
    r"|(?:doc|main|site|top|sub|side)(?:nav|menu)(?![a-z])|line-?nos?(?![a-z])",
    re.IGNORECASE,
)
ASIDE = re.compile(
    r"(?<![a-z])(?:sidebar|toc|related|pagination|pager|share|social)(?![a-z])|^contents(?:\s|$)", re.IGNORECASE
)
PART = re.compile(r"(?<![a-z])(?:section|sect\d?|chapter|article)(?![a-z])", re.IGNORECASE)  # may be named by its heading
OUTWARD = re.compile(r"\s*(?:[a-z]+:|//)", re.IGNORECASE)  # an address of another site; navigation leads around in this one

SHORT = 150  # characters of text outside links; what is named as navigation and says no more is navigation
MOSTLY, NEARLY_ONLY = 0.5, 0.9  # shares of an element's characters that stand in links
FEWEST_LINKS = 3  # of a list that is taken for navigation by its links alone


def remove_navigation(body: Untyped) -> None:
    """Take out what is no text of a page: menus, scripts, hidden elements, marks that link to the place where they stand."""
    strip_elements(body, *NEVER, with_tail=False)
    titles, lists = len(body.findall(".//h1")), list[Any]()
    waiting = list(body)
    while waiting:
        element = waiting.pop()
        if not isinstance(element.tag, str) or _is_navigation(element, titles):
            _remove(element)
        elif element.tag in LISTS and _is_list_of_links(element):
            lists.append(element)
        else:
            waiting.extend(element)
    if 2 * sum(map(letters, lists)) <= letters(body):  # else they are what the page is there for
        for element in lists:
            _remove(element)


def main_part(body: Untyped) -> Untyped:
    """The one element that a page names its main text, where it holds most of the text; else the whole body."""
    for path in (".//main | .//*[@role='main']", ".//article"):
        found = body.xpath(path)
        if len(found) == 1 and 2 * letters(found[0]) >= max(1, letters(body)):
            return found[0]
    return body


def letters(element: Untyped) -> int:
    """Characters of an element's text without white space; they count alike in scripts without spaces."""
    return sum(len(part) for text in element.itertext() for part in text.split())


def linked_letters(element: Untyped) -> int:
    """Characters of it that stand in links."""
    links = [element] if element.tag == "a" and element.get("href") else element.iterfind(".//a[@href]")
    return sum(map(letters, links))


def _is_navigation(element: Untyped, titles: int) -> bool:
    tag, role = element.tag, element.get("role")
    if role in ROLES or _is_hidden(element):
        return True
    if tag == "a":
        return PERMALINK.fullmatch("".join(element.itertext())) is not None and bool(element.get("href"))
    if tag not in NAMED or PART.search(element.get("class") or ""):
        return False
    name = f"{element.get('class') or ''} {element.get('id') or ''}"
    if tag in ("header", "footer") and not _is_in_text(element):
        name += f" {tag}"
    if role == "banner":
        name += " banner"
    return _is_named_so(element, name, titles)


def _is_named_so(element: Untyped, name: str, titles: int) -> bool:
    """Whether its name says so, and its text does not say otherwise."""
    if HEADER.search(name):
        return len(element.findall(".//h1")) < max(1, titles)  # else the page's title stands here
    if FOOTER.search(name):
        return not element.findall(".//h1")
    edge = element.tag == "form" or EDGE.search(name)
    if not edge and not ASIDE.search(name) and element.tag != "aside":
        return False
    count, linked = letters(element), linked_letters(element)
    return linked > MOSTLY * count or bool(edge and count - linked < SHORT)


def _is_list_of_links(element: Untyped) -> bool:
    links = [link for link in element.iterfind(".//a[@href]") if not OUTWARD.match(link.get("href"))]
    return len(links) >= FEWEST_LINKS and sum(map(letters, links)) > NEARLY_ONLY * letters(element)


def _remove(element: Untyped) -> None:
    if element.tag in BLOCKS:
        element.tail = " " + (element.tail or "")  # words around it stay apart
    element.drop_tree()


def _is_hidden(element: Untyped) -> bool:
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    return hidden or HIDDEN_STYLE.search(element.get("style") or "") is not None


def _is_in_text(element: Untyped) -> bool:
    return next(element.iterancestors(*SECTIONING), None) is not None
