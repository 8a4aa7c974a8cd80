"""Keeps the small model from saying that it did what nobody did: no tool was called, so no light was switched on."""

import re
from collections.abc import AsyncGenerator, AsyncIterable

from vivavoce.core.language.words import is_in_pairs
from vivavoce.model.embedded.choosing.plain import QUESTION, plain
from vivavoce.model.embedded.choosing.stated import stem


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


CLAUSE_END = re.compile(r"[,;:.?!](?=\s)|[，；。？！]|\n")
SENTENCE_END = re.compile(r"[.?!](?=\s)|[。？！]|\n")
WORD = re.compile(r"[^\W\d_]+")
# What is done by saying it.
IN_WORDS = _stems(
    """tell say write explain translate sing count repeat summarise summarize describe list answer spell compose recite name
    compare give imagine pretend help suggest recommend teach define rewrite shorten let speak talk be keep stop make create
    rhyme continue finish guess calculate convert"""
)
FIRST_PERSON = re.compile(r"\b(?:i|we)(?:'ve|'ll|'m| have| will| am| just| can| shall)?\b", re.IGNORECASE)
PASSIVE = re.compile(r"\b(?:is|are|was|were|been|being|be|gets?|got)\b", re.IGNORECASE)
REFUSAL = re.compile(
    r"\b(?:can't|cannot|can not|unable|not able|don't|do not|won't|not|sorry|if|would|could)\b", re.IGNORECASE
)
DONE = re.compile(
    r"^\W*(?:(?:sure|okay|ok|all right|alright|of course|certainly)\W+)*(?:done|all set|consider it done)\b", re.IGNORECASE
)
CHINESE_DEED = re.compile(
    r"(?:已经?|正在|马上)(?:为您?|帮您?|给您?|替您?|为你|帮你|给你)?(?:打开|关闭|关掉|预[订定约]|发送|发出|设置|设定|取消|播放|转账|"
    r"下单|添加|删除|创建|安排|拨打|订好|设好|开启|调[高低整])"
)


def claims_deed(said: str, request: str) -> bool:
    """Whether words say, in answer to a request to act, that it was done, is being done or will be done."""
    if is_in_pairs(said):
        return CHINESE_DEED.search(said) is not None
    wanted = plain(request)
    if QUESTION.match(wanted) or not (first := WORD.match(wanted)):
        return False
    deed = stem(first.group())
    if deed in IN_WORDS:
        return False
    if DONE.match(said):
        return True
    does = deed in {stem(word.lower()) for word in WORD.findall(said)}
    tells = FIRST_PERSON.search(said) or PASSIVE.search(said)
    return does and tells is not None and REFUSAL.search(said) is None


async def honest(pieces: AsyncIterable[str], request: str, instead: str) -> AsyncGenerator[str]:
    """Pieces of an answer up to the first sentence that claims a deed, and what is said instead of it and all behind it."""
    sentence = given = ""
    async for piece in pieces:
        sentence += piece
        while end := SENTENCE_END.search(sentence):
            if claims_deed(sentence[: end.end()], request):
                yield instead
                return
            yield sentence[len(given) : end.end()]
            sentence, given = sentence[end.end() :], ""
        ends = [end.end() for end in CLAUSE_END.finditer(sentence)]
        if ends and ends[-1] > len(given) and not claims_deed(sentence[: ends[-1]], request):
            yield sentence[len(given) : ends[-1]]
            given = sentence[: ends[-1]]
    if claims_deed(sentence, request):
        yield instead
    elif sentence[len(given) :]:
        yield sentence[len(given) :]
