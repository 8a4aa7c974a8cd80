"""The measurements measured: estimates of known data, queries as they are written, and a report of a small bank."""

from dataclasses import replace

import numpy as np
import pytest
from support.fakes import Spectrum
from support.voices import tone, voice

from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import Settings
from vivavoce.core.voice import VoiceFacts
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Options
from vivavoce.eval.lab.statistics import equal_error_rate, mean
from vivavoce.eval.voices.lab import VoicesLab
from vivavoce.eval.voices.queries import HELD_OUT, QUERIES, read_queries
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.recipes.voices import made_voices

pytestmark = pytest.mark.unit


class Blind:
    """Hears no difference, and says that everybody is somebody else."""

    id, dimension = "blind-1", 64

    def __init__(self):
        self._rng = np.random.default_rng(0)

    def embed(self, clip):
        vector = self._rng.normal(size=64)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_a_mean_has_an_interval_that_narrows():
    few, many = mean([0.0, 1.0] * 5), mean([0.0, 1.0] * 500)
    assert few.value == many.value == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    assert mean([1.0] * 9).low == 1.0
    with pytest.raises(ValueError, match="nothing"):
        mean([])


def test_equal_error_rates_of_known_scores():
    rng = np.random.default_rng(0)
    assert equal_error_rate(np.array([0.9, 0.8]), np.array([0.1, 0.2]))[0] == 0.0
    assert equal_error_rate(rng.normal(size=4000), rng.normal(size=4000))[0] == pytest.approx(0.5, abs=0.03)
    # two normal distributions two deviations apart cross at the error function of one
    assert equal_error_rate(rng.normal(2, 1, 20_000), rng.normal(0, 1, 20_000))[0] == pytest.approx(0.1587, abs=0.01)


def test_the_queries_are_many_in_two_languages_and_name_voices_that_are_there():
    everybody = [made.voice(tone(100.0)) for made in made_voices()]
    queries = [query for path in (QUERIES, HELD_OUT) for query in read_queries(everybody, path)]
    assert not any(query.missing for query in queries)
    assert len(queries) >= 120
    assert sum(query.language == "zh" for query in queries) >= 40
    assert sum(not query.has_answer for query in queries) >= 20
    assert sum(bool(query.rivals) for query in queries) >= 100
    assert len({query.text for query in queries}) == len(queries)
    ids = {one.id for one in everybody}
    for path in (QUERIES, HELD_OUT):
        for line in path.read_text(encoding="utf-8").splitlines():
            for term in " ".join(line.split("\t")[2:]).split() if not line.startswith("#") else ():
                assert term == "-" or "=" in term or term in ids, term


def test_a_line_of_another_form_is_named(tmp_path):
    path = tmp_path / "q.tsv"
    path.write_text("en\ta man\n")
    with pytest.raises(ConfigError, match=r"q\.tsv, line 1: 2 fields instead of 4"):
        read_queries([], path)


@pytest.fixture
def bank(tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None, Spectrum())
    for name, f0_hz, facts in (
        ("he", 90.0, VoiceFacts("male", "old", language="en")),
        ("she", 310.0, VoiceFacts("female", "child", language="fr")),
        ("it", 170.0, VoiceFacts(style="robot", language="en")),
    ):
        made = voice(name, facts=facts)
        bank.add(replace(made, reference=tone(f0_hz, 5.0)))
    return bank


GOOD = "en\tan old man\the\tshe\nzh\t小女孩\tshe\the\nen\ta robot\tit\t-\nen\ttax law\t-\t-\nen\ta dog\tdog\t-\n"


@pytest.fixture
def run(tmp_path):
    async def run(bank, queries=None, embedder=Spectrum, name="run", resume=False):
        """queries: a table to be asked beside clips and conditions; clips alone without one."""
        sets = ("clips",)
        if queries is not None:
            path = tmp_path / "queries.tsv"
            path.write_text(queries)
            sets = (str(path), "clips", "conditions")
        lab = VoicesLab(lambda settings: bank, embedder)
        return await run_lab(lab, Options(Settings(home=tmp_path / "home"), sets), tmp_path / name, resume=resume)

    return run


async def test_a_report_of_a_bank_that_finds_everything(run, bank, tmp_path):
    finished = await run(bank, GOOD)
    found = {name: estimate.value for name, estimate in finished.page.summary.items()}
    assert (found["words, all: R@1"], found["words, in zh: MRR"]) == (1.0, 1.0)
    assert (found["clip to speaker: R@1"], found["clip to speaker: EER"]) == (1.0, 0.0)
    assert found["searches that meet conditions exactly"] == 1.0
    assert found["accepted at 0.47, of queries that nothing fits"] == 0.0
    assert [one.id for one in finished.results if one.verdict == "left out"] == ["words/a dog"]
    page = (tmp_path / "run" / "report.md").read_text()
    assert "4 queries written by hand (1 that nothing fits), 1 left out" in page
    for picture in ("recall", "calibration", "clips"):
        assert (tmp_path / "run" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({picture}.png)" in page


async def test_a_report_of_wrong_expectations_shows_them(run, bank):
    page = (await run(bank, "en\tan old man\tshe\the\nen\ta robot\tit\t-\nen\tan old lady\t-\t-\n")).page
    found = [page.summary[f"words, all: {name}"].value for name in ("R@1", "R@5", "before all rivals")]
    assert found == [0.5, 1.0, 0.0]
    assert "| an old man | he | she |" in page.body


async def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(run, bank, tmp_path):
    whole = await run(bank, GOOD, name="whole")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "run.json").write_bytes((tmp_path / "whole" / "run.json").read_bytes())
    lines = (tmp_path / "whole" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut" / "results.jsonl").write_bytes(b"".join(lines[:6]) + lines[6][:20])
    again = await run(bank, GOOD, name="cut", resume=True)
    assert again.page == whole.page


async def test_an_embedder_that_hears_nothing_is_found_out(run, tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None, Blind())
    for number in range(12):
        made = voice(f"v{number}")
        bank.add(replace(made, reference=tone(90.0 + number, 5.0)))
    found = (await run(bank, embedder=Blind)).page.summary
    assert found["clip to speaker: R@1"].value < 0.5
    assert found["clip to speaker: EER"].value > 0.25


async def test_too_little_to_measure_is_one_line(run, bank):
    for name in ("he", "she"):
        bank.remove(name)
    with pytest.raises(ConfigError, match="two voices of 4 s"):
        await run(bank)


async def test_queries_of_one_kind_show_no_threshold(run, bank):
    page = (await run(bank, "en\tan old man\the\tshe\n")).page
    assert "When nothing fits" not in page.body
    assert "calibration.png" not in page.pictures


def test_a_set_that_is_not_there_is_one_line(bank, tmp_path):
    with pytest.raises(ConfigError, match="no set 'faces'; choose words, clips, conditions or a table"):
        VoicesLab(lambda settings: bank).items(Options(Settings(home=tmp_path), ("faces",)))
