"""Bytes to text: which encoding it was written in."""

import codecs
import re

from vivavoce.core.errors import DocumentError

BOMS = (  # UTF-32 before UTF-16, whose mark it begins with
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LEGACY = ("cp1252", "gb18030", "cp932", "big5", "cp949", "cp1251")  # the first wins where two are as likely
SAMPLE_BYTES = 65_536
MAX_CONTROL_SHARE = 0.02  # of a text's characters
NOT_TEXT = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
NEWLINE = re.compile(r"\r\n?")
CHARACTER_SET = re.compile(r"iso8859-|iso2022_|cp\d|koi8|mac_|gb|big5|euc_|shift_jis")  # no codec of another purpose
DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_-]{2,20})""")


def decode(data: bytes, *, markup: bool = False) -> str:
    r"""Text with ``\n`` line ends. A byte order mark wins, then UTF-8, then what markup declares, then what looks likeliest.

    Raises:
        DocumentError: the bytes are not text.
    """
    text = _decoded(data, markup)
    sample = text[:SAMPLE_BYTES]
    if "\x00" in text or len(NOT_TEXT.findall(sample)) > MAX_CONTROL_SHARE * len(sample):
        raise DocumentError("is a binary file, not text; give it the ending of its format")
    return NEWLINE.sub("\n", text)


def _decoded(data: bytes, markup: bool) -> str:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if encoding := _wide(data[:SAMPLE_BYTES]):
        return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
    if text.count("\ufffd") * 10 < sum(character > "\x7f" for character in text):  # UTF-8 with a few damaged bytes
        return text
    encoding = (_declared(data) if markup else "") or _likeliest(data)
    return data.decode(encoding, errors="replace")


def _wide(sample: bytes) -> str:
    """UTF-16 without a mark shows as zeros in every second byte."""
    half = max(1, len(sample) // 2)
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[offset::2].count(0), sample[1 - offset :: 2].count(0)
        if zeros > 0.4 * half and others < 0.02 * half:
            return encoding
    return ""


def _declared(data: bytes) -> str:
    found = DECLARED.search(data[:4096])
    try:
        name = codecs.lookup(found.group(1).decode()).name if found else ""
    except LookupError:
        return ""
    if not CHARACTER_SET.match(name):
        return ""
    return "cp1252" if name == "iso8859-1" else name  # as browsers read it (WHATWG Encoding Standard, section 4.2)


def _likeliest(data: bytes) -> str:
    from charset_normalizer import from_bytes

    end = data.rfind(b"\n", 0, SAMPLE_BYTES) + 1 if len(data) > SAMPLE_BYTES else len(data)
    matches = from_bytes(data[: end or SAMPLE_BYTES], cp_isolation=list(LEGACY))
    ranked = [(match.chaos, -match.coherence, LEGACY.index(match.encoding)) for match in matches if match.encoding in LEGACY]
    return LEGACY[min(ranked)[2]] if ranked else LEGACY[0]
