"""Questions for what changes by the day: prices, scores, traffic, schedules, balances, news. Memory does not know them."""

import re

from vivavoce.model.embedded.routing.looking_up import ABOUT_US
from vivavoce.model.embedded.wording.plain import QUESTION, plain

# What such a question is about, in a word that a tool may say of itself, and how it is asked.
KINDS = {
    "price": re.compile(
        r"\b(?:trad(?:es?|ing)|sell(?:s|ing)?|go(?:es|ing)?|stands?|priced) (?:at|for)\b|\bexchange rate\b|\bprice of\b|"
        r"\b(?:stock|share|gold|oil|petrol|gas) prices?\b|\bwhat (?:does|do|would) .+ costs?\b|"
        r"\bhow much (?:is|are|does|do|would)\b.*\b(?:cost|worth|sell|go for)\b|股价|价格|多少钱|汇率"
    ),
    "score": re.compile(
        r"\b(?:who(?:'s| is| are)?|did .+) (?:won|win|winning|leading|ahead|lose|score)\b.*"
        r"\b(?:match|game|race|final|last|yesterday|today|tonight|this|now)\b|"
        r"\bhow did .+ do (?:last|yesterday|today|tonight|this)\b|"
        r"\bwhat(?:'s| is| was) the score\b|\bstandings\b|谁赢|比分"
    ),
    "traffic": re.compile(r"\b(?:traffic|jams?|congestion)\b.*\b(?:on|in|to|around|from|now|today)\b|堵车|路况"),
    "status": re.compile(
        r"\b(?:on time|delayed|running late|cancell?ed|still open|open (?:now|today|tonight|on)|in stock|sold out|available|"
        r"arriv(?:e[ds]?|ing)|depart(?:s|ing)?)\b|\bwhen (?:does|do|is|will) the (?:next|last|first)\b|晚点|准点|到站"
    ),
    "balance": re.compile(r"\bbalance\b.*\b(?:account|card)\b|\b(?:account|card)\b.*\bbalance\b|余额"),
    "news": re.compile(
        r"\bheadlines\b|\b(?:the|any|today's|latest) news\b|\bwhat(?:'s| is) (?:the latest|new) (?:in|from|on|about)\b|新闻"
    ),
}
# What a thing is, how it works and what was is known.
LASTING = re.compile(
    r"what(?:'s| is| are| was| were| does) an? (?!new\b|.*\b(?:going|trading|selling|costs?|worth)\b)[\w -]+$|"
    r"why\b|how (?:do|can|should|could) (?:i|you|we|people|they)\b|what does .+ (?:mean|stand for)|.*\bin (?:1\d|20)\d\d\b|"
    r"为什么|什么是|什么叫"
)


def changing_kind(request: str) -> str:
    """What kind of fact a question is for that changes by the day, "" where it is for none."""
    said = plain(request)
    if LASTING.match(said) or (ABOUT_US.search(request) and not KINDS["balance"].search(said)):
        return ""
    return next((kind for kind, pattern in KINDS.items() if pattern.search(said) and _is_question(said)), "")


def _is_question(said: str) -> bool:
    return QUESTION.match(said) is not None or not said.isascii()
