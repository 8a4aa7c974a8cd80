"""What a model writes, as it can be said: markdown, code, links, pictographs and thoughts turned into plain sentences."""

import re
from collections.abc import Iterator

LABEL, TARGET, CODE, ATTRIBUTES, ROW = 200, 500, 200, 80, 2_000  # longest parts that are held back until they are whole
TAGS = (
    "a|b|br|code|dd|del|details|div|dl|dt|em|h[1-6]|hr|i|img|kbd|li|mark|ol|p|pre|s|small|span|strong|sub|summary|sup|"
    "table|tbody|td|th|thead|tr|u|ul"
)
WITHIN_WORDS = ("a", "b", "code", "em", "i", "kbd", "mark", "s", "small", "span", "strong", "sub", "sup", "think", "u")
BLANK = r"[^\S\n]"
OF_ADDRESS = r"[^\s<>()\[\]\u3000-\u9fff\uff00-\uffef]"  # Chinese goes on without a blank where an address ends
PICTURE = r"[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u20e3\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f]"
IN_LINK = rf"\([^()\n]{{0,{TARGET}}}(?:\([^()\n]{{0,{TARGET}}}\)[^()\n]{{0,{TARGET}}})?"
INLINE = re.compile(
    rf"""!?\[(?P<label>[^\[\]\n]{{1,{LABEL}}})\]{IN_LINK}\)
    | (?P<ticks>`{{1,2}})(?!`)(?P<code>[^`\n]{{1,{CODE}}})(?P=ticks)(?!`)
    | <(?P<thought>think)>
    | </?(?P<tag>think|{TAGS})(?:\s[^<>\n]{{0,{ATTRIBUTES}}})?/?>
    | <?(?:https?://|www\.)(?P<address>{OF_ADDRESS}{{1,{TARGET}}}(?<![.,;:!?*_]))>?
    | \\(?P<escaped>[!-/:-@\[-`{{-~])
    | (?P<marks>\*+|_+|~~+|`+)
    | (?P<picture>{PICTURE}+\u200d?)
    | (?P<line>\n)
    | (?P<gap>{BLANK}+)""",
    re.VERBOSE,
)
BEGUN = re.compile(
    rf"""(?: !?\[[^\[\]\n]{{0,{LABEL}}}(?:\](?:{IN_LINK})?)?
    | !?\[[^\[\]\n]{{1,{LABEL}}}\]\([^()\n]{{0,{TARGET}}}\([^()\n]{{0,{TARGET}}}
    | `{{1,2}}(?!`)[^`\n]{{0,{CODE}}}`{{0,2}}
    | </?[a-z0-9]{{0,10}}(?:\s[^<>\n]{{0,{ATTRIBUTES}}})?/?
    | <?(?:h|ht|htt|https?|https?:|https?:/|w|ww|www)
    | <?(?:https?://|www\.){OF_ADDRESS}{{0,{TARGET}}}
    | [!\\]
    | \*+ | _+ | ~+ | `+
    | {PICTURE}+
    )\Z""",
    re.VERBOSE,
)
SPECIAL = re.compile(rf"[!\[`<\\*_~hw\s]|{PICTURE}")  # what either begins with
FENCE = re.compile(rf"{BLANK}*(?P<fence>`{{3,}}|~{{3,}})[^\n`]*(?:\n|\Z)")
RULE = re.compile(rf"(?={BLANK}*[-*_=|:])(?:[-*_=|:]|{BLANK}){{2,}}(?=\n|\Z)")
ROW_OF_TABLE = re.compile(rf"{BLANK}*\|(?P<cells>[^\n]{{0,{ROW}}})")
ITEM = re.compile(rf"{BLANK}*(?:#{{1,6}}(?=\s|\Z)|[-*+•](?=\s|\Z)|(?=\d{{1,3}}[.)]\s)){BLANK}*(?:\[[ xX]\]\s)?")
QUOTE = re.compile(rf"{BLANK}*>{BLANK}?")
UNDECIDED = re.compile(
    rf"""(?: (?:[-*_=|:]|{BLANK})*
    | {BLANK}*(?:\#{{1,6}}|[+•]|\d{{1,3}}[.)]?|`+|~+)
    | {BLANK}*[-*+•]{BLANK}+\[(?:[ xX](?:\]\s?)?)?
    | {BLANK}*(?:`{{3,}}|~{{3,}})[^\n`]*
    | {BLANK}*\|[^\n]{{0,{ROW}}}
    )\Z""",
    re.VERBOSE,
)
ENDS = ".!?:;,。！？：；，、…"
THOUGHT_END = "</think>"


class SpokenForm:
    """Takes text in pieces of any size and gives the same, however it is cut; plain words come through at once.

    Links keep their text, addresses become their host, marks of emphasis and pictographs go, headings, items and rows
    become sentences. Thoughts (``<think>``) are dropped. code: what is said in place of a block of code.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._held = ""  # not decided yet
        self._before = "\n"  # the character before it
        self._fence = ""  # what ends the block of code
        self._is_thought = False
        self._begins_line = True
        self._is_item = False  # a heading, an item or a row: where its line ends, a sentence does
        self._last = ""  # the last character that was said, but for blanks
        self._is_apart = False  # a blank stands before what comes
        self._is_over = False  # a sentence ends before what comes
        self._is_spaced = False  # the blank was said already
        self._has_left_out = False  # a pictograph stood there

    def push(self, text: str) -> str:
        """Take the next piece; return what can be said by now."""
        self._held += text
        return "".join(self._said(final=False))

    def finish(self) -> str:
        """The end: return what was held back."""
        return "".join(self._said(final=True))

    def _said(self, *, final: bool) -> Iterator[str]:
        before, now = (-1, False), (len(self._held), self._begins_line)
        while self._held and now != before:
            if self._is_thought:
                self._skip_thought(final=final)
            elif self._fence:
                self._skip_code(final=final)
            elif self._begins_line:
                yield from self._begin_line(final=final)
            else:
                yield from self._go_on(final=final)
            before, now = now, (len(self._held), self._begins_line)

    def _skip_thought(self, *, final: bool) -> None:
        _, end, rest = self._held.partition(THOUGHT_END)
        self._is_thought = not end
        self._held = rest if end else "" if final else self._held[-len(THOUGHT_END) + 1 :]

    def _skip_code(self, *, final: bool) -> None:
        line, end, rest = self._held.partition("\n")
        if not end and not final:
            return
        marks = line.strip()
        if len(marks) >= len(self._fence) and set(marks) == {self._fence[0]}:
            self._fence = ""
        self._held = rest

    def _begin_line(self, *, final: bool) -> Iterator[str]:
        """Decide what kind of line it is, and take off what it begins with."""
        held, self._before = self._held, "\n"
        if not final and UNDECIDED.match(held):
            return
        if fence := FENCE.match(held):
            self._fence, self._held = fence["fence"], held[fence.end() :]
            self._is_apart = self._is_over = True
            yield self._say(self._code)
            self._is_apart = self._is_over = True
            return
        if quote := QUOTE.match(held):
            self._held = held[quote.end() :]
            return
        if rule := RULE.match(held):
            self._held = held[rule.end() :]
        elif row := ROW_OF_TABLE.match(held):
            cells = [cell.strip() for cell in row["cells"].split("|")]
            self._held = ", ".join(cell for cell in cells if cell) + held[row.end() :]
            self._is_item = self._is_over = True
        elif item := ITEM.match(held):
            self._held = held[item.end() :]
            self._is_item = self._is_over = True
        self._begins_line = False

    def _go_on(self, *, final: bool) -> Iterator[str]:
        """Say as much of a line as is decided."""
        text, at = self._before + self._held, 1
        while special := SPECIAL.search(text, at):
            yield self._say(text[at : special.start()])
            at = special.start()
            if not final and BEGUN.match(text, at):
                break
            if found := INLINE.match(text, at):
                at = found.end()
                if label := found["label"]:
                    text, at = f"[{label}{text[at:]}", 1
                else:
                    yield self._put(found)
                if self._begins_line or self._is_thought:
                    break
            else:
                yield self._say(text[at])
                at += 1
        else:
            yield self._say(text[at:])
            at = len(text)
        self._before, self._held = text[at - 1], text[at:]

    def _put(self, found: re.Match[str]) -> str:
        """Say something that is not said as it is written."""
        match found.lastgroup:
            case "code" | "address":
                return self._say(found["code"] or _host(found["address"]))
            case "escaped":
                return self._say("" if found["escaped"] in "()[]" else found["escaped"])  # they enclose formulas
            case "marks":
                return self._say(found["marks"] if _is_text(found) else "")
            case "picture":
                self._has_left_out = True
            case "thought":
                self._is_thought = True
            case "gap":
                return self._gap()
            case "line":
                self._is_over |= self._is_item or found.string[found.start() - 1] == "\n"
                self._is_item, self._begins_line = False, True
                return self._gap()
            case _:
                self._is_apart |= found["tag"] not in WITHIN_WORDS
        return ""

    def _gap(self) -> str:
        """A blank: said with what comes, or at once where a sentence ends, which tells the decoder that it is whole."""
        self._is_apart = True
        if self._is_spaced or not self._last or self._last not in ENDS:
            return ""
        self._is_spaced = True
        return " "

    def _say(self, text: str) -> str:
        """Words, with what divides them from those before."""
        if not text:
            return ""
        lead = ""
        if self._last:
            if self._is_over and self._last not in ENDS:
                lead = "。" if self._last >= "\u3000" else "."
            if self._is_apart and not self._is_spaced and not (self._has_left_out and text[0] in ENDS):
                lead += " "
        self._is_apart = self._is_over = self._is_spaced = self._has_left_out = False
        self._last = text.rstrip()[-1:] or self._last
        return lead + text


def _host(address: str) -> str:
    return re.split(r"[/?#:]", address)[0].removeprefix("www.")


def _is_text(found: re.Match[str]) -> bool:
    """Whether a star or a line is none of emphasis: 2*3, 2 * 3, snake_case."""
    before, after = found.string[found.start() - 1], found.string[found.end() : found.end() + 1]
    if found["marks"][0] == "_":
        return before.isalnum() and after.isalnum()
    return found["marks"] == "*" and ((before.isdigit() and after.isdigit()) or before == after == " ")
