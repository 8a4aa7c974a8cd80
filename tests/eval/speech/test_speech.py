"""The speech lab end to end, on the scripted model, which hears "<length> seconds of speech"."""

import json

import pytest
from support.backends import set_script

from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.settings import load_settings
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Options
from vivavoce.eval.speech.lab import SpeechLab, judged

pytestmark = pytest.mark.unit
HEARD = "1.0 seconds of speech"


@pytest.fixture
def sets(tmp_path, tone):
    speech, questions = tmp_path / "librispeech", tmp_path / "uro" / "Eval"
    for folder in (speech / "1/2", speech / "3/4", questions):
        folder.mkdir(parents=True)
    (speech / "1/2/1-2.trans.txt").write_text(f"1-2-0 {HEARD.upper()}\n1-2-1 {HEARD} AND ONE MORE\n")
    (speech / "3/4/3-4.trans.txt").write_text("3-4-0 NOTHING LIKE IT AT ALL\n")
    for name in ("1/2/1-2-0", "1/2/1-2-1", "3/4/3-4-0"):
        tone.save(speech / f"{name}.flac")
    tone.save(questions / "a.wav")
    rows = [{"id": n, "source_wav": "a.wav", "target_text": text} for n, text in enumerate(("1 seconds", "9 minutes"))]
    (questions / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"librispeech:{speech}", f"uro:{questions.parent}"


async def run(sets, folder, **options):
    chosen = Options(load_settings(model="scripted"), tuple(sets), **options)
    return await run_lab(SpeechLab(), chosen, folder)


async def test_known_answers_get_the_known_scores(own_home, sets, tmp_path):
    finished = await run(sets, tmp_path / "run")
    summary = finished.page.summary
    # four words of "1.0 seconds of speech", three that were not heard; of "nothing like it at all" five words are wrong
    assert summary[f"{sets[0]}: WER"].value == pytest.approx((0 + 3 + 5) / (4 + 7 + 5))
    assert summary[f"{sets[0]}: recordings without an error"].value == pytest.approx(1 / 3)
    assert summary[f"{sets[1]}: question accuracy"].value == pytest.approx(1 / 2)
    assert {result.verdict for result in finished.results} == {"right", "wrong"}


async def test_the_run_leaves_nothing_in_the_users_home(own_home, sets, tmp_path):
    await run(sets, tmp_path / "run")
    assert not list(own_home.rglob("*.sqlite*"))
    assert not (tmp_path / "run" / "home").exists()
    assert (tmp_path / "run" / "report.md").is_file()
    assert {path.name for path in (tmp_path / "run").glob("*.png")} == {"rates.png", "errors.png"}


async def test_seeds_are_repetitions(own_home, sets, tmp_path):
    finished = await run(sets[:1], tmp_path / "run", seeds=(1, 2), limit=2)
    assert len(finished.results) == 4
    assert len({result.id for result in finished.results}) == 4


async def test_a_damaged_recording_counts_as_not_heard_at_all(own_home, sets, tmp_path):
    broken = tmp_path / "librispeech/3/4/3-4-0.flac"
    broken.write_bytes(b"no sound")
    finished = await run(sets[:1], tmp_path / "run")
    [failed] = [result for result in finished.results if result.error is not None]
    assert failed.scores == {"wer": 1.0}
    assert finished.page.summary[f"{sets[0]}: WER"].value == pytest.approx((0 + 3 + 5) / (4 + 7 + 5))


async def test_a_model_that_fails_before_it_hears_has_not_heard_silence(monkeypatch, own_home, sets, tmp_path):
    def deaf(messages, tools):
        raise ModelError("the model is down; start it")
        yield

    set_script(monkeypatch, deaf)
    finished = await run(sets, tmp_path / "run")
    assert {result.error for result in finished.results} == {"the model is down; start it"}


async def test_sets_of_no_layout_are_refused(own_home):
    with pytest.raises(ConfigError, match="there is no set"):
        SpeechLab().items(Options(load_settings(model="scripted"), ("nothing",)))


def test_translations_are_scored_by_chrf(own_home, tmp_path, tone):
    (tmp_path / "clips").mkdir()
    tone.save(tmp_path / "clips" / "a.wav")
    manifest = tmp_path / "covost_v2.de_en.test.tsv"
    manifest.write_text("path\tsentence\ttranslation\tclient_id\na.wav\tEin Haus am Meer\tA house by the sea\tx\n")
    [item] = SpeechLab().items(Options(load_settings(model="scripted"), (f"covost2:{manifest}",)))
    assert item.at_worst == {"chrf": 0.0}
    assert judged(item, "A house by the sea", {}).scores["chrf"] == pytest.approx(100)
    right, wrong = judged(item, "A house by the sea", {}), judged(item, "A tree by the road", {})
    page = SpeechLab().page([right], {})
    assert page.summary[f"covost2:{manifest}: BLEU"].value == pytest.approx(100)
    assert "sacrebleu" in page.body
    assert 0 < wrong.scores["chrf"] < 100
