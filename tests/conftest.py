"""What every test shares: no hub, one thread, a home of its own, and the weights where they were installed."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from pathlib import Path

import hypothesis
import numpy as np
import pytest
from support.checkpoints import teach_dialogue
from support.dialect_server import running_server

from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_tools
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import WeightsError
from vivavoce.core.settings import Settings, load_settings

hypothesis.settings.register_profile("untimed", deadline=None)  # the first example may load tables and models
hypothesis.settings.load_profile("untimed")
DOCUMENTS = Path(__file__).parents[1] / "examples" / "documents"
QUESTIONS = Path(__file__).parents[1] / "examples" / "questions"


@pytest.fixture
def tone() -> AudioClip:
    times = np.arange(16_000, dtype=np.float32) / 16_000
    return AudioClip((0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32), 16_000)


@pytest.fixture(scope="session")
def installed() -> Settings:
    """Settings of the installation: weights, voices and documents that `make install` put there."""
    return load_settings()


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home for this test alone."""
    monkeypatch.setenv("VIVAVOCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def taught(home, tmp_path_factory) -> Path:
    """A tiny Step-Audio 2 checkpoint that knows a few answers, see `support.checkpoints.teach_dialogue`."""
    recordings = {
        "time": AudioClip.load(QUESTIONS / "2-time.wav"),
        "france": AudioClip.load(QUESTIONS / "5-carried-over.wav"),
    }
    folder = tmp_path_factory.mktemp("taught") / "Step-Audio-2-tiny"
    return teach_dialogue(folder, open_tools(Parts(home.model_copy(update={"model": "step-audio-2"}))).specs, recordings)


@pytest.fixture(scope="session")
def server():
    """Address of a running `support.dialect_server`."""
    with running_server() as address:
        yield address


@pytest.fixture(scope="session")
def home(installed, tmp_path_factory) -> Settings:
    if not installed.weights_dir.is_dir() or not installed.voices_dir.is_dir():
        raise WeightsError("the embedded models are not installed; run `make install`")
    folder = tmp_path_factory.mktemp("home")
    for name in ("weights", "voices"):
        (folder / name).symlink_to(installed.home / name)
    settings = installed.model_copy(update={"home": folder})
    Parts(settings).index.add([DOCUMENTS])
    return settings
