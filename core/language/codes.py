"""What codes of currencies, languages and units are called: "EUR" is euros, "fr" French, "C" Celsius, "km" kilometers.

The names are those of Unicode's CLDR in English and Chinese, by way of babel.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

LOCALES = ("en", "zh")
LONGEST = 7  # characters of a code: "zh-Hans"
NO_MEASURES = ("duration", "concentr", "graphics", "digital")  # times, shares, pixels and bytes
SIGN = re.compile(r"[^\w\s]")


@cache
def names_of(code: str) -> frozenset[str]:
    """All names of a code, in lower case; none where it is no code."""
    if len(code) > LONGEST or not code.isascii():
        return frozenset()
    found = [*_units().get(code.lower(), ())]
    for locale in LOCALES:
        found += _of_currency(code.upper(), locale)
        found += _of_language(code.lower().replace("_", "-").split("-")[0], locale)
    return frozenset(name.lower() for name in found)


def is_measure(word: str) -> bool:
    """Whether a word is a unit of a length, a mass, a temperature and the like, by its name or its sign."""
    return word.lower().replace("metre", "meter").replace("litre", "liter") in _measures()


def _of_currency(code: str, locale: str) -> Iterator[str]:
    """As in "US dollars"; and "dollars" and "$" of the one currency of which that is the sign."""
    from babel import Locale
    from babel.numbers import get_currency_name

    known = Locale.parse(locale)
    if code not in known.currencies:
        return
    name, sign = get_currency_name(code, 2, locale), known.currency_symbols.get(code, "")
    yield name
    if SIGN.fullmatch(sign):
        yield from (sign, name.split(" ")[-1])


def _of_language(code: str, locale: str) -> Iterator[str]:
    from babel import Locale

    if name := Locale.parse(locale).languages.get(code):
        yield str(name)


@cache
def _units() -> dict[str, set[str]]:
    """Names of units by their signs: "C", "km", "mph"."""
    from babel import Locale

    found: dict[str, set[str]] = {}
    for locale in LOCALES:
        for unit, forms in Locale.parse(locale).unit_display_names.items():
            for sign in _signs(forms):
                found.setdefault(sign, set()).update(_names(unit, forms))
    return found


@cache
def _measures() -> frozenset[str]:
    from babel import Locale

    units = [one for locale in LOCALES for one in Locale.parse(locale).unit_display_names.items()]
    measures = [(unit, forms) for unit, forms in units if not unit.startswith(NO_MEASURES)]
    return frozenset(name.lower() for one in measures for name in (*_names(*one), *_signs(one[1])))


def _names(unit: str, forms: Mapping[str, str]) -> set[str]:
    return {unit.partition("-")[2].replace("-", " "), forms.get("long", "")} - {""}


def _signs(forms: Mapping[str, str]) -> set[str]:
    return {forms.get(length, "").strip("\u00b0. ").lower() for length in ("short", "narrow")} - {""}
