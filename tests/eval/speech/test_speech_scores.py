"""Scorers of the speech lab on cases whose score is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.eval.speech.scores import bleu, chose, errors, normalised, pooled_rate, says_one_of, sentence_chrf

pytestmark = pytest.mark.unit
WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "in", "rain"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counted"),
    [
        ("the cat sat", "the cat sat", (0, 0, 0, 3)),
        ("the cat sat", "the dog sat", (1, 0, 0, 3)),
        ("the cat sat down", "the cat", (0, 2, 0, 4)),
        ("the cat", "the big cat", (0, 0, 1, 2)),
        ("the cat", "", (0, 2, 0, 2)),
        ("", "the cat", (0, 0, 2, 0)),
        ("There are currently", "There are currently...", (0, 0, 0, 3)),
        ("Press one, please!", "press 1 please", (0, 0, 0, 3)),
        ("the colour isn't grey", "The color is not gray.", (0, 0, 0, 5)),
    ],
)
def test_word_errors_of_english(reference, hypothesis, counted):
    found = errors(reference, hypothesis, "en")
    assert (found.substitutions, found.deletions, found.insertions, found.length) == counted


def test_chinese_is_counted_by_characters():
    found = errors("你好，世界。", "你好是界", "zh-CN")
    assert (found.substitutions, found.length) == (1, 4)
    assert normalised("ＡＢ 你好！", "zh") == "a b 你 好"


def test_other_languages_keep_their_words():
    assert errors("C'est là, n'est-ce pas ?", "c'est là n'est ce pas", "fr").rate == 0


@given(WORDS)
def test_what_was_said_is_no_error(said):
    assert errors(said, said, "en").rate == 0


@given(WORDS.filter(bool), WORDS)
def test_never_more_edits_than_words(reference, hypothesis):
    found = errors(reference, hypothesis, "en")
    assert found.substitutions + found.deletions + found.insertions <= max(
        found.length, len(normalised(hypothesis, "en").split())
    )


def test_a_rate_is_all_errors_over_all_words():
    counted = [errors("a cat", "a dog", "en"), errors("eight words that are all heard as said", "same", "en")]
    assert pooled_rate(counted, ["x", "y"]).value == pytest.approx(9 / 10)


def test_bleu_is_sacrebleus():
    import sacrebleu

    said = ["the cat sat on the mat today", "there is a house by the sea", "no"]
    wanted = ["the cat sat on a mat today", "there is a house at the sea", "yes"]
    found, signature = bleu(said, wanted, "en", ["a", "b", "c"])
    assert found.value == pytest.approx(sacrebleu.corpus_bleu(said, [wanted]).score)
    assert "tok:13a" in signature
    assert "version:" in signature
    assert bleu(said, said, "en", ["a", "b", "c"])[0].value == pytest.approx(100)
    assert "tok:zh" in bleu(["你好"], ["你好"], "zh", ["a"])[1]


def test_chrf_of_equal_and_of_unlike_sentences():
    assert sentence_chrf("a small house", "a small house") == pytest.approx(100)
    assert sentence_chrf("xyz", "a small house") == 0


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("It is a train.", True),
        ("A train, and rain", False),
        ("I hear rain.", False),
        ("", False),
        ("b", True),
        ("(B)", True),
        ("a", False),
        ("z", False),
        ("Nothing", False),
    ],
)
def test_choices(answer, right):
    assert chose(answer, "A train", ["Rain", "A train"]) is right


@pytest.mark.parametrize(
    ("answer", "accepted", "language", "right"),
    [
        ("The speaker is female.", ["male"], "en", False),
        ("A male speaker", ["male"], "en", True),
        ("It is two.", ["2"], "en", True),
        ("She lives in the City of Paris!", ["London", "city of paris"], "en", True),
        ("paris of city", ["city of paris"], "en", False),
        ("说话的人是男性。", ["男"], "zh", True),
        ("anything", ["..."], "en", False),
    ],
)
def test_short_answers(answer, accepted, language, right):
    assert says_one_of(answer, accepted, language) is right
