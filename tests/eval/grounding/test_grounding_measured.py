"""The grounding measurement: claims as they are written, fits that can be checked by hand, and a report."""

import json
from collections import Counter

import numpy as np
import pytest

from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.core.settings import Settings
from vivavoce.eval.grounding.claims import (
    ANSWERS,
    BESIDE,
    NO_CLAIM,
    RESPONSES,
    WRITTEN,
    LabelledClaim,
    answers,
    read_claims,
    responses,
)
from vivavoce.eval.grounding.fit import fit
from vivavoce.eval.grounding.lab import GroundingLab
from vivavoce.eval.grounding.report import by_kind, estimates, thresholds
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Options
from vivavoce.retrieval.grounding.words import sentence

pytestmark = pytest.mark.unit


class Words:
    """Sentences are alike as far as their stems are the same."""

    id, dimension = "words", 256

    def embed(self, texts):
        vectors = np.full((len(texts), self.dimension), 1e-4, np.float32)
        for row, text in enumerate(texts):
            for word in sentence(text).whole.stems:
                vectors[row, sum(map(ord, word)) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def claim(text, *, supported, held_out=False, group="a", kind="number"):
    passage = Passage("The tower has nine bells and a clock. The clock was made in Turin.", "tower", "Tower")
    return LabelledClaim(WRITTEN, kind, "", text, (passage,), 0, supported, held_out, group)


SAID = (
    "The tower has nine bells.",
    "The tower has a clock.",
    "The clock was made in Turin.",
    "The tower has nine bells and a clock.",
)
UNSAID = ("The tower has six bells.", "The tower has 40 clocks.", "The clock was made in 1750.", "The tower has two bells.")


def small():
    return [
        claim(text, supported=supported, held_out=held_out, group=f"{held_out}{number}", kind="+-"[not supported])
        for held_out in (False, True)
        for supported, texts in ((True, SAID), (False, UNSAID))
        for number, text in enumerate(texts)
    ]


def test_the_written_claims_are_many_and_of_all_kinds():
    claims = read_claims()
    assert len(claims) >= 400
    assert len({one.text for one in claims}) >= len(claims) - 2
    for part in (False, True):
        kinds = Counter((one.kind, one.supported) for one in claims if one.held_out == part)
        for kind in ("verbatim", "paraphrase", "joined", "answer", NO_CLAIM):
            assert kinds[kind, True] >= 10, kind
        for kind in ("number", "date", "negation", "swapped", "addition", "answer"):
            assert kinds[kind, False] >= 10, kind
    assert not {one.group for one in claims if one.held_out} & {one.group for one in claims if not one.held_out}


def test_a_claim_stands_beside_its_passage_and_others_in_any_place():
    claims = [one for one in read_claims() if one.kind != NO_CLAIM]
    for one in claims:
        assert one.passages[one.right].source == one.group
        assert len({passage.source for passage in one.passages}) == len(one.passages) == BESIDE
    assert {one.right for one in claims} == set(range(BESIDE))


def test_a_line_of_another_form_is_named(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_text("passage\ta\tfit\tA\n")
    with pytest.raises(ConfigError, match=r"c\.tsv, line 1: a line of 4 fields"):
        read_claims(path)
    path.write_text("claim\tnowhere\t+\tnumber\t-\tIt is so.\n")
    with pytest.raises(ConfigError, match="names no passage"):
        read_claims(path)


def rows(number):
    return [
        {
            "knowledge": f"Town {i} lies on river {i}.It is old.",
            "question": f"Where is town {i}?",
            "right_answer": "river " * (1 + i % 3),
            "hallucinated_answer": "the sea " * (1 + i % 2),
            "dialogue_history": f"[Human]: Hello [Assistant]: Hi [Human]: Tell me of town {i} ",
            "right_response": "It is old.",
            "hallucinated_response": "It is new.",
        }
        for i in range(number)
    ]


def test_length_does_not_tell_answers_apart():
    found = answers(rows(120))
    lengths = [Counter(len(one.text.split()) for one in found if one.supported == side) for side in (True, False)]
    assert lengths[0] == lengths[1]
    assert set(lengths[0]) == {2}
    assert {one.set for one in found} == {ANSWERS}
    halves = {part: {one.group for one in found if one.held_out == part} for part in (True, False)}
    assert halves[True] and halves[False] and not halves[True] & halves[False]
    assert found[0].passages[0].text.count(". It") == 1


def test_responses_come_in_pairs_and_are_never_fitted_on():
    found = responses(rows(30), limit=20)
    assert len(found) == 20
    assert sum(one.supported for one in found) == 10
    assert all(one.held_out and one.set == RESPONSES and one.question.startswith("Tell me of town") for one in found)


def test_a_fit_uses_what_separates_and_nothing_held_out():
    claims = small()
    found = fit(Words(), claims)
    assert all(weight <= 0 for weight in found.weights.values())
    assert found.weights["absent values"] < -0.5
    assert found.weights["contradiction"] == 0.0
    assert found.left_out.value == 1.0
    assert fit(Words(), [one for one in claims if not one.held_out]) == found
    with pytest.raises(ConfigError, match="needs written claims"):
        fit(Words(), [one for one in claims if one.held_out])


@pytest.fixture
def run(tmp_path):
    async def run(claims, name="run", resume=False):
        lab = GroundingLab(lambda name, cache: claims, lambda settings: Words())
        return await run_lab(lab, Options(Settings(home=tmp_path), (WRITTEN,)), tmp_path / name, resume=resume)

    return run


async def test_a_report_of_a_check_that_is_right_beside_baselines_that_cannot_be(run, tmp_path):
    finished = await run(small())
    assert len(finished.results) == 16
    limits = thresholds(finished.results)
    held_out = [one for one in finished.results if one.facts["half"] == "held out"]
    found = estimates(held_out, limits)
    ours, overlap = found["grounding"], found["word overlap"]
    assert (ours["precision"].value, ours["recall"].value, ours["false flags"].value) == (1.0, 1.0, 0.0)
    assert ours["AUROC"].value == 1.0
    assert ours["AUROC"].count == 8
    assert overlap["false flags"].value <= 0.25
    assert by_kind(held_out, limits)["- -"]["grounding"].value == 1.0
    assert finished.page.summary["supported sentences whose passage is named rightly"].value == 1.0
    kept = json.loads((tmp_path / "run" / "summary.json").read_text())["estimates"]
    assert kept["written, grounding: F1"]["value"] == 1.0
    assert any("AUROC" in name for name in kept)
    assert (tmp_path / "run" / "grounding.png").read_bytes().startswith(b"\x89PNG")
    assert "1.000 [1.000, 1.000]" in (tmp_path / "run" / "report.md").read_text()


async def test_a_run_that_was_cut_off_goes_on(run, tmp_path):
    whole = await run(small())
    lines = (tmp_path / "run" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run" / "results.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])
    again = await run(small(), resume=True)
    assert [one.scores for one in again.results] == [one.scores for one in whole.results]
    assert again.page.summary["written, grounding: F1"] == whole.page.summary["written, grounding: F1"]


async def test_a_report_shows_mistakes(run):
    mislabelled = [*small(), claim("The tower has ninety bells.", supported=True, held_out=True, kind="paraphrase")]
    page = (await run(mislabelled)).page
    assert page.summary["written, grounding: false flags"].value == pytest.approx(0.2)
    assert "| flagged | paraphrase |" in page.body
    assert "| The tower has ninety bells. | the number 90 is not" in page.body


async def test_too_few_claims_to_measure_is_one_line(run):
    with pytest.raises(ConfigError, match="written claims"):
        await run([one for one in small() if not one.held_out])


def test_a_set_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no set 'rumours'; choose written, halueval answers, halueval responses"):
        GroundingLab().items(Options(Settings(home=tmp_path), ("rumours",)))
