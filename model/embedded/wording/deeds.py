"""What asks for a deed, and what names one and asks for none: "don't pay the rent", "I already paid", "how do I pay?"."""

import re

from vivavoce.model.embedded.wording.parts import BORDER
from vivavoce.model.embedded.wording.plain import plain

# What is done in the world and not in words; "make" and "give" may be of words.
ACTS = re.compile(
    r"\b(?:turn|switch|put|play|send|call|phone|ring|text|message|email|mail|book|reserve|order|buy|pay|transfer|cancel|remind|"
    r"wake|open|close|shut|start|pause|skip|add|remove|delete|move|lock|unlock|dim|navigate|print|save|schedule|post|share|"
    r"download|install|restart|enable|disable|set|stop|hire|rent|order|refund|upload|activate|coffee|pizza|taxi|"
    r"bring|fetch|get (?:me|us))\b"
)
# What a tool that does something says first of itself.
DOES = re.compile(
    rf"(?:{ACTS.pattern}|\b(?:water|record|note|prescribe|log|write|create|update|change|block|charge|withdraw|deposit|"
    r"register|subscribe|approve|reject|submit|assign|invite|run|launch|deploy|feed|clean|arm|disarm|ship|mark|archive|rename|"
    r"erase|publish|sell|deliver|dispatch|bill|invoice|mute|raise|lower|dial|admit|discharge|issue|grant|revoke|ban)\b)"
)
THIRD_PERSON = (re.compile(r"^(\w+)s\b"), re.compile(r"^(\w+)es\b"))  # "sends", "switches"

FORBIDS = (
    r"(?:(?:please|so|no|now|and|but|oh|well|actually)\W+)*(?:"
    r"(?:don't|do not|never)\b(?! (?:forget|hesitate|fail|you\b|we\b))"
    r"|(?:i|we) (?:don't|do not|didn't|never|no longer) (?:really )?(?:want|need|wish|ask|told|tell|said)\b"
    r"|(?:you|we) (?:must not|mustn't|should not|shouldn't|shall not|need not|needn't|don't (?:have|need) to)\b"
    r"|(?:there(?:'s| is) )?no need to\b)"
)
IS_PAST = (
    r"(?:did|have|has|had|was|were|(?:i|we)(?:'ve| have)? already|"
    r"(?:i|we) (?!need|feed|speed)(?:\w+ed|paid|sent|bought|made|told|did)\b)"
)
NOT_NOW = re.compile(rf"{FORBIDS}|{IS_PAST}\b|别|不要|不用|我不想|你.{{0,6}}了吗|.{{1,8}}了[吗没]")
FORBIDDEN_CLAUSE = re.compile(FORBIDS, re.IGNORECASE)
LOOKS_FOR = re.compile(
    r"(?:^|\b(?:me|you|to|and|then|please) )(?:find|search|list|show|browse|"
    r"check(?!(?: (?:me|us|him|her|them))? (?:in|out)\b)|"
    r"look (?:for|up))\b|\blooking for\b|\bfinding\b"
)
LONGEST_END = 100  # characters
TAKEN_BACK = re.compile(
    r".*\w\W*[,.;!?\u2026-]\s*(?:(?:oh|wait|no|actually|sorry|hmm|well|on second thoughts?|you know what)\W+)*"
    r"(?:don't(?: do (?:it|that))?|do not(?: do (?:it|that))?|never ?mind|forget (?:it|that|about it)|scratch that|"
    r"cancel (?:it|that)|leave it|better not|rather not)\W*|.*[，。！]\s*(?:算了|还是不要了|还是算了|不用了)吧?\W*",
    re.IGNORECASE | re.DOTALL,
)
ASKS = re.compile(
    r"(?:(?:and|so|but|then) )*(?:(?:what|how)(?! about\b)|when|where|who|whose|whom|why(?! don't\b)|which|is|are|am|was|"
    r"were|does|do(?! not\b)|did|has|have|had|isn't|aren't|doesn't|didn't|hasn't|haven't)\b"
    r"|.*(?:怎么|什么时候|为什么|了吗|了没)"
)
STATE = re.compile(
    r"(?:(?:and|so|but) )?(?:(?:is|are|was|were|does|do|did|has|have|had)\b.*\b(?:the|my|our|it|that)\b|"
    r"when (?:does|do|is|are|will) (?:the|my|our|it)\b|"
    r"(?:what|when|how (?:much|many|old|often)) (?:does|did|has|was) (?!(?:an?|the|it|you|one|people|everybody)\b)\w)"
)
TELLS_STORY = re.compile(
    r"(?:(?:tell|read|write|sing|invent|make up|recite|give)\b.*?\b)(?:story|tale|joke|poem|song|riddle|limerick|rhyme)\b|"
    r".*(?:故事|笑话|诗|谜语)"
)


def does_something(words: str) -> bool:
    """Whether what a tool says of itself begins with a deed: "Send money", "locks a door"."""
    said = words.lower().strip()
    return any(DOES.match(one) for one in (said, *(ending.sub(r"\1", said) for ending in THIRD_PERSON)))


def forbids(request: str) -> bool:
    """Whether it says that something is not to be done."""
    return FORBIDDEN_CLAUSE.match(plain(request)) is not None


def asks_state(request: str) -> bool:
    """Whether it asks how something stands, which only a tool that looks can know: "Is the door locked?"."""
    return STATE.match(plain(request)) is not None


def is_denied(request: str) -> bool:
    """Whether it forbids something, or tells or asks of what was done already."""
    return NOT_NOW.match(plain(request)) is not None


def only_tells(request: str) -> bool:
    """Whether it is a question, or wants a story, so that it orders nothing to be done: "How do I lock the door?"."""
    said = plain(request)
    return ASKS.match(said) is not None or TELLS_STORY.match(said) is not None


def only_looks(request: str) -> bool:
    """Whether something is to be found and nothing done: "Find a theatre event in Rome." buys no tickets."""
    said = plain(request)
    return LOOKS_FOR.search(said) is not None and ACTS.search(said) is None


def is_taken_back(request: str) -> bool:
    """Whether a request ends by taking all of it back: "Call Anna, no, don't."."""
    return TAKEN_BACK.fullmatch(request.replace("\u2019", "'")[-LONGEST_END:]) is not None


def without_forbidden(request: str) -> str:
    """A request without the parts that forbid something, where others stand beside them."""
    said = request.replace("\u2019", "'")
    cuts = list(BORDER.finditer(said))
    starts, ends = [0, *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), len(said)]
    kept = [(start, end) for start, end in zip(starts, ends, strict=True) if not FORBIDDEN_CLAUSE.match(said, start, end)]
    if not kept or len(kept) == len(starts):
        return request
    begin, end = kept[0][0], kept[-1][1]
    gone = [(s, e) for s, e in zip(starts, ends, strict=True) if begin < s and e < end and (s, e) not in kept]
    for start, stop in reversed(gone):
        before = max((cut.start() for cut in cuts if cut.end() <= start), default=start)
        said = said[:before] + said[stop:]
        end -= stop - before
    return said[begin:end].rstrip(" ,;")
