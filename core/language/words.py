"""Words as lexical searches compare them: lower case, accents dropped, Chinese and Japanese as pairs of characters."""

import re
import unicodedata

CJK = r"\u3040-\u30ff\u3400-\u9fff"
WORD = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
HAN = r"\u3400-\u4dbf\u4e00-\u9fff"  # Chinese characters, for the insides of a character class
IS_CJK = re.compile(rf"[{CJK}]")


def is_in_pairs(text: str) -> bool:
    """Whether most of a text is of a script without spaces, which stands as pairs of characters."""
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(1 for c in letters if IS_CJK.match(c)) > len(letters)


def words(text: str) -> list[str]:
    """Words of a text in order. Scripts without spaces are cut into overlapping pairs, as no dictionary is at hand."""
    plain = text.lower().replace("\u2019", "'").replace("'s", "").replace("'", "")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = unicodedata.normalize("NFKC", "".join(c for c in plain if not unicodedata.combining(c)))
    found: list[str] = []
    for run in WORD.findall(plain):
        if run.isascii() or not IS_CJK.match(run) or len(run) == 1:
            found.append(run)
        else:
            found += [run[i : i + 2] for i in range(len(run) - 1)]
    return found
