"""What was said, without what does not change what is wanted: politeness, fillers, punctuation and case."""

import re
import unicodedata

from vivavoce.core.language.words import HAN, is_in_pairs

MARKS = re.compile(r"[.,:](?!\d)|(?<!\d)[.,:]|[^\w\s.,:'%$€£°+/-]|(?<!\w)['-]|['-](?!\w)|_")
SPACES = re.compile(r"\s+")

HUMS = re.compile(r"\b(?:u+[hm]+|uhm|erm+|h+m+|mm+|(?:(?:would|will|could|can) you )?(?:please|pls|kindly))\b")
ASIDE = re.compile(r"(?:^|(?<=,))\s*you know(?: what)?(?:,|\W*$)")
VERB = r"(?: (?:just|maybe|possibly|perhaps|quickly))*"
LEAD = re.compile(
    r"^(?:"
    r"(?:ok|okay|alright|all right|right) so|so(?= (?:could|can|would|will) (?:you|we)\b)|"
    r"(?:hey|hi|hello)(?: there)?(?! there\b)|oh well|listen|"
    r"well(?! (?:done|said|played)\b)|excuse me|"
    r"you know(?! (?:what|where|who|how|why|when|which|if|whether|that|the|a|any|my)\b)|"
    rf"(?:could|can) (?:you|we){VERB}(?: be so (?:kind|good) as to| be able to)?|"
    rf"(?:would|will) you{VERB}(?= \w+ (?:the|my|me|us|a|an|on|off|up|for|to|in)\b)(?! (?:be|have|like|say|rather)\b)|"
    r"would you be so (?:kind|good) as to|(?:would|do) you mind|"
    r"i(?:'d| would) (?:like|love|want|need|appreciate it if) you to|i (?:want|need) you to|"
    r"i(?:'d| would) (?:be (?:grateful|glad|happy)|appreciate it) if you (?:could|would)|"
    r"i (?:was wondering|wonder) (?:if|whether) you (?:could|would|can)|"
    r"(?:would it be|is it) possible (?:for you )?to|do me a favou?r and|be (?:so kind|a dear|a love) (?:and|as to)"
    r") (?=\w)"
)
TAIL = re.compile(
    r"(?<=\w) (?:thanks(?: a lot)?|thank you(?: very much| so much)?|"
    r"if you (?:could|can|would|don't mind|like)|(?:would|will|could|can) you|for me)$"
)
GERUND = re.compile(r"\bmind (\w{2,})ing\b")
DOUBLED = re.compile(r"([bdgmnpt])\1$")
MUTE_E = re.compile(r"(?<![aeiou])[aiou][cgkmrsvz]$")  # "giv", "mak", "us"

QUESTION = re.compile(
    r"(?:(?:and|then|now|but) )*(?:what|when|where|who|whose|whom|why|which|how|is|are|am|was|were|will|would|does|do|did|"
    r"can|could|should|shall|may|has|have|had|isn't|aren't|don't)\b"
)

CHINESE_LEAD = re.compile(
    r"^(?:[嗯呃额喂嘿]+|[哎唉]+(?=[请麻帮你您我能可给])|(?:那个|这个|就是)+(?=[请麻帮你您我能可给嗯呃])|那(?=[请麻帮])|"
    r"请问?|麻烦(?:你|您)?(?:一下)?|劳驾|拜托(?:你|您)?|帮(?:我|忙|个忙)(?:一下)?|"
    r"(?:你|您)?(?:能不能|可不可以|能否|可否)|(?:你|您)(?:可以|能)(?=.{2})|可以(?=[请帮麻])|能(?=[请帮麻])|"
    r"我(?:想|要|希望)(?:请|让|麻烦)(?:你|您)|我(?:需要|希望)(?:你|您))(?=.{2})"
)
CHINESE_FILLER = re.compile(r"^(?:那个|这个|就是说?|那么)(?:\s*[，,、…。]+\s*)(?=.)")
CHINESE_TAIL = re.compile(
    r"(?<=.{2})(?:好吗|好不好|行吗|行不行|行不|可以吗|可不可以|成吗|谢谢(?:你|您|了|啦)?|多谢(?:了|啦)?|拜托(?:了|你了|啦)?|"
    r"[吧啊呀哦喔哈啦嘛])$"
)
CHINESE_AGAIN = re.compile(r"^(再|先)帮我")
CAN_YOU = re.compile(r"^(?:请问?)?(?:你|您)(?:能|可以)")
CHINESE_HUM = re.compile(rf"(?<=[{HAN}])[嗯呃]+(?=[{HAN}])")


def plain(utterance: str) -> str:
    """An utterance in lower case, of its punctuation only what stands within words and numbers.

    What is nothing but politeness or a filler stays: it is all that was said.
    """
    text = unicodedata.normalize("NFKC", utterance).lower().replace("\u2019", "'").strip()
    return (_plain_chinese(text) if is_in_pairs(text) else _plain_english(text)) or text


def as_sentence(said: str) -> str:
    """A plain English utterance with the mark that its first words want: embedders read sentences."""
    return f"{said}{'?' if QUESTION.match(said) else '.'}"


def _plain_english(text: str) -> str:
    words = _unmarked(ASIDE.sub("", HUMS.sub("", text).strip(", "))) or _unmarked(text)
    words = GERUND.sub(lambda found: f"mind {_infinitive(found[1])}", words)
    return _stripped(words, LEAD, TAIL)


def _plain_chinese(text: str) -> str:
    asks_whether = CAN_YOU.match(text)
    words = CHINESE_FILLER.sub("", CHINESE_FILLER.sub("", text.lstrip("嗯呃额，,…。 ") or text))
    words = _unmarked(CHINESE_HUM.sub("", words)) or _unmarked(text)
    joined = re.sub(rf"(?<=[{HAN}]) (?=[{HAN}])", "", words)
    joined = CHINESE_AGAIN.sub(r"\1", _stripped(joined, CHINESE_LEAD, CHINESE_TAIL))
    return joined.removesuffix("吗") if asks_whether and len(joined) > 2 else joined


def _unmarked(text: str) -> str:
    return SPACES.sub(" ", MARKS.sub(" ", text)).strip()


def _stripped(text: str, lead: re.Pattern[str], tail: re.Pattern[str]) -> str:
    """Without all that stands before and behind, as long as there is any."""
    while (shorter := tail.sub("", lead.sub("", text, count=1)).strip()) != text:
        text = shorter
    return text


def _infinitive(stem: str) -> str:
    """The verb of which this and "ing" is a form, as far as spelling tells."""
    if DOUBLED.search(stem):
        return stem[:-1]
    return f"{stem}e" if MUTE_E.search(stem) else stem
