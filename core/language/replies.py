"""What a short reply means to a question of the agent's own."""

import re

AGREES = (
    re.compile(
        r"(?:(?:yes|yeah|yep|yup|sure|okay|ok|please|certainly|absolutely|exactly|right|correct|that's right|that is right|"
        r"of course|go ahead|do it|do that|do so|do|confirmed|confirm|go for it|sounds good|fine|thank you|thanks)\W*)+",
        re.IGNORECASE,
    ),
    re.compile(r"(?:(?:好的?|是的?|对的?|嗯|行|可以|要|请|确认|没错|没问题|当然|同意|做吧|去吧|吧|啊|呀|了|谢谢)\W*)+"),
)
WANTS_MORE = (
    re.compile(
        r"(?:(?:yes|yeah|yep|sure|okay|ok|please|certainly|of course|go on|go ahead|continue|keep going|more|do|carry on|"
        r"read on|the rest|and then)\W*)+",
        re.IGNORECASE,
    ),
    re.compile(r"(?:(?:好的?|是的?|对|嗯|行|可以|要|请|继续|接着|往下|说|讲|读|吧|啊|呀|下去|当然)\W*)+"),
)
REFUSES = (
    re.compile(
        r"(?:(?:no|nope|nah|don't|do not|please|stop|cancel|never mind|nevermind|leave it|forget it|forget about it|"
        r"not now|not yet|rather not|better not|wait|that|it|do that|do it|thank you|thanks|i don't want that|"
        r"i do not want that)\W*)+",
        re.IGNORECASE,
    ),
    re.compile(r"(?:(?:不了?|不要|不用|不行|不可以|不对|不是|别|算了|取消|先不|等等|停|谢谢|了|吧|啊)\W*)+"),
)
THANKS = re.compile(r"(?:(?:please|thank you|thanks|that|it|谢谢|请|了|吧|啊|呀)\W*)*", re.IGNORECASE)
NO = re.compile(
    r"\b(?:no|nope|nah|not|don't|stop|cancel|never ?mind|leave|forget|wait)\b|[不别停]|算了|取消|等等", re.IGNORECASE
)


def agrees(reply: str) -> bool:
    """Whether a reply says yes, and nothing else. "Sure?" asks."""
    said = _plain(reply)
    return _is_all(AGREES, said) and THANKS.fullmatch(said) is None and not said.endswith(("?", "\uff1f"))


def refuses(reply: str) -> bool:
    """Whether a reply says no, and nothing else."""
    said = _plain(reply)
    return _is_all(REFUSES, said) and NO.search(said) is not None


def wants_more(reply: str) -> bool:
    """Whether a reply agrees to go on, and says nothing else."""
    return _is_all(WANTS_MORE, _plain(reply))


def _plain(reply: str) -> str:
    return reply.strip().replace("\u2019", "'")


def _is_all(patterns: tuple[re.Pattern[str], ...], said: str) -> bool:
    return any(pattern.fullmatch(said) for pattern in patterns)
