import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.speaking.phrases import MAX_CHARS, MAX_WORDS, Part, PhraseCutter, parts_of, speakable

pytestmark = pytest.mark.unit
MIXED = st.text(st.sampled_from("ab ,.;!?\n1:-上。咖🙂\u200f\ud800\u3000"), max_size=200) | st.text(max_size=100)


def cut(*pieces):
    cutter = PhraseCutter()
    return [phrase for piece in pieces for phrase in cutter.push(piece)] + cutter.finish()


@given(MIXED, st.lists(st.integers(0, 200), max_size=8))
def test_phrases_and_their_parts_joined_are_the_text_in_any_split(text, cuts):
    bounds = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    phrases = cut(*(text[a:b] for a, b in pairwise(bounds)))
    assert "".join(phrases).rstrip() == text.rstrip()
    assert all(phrase.strip() for phrase in phrases)
    assert ["".join(part.written for part in parts_of(phrase)) for phrase in phrases] == phrases


def test_numbers_and_abbreviations_are_not_torn():
    text = "Dr. Smith pays 3.5 euros at 10:30 a.m. for it. Then he goes."
    assert cut(text) == ["Dr. Smith pays 3.5 euros at 10:30 a.m. for it. ", "Then he goes."]


def test_the_first_phrase_of_a_growing_sentence_ends_at_a_comma():
    cutter = PhraseCutter()
    assert cutter.push("According to the manual, ") == ["According to the manual, "]
    assert cutter.push("it takes time") == []
    assert cutter.finish() == ["it takes time"]


def test_the_first_phrase_of_a_growing_sentence_ends_before_a_conjunction():
    cutter = PhraseCutter()
    assert cutter.push("The sky is blue because") == []
    assert cutter.push(" it is") == ["The sky is blue "]
    assert cutter.push(" clear and bright and high up there") == []
    assert cut("You and I and they stay.") == ["You and I and they stay."]


def test_a_whole_sentence_is_one_phrase():
    assert cut("In Tokyo it is late, on Tuesday, I think. ") == ["In Tokyo it is late, on Tuesday, I think. "]


def test_a_long_first_sentence_is_cut_at_a_clause_though_it_is_whole():
    said = "According to the manual: Descale it every two months, or after two hundred cups, whichever comes first."
    assert cut(said) == ["According to the manual: ", said.removeprefix("According to the manual: ")]


@pytest.mark.parametrize(
    "text", ["word " * 3000, "a, " * 3000, "A. " * 3000, "1-2-3-4-5-6-7-8-9 " * 1000, "咖，" * 2000, "x" * 4000]
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_phrase_has_an_end_whatever_comes(text, at_once):
    start = time.process_time()
    phrases = cut(text) if at_once else cut(*text)
    assert time.process_time() - start < 5, "quadratic"
    assert max(len(part.said) for phrase in phrases for part in parts_of(phrase)) <= MAX_CHARS
    assert max(len(phrase.split()) for phrase in phrases) <= MAX_WORDS


def test_white_space_alone_is_kept_for_what_follows():
    cutter = PhraseCutter()
    assert cutter.push("One. ") == ["One. "]
    assert cutter.push("\n\n") == []
    assert cutter.finish() == []
    assert cutter.push("Two") == []
    assert cutter.finish() == ["\n\nTwo"]


def test_what_cannot_be_said_is_replaced():
    assert speakable("**See** https://example.org/x 🎉 at 5 °C & 10%") == "See a link at 5 degrees Celsius and 10 percent"
    assert speakable("⑴ press Ｆ５, then 𝐎𝐊") == "(1) press F5, then OK"
    assert speakable("soft\u00adly \u202bnow\u202c, half\ud800way") == "softly now, halfway"
    assert speakable("one\x0btwo\x00three") == "one two three"
    assert speakable("4÷2 is 2") == "4 2 is 2"
    assert [speakable(nothing) for nothing in ("", "…", " - ", "🙂", "\ud800", "*")] == [""] * 6


def test_a_row_of_digits_is_read_digit_by_digit():
    assert speakable("It is 1,234,567.") == "It is 1,234,567."
    assert speakable("No 1234567890123456.") == "No 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6."


@pytest.mark.parametrize(
    ("phrase", "parts"),
    [
        ("All of it. ", ["All of it."]),
        ("The word 咖啡机, for coffee.", ["The word", "", "for coffee."]),
        ("It costs 5 元 now", ["It costs 5", "", "now"]),
        ("2024年5月 🙂 ", [""]),
        (f"The key {'x' * 101} opens it", ["The key", "", "opens it"]),
        (f"See https://example.org/{'x' * 101}.", ["See a link"]),
        ("9" * 101, [""]),
        ("Ｗｉｄｅ and ﬁne", ["Wide and fine"]),
        ("… 🙂", [""]),
    ],
)
def test_words_that_cannot_be_said_are_parts_of_their_own(phrase, parts):
    assert [part.said for part in parts_of(phrase)] == parts
    assert "".join(part.written for part in parts_of(phrase)) == phrase


def test_a_part_keeps_what_was_written():
    assert parts_of("It is 5 °C. ") == [Part("It is 5 °C. ", "It is 5 degrees Celsius.")]
