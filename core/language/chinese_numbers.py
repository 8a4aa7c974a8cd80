"""Chinese numerals: 三百二十, 两千, 一万五千."""

import re

DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
UNITS = {"十": 10, "百": 100, "千": 1000}
NUMERAL = re.compile(f"[{''.join(DIGITS)}{''.join(UNITS)}万]{{1,16}}")


def number_of(said: str) -> int:
    """The number that a numeral names, 0 for an empty one; digits are read as they stand."""
    if said.isdecimal():
        return int(said)
    ten_thousands, has, rest = said.rpartition("万")
    return (10_000 * (number_of(ten_thousands) or 1) if has else 0) + _below(rest)


def with_digits(text: str) -> str:
    """The text with its numerals as digits: 四个人 is 4个人."""
    return NUMERAL.sub(lambda found: str(number_of(found.group())), text)


def _below(said: str) -> int:
    """A numeral without 万. Digits that follow each other, as in 二零二六, are read one by one."""
    if len(said) > 1 and all(character in DIGITS for character in said):
        return int("".join(str(DIGITS[character]) for character in said))
    total, digit = 0, 0
    for character in said:
        if character in UNITS:
            total, digit = total + (digit or 1) * UNITS[character], 0
        else:
            digit = DIGITS[character]
    return total + digit
