"""The demonstration: every question is asked and shown, and nothing that was said is markup."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vivavoce.app.demo.page import Shown, render_page
from vivavoce.app.demo.run import QUESTIONS, run_demo
from vivavoce.core.errors import ConfigError

pytestmark = pytest.mark.unit
RECORDINGS = Path(__file__).parents[3] / "examples" / "questions"
HOSTILE = "</section><img src=x onerror=alert(1)>"


def shown(tone, *, answered=True):
    trace = {
        "heard": HOSTILE,
        "answer_text": HOSTILE,
        "voice": {"name": HOSTILE},
        "tool_calls": [{"name": HOSTILE, "arguments": {"query": HOSTILE}, "status": "ok", "duration_s": 0.5}],
        "timings": {
            "spans": [["hear", 0.0, 0.5], [f"tool: {HOSTILE}", 0.5, 1.0]],
            "ttfa_s": 0.75 if answered else None,
            "total_s": 1.0,
        },
    }
    return Shown("1", HOSTILE, HOSTILE, trace, tone, tone if answered else None)


def pictures(page):
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"data:image/png;base64,([^']+)", page)]


def test_nothing_that_was_said_is_markup_and_each_sound_has_its_spectrogram(tone):
    page = render_page([shown(tone)])
    assert "<img src=x" not in page
    assert page.count("</section>") == 1
    assert "first audio after 0.75 s" in page
    for picture in pictures(page):
        grey = np.asarray(picture)
        assert (picture.mode, grey.shape) == ("L", (128, 97))
        loudest = (127 - grey.mean(axis=1).argmax()) * 8000 / 128
        assert loudest == pytest.approx(220, abs=63)


def test_a_turn_without_an_answer_is_shown(tone):
    page = render_page([shown(tone, answered=False), shown(tone)])
    assert "nothing was spoken" in page
    assert (page.count("<section>"), len(pictures(page))) == (2, 3)


async def test_every_question_is_asked_in_one_session_and_written_down(own_home, tmp_path, monkeypatch):
    monkeypatch.setenv("VIVAVOCE_MODEL", "scripted")
    report = await run_demo(tmp_path / "demo", RECORDINGS)
    assert list(report) == [question.name for question in QUESTIONS]
    assert len({trace["session"] for trace in report.values()}) == 1
    page = (tmp_path / "demo" / "index.html").read_text()
    for name, trace in report.items():
        folder = tmp_path / "demo" / name
        assert json.loads((folder / "turn.json").read_text()) == trace
        for sound in re.findall(rf"src='({name}/\w+\.wav)'", page):
            assert (tmp_path / "demo" / sound).is_file()
    assert len(pictures(page)) == 2 * len(QUESTIONS)


async def test_missing_recordings_are_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"lacks 1-documents.*; run this from the project's folder"):
        await run_demo(tmp_path / "demo", tmp_path)
