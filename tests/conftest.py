"""What every test shares: no web, one thread, a home of its own, and the weights where they were installed.

Each worker imports this first, so it stays light: what a fixture needs, it imports.
"""

import asyncio
import os
import random
import shutil
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from support.categories import CategorisedModule, place
from support.crash_worker import sampling

KEPT = ("VIVAVOCE_HOME", "VIVAVOCE_GOLDEN", "VIVAVOCE_EXHAUSTIVE", "VIVAVOCE_TEST_SEED")
NOBODY = "http://127.0.0.1:9"  # a closed port: with and without a network the web is out of reach
for name in [name for name in os.environ if name.startswith("VIVAVOCE_") and name not in KEPT]:
    del os.environ[name]
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "VIVAVOCE_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
os.environ |= {name: NOBODY for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
os.environ |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy")}
os.environ.setdefault("VIVAVOCE_TEST_SEED", str(random.randrange(1_000_000)))  # of all workers
hypothesis.settings.register_profile("untimed", deadline=None)  # the first example may load tables and models
hypothesis.settings.load_profile("untimed")
DOCUMENTS = Path(__file__).parents[1] / "examples" / "documents"
QUESTIONS = Path(__file__).parents[1] / "examples" / "questions"
WORKER_BYTES = 4 << 30  # what a worker takes that holds every model


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """`-n auto`: a worker for each core that is ours, as far as the memory reaches."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, memory // WORKER_BYTES))


def pytest_pycollect_makemodule(module_path, parent):
    return CategorisedModule.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(items):
    items.sort(key=place)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"Kill tests: {sampling()}")


@pytest.fixture
def tone():
    import numpy as np

    from vivavoce.core.audio import AudioClip

    times = np.arange(16_000, dtype=np.float32) / 16_000
    return AudioClip((0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32), 16_000)


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home for this test alone."""
    monkeypatch.setenv("VIVAVOCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """Folders that all workers of a run have in common: who asks first fills one, the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    run = own if worker_id == "master" else own.parent

    def filled(name, fill):
        folder, whole = run / name, run / f"{name}.whole"
        with FileLock(run / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                whole.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def installed():
    """Settings of the installation: weights, voices and documents that `make install` put there."""
    from vivavoce.core.settings import load_settings

    return load_settings()


@pytest.fixture(scope="session")
def home(installed, shared, tmp_path_factory):
    """Settings with the installed weights, the built-in voices, an index of the examples, and a home for the rest."""
    from vivavoce.app.parts import Parts, open_bank
    from vivavoce.core.errors import WeightsError
    from vivavoce.voicebank.recipes.voices import builtin_voices

    if not installed.weights_dir.is_dir() or not installed.voices_dir.is_dir():
        raise WeightsError("the embedded models are not installed; run `make install`")

    def fill(folder):
        shutil.copytree(installed.voices_dir, folder / "voices")
        (folder / "cache").mkdir()
        settings = installed.changed(home=folder)
        bank = open_bank(settings)
        more = {entry.id for entry in bank.entries()} - {voice.id for voice in builtin_voices()}
        bank.remove(*more)
        Parts(settings).index.add([DOCUMENTS])

    data, folder = shared("data", fill), tmp_path_factory.mktemp("home")
    (folder / "weights").symlink_to(installed.weights_dir)
    for name in ("voices", "index", "cache"):
        (folder / name).symlink_to(data / name)
    return installed.changed(home=folder)


@pytest.fixture(scope="session")
def learnt_home(home, shared):
    """`home` where the embedded model has learnt what its tools are for, which takes a minute, once for all workers."""
    from vivavoce.app.wiring import open_agent

    async def learn():
        async with open_agent(home):
            pass

    shared("learnt", lambda _: asyncio.run(learn()))
    return home


@pytest.fixture(scope="session")
def taught(home, shared):
    """A tiny Step-Audio 2 checkpoint that knows a few answers, see `support.checkpoints.teach_dialogue`."""

    def teach(folder):
        from support.checkpoints import teach_dialogue

        from vivavoce.app.parts import Parts
        from vivavoce.app.wiring import open_tools
        from vivavoce.core.audio import AudioClip

        recordings = {"time": "2-time.wav", "france": "5-carried-over.wav"}
        clips = {name: AudioClip.load(QUESTIONS / file) for name, file in recordings.items()}
        teach_dialogue(folder / "Step-Audio-2-tiny", open_tools(Parts(home.changed(model="step-audio-2"))).specs, clips)

    return shared("taught", teach) / "Step-Audio-2-tiny"


@pytest.fixture(scope="session")
def server():
    """Address of a running `support.dialect_server`."""
    from support import dialect_server
    from support.server_process import running

    with running(dialect_server.__file__) as address:
        yield address


@pytest.fixture(scope="session")
def strict_server():
    """Address of a running `support.strict_server`."""
    from support import strict_server
    from support.server_process import running

    with running(strict_server.__file__) as address:
        yield address
