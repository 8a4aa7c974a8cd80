"""The command line as a user meets it: exit codes, one line for an error, one JSON object."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
            "heard",
            "tool_calls",
            "answer_text",
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


@pytest.fixture
def hub():
    """A hub on a socket with one repository; it breaks off once in the middle of the weights. Address and requests."""
    files = {"config.json": b"{}", "model.safetensors": os.urandom(400_000), "code.py": b"raise SystemExit"}
    asked = []

    class Repository(BaseHTTPRequestHandler):
        def do_GET(self):
            name, wanted = self.path.rpartition("/")[2], self.headers.get("Range")
            asked.append((name, wanted))
            if self.path.startswith("/api/"):
                entries = [
                    {"rfilename": n, "size": len(c), "blobId": hashlib.sha1(b"blob %d\0" % len(c) + c).hexdigest()}
                    for n, c in files.items()
                ]
                content = json.dumps({"sha": "c" * 40, "siblings": entries}).encode()
            else:
                content = files[name][int(wanted[6:-1]) if wanted else 0 :]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:150_000] if name == "model.safetensors" and not wanted else content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Repository)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked, files
    server.shutdown()
    server.server_close()


def test_a_checkpoint_is_pulled_from_a_mirror_over_a_socket(home, hub):
    address, asked, files = hub
    environment = {"HF_ENDPOINT": address, "VIVAVOCE_HUB": "true", "NO_PROXY": "127.0.0.1"}
    done = run("models", "pull", "step-audio-2-mini", "--json", home=home, **environment)
    assert done.returncode == 0, done.stderr
    folder = home / "weights" / "step-audio-2-mini"
    assert json.loads(done.stdout) == {"step-audio-2-mini": str(folder)}
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert [wanted for name, wanted in asked if name == "model.safetensors"] == [None, "bytes=150000-"]
    assert "code.py" not in [name for name, _ in asked]
    assert run("models", "verify", "step-audio-2-mini", home=home).returncode == 0
    rows = json.loads(run("models", "list", "--json", home=home).stdout)
    row = next(row for row in rows if row["name"] == "step-audio-2-mini")
    assert (row["kind"], row["state"], row["licence"]) == ("checkpoint", "ready", "Apache-2.0")
