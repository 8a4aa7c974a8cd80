"""The grounding check: what it reads out of a sentence, what it holds against one, and that nothing makes it fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.language.stems import stem
from vivavoce.core.passage import Passage
from vivavoce.retrieval.embedder import MiniLMEmbedder
from vivavoce.retrieval.grounding.check import WEIGHTS, SentenceGrounding, claims_nothing, read, support_of
from vivavoce.retrieval.grounding.features import FEATURES
from vivavoce.retrieval.grounding.words import MAX_SENTENCES, normalised, sentence, sentences

pytestmark = pytest.mark.unit
MUSEUM = Passage(
    "The Quarry Museum is open from ten in the morning to six in the evening, Tuesday to Saturday. A ticket costs nine "
    "euros for adults and four euros for students. Photography is allowed without a flash. Large bags must be left in the "
    "cloakroom. The oldest engine was built in 1887 by Walter Brandt.",
    "museum.txt",
    "Quarry Museum",
)
OVEN = Passage(
    "The oven heats up in twelve minutes. Never clean the glass door with steel wool. A blinking lamp means that the door "
    "is not closed.",
    "oven.txt",
    "Oven manual",
)


class Words:
    """Sentences are alike as far as their stems are the same; counts what it embeds."""

    id, dimension = "words", 256

    def __init__(self):
        self.texts = []

    def embed(self, texts):
        self.texts += texts
        vectors = np.full((len(texts), self.dimension), 1e-4, np.float32)
        for row, text in enumerate(texts):
            for word in sentence(text).whole.stems:
                vectors[row, sum(map(ord, word)) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def check():
    return SentenceGrounding(Words())


@pytest.fixture(scope="module")
def real():
    return SentenceGrounding(MiniLMEmbedder(1))


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("It opens at half past six.", {"6:30"}),
        ("It opens at 6:30 p.m.", {"6:30"}),
        ("It closes at 18:00.", {"6"}),
        ("It costs five pounds fifty.", {"5.5"}),
        ("It costs £5.50.", {"5.5"}),
        ("Built in nineteen eighty-seven.", {"1987"}),
        ("A hundred and forty people.", {"140"}),
        ("There are 1,500 trees.", {"1500"}),
        ("Four and a half litres.", {"4.5"}),
        ("One of the dogs.", set()),
        ("One euro.", {"1"}),
        ("Open Thursday to Saturday.", {"thursday", "friday", "saturday"}),
        ("From November to January.", {"november", "december", "january"}),
        ("Closed at the weekend.", {"saturday", "sunday"}),
        ("You may march on.", set()),
        ("The red lamp blinks once a week.", {"red", "week"}),
        ("Version 1.2.3 is out.", {"1.2.3"}),
    ],
)
def test_numbers_days_and_times_have_one_form(said, values):
    assert sentence(said).whole.values == values


def test_a_negation_reaches_its_words_and_no_further():
    candles, machines = sentence("Candles are permitted, but smoke machines are not.").clauses
    assert stem("permitted") not in candles.denied
    assert {stem("smoke"), stem("machines")} <= machines.denied
    kept = sentence("Days that are not taken may be carried over.").whole.denied
    assert stem("taken") in kept
    assert stem("carried") not in kept
    assert stem("fires") in sentence("Open fires are forbidden.").whole.denied


def test_names_are_capitalised_words_inside_a_sentence():
    assert sentence("Yesterday Walter Brandt came on Monday.").whole.names == {"Walter", "Brandt"}


@given(st.text(max_size=300))
def test_any_text_is_taken_apart(text):
    found = sentences(text)
    assert 1 <= len(found) <= MAX_SENTENCES
    assert all(one.clauses for one in found)
    assert all(one.whole.values >= clause.denied & one.whole.values for one in found for clause in one.clauses)
    assert isinstance(normalised(text), str)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=80))
def test_any_sentence_gets_a_verdict(said, passage, question):
    found = SentenceGrounding(Words()).check(said, [Passage(passage, "x", "x"), OVEN], question)
    assert 0.0 <= found.support <= 1.0
    assert found.passage in (-1, 0, 1)
    assert bool(found.why) != found.supported
    assert "{" not in found.why or "{" in said


def test_very_long_texts_are_cut():
    check = SentenceGrounding(Words())
    check.check("word " * 100_000 + "1 2 3.", [Passage("A b. " * 100_000, "x", "x")])
    assert max(map(len, check._embedder.texts)) <= 1_000
    assert len(check._embedder.texts) <= MAX_SENTENCES + 1


def test_every_feature_speaks_against_and_has_a_weight():
    assert tuple(WEIGHTS) == FEATURES
    assert all(weight <= 0 for weight in WEIGHTS.values())
    nothing = np.zeros(len(FEATURES))
    for number in range(len(FEATURES)):
        row = nothing.copy()
        row[number] = 1.0
        assert support_of(row) <= support_of(nothing)


@pytest.mark.parametrize(
    "said",
    [
        "Hello!",
        "Good morning.",
        "You're welcome!",
        "Let me look that up for you.",
        "I'm sorry, I could not find anything about that.",
        "I don't know.",
        "The documents do not say anything about parking.",
        "There is nothing about that in the manual.",
        "According to the manual:",
        "Would you like to hear more?",
        "...",
        "",
    ],
)
def test_what_claims_nothing_needs_no_passage(check, said):
    found = check.check(said, [MUSEUM])
    assert (found.supported, found.passage, found.why) == (True, -1, "")
    assert check.check(said, []).supported


@pytest.mark.parametrize(
    "said",
    [
        "Sorry, the museum is closed on Mondays.",
        "I could not find the fee, but the ticket costs ninety euros.",
        "Good photographs are sold here.",
        "In 1987.",
    ],
)
def test_a_claim_in_polite_words_is_still_a_claim(check, said):
    assert not claims_nothing(said)
    assert not check.check(said, []).supported


def test_yes_and_no_are_read_with_their_question():
    said, asked = read("No.", "Is photography allowed?")
    assert asked is None
    assert {stem("photography"), stem("allowed")} <= said.whole.denied
    assert read("Yes, it is.", "Is photography allowed?")[0].whole.denied == frozenset()
    assert read("No bags are allowed in the great hall.", "And bags?")[0].text.startswith("No bags")


def test_a_short_answer_is_read_with_its_question_and_a_whole_sentence_without():
    assert read("In 1887.", "When was it built?")[1] is not None
    assert read("The oldest engine was built in 1887 by Walter Brandt.", "When was it built?")[1] is None
    assert read("According to the visitor guide, bags must be left there.", "")[0].text == "bags must be left there."
    assert read("In the evening, bags must be left there.", "")[0].text.startswith("In the evening")


def test_the_reason_names_what_is_missing(check):
    assert "the number 1899 is not" in check.check("The oldest engine was built in 1899 by Walter Brandt.", [MUSEUM]).why
    assert "Sunday is not" in check.check("The museum is open on Sunday from ten to six.", [MUSEUM]).why
    assert check.check("Photography is not allowed.", [MUSEUM]).why == "the passage says the opposite"


def test_passages_are_embedded_once(check):
    for said in ("A ticket costs nine euros for adults.", "Photography is allowed without a flash in the museum."):
        check.check(said, [MUSEUM, OVEN])
    assert len(check._embedder.texts) == len(sentences(MUSEUM.text)) + len(sentences(OVEN.text)) + 2


@pytest.mark.models
@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Photography is allowed without a flash.", ""),
        ("Taking photos without a flash is fine.", ""),
        ("Adults pay nine euros for a ticket, students four.", ""),
        ("The museum is open on Thursday.", ""),
        ("In 1887.", "When was the oldest engine built?"),
        ("Yes, it is.", "Is photography allowed without a flash?"),
    ],
)
def test_what_the_passage_says_is_supported(real, said, question):
    found = real.check(said, [OVEN, MUSEUM], question)
    assert (found.supported, found.passage) == (True, 1), found


@pytest.mark.models
@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("The museum is open on Sunday.", ""),
        ("A ticket costs eleven euros for adults.", ""),
        ("Photography is not allowed.", ""),
        ("A ticket costs four euros for adults and nine euros for students.", ""),
        ("The oldest engine was built by Henry Falk.", ""),
        ("Clean the glass door with steel wool.", ""),
        ("The volcano erupted again last night.", ""),
        ("In 1901.", "When was the oldest engine built?"),
        ("No, it is not.", "Is photography allowed without a flash?"),
    ],
)
def test_what_the_passage_does_not_say_is_not(real, said, question):
    found = real.check(said, [OVEN, MUSEUM], question)
    assert not found.supported, found


@pytest.mark.models
def test_the_threshold_is_what_divides(real):
    said = "Taking photos without a flash is fine."
    support = real.check(said, [MUSEUM]).support
    assert SentenceGrounding(MiniLMEmbedder(1), support - 0.01).check(said, [MUSEUM]).supported
    assert not SentenceGrounding(MiniLMEmbedder(1), support + 0.01).check(said, [MUSEUM]).supported
