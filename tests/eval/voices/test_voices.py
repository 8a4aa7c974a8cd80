"""The measurements measured: estimates of known data, queries as they are written, and a report of a small bank."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.fakes import Spectrum
from support.voices import tone, voice

from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceFacts
from vivavoce.eval.lab.statistics import equal_error_rate, mean
from vivavoce.eval.voices.lab import ask_all, calibrate, check_filters, compare_halves
from vivavoce.eval.voices.queries import HELD_OUT, QUERIES, read_queries
from vivavoce.eval.voices.report import VoicesReport, as_json, write_report
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.recipes.voices import made_voices


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
    queries = [query for path in (QUERIES, HELD_OUT) for query in read_queries(everybody, path)[0]]
    assert sum(read_queries(everybody, path)[1] for path in (QUERIES, HELD_OUT)) == 0
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


async def measured(bank, folder, queries):
    path = folder / "queries.tsv"
    path.write_text(queries)
    entries = tuple(bank.entries())
    asked, left_out = read_queries(entries, path)
    words = await ask_all(bank, asked, lambda: None)
    clips = await compare_halves(bank, Spectrum(), lambda: None)
    filters = await check_filters(bank, lambda: None)
    return VoicesReport(entries, words, calibrate(words.asked), clips, filters, left_out)


GOOD = "en\tan old man\the\tshe\nzh\t小女孩\tshe\the\nen\ta robot\tit\t-\nen\ttax law\t-\t-\nen\ta dog\tdog\t-\n"


async def test_a_report_of_a_bank_that_finds_everything(bank, tmp_path):
    report = await measured(bank, tmp_path, GOOD)
    found = as_json(report)
    assert (found["words"]["all"]["R@1"]["value"], found["words"]["in zh"]["MRR"]["value"]) == (1.0, 1.0)
    assert (found["clips"]["R@1"]["value"], found["clips"]["EER"]["value"]) == (1.0, 0.0)
    assert (found["filters"]["value"], found["left_out"], found["queries"]) == (1.0, 1, 4)
    assert found["threshold"]["accepted of unanswerable"]["value"] == 0.0
    write_report(report, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["voices"] == 3
    page = (tmp_path / "out" / "report.md").read_text()
    for picture in ("recall", "calibration", "clips"):
        assert (tmp_path / "out" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({picture}.png)" in page


async def test_a_report_of_wrong_expectations_shows_them(bank, tmp_path):
    report = await measured(bank, tmp_path, "en\tan old man\tshe\the\nen\ta robot\tit\t-\nen\tan old lady\t-\t-\n")
    found = as_json(report)["words"]["all"]
    assert (found["R@1"]["value"], found["R@5"]["value"], found["before all rivals"]["value"]) == (0.5, 1.0, 0.0)
    write_report(report, tmp_path / "out")
    assert "an old man: found he, wanted she" in (tmp_path / "out" / "report.md").read_text()


async def test_an_embedder_that_hears_nothing_is_found_out(tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None, Blind())
    for number in range(12):
        made = voice(f"v{number}")
        bank.add(replace(made, reference=tone(90.0 + number, 5.0)))
    report = await compare_halves(bank, Blind(), lambda: None)
    assert report.first.value < 0.5
    assert report.error.value > 0.25


async def test_too_little_to_measure_is_one_line(bank, tmp_path):
    for name in ("he", "she"):
        bank.remove(name)
    with pytest.raises(ConfigError, match="two voices of 4 s"):
        await compare_halves(bank, Spectrum(), lambda: None)
    with pytest.raises(ConfigError, match="queries with an answer"):
        calibrate(())
