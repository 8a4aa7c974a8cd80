"""Benchmarks in their official layouts: what is read of them, and what a damaged one is told."""

import json
from pathlib import Path

import pytest

from vivavoce.core.errors import ConfigError
from vivavoce.eval.speech.sets import read_set

pytestmark = pytest.mark.unit


def sound(tone, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone.save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def read(layout: str, place: Path, cache: Path):
    return read_set(f"{layout}:{place}", cache)


def test_librispeech(tmp_path, tone):
    folder = tmp_path / "test-clean"
    text(folder / "61/70968/61-70968.trans.txt", "61-70968-0000 HE BEGAN A CONFUSED COMPLAINT\n61-70968-0001 GIVE NOT SO\n")
    text(folder / "121/1/121-1.trans.txt", "121-1-0000 ALSO A POPULAR CONTRIVANCE\n")
    for name in ("61/70968/61-70968-0000", "61/70968/61-70968-0001", "121/1/121-1-0000"):
        sound(tone, folder / f"{name}.flac")
    found = read("librispeech", folder, tmp_path)
    assert [(one.id, one.cluster, one.references) for one in found] == [
        ("121-1-0000", "121", ("ALSO A POPULAR CONTRIVANCE",)),
        ("61-70968-0000", "61", ("HE BEGAN A CONFUSED COMPLAINT",)),
        ("61-70968-0001", "61", ("GIVE NOT SO",)),
    ]


def test_a_librispeech_line_without_words_is_named(tmp_path):
    manifest = text(tmp_path / "ls/1/2/1-2.trans.txt", "\n1-2-0000\n")
    with pytest.raises(ConfigError, match=rf"{manifest}, line 2: expected a name"):
        read("librispeech", tmp_path / "ls", tmp_path)


def test_a_missing_recording_is_named(tmp_path):
    text(tmp_path / "ls/1/2/1-2.trans.txt", "1-2-0000 HELLO\n")
    with pytest.raises(ConfigError, match=r"line 1: the recording .*1-2-0000\.flac is missing"):
        read("librispeech", tmp_path / "ls", tmp_path)


def test_aishell_takes_the_test_part_and_joins_its_words(tmp_path, tone):
    folder = tmp_path / "data_aishell"
    text(
        folder / "transcript/aishell_transcript_v0.8.txt",
        "BAC009S0764W0121 甚至 出现 交易 几乎 停滞\nBAC009S0002W0122 而 对 楼市\n",
    )
    sound(tone, folder / "wav/test/S0764/BAC009S0764W0121.wav")
    sound(tone, folder / "wav/train/S0002/BAC009S0002W0122.wav")
    [found] = read("aishell", folder, tmp_path)
    assert (found.references, found.cluster, found.language) == (("甚至出现交易几乎停滞",), "S0764", "zh")


def test_covost2_asks_for_the_target_language(tmp_path, tone):
    folder = tmp_path / "de"
    text(
        folder / "covost_v2.de_en.test.tsv",
        'path\tsentence\ttranslation\tclient_id\nc1.mp3\tGuten "Tag\tGood "day\tanna\n',
    )
    sound(tone, folder / "clips/c1.flac").rename(folder / "clips/c1.mp3")
    [found] = read("covost2", folder, tmp_path)
    assert (found.task, found.references, found.cluster, found.topic) == ("translation", ('Good "day',), "anna", "de to en")
    assert "English" in found.instruction
    assert read("covost2", folder / "covost_v2.de_en.test.tsv", tmp_path) == [found]


def test_a_covost2_row_without_a_translation_is_named(tmp_path):
    manifest = text(tmp_path / "d/covost_v2.de_en.test.tsv", "path\tsentence\ttranslation\na.mp3\tTag\tday\nb.mp3\tTag\n")
    (tmp_path / "d/clips").mkdir()
    (tmp_path / "d/clips/a.mp3").write_bytes(b"x")
    with pytest.raises(ConfigError, match=rf"{manifest}, line 3: the field translation is missing"):
        read("covost2", tmp_path / "d", tmp_path)


def test_stepeval_paralinguistic(tmp_path, tone):
    folder = tmp_path / "stepeval"
    rows = [
        {"audio": "audio/a.wav", "task": {"name": "gender", "label": "female", "answer": "The speaker is a woman."}},
        {"audio": "gender/audio/b.wav", "task": {"name": "gender", "label": "男/男性", "answer": "男"}},
    ]
    text(folder / "gender/gender.json", json.dumps(rows, ensure_ascii=False))
    for name in "ab":
        sound(tone, folder / f"gender/audio/{name}.wav")
    found = read("stepeval", folder, tmp_path)
    assert [(one.references, one.language, one.topic) for one in found] == [
        (("female",), "en", "gender"),
        (("男", "男性"), "zh", "gender"),
    ]


def test_mmau(tmp_path, tone):
    row = {
        "id": "q1",
        "audio_id": "./test-mini-audios/q1.wav",
        "question": "What is heard?",
        "choices": ["Rain", "A train"],
        "answer": "Rain",
        "task": "sound",
    }
    sound(tone, tmp_path / "m/test-mini-audios/q1.wav")
    manifest = text(tmp_path / "m/mmau-test-mini.json", json.dumps([row]))
    [found] = read("mmau", tmp_path / "m", tmp_path)
    assert (found.task, found.choices, found.references, found.topic) == ("choice", ("Rain", "A train"), ("Rain",), "sound")
    assert "What is heard?" in found.instruction
    assert "Rain; A train" in found.instruction
    manifest.write_text(json.dumps([row, row | {"answer": "Snow"}]))
    with pytest.raises(ConfigError, match=r"record 2: the answer is not among the choices"):
        read("mmau", manifest, tmp_path)


def test_uro_leaves_out_rows_for_judges(tmp_path, tone):
    rows = [
        {"id": 1, "source_wav": "audio/1.wav", "source_text": "One and one?", "target_text": "2"},
        {"id": 2, "source_wav": "audio/2.wav", "source_text": "Tell a story."},
        {"id": 3, "source_wav": "audio/1.wav", "source_text": "Capital?", "target_text": ["Paris", "City of Paris"]},
    ]
    sound(tone, tmp_path / "uro/Gsm8kEval/audio/1.wav")
    text(tmp_path / "uro/Gsm8kEval/test.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = read("uro", tmp_path / "uro", tmp_path)
    assert [(one.id, one.references) for one in found] == [
        ("Gsm8kEval/1", ("2",)),
        ("Gsm8kEval/3", ("Paris", "City of Paris")),
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("uro/X/test.jsonl", '{"source_wav": "a.wav", "target_text": "x"\n', r"line 1: no JSON"),
        ("uro/X/test.jsonl", "[1]\n", r"line 1: expected an object"),
        ("uro/X/test.jsonl", "[" * 100_000 + "\n", r"line 1: no JSON"),
        ("uro/X/test.jsonl", '{"source_wav": "../../../secret.wav", "target_text": "x"}\n', r"line 1: .*lies outside"),
    ],
)
def test_damaged_or_hostile_rows_are_told_in_one_line(tmp_path, name, content, told):
    text(tmp_path / name, content)
    with pytest.raises(ConfigError, match=told) as caught:
        read("uro", tmp_path / "uro", tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_lists_name_the_line(tmp_path):
    text(tmp_path / "m/x.json", '[\n{"id": "1"},\n{"id": }\n]')
    with pytest.raises(ConfigError, match=r"x\.json, line 3: no JSON"):
        read("mmau", tmp_path / "m", tmp_path)


def test_unknown_sets_and_folders_are_told(tmp_path):
    with pytest.raises(ConfigError, match=r"no set 'tedlium'; give telephone, librivox, requests, or LAYOUT:PATH"):
        read_set("tedlium", tmp_path)
    with pytest.raises(ConfigError, match=r"does not exist"):
        read_set(f"mmau:{tmp_path / 'absent'}", tmp_path)
    with pytest.raises(ConfigError, match=r"holds no \*\*/\*\.trans\.txt"):
        read_set(f"librispeech:{tmp_path}", tmp_path)
