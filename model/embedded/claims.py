"""Keeps the small model from saying what no tool told it: that a light was switched on, or what a share costs today."""

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterator

from vivavoce.core.language.replies import agrees
from vivavoce.core.language.words import is_in_pairs
from vivavoce.model.embedded.calling.stated import Stated
from vivavoce.model.embedded.wording.changes import change_in, once_more
from vivavoce.model.embedded.wording.deeds import ACTS
from vivavoce.model.embedded.wording.plain import QUESTION, plain

CLAUSE_END = re.compile(r"[,;:.?!](?=\s)|[，；。？！]|\n")
SENTENCE_END = re.compile(r"[.?!](?=\s)|[。？！]|\n")
ACTS_IN_CHINESE = re.compile(r"打开|关|订|发|打电话|拨|播|放|设|转|买|取消|添加|删|叫|预约|提醒|开|锁|支付|交")
ASKS_IN_CHINESE = re.compile(r"[吗呢？?]|什么|怎么|哪|几|谁|多少")
CLAIMS = re.compile(
    r"\b(?:i|we)(?:'ve| have)(?: \w+ly| now| just| already)? (?!(?:no|a|an|the|to|not|never)\b)\w+"
    r"|\b(?:i|we)(?:'ll| will| shall|'m going to| am going to)(?: \w+ly| now| just)? (?!(?:need|not|have to|be able)\b)\w+"
    r"|\b(?:i'm|i am|we're|we are)(?: \w+ly| now| just)? \w+ing\b"
    r"|\bi (?:just )?(?!can|could|would|do|am|was|have|need|know|think|hope|see|love|like|want)\w+(?:ed|ught|nt)\b"
    r"|\b(?:is|are) (?:now|on its way|already)\b|\b(?:has|have) been\b|\b(?:is|are|was|were) \w+(?:ed|ught|nt|id)\b"
    r"|\b(?:is|are) (?:set|on|off|open|shut|closed|locked|booked)\b|\b(?:done|all set|consider it done)\b"
    r"|^\W*(?:(?:sure|okay|ok|all right|alright|of course|certainly|yes)\W+)*\w+ing\b"
    r"|\b(?:i|we) can (?:help|assist|do|certainly|definitely)\b"
    r"|\b(?:i|we)'d (?:be (?:happy|glad)|love) to (?:help|assist|do)\b"
    r"|\b(?:sent|booked|ordered|locked|added|saved|cancelled|canceled|paid|transferred|reserved|scheduled)\W*$",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"\b(?:can't|cannot|can not|couldn't|unable|not able|sorry|if you|would|could|you can|you may|you need|you should)\b"
    r"|\b(?:i|we) (?:don't|do not|won't|will not)\b",
    re.IGNORECASE,
)
AGREES = re.compile(r"\W*(?:(?:sure|of course|certainly|absolutely|yes|okay|ok|all right|好的?|当然)\W*)+", re.IGNORECASE)
ASKS_FOR = re.compile(r"(?:can|could|may) (?:i|we) (?:get|have|book|order)\b")
CLAIMS_IN_CHINESE = re.compile(
    r"已|(?:打开|关|订|发|设|转|买|取消|添加|删除?|叫|播放?|开|锁|付|约|拨)(?:\w{0,3})?(?:好|完|成功)?了|正在(?:为|帮|给|打|播)"
)
REFUSAL_IN_CHINESE = re.compile(r"不能|无法|没有办法|抱歉|对不起|做不到")


# What something costs today, of which memory knows nothing.
STATES_PRICE = re.compile(
    r"\b(?:is|are)(?: currently| now| about| around)* (?:trading|priced|selling|valued|worth)\b.*\d|"
    r"\b(?:stock|share) price\b.*\d|\bcosts?(?: \w+){0,2} [$€£]\d|\bcosts?\b.*\d+ (?:dollars|euros|pounds|yuan)\b|"
    r"股价.*\d|(?:价格|售价)(?:是|为|约|大约)*\d",
    re.IGNORECASE,
)


def claims_price(said: str, request: str) -> bool:
    """Whether words say what something costs today, in answer to a request that names no number itself."""
    return STATES_PRICE.search(said) is not None and not Stated(request).amounts


def claims_deed(said: str, request: str) -> bool:
    """Whether words say, in answer to a request to act, that it was done, is being done or will be done."""
    if is_in_pairs(said):
        acts = ACTS_IN_CHINESE.search(request) and not ASKS_IN_CHINESE.search(request)
        return bool(acts) and CLAIMS_IN_CHINESE.search(said) is not None and REFUSAL_IN_CHINESE.search(said) is None
    return CLAIMS.search(said) is not None and REFUSAL.search(said) is None and _wants_a_deed(request)


def _wants_a_deed(request: str) -> bool:
    """Whether a sentence of a request in English wants something done; what only asks does not.

    What agrees, corrects or wants the same once more speaks of a deed, though it names none.
    """
    change = change_in(request)
    if agrees(request) or once_more(request) or (change and change.recalls):
        return True
    sentences = [plain(sentence) for sentence in SENTENCE_END.split(request)]
    return any(ACTS.search(one) and (not QUESTION.match(one) or ASKS_FOR.match(one)) for one in sentences)


async def honest(pieces: AsyncIterable[str], request: str, instead: str) -> AsyncGenerator[str]:
    """Pieces of an answer up to the first sentence that claims a deed or a price, and what is said instead of the rest."""
    sentence = given = ""
    async for piece in pieces:
        sentence += piece
        while end := next(_ends(SENTENCE_END, sentence), 0):
            if _is_made_up(sentence[:end], request):
                yield _apart(sentence[len(given) :], instead)
                return
            yield sentence[len(given) : end]
            sentence, given = sentence[end:], ""
        ends = list(_ends(CLAUSE_END, sentence))
        if ends and ends[-1] > len(given) and not _is_made_up(sentence[: ends[-1]], request):
            yield sentence[len(given) : ends[-1]]
            given = sentence[: ends[-1]]
    if _is_made_up(sentence, request):
        yield _apart(sentence[len(given) :], instead)
    elif sentence[len(given) :]:
        yield sentence[len(given) :]


def _is_made_up(said: str, request: str) -> bool:
    return claims_deed(said, request) or claims_price(said, request)


def _ends(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    """Where parts of a text end; what only agrees is no part by itself, since it may agree to a deed."""
    return (end.end() for end in pattern.finditer(text) if not AGREES.fullmatch(text[: end.end()]))


def _apart(rest: str, instead: str) -> str:
    """What is said in place of the rest, as far from what was said before as that is."""
    return f" {instead}" if rest[:1].isspace() else instead
