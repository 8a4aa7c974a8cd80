"""Words as the lexical search compares them: lower case, accents dropped, Chinese and Japanese as pairs of characters."""

import re
import unicodedata

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
MOST_WORDS = 60
COMMON = frozenset(
    re.split(
        " ",
        "a an the of to in on at is are was it and or i you me my your he she his her they we this that with for as from by "
        "be have has like please voice voices speak speaks speaking talk sound sounds sounding use want find give who real "
        "synthetic man men woman women male female 的 了 是 我 你 用 一个 声音 请",
    )
)


def lexemes(text: str) -> list[str]:
    """Words of a text in order, without those that are in every other sentence."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("\u2019", "'").replace("'s", "").replace("'", ""))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    found: list[str] = []
    for run in WORD.findall(unicodedata.normalize("NFKC", plain)):
        if not CJK.match(run) or len(run) == 1:
            found.append(run)
        else:
            found += [run[i : i + 2] for i in range(len(run) - 1)]
    return [word for word in found if word not in COMMON]


def plain(text: str) -> str:
    """A name as names are compared: lower case, single spaces."""
    return " ".join(WORD.findall(text.lower()))


def phrases(text: str) -> list[str]:
    """Everything in a text that may be a name: up to four words in a row, up to six Chinese characters in a row."""
    words = WORD.findall(text.lower())[:MOST_WORDS]
    found = [" ".join(words[i : i + n]) for n in range(1, 5) for i in range(len(words) - n + 1)]
    for run in words:
        if CJK.match(run):
            found += [run[i : i + n] for n in range(2, 7) for i in range(len(run) - n + 1)]
    return list(dict.fromkeys(found))
