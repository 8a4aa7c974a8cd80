"""The map: everybody is on it, nobody's name is markup, and what cannot be drawn is one line."""

import json
import re
import struct
from dataclasses import replace

import numpy as np
import pytest
from support.fakes import Spectrum
from support.voices import voice

from vivavoce.app.voices.map import draw_map, place_labels, project
from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.bank import FolderVoiceBank

pytestmark = pytest.mark.unit
HOSTILE = "</script><img src=x onerror=alert(1)>{{DATA}}'\""


@pytest.fixture
def bank(tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None, Spectrum())
    for number in range(8):
        facts = VoiceFacts("female" if number % 2 else "male", language=("en", "fr", "zh-CN")[number % 3])
        bank.add(voice(f"v{number}", 90.0 + 25 * number, facts=facts, synthetic=number > 4))
    return bank


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_everybody_is_on_the_map_with_a_clip_to_play(bank, tmp_path):
    steps = []
    drawn = draw_map(bank, tmp_path / "map", lambda *step: steps.append(step))
    assert (drawn.voices, drawn.method, drawn.unheard) == (8, "t-SNE", ())
    assert steps[-1] == (8, 8)
    data = data_of((tmp_path / "map" / "index.html").read_text())
    assert [v["id"] for v in data["voices"]] == [f"v{n}" for n in range(8)]
    for shown in data["voices"]:
        assert (tmp_path / "map" / "clips" / f"{shown['clip']}.flac").is_file()
        assert all(0.0 <= c <= 1.0 for c in shown["at"])
        assert len(shown["near"]) == 3
        assert shown["id"] not in [other for other, _ in shown["near"]]
    assert set(data["groups"]) == {"en", "fr", "zh"}
    header = (tmp_path / "map" / "map.png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:]) == (1690, 1300)


def test_nothing_that_came_with_a_voice_is_markup_and_nothing_comes_from_elsewhere(bank, tmp_path):
    bank.add(voice("x", 333.0, name=HOSTILE, description=HOSTILE, transcript=HOSTILE, source=HOSTILE, licence=HOSTILE))
    draw_map(bank, tmp_path / "map")
    page = (tmp_path / "map" / "index.html").read_text()
    assert "onerror" in page
    assert page.count("</script>") == 2
    assert "<img" not in page
    assert data_of(page)["voices"][-1]["name"] == HOSTILE
    assert re.findall(r"https?://[^\"' )]+", page) == ["http://www.w3.org/2000/svg"]
    assert "innerHTML" not in page


def test_a_clip_that_is_gone_is_named_and_the_map_is_drawn(bank, tmp_path):
    bank.store.clip_path(bank.entry("v3").clip).unlink()
    drawn = draw_map(bank, tmp_path / "map")
    assert [name for name, _ in drawn.unheard] == ["v3"]
    heard = {v["id"]: v["heard"] for v in data_of((tmp_path / "map" / "index.html").read_text())["voices"]}
    assert heard == {f"v{n}": n != 3 for n in range(8)}


def test_what_cannot_be_drawn_is_one_line(tmp_path):
    bank = FolderVoiceBank(tmp_path / "one", None, Spectrum())
    for _ in range(2):
        with pytest.raises(ConfigError, match="two voices or more"):
            draw_map(bank, tmp_path / "map")
        bank.add(voice("one"), replace_existing=True)
    deaf = FolderVoiceBank(tmp_path / "deaf", None)
    deaf.add(voice("one"))
    deaf.add(replace(voice("two"), id="two"))
    with pytest.raises(ConfigError, match="no speaker embeddings"):
        draw_map(deaf, tmp_path / "map")
    assert not (tmp_path / "map").exists()


def test_voices_that_are_alike_lie_together():
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(3, 64))
    vectors = np.repeat(kinds, 12, axis=0) + rng.normal(0, 0.1, (36, 64))
    points, method = project((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
    assert method == "t-SNE"
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    same = np.repeat(np.arange(3), 12)[:, None] == np.repeat(np.arange(3), 12)[None]
    assert distances[same].max() < distances[~same].min()


def test_no_name_lies_over_another():
    rng = np.random.default_rng(1)
    points, sizes = rng.uniform(0, 1000, (80, 2)), np.full((80, 2), (70.0, 14.0))
    places = place_labels(points, sizes, (-50.0, -50.0, 1050.0, 1050.0))
    apart = np.abs(places[:, None] - places[None])
    overlaps = (apart[..., 0] < 69.9) & (apart[..., 1] < 13.9) & ~np.eye(80, dtype=bool)
    assert not overlaps.any()
    assert np.linalg.norm(places - points, axis=1).max() < 250
