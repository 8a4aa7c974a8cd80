"""`vivavoce chat` on a disk that refuses, and after a process that died."""

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from functools import partial

import pytest
from support.command_line import run_here
from support.crash_worker import deaths

from vivavoce.agent.session.log import SessionLog
from vivavoce.agent.session.store import open_sessions
from vivavoce.app.wiring import open_agent
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit
GOES_ON = "going on with the turn that was cut off"


def chat(home, *lines, options=()):
    typed = "".join(f"{line}\n" for line in lines).encode()
    variables = {"VIVAVOCE_HOME": str(home), "VIVAVOCE_HUB": "false"}
    return run_here("chat", "--model", "scripted", *options, folder=home, stdin=typed, **variables)


def history(home, session="chat"):
    async def read():
        async with open_sessions(home / "scripted" / "sessions") as sessions:
            return await sessions.history(session)

    return asyncio.run(read())


@pytest.fixture
def consenting(monkeypatch):
    """Agents have a tool that asks before it acts."""

    def send(amount: int, name: str) -> str:
        """Send money."""
        return f"{amount} euros went to {name}."

    asking = tool(send, confirm="Shall I send {amount} euros to {name}?")
    monkeypatch.setattr("vivavoce.app.conversation.open_agent", partial(open_agent, tools=[asking]))


def test_chat_goes_on_when_the_disk_refuses(tmp_path, monkeypatch):
    put = SessionLog._put

    def refusing(self, session, records, *others):
        if any("full" in str(record) for record in records):
            raise sqlite3.OperationalError("database or disk is full")
        put(self, session, records, *others)

    monkeypatch.setattr(SessionLog, "_put", refusing)
    done = chat(tmp_path, "one", "the disk is full", "tool get_date_time {}")
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "sessions cannot be kept (database or disk is full)" in line]
    assert len(done.stderr.strip().splitlines()) == 2  # what can be typed, and that
    assert [turn.heard for turn in history(tmp_path)] == ["one", "tool get_date_time {}"]


@pytest.mark.parametrize("damage", [b"no database" * 1_000, None])
def test_chat_does_not_begin_on_a_damaged_or_newer_database(tmp_path, damage):
    chat(tmp_path, "hello")
    path = tmp_path / "scripted" / "sessions" / "sessions.sqlite"
    if damage is None:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
    else:
        path.write_bytes(damage)
    before = path.read_bytes()
    done = chat(tmp_path, "hello")
    assert done.returncode == 8
    assert len(done.stderr.strip().splitlines()) == 1
    assert ("a newer Vivavoce" if damage is None else "file is not a database") in done.stderr
    assert path.read_bytes() == before


def test_chat_repeats_the_question_that_waits_for_a_reply(tmp_path, consenting):
    asked = chat(tmp_path, 'tool send {"amount": 50, "name": "Anna"}')
    assert "Shall I send 50 euros to Anna?" in asked.stdout
    left = chat(tmp_path)
    assert "Shall I send 50 euros to Anna?" in left.stdout
    assert GOES_ON not in left.stderr
    assert chat(tmp_path, options=["--json"]).json == {"session": "chat", "question": "Shall I send 50 euros to Anna?"}
    agreed = chat(tmp_path, "yes")
    assert "50 euros went to Anna." in agreed.stdout
    assert [turn.answer for turn in history(tmp_path)] == ["Shall I send 50 euros to Anna?", "50 euros went to Anna."]
    assert "Shall I" not in chat(tmp_path).stdout


@pytest.mark.process
def test_chat_goes_on_with_the_turn_that_a_process_died_in(tmp_path):
    template = tmp_path / "template"
    template.mkdir()
    assert chat(template, "hello").returncode == 0
    picked_up = 0
    for number, _ in deaths(tmp_path, lambda home: chat(home, "tool get_date_time {}")):
        home = tmp_path / "killed"
        before = history(home)
        done = chat(home, "and now?", options=["--json"])
        assert done.returncode == 0, done.stderr
        turns = [json.loads(part) for part in done.stdout.replace("}\n{", "}\n\0{").split("\0")]
        after = history(home)
        assert [turn.heard for turn in after] == [turn.heard for turn in before] + ["and now?"], number
        assert not any(turn.interrupted for turn in after), number
        assert turns[-1]["heard"] == "and now?"
        if GOES_ON in done.stderr:
            picked_up += 1
            assert (turns[0]["heard"], len(after[-2].tool_calls)) == ("tool get_date_time {}", 1)
            assert turns[0]["answer_text"] == after[-2].answer
            assert after[-2].tool_calls[0].status in ("done", "interrupted"), number  # what had not begun is made now
    assert picked_up


def test_text_from_outside_is_no_markup(tmp_path):
    done = chat(tmp_path, "see [red]me[/red] and [/b]", 'tool get_date_time {"place": "[/b]"}')
    assert done.returncode == 0
    assert "You said: see [red]me[/red] and [/b]." in done.stdout
    assert '{"place": "[/b]"}' in done.stdout
    asked = ("ask", "--model", "scripted", "--text", "see [red]me[/red] and [/b]")
    done = run_here(*asked, folder=tmp_path, VIVAVOCE_HOME=str(tmp_path), VIVAVOCE_HUB="false")
    assert "You said: see [red]me[/red] and [/b]." in done.stdout


def test_what_cannot_be_read_costs_one_line(tmp_path):
    variables = {"VIVAVOCE_HOME": str(tmp_path), "VIVAVOCE_HUB": "false"}
    typed = b"bad \xff byte\n" + b"x" * 300 + b".wav\n\nhello\n"
    done = run_here("chat", "--model", "scripted", "--json", folder=tmp_path, stdin=typed, **variables)
    first, wrong, empty, last = [json.loads(part) for part in done.stdout.replace("}\n{", "}\0{").split("\0")]
    assert first["answer_text"] == "You said: bad \ufffd byte."
    assert "cannot be read" in wrong["error"]
    assert "1 to 4000 characters" in empty["error"]
    assert last["answer_text"] == "You said: hello."


@pytest.mark.process
def test_ctrl_c_leaves_the_prompt(tmp_path):
    environment = os.environ | {"VIVAVOCE_HOME": str(tmp_path), "VIVAVOCE_HUB": "false", "TERM": "dumb"}
    command = [sys.executable, "-c", "from vivavoce.eval.cli import main; main()", "chat", "--model", "scripted"]
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which who runs the tests may ignore
        os.execvpe(command[0], command, environment)
    shown = b""
    while not shown.endswith(b"> "):
        shown += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130


# The thread that reads gets the signal, so that nothing but the loop's own handler wakes the loop.
INTERRUPTED_ASLEEP = """
import builtins, signal, threading, time
from vivavoce.eval.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupted(prompt):
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    time.sleep(3600)

builtins.input = interrupted
main()
"""


@pytest.mark.process
def test_ctrl_c_wakes_the_loop(tmp_path):
    environment = os.environ | {"VIVAVOCE_HOME": str(tmp_path), "VIVAVOCE_HUB": "false"}
    command = [sys.executable, "-c", INTERRUPTED_ASLEEP, "chat", "--model", "scripted"]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 130
