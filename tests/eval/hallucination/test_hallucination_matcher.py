"""The rules that judge answers, on cases labelled by hand and on what must never matter."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.eval.hallucination.matcher import claims_of, judge
from vivavoce.eval.hallucination.words import overlap, places, words

pytestmark = pytest.mark.unit
CASES = [
    line.split("\t")
    for line in Path(__file__).with_name("test_hallucination_verdicts.tsv").read_text(encoding="utf-8").split("\n")
    if line and not line.startswith("#")
]
WORDS = st.lists(st.sampled_from(["harbour", "copper", "lantern", "orchard", "velvet", "thistle"]), min_size=1, max_size=4)


@pytest.mark.parametrize(("outcome", "question", "right", "wrong", "answer"), CASES)
def test_verdicts_are_those_of_a_reader(outcome, question, right, wrong, answer):
    verdict = judge(question, answer, right.split("|"), [one for one in wrong.split("|") if one])
    assert verdict.outcome == outcome, verdict.why


def test_enough_cases_of_each_outcome_are_labelled():
    labels = [case[0] for case in CASES]
    assert len(CASES) >= 60
    assert min(labels.count(outcome) for outcome in ("correct", "incorrect", "abstained")) >= 15


@given(WORDS)
def test_the_right_answer_is_found_whatever_stands_around_it_and_however_it_is_written(right):
    name = " ".join(right)
    for said in (f"It was the {name.title()}.", f"According to the guide: {name.upper()}, since 1990!", name):
        assert judge("What was it?", said, [name]).outcome == "correct"


@given(WORDS, WORDS)
def test_of_answers_without_a_common_word_none_is_right(right, said):
    verdict = judge("What was it?", f"It was {' '.join(said)}.", [" ".join(right)])
    if not set(right) & set(said):
        assert verdict.outcome == "incorrect"
        assert verdict.overlap == 0


@given(st.text(max_size=300), st.text(max_size=40))
def test_no_text_breaks_the_rules(answer, right):
    verdict = judge(answer[:100], answer, [right])
    assert verdict.outcome in ("correct", "incorrect", "abstained")
    assert 0 <= verdict.overlap <= 1


def test_a_read_out_passage_is_right_but_its_overlap_is_low():
    short = judge("Who ran it?", "Ada Marsh.", ["Ada Marsh"])
    long = judge(
        "Who ran it?", "The bar was opened in 1990 in Lund and run by Ada Marsh until it burnt down.", ["Ada Marsh"]
    )
    assert short.outcome == long.outcome == "correct"
    assert short.overlap == 1.0
    assert long.overlap < 0.3


def test_polite_words_count_as_nothing_only_after_an_abstention():
    assert claims_of("I don't know. Please check the website.") == []
    assert claims_of("Please check the website.") == ["Please check the website."]


def test_words_are_compared_without_case_accents_articles_and_the_way_numbers_are_written():
    assert words("The  Café’s twenty-five 1,000 “Rooms”, isn't it?") == ["cafe", "25", "1000", "rooms", "is", "not", "it"]
    assert words("巴黎 1926年") == ["巴", "黎", "1926", "年"]


def test_only_dates_may_stand_in_another_order():
    assert places(words("May 25, 1940"), words("on 25 May 1940 in Lund"))
    assert not places(words("George Marshall"), words("Marshall George"))
    assert overlap(words("a b c"), words("c b")) == 1.0  # "a" is an article
