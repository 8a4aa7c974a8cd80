"""`vivavoce sessions`, as a user meets it, on sessions of the scripted model."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
import zipfile

import pytest
from support.command_line import run_here
from support.fakes import assert_one_line

from vivavoce.agent import AudioChunk
from vivavoce.agent.session.store import DAY_S, open_sessions
from vivavoce.agent.testing import ScriptedLM
from vivavoce.app.wiring import open_agent
from vivavoce.core.messages import ToolCall, UserMessage

pytestmark = pytest.mark.unit
HEAVY = ("torch", "transformers", "faiss", "faster_whisper", "xllamacpp", "onnxruntime")
SCRIPTED = ("--model", "scripted")
VARIABLES = {"VIVAVOCE_HUB": "false", "TZ": "UTC"}


def sessions(*arguments, home, stdin=b"", **environment):
    given = {**VARIABLES, "VIVAVOCE_HOME": str(home), **environment}
    return run_here("sessions", *arguments, *SCRIPTED, folder=home, stdin=stdin, **given)


def script(messages, tools):
    last = messages[-1]
    if isinstance(last, UserMessage) and last.text == "what time is it in Tokyo":
        yield ToolCall("1", "get_date_time", '{"place": "東京 \\u001b[31m"}')
    elif isinstance(last, UserMessage) and last.text == "count":
        yield from ("One. ", "Two. ", "Three. ")
    else:
        yield "Well."


@pytest.fixture
def home(tmp_path, tone):
    async def fill():
        async with open_agent(home=tmp_path, model="scripted", lm=ScriptedLM(script, 0.01)) as agent:
            voice = [entry.id for entry in agent.bank.entries()][-1]
            await agent.ask("what time is it in Tokyo", session="kitchen")
            await agent.ask(tone, session="kitchen", voice=voice)
            async for event in agent.stream("count", session="kitchen"):
                if isinstance(event, AudioChunk) and event.text == "Three. ":
                    break
            await agent.ask("hello", session="cellar")

    asyncio.run(fill())
    return tmp_path


def age(home, session, days):
    with sqlite3.connect(home / "scripted" / "sessions" / "sessions.sqlite") as connection:
        connection.execute("UPDATE sessions SET used = ? WHERE name = ?", (time.time() - days * DAY_S, session))


def test_all_sessions_are_listed(home):
    age(home, "cellar", 1)
    kitchen, cellar = sessions("list", "--json", home=home).json
    assert (kitchen["name"], kitchen["turns"], cellar["name"], cellar["turns"]) == ("kitchen", 3, "cellar", 1)
    assert kitchen["begun"] <= kitchen["used"] > cellar["used"]
    assert kitchen["recording_bytes"] > 1_000 and cellar["recording_bytes"] == 0
    text = sessions("list", home=home).text
    assert "name turns begun last used recordings" in text
    assert f"kitchen 3 {kitchen['begun'][:10]} {kitchen['begun'][11:16]}" in text


def test_a_dialogue_is_shown_for_people(home):
    shown = sessions("show", "kitchen", home=home)
    assert "heard   what time is it in Tokyo" in shown.stdout
    assert 'tool    get_date_time {"place": "東京 ' in shown.stdout and "-> " in shown.stdout
    assert "heard   (not written down)\nvoice   " in shown.stdout
    assert "heard   count\nanswer  One. Two. (interrupted here)" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_a_session_is_exported_with_and_without_its_recordings(home):
    document = sessions("export", "kitchen", home=home).json
    assert document == sessions("show", "kitchen", "--json", home=home).json
    clock, spoken, cut = document["dialogue"]
    assert (clock["heard"], clock["recording"], clock["tool_calls"][0]["name"]) == (
        *("what time is it in Tokyo", None, "get_date_time"),
    )
    assert (spoken["heard"], spoken["answer"], len(spoken["voices"])) == (None, "Well.", 1)
    assert (cut["answer"], cut["interrupted"]) == ("One. Two.", True)
    told = sessions("export", "kitchen", "--out", "a.zip", "--json", home=home).json
    assert told == {"file": "a.zip", "turns": 3, "bytes": (home / "a.zip").stat().st_size}
    with zipfile.ZipFile(home / "a.zip") as archive:
        assert json.loads(archive.read("session.json")) == document
        assert archive.read(spoken["recording"]).startswith(b"fLaC")
        assert len(archive.namelist()) == 2
    assert "3 turns in a.json" in sessions("export", "kitchen", "--out", "a.json", home=home).text
    assert json.loads((home / "a.json").read_text()) == document
    assert {(home / name).stat().st_mode & 0o777 for name in ("a.zip", "a.json")} == {0o600}


def test_a_session_is_deleted_after_a_question(home):
    kept = sessions("delete", "kitchen", home=home, stdin=b"n\n")
    assert kept.returncode == 1
    assert "Delete kitchen (3 turns) and its recordings?" in kept.stderr
    assert len(sessions("list", "--json", home=home).json) == 2
    assert "deleted kitchen" in sessions("delete", "kitchen", home=home, stdin=b"y\n").stdout
    assert sessions("delete", "cellar", "--yes", "--json", home=home).json == {"deleted": ["cellar"]}
    assert sessions("list", "--json", home=home).json == []
    assert not any(
        path.is_file() for name in ("recordings", "locks") for path in (home / "scripted/sessions" / name).rglob("*")
    )


def test_a_session_that_is_in_a_turn_is_not_deleted(home):
    async def delete_meanwhile():
        async with open_sessions(home / "scripted" / "sessions") as held, held.queue.held("kitchen"):
            return await asyncio.to_thread(sessions, "delete", "kitchen", "--yes", home=home)

    done = asyncio.run(delete_meanwhile())
    assert (done.returncode, done.stderr.count("\n")) == (8, 1)
    assert "is in a turn already" in done.stderr
    assert len(sessions("list", "--json", home=home).json) == 2


def test_old_sessions_are_pruned(home):
    assert "there was nothing to delete" in sessions("prune", "--older-than", "1", home=home).text
    age(home, "cellar", 3)
    assert sessions("prune", "--older-than", "2.5", "--json", home=home).json == {"deleted": ["cellar"]}
    age(home, "kitchen", 3)
    assert sessions("list", "--json", home=home, VIVAVOCE_RETENTION_DAYS="2").json == []
    assert sessions("prune", "--older-than", "-1", home=home).returncode == 2


def test_a_dialogue_that_is_played_again_on_another_model_is_different(home):
    same = sessions("replay", "cellar", "--json", home=home)
    assert same.returncode == 1  # the scripted model of the command line repeats what it hears
    told = json.loads(same.stdout)
    assert (told["session"], told["same"], len(told["turns"])) == ("cellar", False, 1)
    assert told["turns"][0]["differences"] == [{"what": "answer", "then": "Well.", "now": "You said: hello."}]
    shown = sessions("replay", "cellar", home=home)
    assert shown.returncode == 1
    assert "1  hello: different" in shown.stdout
    assert "answer then Well." in shown.stdout and "answer now  You said: hello." in shown.stdout
    assert "1 turns, 1 different" in shown.stdout


def test_a_dialogue_that_is_played_again_on_the_same_model_is_the_same(home):
    variables = {**VARIABLES, "VIVAVOCE_HOME": str(home)}
    asked = run_here("ask", "--text", "tool get_date_time {}", "--session", "again", *SCRIPTED, folder=home, **variables)
    assert asked.returncode == 0
    done = sessions("replay", "again", home=home)
    assert (done.returncode, "1 turns, 0 different" in done.stdout) == (0, True)
    assert "again" in sessions("list", home=home).text and "replay-" not in sessions("list", home=home).text


@pytest.mark.parametrize("command", ["show", "export", "delete", "replay"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [("kitchn", "did you mean kitchen?"), ("../x", "`vivavoce sessions list` shows"), ("x" * 500, "shows what there is")],
)
def test_a_name_that_nobody_knows_is_one_line(home, command, name, hint):
    done = sessions(command, name, home=home)
    assert done.returncode == 8
    assert_one_line(done.stderr.strip(), "there is no session", hint)
    assert len(done.stderr) < 250
    told = sessions(command, name, "--json", home=home)
    assert json.loads(told.stdout)["kind"] == "SessionError"


@pytest.mark.parametrize("command", [("list",), ("show", "kitchen"), ("prune", "--older-than", "1"), ("replay", "kitchen")])
def test_a_database_that_cannot_be_read_is_one_line(home, command):
    path = home / "scripted" / "sessions" / "sessions.sqlite"
    path.write_bytes(b"no database" * 1_000)
    done = sessions(*command, home=home)
    assert done.returncode == 8
    assert_one_line(done.stderr.strip(), "file is not a database")


def test_an_ending_that_nobody_knows_is_one_line(home):
    done = sessions("export", "kitchen", "--out", "a.txt", home=home)
    assert (done.returncode, "change the ending" in done.stderr) == (2, True)


def test_names_are_completed(home, monkeypatch):
    from vivavoce.app.cli.sessions import complete

    monkeypatch.setenv("VIVAVOCE_HOME", str(home))
    monkeypatch.setenv("VIVAVOCE_MODEL", "scripted")
    assert complete("k") == ["kitchen"]
    assert complete("") == ["cellar", "kitchen"]
    (home / "scripted" / "sessions" / "sessions.sqlite").write_bytes(b"no database" * 1_000)
    assert complete("k") == []


@pytest.mark.process
@pytest.mark.parametrize("command", [("list",), ("show", "kitchen"), ("delete", "kitchen", "--yes")])
def test_no_model_is_loaded_to_look_at_sessions(home, command):
    code = (
        "import sys; from vivavoce.app.cli.main import main\n"
        "try: main()\n"
        f"except SystemExit: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    environment = os.environ | VARIABLES | {"VIVAVOCE_HOME": str(home)}
    arguments = [sys.executable, "-c", code, "sessions", *command, *SCRIPTED]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, cwd=home, check=True)
    assert done.stderr.strip() == "[]"
