"""A home for end-to-end tests: the installed weights and voices, an index and sessions of its own."""

from pathlib import Path

import pytest

from vivavoce.app.wiring import open_parts
from vivavoce.core.errors import WeightsError
from vivavoce.core.settings import Settings

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"


@pytest.fixture(scope="session")
def home(installed, tmp_path_factory) -> Settings:
    if not installed.weights_dir.is_dir() or not installed.voices_dir.is_dir():
        raise WeightsError("the embedded models are not installed; run `make install`")
    folder = tmp_path_factory.mktemp("home")
    for name in ("weights", "voices"):
        (folder / name).symlink_to(installed.home / name)
    settings = installed.model_copy(update={"home": folder})
    open_parts(settings).index.add([DOCUMENTS])
    return settings
