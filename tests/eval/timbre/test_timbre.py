"""The timbre lab: made-up dialogues get the known scores, and the scripted agent goes through all of it."""

import json

import numpy as np
import pytest

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import load_settings
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.eval.lab.driver import run_lab
from vivavoce.eval.lab.lab import Item, Options
from vivavoce.eval.timbre.bank import Ear, pairs
from vivavoce.eval.timbre.lab import TimbreLab
from vivavoce.eval.timbre.scores import Heard, calibrated, judged
from vivavoce.eval.timbre.set import read_timbre_set

pytestmark = pytest.mark.unit
IDS, SPEAKERS = (DEFAULT_VOICE_ID, "ann", "ann-2", "bob"), ("robot", "ann", "ann", "bob")


class FirstSample:
    """Hears who is meant: the first sample names the voice."""

    id, dimension = "first-sample", 4

    def embed(self, clip):
        vector = np.full(4, 0.1, np.float32)
        vector[round(float(clip.samples[0]) * 10)] = 1.0
        return vector / np.linalg.norm(vector)


def clip_of(voice: str) -> AudioClip:
    samples = np.full(8_000, 0.01, np.float32)
    samples[0] = IDS.index(voice) / 10
    return AudioClip(samples, 16_000)


@pytest.fixture
def ear():
    embedder = FirstSample()
    heard = np.stack([embedder.embed(clip_of(voice)) for voice in IDS])
    return Ear(embedder, IDS, SPEAKERS, heard, np.asarray(heard @ heard.T, np.float64), 0.0, 0.9)


def dialogue(ear, *steps):
    """Steps as (step, session's voice, wanted voice, voice that is heard, text, what was recognised)."""
    return [
        Heard(step, "?", state, wanted, text, {"first-sample": ear.similarities(clip_of(sound))}, said, {}, clip_of(sound))
        for step, state, wanted, sound, text, said in steps
    ]


def result_of(ear, *steps):
    item = Item("ann", "ann", {"kind": "recorded", "voice": "ann", "name": "Ann", "held_out": True}, {})
    return judged(item, dialogue(ear, *steps), [ear], "Decoder")


PERFECT = (
    ("named", "ann", "ann", "ann", "small words", "small words"),
    ("carried", "ann", "ann", "ann", "many birds", "many birds"),
    ("back", DEFAULT_VOICE_ID, DEFAULT_VOICE_ID, DEFAULT_VOICE_ID, "back", "back"),
    ("words", "ann", "ann", "ann", "as you wish", "as you wish"),
)


def test_a_perfect_dialogue(ear):
    found = result_of(ear, *PERFECT)
    assert found.verdict == "right"
    ones = [name for name, value in found.scores.items() if value == pytest.approx(1)]
    assert {"switched", "voice kept", "went back", "found by words"} <= set(ones)
    for measure in (
        "similarity to the target",
        "nearest is the target",
        "above the threshold",
        "target before default, named",
        "target before default, carried over",
        "default before target, gone back",
    ):
        assert f"{measure} (first-sample)" in ones
    assert found.scores["similarity to impostors (first-sample)"] < 0.5
    assert found.scores["word error rate"] == found.scores["word error rate, default voice"] == 0


def test_an_agent_that_never_switches(ear):
    steps = [(step, DEFAULT_VOICE_ID, wanted, DEFAULT_VOICE_ID, text, said) for step, _, wanted, _, text, said in PERFECT]
    found = result_of(ear, *steps)
    assert found.why == "switched, voice kept, found by words"
    assert found.scores["went back"] == 1
    assert found.scores["nearest is the target (first-sample)"] == 0
    assert found.scores["target before default, named (first-sample)"] == 0
    assert "word error rate" not in found.scores  # nothing was spoken in another voice


def test_a_voice_that_wears_off(ear):
    worn = (*PERFECT[1][:3], DEFAULT_VOICE_ID, "many birds", "many words")
    found = result_of(ear, PERFECT[0], worn, *PERFECT[2:])
    assert found.scores["voice kept"] == 1  # the session's voice was right, its sound was not
    assert found.scores["target before default, carried over (first-sample)"] == 0
    assert found.scores["change of similarity over turns (first-sample)"] < -0.5
    assert found.scores["word error rate"] == pytest.approx(1 / 7)  # of seven words in the voice


def test_another_clip_of_the_same_speaker_is_the_target_too(ear):
    found = result_of(ear, *[(s, v, w, "ann-2" if sound == "ann" else sound, t, r) for s, v, w, sound, t, r in PERFECT])
    assert found.scores["nearest is the target (first-sample)"] == 1
    assert found.record["embedders"]["first-sample"]["nearest"] == "ann-2"


def test_pairs_of_one_speaker_are_no_impostors():
    cosines = np.arange(16, dtype=float).reshape(4, 4)
    same, other = pairs(cosines, SPEAKERS)
    assert same.tolist() == [0, 5, 10, 15]
    assert sorted(other.tolist()) == [1, 2, 3, 4, 7, 8, 11, 12, 13, 14]  # 6 and 9 are Ann's two clips
    assert pairs(cosines, SPEAKERS, [3, 3])[0].tolist() == [15, 15]


def test_the_page_tells_calibration_and_voices(ear):
    calibration = calibrated(Item("calibration", "calibration", {"kind": "calibration"}, {}), [ear])
    page = TimbreLab().page([calibration, result_of(ear, *PERFECT)], {})
    assert page.summary["equal error rate of clips (first-sample)"].value == 0
    assert page.summary["switched"].value == 1
    assert {"similarity-1.png", "calibration-1.png", "states.png"} == set(page.pictures)
    assert all(picture.startswith(b"\x89PNG") for picture in page.pictures.values())
    assert "| Ann |" in page.body


class Spectrum:
    """Hears the pitch of tones."""

    id, dimension = "spectrum", 64

    def embed(self, clip):
        spectrum = np.abs(np.fft.rfft(clip.resampled(16_000).samples, 16_000))[:640].reshape(64, 10).sum(1)
        return (spectrum / np.linalg.norm(spectrum)).astype(np.float32)


def spectral_lab():
    return TimbreLab(lambda name, threads: Spectrum())


@pytest.fixture
def scripted(own_home, tmp_path):
    path = tmp_path / "set.json"
    path.write_text(
        json.dumps(
            {
                "questions": ["One of many questions.", "Another one."],
                "by_words": ['tool voice_search {"description": "{name}"}'],
                "back": 'tool voice_search {"description": "go back to the default voice"}',
            }
        )
    )
    return Options(load_settings(model="scripted"), (str(path),))


async def test_the_scripted_agent_switches_keeps_and_goes_back(scripted, tmp_path):
    finished = await run_lab(spectral_lab(), scripted, tmp_path / "run")
    calibration, voice = finished.results
    assert calibration.scores == {"equal error rate (spectrum)": 0.0}
    assert (voice.id, voice.verdict, voice.error) == ("high-tone", "right", None)
    answers = voice.record["answers"]
    assert [answer["voice_id"] for answer in answers] == ["high-tone", "high-tone", DEFAULT_VOICE_ID, "high-tone"]
    assert (tmp_path / "run" / answers[0]["turn"]["answer_audio"]).is_file()
    assert not (tmp_path / "run" / "home").exists()


async def test_a_resumed_run_asks_nothing_again(scripted, tmp_path):
    first = await run_lab(spectral_lab(), scripted, tmp_path / "run")
    lines = (tmp_path / "run" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run" / "results.jsonl").write_bytes(lines[0] + lines[1][:50])  # killed while it wrote
    again = await run_lab(spectral_lab(), scripted, tmp_path / "run", resume=True)
    assert again.page.summary.keys() == first.page.summary.keys()
    assert [result.scores for result in again.results] == [result.scores for result in first.results]


def test_the_shipped_set_is_of_its_form():
    assert len(read_timbre_set("bank").questions) >= 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"questions": ["one"], "by_words": ["{name}"], "back": "x"}', "questions"),
        ('{"questions": ["one", "two"], "by_words": ["no place"], "back": "x"}', "by_words.0"),
        ('{"questions": ["one", "two"], "by_words": ["{name}"], "back": "x", "more": 1}', "more"),
        ("no json", "the object"),
    ],
)
def test_a_wrong_set_names_its_field(tmp_path, content, told):
    path = tmp_path / "set.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=told):
        read_timbre_set(str(path))


def test_unknown_voices_and_sets_are_told(scripted, tmp_path):
    path = tmp_path / "set.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"voices": ["nobody"]}))
    with pytest.raises(ConfigError, match="no voice 'nobody'"):
        spectral_lab().items(scripted)
    with pytest.raises(ConfigError, match="there is no set 'absent'"):
        read_timbre_set("absent")
