"""How people and models say that they do not know, in English and Chinese, and what politely follows."""

import re

_DO_NOT = "(?:do not|don't|did not|didn't)"
_CANNOT = "(?:can(?:not|'t)|can not|could(?: not|n't)|was(?: not|n't) able to)"
_SOURCE = "(?:documents?|passages?|sources?|texts?|contexts?|results?|information)"

ABSTAINS = re.compile(
    "|".join(
        [
            rf"\bi (?:really |honestly |simply |still )?{_DO_NOT} (?:actually |really )?(?:know|have|recall|remember)\b",
            r"\bi(?:'m| am) (?:sorry|afraid|unable|unaware|unsure)\b",
            r"\bi(?:'m| am) not (?:entirely |quite |really )?(?:sure|certain|aware|familiar|able)\b",
            rf"\bi {_CANNOT} (?:find|answer|tell|help|provide|assist|determine|confirm|verify|say|access|be sure|give)\b",
            r"\b(?:i have|there is|there's|there was|i found) (?:no|not enough|insufficient|nothing)\b",
            r"\bi (?:searched|looked)\b.{0,60}\b(?:found nothing|could not find|nothing about)",
            rf"\b(?:no|not any) {_SOURCE}\b.{{0,40}}\b(?:answers?|found|available|mentions?|about)\b",
            rf"\b{_SOURCE} (?:do|does|did)(?: not|n't) (?:say|mention|contain|provide|tell|specify|state|answer)\b",
            r"\b(?:is|it's|that's) (?:not|un) ?(?:known|clear|specified|mentioned|available|certain)\b",
            r"\bno idea\b|\bbeyond my knowledge\b|\bnot sure\b|\bas an ai\b.{0,60}\b(?:not|can't|cannot|unable)\b",
            r"(?:不|没)(?:太)?(?:知道|清楚|确定|了解|晓得)|(?:无法|不能)(?:回答|确定|提供|得知|查到|找到|判断)",
            r"没有(?:找到|查到|足够|相关|任何|关于)|(?:找|查)不到|没(?:找|查)到|抱歉|对不起|尚不明确|未知",
        ]
    ),
    re.IGNORECASE,
)
POLITE = re.compile(
    "|".join(
        [
            r"\b(?:let me know|feel free|(?:can|may) i help|help you with|anything else|happy to help|would you like)\b",
            r"\bplease (?:provide|try|ask|check|tell|give|rephrase|specify|clarify)\b|\bcould you\b",
            r"\byou (?:can|could|may|might|should) (?:try|check|ask|look|find|search|want)\b",
            r"\bmore (?:information|context|details|specific)\b|\bi (?:would )?(?:recommend|suggest)\b",
            r"\bapologi[sz]e\b|\bthank you\b|\bi(?:'m| am) (?:an ai|a language model|just an?)\b",
            r"^(?:sorry|well|hello|hi|oh)\W*$",
            r"请(?:提供|告诉|您|问)|如果(?:您|你)|还有(?:什么|其他)|很高兴|建议(?:您|你)",
        ]
    ),
    re.IGNORECASE,
)
DOUBT = re.compile(r"^(?:but|however|though|still)\b[\s,]*|^(?:但是?|不过)[，,]?", re.IGNORECASE)
LEAD_IN = re.compile(r"^\s*according to [^,:]{1,80}[,:]\s*", re.IGNORECASE)
YES = re.compile(r"^\W*(?:yes|yeah|yep|correct|indeed|true|right|they (?:are|were|both)|both)\b|^\W*(?:是|对|没错)", re.I)
NO = re.compile(r"^\W*(?:no|nope|incorrect|false|neither|not)\b|^\W*(?:不|没有|否)", re.I)
ASKS_YES_NO = re.compile(r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b", re.IGNORECASE)
NEGATIONS = frozenset(["not", "no", "never", "cannot", "neither", "nor", "without"])
