"""Chinese numerals as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.language.chinese_numbers import NUMERAL, number_of, with_digits

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("四", 4),
        ("两", 2),
        ("十", 10),
        ("十五", 15),
        ("二十", 20),
        ("三百零五", 305),
        ("两千三百", 2300),
        ("一万五千", 15000),
        ("九百九十九", 999),
        ("二零二六", 2026),
        ("42", 42),
        ("万", 10000),
    ],
)
def test_a_numeral_is_read(said, number):
    assert number_of(said) == number


def test_numerals_in_a_text_become_digits():
    assert with_digits("订一张四个人的桌子") == "订1张4个人的桌子"


@given(st.text(alphabet="零一二三四五六七八九两十百千万", min_size=1, max_size=12))
def test_any_row_of_its_characters_is_some_number(said):
    assert NUMERAL.fullmatch(said)
    assert number_of(said) >= 0
