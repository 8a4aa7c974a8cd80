"""A recording that our ears write down and a mind hears, through the command line."""

import base64
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.command_line import run_here

from vivavoce.core.audio import AudioClip

pytestmark = pytest.mark.models
QUESTION = Path(__file__).parents[2] / "examples" / "questions" / "2-time.wav"


def test_the_recording_itself_is_sent(home, strict_server, tmp_path):
    mind = ("--mind", "openai:echo", "--mind-url", f"{strict_server}/v1", "--mind-hears")
    turn = run_here("ask", QUESTION, *mind, "--json", folder=tmp_path, VIVAVOCE_HOME=str(home.home)).json
    recording = AudioClip.load(QUESTION)
    assert "Tokyo" in turn["heard"]
    assert turn["answer_text"] == f"You said: {recording.duration_s:.3f} s of sound"
    messages = httpx.get(f"{strict_server}/last").json()["messages"]
    [sent] = [part for message in messages if message["role"] == "user" for part in message["content"]]
    sound = AudioClip.from_bytes(base64.b64decode(sent["input_audio"]["data"]))
    assert sound.sample_rate == 16_000
    assert np.array_equal(sound.samples, recording.samples)
    assert (tmp_path / "answer.wav").stat().st_size > 1_000
