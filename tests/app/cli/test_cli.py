"""The command line as a user meets it: exit codes, one line for an error, one JSON object."""

import json
import os
import subprocess
import sys

import pytest
from support.command_line import run_here

pytestmark = pytest.mark.unit


def variables(home):
    return {"VIVAVOCE_HOME": str(home), "VIVAVOCE_HUB": "false"}


def run(*arguments, home, **environment):
    return run_here(*arguments, folder=home, **variables(home) | environment)


def start(*arguments, home, typed=None):
    """A process of its own."""
    command = [sys.executable, "-m", "vivavoce.app.cli", *arguments]
    env = os.environ | variables(home)
    return subprocess.run(command, input=typed, capture_output=True, text=True, env=env, cwd=home, check=False)


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.mark.process
def test_ask_prints_one_json_object_and_writes_the_answer(home):
    done = start("ask", "--text", "tool get_date_time {}", "--model", "scripted", "--json", "--session", "s", home=home)
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)
    assert set(turn) == {
        *(
            "session",
            "id",
            "heard",
            "tool_calls",
            "answer_text",
            "interrupted",
            "error",
            "awaiting",
            "answer_audio",
            "voice",
            "voice_switches",
            "provenance",
            "timings",
        )
    }
    call = turn["tool_calls"][0]
    assert {"name", "arguments", "status", "result", "duration_s"} <= set(call)
    assert (call["name"], call["status"], turn["session"]) == ("get_date_time", "done", "s")
    assert {"ttfa_s", "total_s"} <= set(turn["timings"])
    assert (home / "answer.wav").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["ask"], 2, "either a recording or --text"),
        (["ask", "absent.wav"], 3, "no such file"),
        (["ask", "empty.wav"], 3, "the file is empty"),
        (["ask", "text.wav"], 3, "not a readable"),
        (["ask", "--text", "hi", "--model", "nonsense"], 2, "there is no model"),
        (["ask", "--text", "hi", "--out", "a.doc", "--model", "scripted"], 2, "change the ending"),
        (["ask", "--text", "hi", "--voice", "nobody", "--model", "scripted"], 5, "no voice is called"),
        (["models", "verify", "nothing"], 4, "no asset is called"),
        (["models", "pull", "step-audio-2-mini"], 4, "VIVAVOCE_HUB is off"),
        (["models", "verify", "step-audio-2-mini"], 4, "is not complete"),
        (["doctor", "--checkpoint", "a", "--base-url", "b"], 2, "not both"),
        (["voices", "remove", "nobody"], 5, "no voice is called"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(home, arguments, code, line):
    (home / "empty.wav").touch()
    (home / "text.wav").write_text("hello " * 50)
    done = run(*arguments, home=home)
    assert done.returncode == code, done.stderr
    assert line in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_the_exit_code_reaches_the_shell(home):
    done = start("ask", "absent.wav", home=home)
    assert (done.returncode, done.stdout) == (3, "")
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_its_variable(home):
    done = run("voices", "list", home=home, VIVAVOCE_THREADS="many")
    assert (done.returncode, "VIVAVOCE_THREADS='many'" in done.stderr) == (2, True)


def test_doctor_says_not_ready_on_an_empty_home(home):
    done = run("doctor", "--json", home=home)
    assert done.returncode == 1
    assert json.loads(done.stdout)["ready"] is False


@pytest.mark.process
def test_chat_goes_on_after_a_bad_turn(home):
    done = start("chat", "--model", "scripted", home=home, typed="absent.wav\nhello\n/quit\n")
    assert done.returncode == 0, done.stderr
    assert "no such file" in done.stderr
    assert "You said: hello." in done.stdout
