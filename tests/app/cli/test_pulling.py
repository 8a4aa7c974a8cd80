"""Checkpoints pulled by the command, in processes: the library of the hub reads its settings when it is imported."""

import json
import os
import subprocess
import sys
import time

import pytest
from support.hub_server import BLOCK, running_hub

pytestmark = pytest.mark.process


def run(*arguments, home, **environment):
    env = os.environ | {"VIVAVOCE_HOME": str(home), "VIVAVOCE_HUB": "false"} | environment
    command = [sys.executable, "-m", "vivavoce.app.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=home, check=False)


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def hub():
    files = {"config.json": b"{}", "model.safetensors": os.urandom(BLOCK + 400_000), "code.py": b"raise SystemExit"}
    with running_hub(files, repo="stepfun-ai/Step-Audio-2-mini", commit="c" * 40) as hub:
        yield hub


def asking(hub, **more):
    """What lets the command ask the hub, whatever the tests run under."""
    return {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "VIVAVOCE_HUB": "true", "NO_PROXY": "127.0.0.1"} | more


def test_a_checkpoint_is_pulled_from_a_mirror_over_a_socket(home, hub):
    hub.cut["model.safetensors"] = BLOCK + 150_000
    done = run("models", "pull", "step-audio-2-mini", "--json", home=home, **asking(hub))
    assert done.returncode == 0, done.stderr
    folder = home / "weights" / "step-audio-2-mini"
    assert json.loads(done.stdout) == {"step-audio-2-mini": str(folder)}
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert hub.asked_for("model.safetensors") == [None, f"bytes={BLOCK}-"]
    assert hub.asked_for("code.py") == []
    assert run("models", "verify", "step-audio-2-mini", home=home).returncode == 0
    rows = json.loads(run("models", "list", "--json", home=home).stdout)
    row = next(row for row in rows if row["name"] == "step-audio-2-mini")
    assert (row["kind"], row["state"], row["licence"]) == ("checkpoint", "ready", "Apache-2.0")


def test_a_pull_that_was_killed_goes_on_where_it_was(home, hub):
    hub.held["model.safetensors"] = BLOCK + 150_000
    env = os.environ | {"VIVAVOCE_HOME": str(home)} | asking(hub, HF_HUB_DOWNLOAD_TIMEOUT="600")
    command = [sys.executable, "-m", "vivavoce.app.cli", "models", "pull", "step-audio-2-mini"]
    pulling = subprocess.Popen(command, env=env, cwd=home, stderr=subprocess.DEVNULL)
    partial = home / "weights" / "step-audio-2-mini" / ".model.safetensors.partial"
    while pulling.poll() is None and not (partial.exists() and partial.stat().st_size == BLOCK):
        time.sleep(0.05)
    assert pulling.poll() is None, "it was ended before it had written anything"
    pulling.kill()
    pulling.wait()
    done = run("models", "pull", "step-audio-2-mini", home=home, **asking(hub))
    assert done.returncode == 0, done.stderr
    assert hub.asked_for("model.safetensors") == [None, f"bytes={BLOCK}-"]
    assert run("models", "verify", "step-audio-2-mini", home=home).returncode == 0


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, 5 << 20))
from vivavoce.app.cli.main import main
main()
"""


def test_a_disk_that_takes_no_more_is_one_line_and_the_pull_goes_on_later(home, hub):
    env = os.environ | {"VIVAVOCE_HOME": str(home)} | asking(hub)
    command = [sys.executable, "-c", LIMITED, "models", "pull", "step-audio-2-mini"]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert "free space and pull again" in " ".join(done.stderr.split())
    done = run("models", "pull", "step-audio-2-mini", home=home, **asking(hub))
    assert done.returncode == 0, done.stderr
    assert hub.asked_for("model.safetensors") == [None, f"bytes={5 << 20}-"]


def test_what_is_to_stay_offline_is_not_asked(home, hub):
    for environment in ({"HF_HUB_OFFLINE": "1"}, {"VIVAVOCE_HUB": "false"}):
        done = run("models", "pull", "step-audio-2-mini", home=home, **asking(hub, **environment))
        assert done.returncode == 4
        assert "VIVAVOCE_HUB is off or HF_HUB_OFFLINE is set" in " ".join(done.stderr.split())
    assert hub.asked == []


def test_a_token_and_a_password_are_never_shown(home, hub):
    hub.status["config.json"] = 403
    address = hub.address.replace("//", "//user:password@")
    done = run("models", "pull", "step-audio-2-mini", home=home, **asking(hub, HF_ENDPOINT=address, HF_TOKEN="hf_secret"))
    assert (done.returncode, "refuses access" in done.stderr) == (4, True), done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert "password" not in done.stderr + done.stdout
