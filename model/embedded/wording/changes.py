"""What changes the call just made: "make it sixty", "no, at eight", "I meant Anna", "change the time to noon", 改成八点."""

import re
from dataclasses import dataclass

from vivavoce.core.language.replies import refuses
from vivavoce.model.embedded.wording.parts import BORDER, asks

OOPS = re.compile(
    r"^\W*(?:(?:oh|ah|u+[hm]+|no|nope|sorry|wait|hang on|hold on|actually|correction|my mistake|not that|well)\b[\W_]*)+",
    re.IGNORECASE,
)
# What of it says that something was wrong: "oh" alone does not.
WAS_WRONG = re.compile(r"\b(?:no|nope|sorry|wait|hang on|hold on|actually|correction|my mistake|not that)\b", re.IGNORECASE)
TAIL = re.compile(r"(?:[\s,]*\b(?:please|thanks|thank you))?[\s.!?]*$", re.IGNORECASE)
SET = r"(?:(?:can|could) (?:you|we) |please |let's |just )*(?:make|change|set|switch|move|turn|put) "
MOST_CHARS = 300
ENDS = (".", "!", "?", "\u3002", "\uff01")
NOT = "(?:,? not (?P<what>.+))?"
WHOLE = re.compile(rf"{SET}(?:it|that|this|them)(?: (?:to|into))? (?P<value>.+?){NOT}", re.IGNORECASE)
OF = re.compile(rf"{SET}(?:the |my |your )?(?P<what>.{{1,40}}?) (?:to|into) (?P<value>.+)", re.IGNORECASE)
MEANT = re.compile(rf"i (?:mean|meant|said)(?: to say)? (?P<value>.+?){NOT}", re.IGNORECASE)
SHOULD = re.compile(
    rf"(?:(?:it|that) should(?: have)? (?:be|been)|i wanted|(?:or )?rather) (?P<value>.+?){NOT}", re.IGNORECASE
)
NOT_BUT = re.compile(r"not (?P<what>[^,]+?)(?:,| but|, but) (?P<value>.+)", re.IGNORECASE)
BUT_NOT = re.compile(r"(?P<value>[^,]+), not (?P<what>.+)", re.IGNORECASE)
INSTEAD = re.compile(r"(?P<value>.+?),? instead", re.IGNORECASE)
CHINESE = re.compile(
    r"(?:(?:不对?|不是|错了|抱歉|对不起)[，,。\s]*)?(?:我(?:是说|的意思是)|把?(?P<what>.{0,8}?)(?:改成|改为|改到|换成))"
    r"(?P<value>.+?)吧?[。！]?"
)

AGAIN = re.compile(
    r"\b(?:the same(?: thing)?|likewise|(?:it|that|this) again|repeat (?:it|that|this))(?: again)?,? "
    r"(?:but |only |just )*(?:for|with|to|at|in|on|from|of|by) (?P<other>.+)",
    re.IGNORECASE,
)
ALSO = re.compile(
    r"(?:and |now |also |then )*(?:and |also |for )(?P<other>(?!\w+'s )[\w'-]{1,20}(?: [\w'-]{1,20})?),? (?:too|as well)",
    re.IGNORECASE,
)
TOO = re.compile(r",? (?:instead|too|as well)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Change:
    """What is wanted instead.

    value: as it was said. what: what it stands in place of, by its name or its value, or "". is_certain: whether any words
    may be the value; else only a number, a time, an option or a name. recalls: whether it says that something was done
    before, so that it may have been some turns ago.
    """

    value: str
    what: str = ""
    is_certain: bool = False
    recalls: bool = False


def change_in(request: str) -> Change | None:
    """The change that a request asks for, None where it is no such request."""
    said = TAIL.sub("", " ".join(request.replace("\u2019", "'").split()))
    if len(said) > MOST_CHARS:
        return None
    rest = OOPS.sub("", said)
    for pattern, is_certain in (
        (WHOLE, False),
        (OF, True),
        (MEANT, True),
        (SHOULD, False),
        (NOT_BUT, True),
        (BUT_NOT, True),
        (INSTEAD, False),
        (CHINESE, True),
    ):
        if found := pattern.fullmatch(rest):
            parts = found.groupdict()
            return Change(parts["value"], parts.get("what") or "", is_certain, recalls=pattern in (WHOLE, OF))
    before = said[: len(said) - len(rest)]
    is_other = WAS_WRONG.search(before) and before.rstrip()[-1:] not in ENDS  # behind which any word has a capital
    return Change(rest) if rest and is_other and not asks(rest) and not refuses(rest) else None


def once_more(request: str) -> tuple[str, str] | None:
    """What is to be done, and for whom or what else it is to be done as well: "call Anna, then do the same for Ben".

    The first is "" where what was done before is meant. None where nothing is to be done once more.
    """
    said = TAIL.sub("", " ".join(request.replace("\u2019", "'").split()))
    if (also := ALSO.fullmatch(said)) and not asks(also["other"]):
        return "", also["other"]
    again = AGAIN.search(said)
    if again is None:
        return None
    cuts = list(BORDER.finditer(said, 0, again.start()))
    first = said[: cuts[-1].start()].strip() if cuts else ""
    return first if asks(first) else "", TOO.sub("", again["other"])
