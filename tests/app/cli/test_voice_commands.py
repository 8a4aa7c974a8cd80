"""`vivavoce voices`, as a user meets it. The home has no weights: what needs none must work without."""

import io
import json
import os
import shutil
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from support.voices import tone

from vivavoce.app.cli.main import main
from vivavoce.app.cli.voice_filters import parse_filters
from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceFilters

pytestmark = pytest.mark.unit
QUESTIONS = Path(__file__).parents[3] / "examples" / "questions"
SPEECH = QUESTIONS / "2-time.wav"


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def voices(*arguments, home, **environment):
    """The command in this process, which saves two seconds each time; tests/app/test_cli.py starts real ones."""
    env = {"VIVAVOCE_HOME": str(home), "VIVAVOCE_HUB": "false", "VIVAVOCE_MODEL": "scripted", **environment}
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = ["vivavoce", "voices", *arguments]
    with ExitStack() as around:
        for context in (patch.dict(os.environ, env), patch.object(sys, "argv", argv), chdir(home)):
            around.enter_context(context)
        around.enter_context(redirect_stdout(out))
        around.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def home(tmp_path):
    for name, f0_hz in (("low", 90.0), ("high", 300.0)):
        tone(f0_hz, 3.0).save(tmp_path / f"{name}.wav")
        done = voices("add", f"{name}.wav", "--name", name.title(), "--licence", "MIT", home=tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_a_voice_is_added_described_shown_and_forgotten(home):
    done = voices("add", str(SPEECH), "--name", "Asker", "--gender", "female", "--consent", "she agreed", home=home)
    assert done.stdout.startswith("added asker: A woman: ")
    shown = json.loads(voices("show", "asker", "--json", home=home).stdout)
    assert (shown["facts"]["gender"], shown["consent"], shown["prepared_for"]) == ("female", "she agreed", [])
    assert shown["acoustics"]["f0_hz"] > 0
    prepared = home / "conditioning" / f"embedded-{shown['clip'][:32]}.npz"
    prepared.parent.mkdir()
    prepared.touch()
    assert "prepared_for  embedded" in voices("show", "asker", home=home).stdout
    assert voices("remove", "asker", "low", home=home).returncode == 0
    assert not prepared.exists()
    assert [e["id"] for e in json.loads(voices("list", "--json", home=home).stdout)] == ["high"]


def test_a_voice_without_licence_says_that_searches_pass_it_over(home):
    tone(150.0).save(home / "x.wav")
    assert "no licence and no consent" in voices("add", "x.wav", "--name", "X", home=home).stdout
    assert "x" not in [h["id"] for h in json.loads(voices("search", "anyone", "--json", home=home).stdout)]
    found = voices("search", "anyone", "--json", home=home, VIVAVOCE_UNLICENSED_VOICES="true")
    assert "x" in [h["id"] for h in json.loads(found.stdout)]


def test_search_explains_itself_and_meets_conditions(home):
    hit = json.loads(voices("search", "a deep voice", "--json", "-k", "1", home=home).stdout)[0]
    assert (hit["id"], hit["licence"]) == ("low", "MIT")
    assert "low pitch" in hit["reason"]
    assert hit["scores"]["sound"] > 0.5
    found = json.loads(voices("search", "a deep voice", "--json", "--where", "f0_hz=200..", home=home).stdout)
    assert [hit["id"] for hit in found] == ["high"]
    assert [e["id"] for e in json.loads(voices("list", "--json", "--where", "f0_hz=..100", home=home).stdout)] == ["low"]


def test_an_import_goes_out_and_in_again(home):
    folder = home / "recordings"
    folder.mkdir()
    tone(120.0, 2.0).save(folder / "one.wav")
    tone(180.0, 2.0).save(folder / "two.wav")
    tone(120.0, 2.0).save(folder / "copy.wav")
    (folder / "bad.wav").write_text("no sound")
    options = ("--licence", "CC0-1.0", "--no-transcribe", "--json")
    report = json.loads(voices("import", "recordings", *options, home=home).stdout)
    assert len(report["added"]) == 2
    assert len(report["duplicates"]) == 1
    assert report["refused"][0][0].endswith("bad.wav")
    assert json.loads(voices("import", "recordings", *options, home=home).stdout)["kept"] == 2
    assert json.loads(voices("export", "out.zip", "--json", home=home).stdout)["voices"] == 4
    other = home / "other"
    other.mkdir()
    shutil.copy(home / "out.zip", other)
    assert len(json.loads(voices("import", "out.zip", "--json", home=other).stdout)["added"]) == 4
    assert "4 voices, all whole" in voices("verify", home=other).stdout


def test_a_damaged_bank_is_verified_repaired_and_compacted(home):
    clip = next((home / "voices" / "clips").glob("*/*.flac"))
    clip.write_bytes(b"rubbish")
    done = voices("verify", home=home)
    assert (done.returncode, "run `vivavoce voices repair`" in done.stderr) == (7, True)
    repaired = json.loads(voices("repair", "--json", home=home).stdout)
    assert (repaired["kept"], len(repaired["lost"])) == (1, 1)
    assert voices("verify", home=home).returncode == 0
    assert "dropped" in voices("compact", home=home).stdout
    assert "nothing to do" in voices("reembed", home=home).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["search"], 2, "give a description, --clip, or both"),
        (["search", "x", "--where", "shoe=44"], 2, "write FACT=VALUE; facts are gender"),
        (["show", "nobody"], 5, "no voice is called"),
        (["import", "absent"], 2, "no such file or folder"),
        (["import", "empty"], 2, "no recording and no manifest"),
        (["import", "bad.zip"], 7, "no archive of voices"),
        (["import", "bad.csv", "--no-transcribe"], 3, "nothing of bad.csv could be imported"),
        (["export", "out.zip", "nobody"], 5, "no voice is called"),
        (["add", "absent.wav", "--name", "X"], 3, "no such file"),
        (["add", "low.wav", "--name", "Low"], 2, "there already"),
    ],
)
def test_mistakes_are_one_line(home, arguments, code, line):
    (home / "empty").mkdir()
    (home / "bad.zip").write_text("PK no")
    (home / "bad.csv").write_text("file,description\n../../etc/passwd,a voice\n")
    done = voices(*arguments, home=home)
    assert done.returncode == code, done.stderr
    assert line in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (home / "out.zip").exists()


def test_a_voice_that_may_not_be_cloned_is_not_spoken_in(home):
    tone(140.0).save(home / "p.wav")
    voices("add", "p.wav", "--name", "Private", "--licence", "MIT", "--do-not-clone", home=home)
    done = voices("prepare", "private", home=home)
    assert (done.returncode, "do not clone" in done.stderr) == (9, True)


def test_conditions_are_read():
    assert parse_filters(["f0_hz=80..140", "rate_hz=4..", "synthetic=no"], gender="male") == VoiceFilters(
        gender="male", f0_hz=(80.0, 140.0), rate_hz=(4.0, None), synthetic=False
    )
    for wrong in ("f0_hz=80", "f0_hz=..", "f0_hz=a..b", "synthetic=perhaps", "=x", "gender", "nope=1", "gender="):
        with pytest.raises(ConfigError, match="--where"):
            parse_filters([wrong])
