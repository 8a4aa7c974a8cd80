"""The language of manual pages: escapes, arguments, and mdoc's inline macros (groff(7), groff_char(7), mdoc(7))."""

import re
from collections import deque

ESCAPE = re.compile(
    r"""\\(?:
      ["#].*                                                  # a comment
    | \((?P<two>..) | \[(?P<long>[^\]\n]{1,40})\]             # a special character
    | \*(?:\((?P<string>..)|\[(?P<named>[^\]\n]{1,40})\]|(?P<short>.))
    | [fFmMnkgY](?:\(..|\[[^\]\n]{0,40}\]|.)                  # font, colour, register
    | s(?:[+-]?\d|[+-]?\(..|[+-]?\[[^\]\n]{0,10}\])           # size
    | [hvwlLbDoXNSHARCZx]'[^'\n]{0,80}'                       # movement, drawing, device
    | (?P<one>.)
    )""",
    re.VERBOSE,
)
SPECIAL = {
    "em": "—", "en": "–", "hy": "-", "bu": "•", "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "aq": "'", "dq": '"', "co": "©",
    "rg": "®", "ti": "~", "ha": "^", "rs": "\\", "ga": "`", "ba": "|", "or": "|", "sl": "/", "lB": "[", "rB": "]", "lC": "{",
    "rC": "}", "la": "<", "ra": ">", "<=": "≤", ">=": "≥", "!=": "≠", "->": "→", "<-": "←", "mu": "×", "+-": "±", "de": "°",
    "sc": "§", "pl": "+", "mi": "-", "eq": "=", "at": "@", "sh": "#", "Do": "$", "Eu": "€", "Po": "£", "ss": "ß", "R": "®",
    "Tm": "™", "tm": "™", "Lq": "“", "Rq": "”", "Fo": "«", "Fc": "»", "ae": "æ", "oe": "œ",
}  # fmt: skip
ACCENTS = {":": "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", ",": "\u0327", "o": "\u030a"}
ONE = {"-": "-", "e": "\\", "\\": "\\", " ": " ", "~": " ", "0": " ", ".": ".", "'": "'", "`": "`", "t": "\t"}
ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')

CLOSED = {  # what surrounds the words of a macro, up to the end of the line
    "Op": "[]", "Dq": "“”", "Qq": '""', "Sq": "‘’", "Ql": "‘’", "Pq": "()", "Aq": "<>", "Bq": "[]", "Brq": "{}",
}  # fmt: skip
OPENED = {"Oo": "[", "Do": "“", "Qo": '"', "So": "‘", "Po": "(", "Ao": "<", "Bo": "[", "Bro": "{"}
CLOSING = {"Oc": "]", "Dc": "”", "Qc": '"', "Sc": "’", "Pc": ")", "Ac": ">", "Bc": "]", "Brc": "}"}
SILENT = frozenset(
    [
        "Ar", "Cm", "Ic", "Li", "Pa", "Em", "Sy", "Ev", "Dv", "Va", "Vt", "Fa", "Fn", "Ft", "Fd", "In", "No", "Er",
        "An", "Lk", "Mt", "Tn", "Ad", "Ms", "Cd", "Xo", "Xc", "Dl", "D1", "%A", "%T", "%B", "%D", "%J", "%R", "%N",
        "%V", "%I", "%O",
    ]
)  # fmt: skip
SYSTEMS = {"Ux": "UNIX", "Bx": "BSD", "Fx": "FreeBSD", "Nx": "NetBSD", "Ox": "OpenBSD", "Dx": "DragonFly", "At": "AT&T UNIX"}
PUNCTUATION = frozenset(".,:;?!)]}>”’")
TOKENS = frozenset([*CLOSED, *OPENED, *CLOSING, *SILENT, *SYSTEMS, "Fl", "Nd", "Nm", "Xr", "Ns", "Ap", "Pf"])


def plain(line: str) -> str:
    """A line without escapes."""
    return ESCAPE.sub(_escape, line).removesuffix("\\")  # the line goes on


def arguments(rest: str) -> list[str]:
    """What follows a macro's name; quoted words are one."""
    return [plain(quoted.replace('""', '"') or bare) for quoted, bare in ARGUMENT.findall(rest)]


def spoken_macros(line: str, name: str) -> str:
    """The words of an mdoc line such as ``Op Fl b Ar address``: "[-b address]"; "" for what prints nothing.

    name: what ``Nm`` stands for.
    """
    tokens = deque(arguments(line))
    if not tokens or tokens[0] not in TOKENS:
        return ""
    pieces, closers, glued = list[str](), list[str](), True
    while tokens:
        token = tokens.popleft()
        words, tight = _macro(token, tokens, name, closers)
        if words:
            pieces.append(words if glued or words[0] in PUNCTUATION else f" {words}")
        glued = tight or (glued and not words)
    return "".join([*pieces, *reversed(closers)])


def _macro(token: str, tokens: deque[str], name: str, closers: list[str]) -> tuple[str, bool]:
    """What a token prints, and whether the next one follows without a space."""
    following = tokens[0] if tokens else ""
    if token == "Fl":
        return "-", bool(following) and following not in TOKENS
    if token == "Nm":
        return (name, False) if not following or following in TOKENS or following in PUNCTUATION else ("", False)
    if token == "Nd":
        return "-", False
    if token == "Xr" and len(tokens) > 1:
        return f"{tokens.popleft()}({tokens.popleft()})", False
    if token in CLOSED:
        closers.append(CLOSED[token][1])
        return CLOSED[token][0], True
    if token in OPENED:
        return OPENED[token], True
    if token in ("Ns", "Ap", "Pf"):
        return ("'" if token == "Ap" else tokens.popleft() if token == "Pf" and tokens else ""), True
    if token in CLOSING:
        return CLOSING[token], False
    return ("" if token in SILENT else SYSTEMS.get(token, token)), False


def _escape(found: re.Match[str]) -> str:
    if one := found["one"]:
        return ONE.get(one, "")
    name = found["two"] or found["long"] or found["string"] or found["named"] or found["short"] or ""
    if name in SPECIAL:
        return SPECIAL[name]
    if len(name) == 2 and name[0] in ACCENTS:
        return name[1] + ACCENTS[name[0]]
    try:
        return chr(int(name[1:], 16)) if name.startswith("u") else ""
    except (ValueError, OverflowError):
        return ""
