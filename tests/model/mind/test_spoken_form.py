"""What a model writes becomes what can be said, the same however it is cut, and plain words are not held back."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.mind.spoken_form import SpokenForm

pytestmark = pytest.mark.unit
CODE = "Here is code."
WORDS = st.text("abehwnt", min_size=1, max_size=6)
PROSE = st.lists(st.tuples(WORDS, st.sampled_from([" ", " ", ", ", ". ", "? "])), max_size=12).map(
    lambda pairs: "".join(word + gap for word, gap in pairs).strip()
)
SIGNS = [
    "**",
    "*",
    "_",
    "`",
    "``",
    "```",
    "~~~",
    "[",
    "](",
    ")",
    "![",
    "(",
    "<",
    ">",
    "<think>",
    "</think>",
    "<br>",
    "<b x>",
    "\\",
]
SIGNS += [
    "https://",
    "www.",
    "h",
    "w",
    "a.b/c",
    "# ",
    "- ",
    "- [ ] ",
    "1. ",
    "| ",
    "|",
    "---",
    "===",
    "> ",
    "\n",
    "\n\n",
    " ",
    "\t",
]
SIGNS += ["🎉", "👩\u200d💻", "1\ufe0f\u20e3", "你好", "。", ".", "!", "7", "word", "\ud800", "\x1c", "#", "-", "+", "•"]
ANYTHING = st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)


def said(*pieces):
    form = SpokenForm(CODE)
    return "".join(form.push(piece) for piece in pieces) + form.finish()


@given(ANYTHING, st.lists(st.integers(0, 60), max_size=6))
def test_it_is_the_same_however_it_is_cut(text, cuts):
    at = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    assert said(*(text[start:end] for start, end in pairwise(at))) == said(text)
    assert said(*text) == said(text)


@given(PROSE)
def test_plain_words_stay_and_are_not_held_back(text):
    assert said(text) == text
    form = SpokenForm(CODE)
    out = ""
    for at, character in enumerate(text, 1):
        out += form.push(character)
        assert len(text[:at].strip()) - len(out.strip()) <= 4  # "http", which may become an address
    assert (out + form.finish()).strip() == text


@given(
    st.lists(st.tuples(st.sampled_from(["# {}", "## {}", "- {}", "* {}", "1. {}", "> {}", "**{}**", "_{}_", "`{}`"]), WORDS))
)
def test_no_mark_is_left_and_no_word_is_lost(lines):
    text = "\n".join(form.format(word) for form, word in lines)
    spoken = said(text)
    assert not set(spoken) & set("#*_`>-")
    assert re.findall("[a-z]+", spoken) == [word for _, word in lines]


@given(ANYTHING)
def test_no_two_blanks_and_no_line_ends(text):
    assert not re.search(r"\n| {2}|^ ", re.sub("`[^`]*`", "", said(text.replace("`", ""))))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("See [the *docs*](https://a.b/c_(d)).", "See the docs."),
        ("See https://www.example.com/a?b=c.", "See example.com."),
        ("看<https://a.cn/b>。", "看a.cn。"),
        ("![A fox](fox.png) and [1].", "A fox and [1]."),
        ("# Title\nText\n\n- one\n- two!\n\nEnd", "Title. Text. one. two! End"),
        ("Three:\n1. one\n2) two", "Three: 1. one. 2) two"),
        ("| City | Sun |\n|:---|---:|\n| Oslo | **9** |\nDone", "City, Sun. Oslo, 9. Done"),
        ("Look:\n```python\nx = [1]\n```\nDone.", f"Look: {CODE} Done."),
        ("~~~~\nx\n~~~\n~~~~\nDone.", f"{CODE} Done."),
        ("```\nnever closed", CODE),
        ("```x = 1``` and `y`", "x = 1 and y"),
        ("<think>\nHm, *why*.\n</think>\n\nHello.", "Hello."),
        ("<think>never closed", ""),
        ("Great 🎉! Well done 👩\u200d💻. 1\ufe0f\u20e3", "Great! Well done. 1"),
        ("2*3, 2 * 3, snake_case, __init__, \\*star\\*, \\(a+b\\)", "2*3, 2 * 3, snake_case, init, *star*, a+b"),
        ("- [x] done\n- [ ] open", "done. open"),
        ("a < b, b > c<br>d<b>e</b>", "a < b, b > c de"),
        ("-5 degrees\n---\n你好**世界**\n- 一\n- 二", "-5 degrees. 你好世界。 一。 二"),
    ],
)
def test_what_becomes_of_markup(written, spoken):
    assert said(written) == spoken


def test_an_endless_mark_is_not_held_for_ever():
    for opening in ("[", "`", "<a ", "https://a", "[a](", "| "):
        form = SpokenForm(CODE)
        assert len(form.push(opening + "x" * 5_000)) > 1_000


def test_a_long_text_takes_no_time_that_grows_with_its_square():
    form = SpokenForm(CODE)
    for _ in range(20_000):
        form.push("[h `w *_ ~ < ")
    assert form.finish() is not None
