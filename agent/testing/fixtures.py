"""Pytest fixtures; name this module in ``pytest_plugins``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from vivavoce.agent.testing.scripted_lm import Script, ScriptedLM, echo
from vivavoce.agent.testing.tone_bank import ToneBank
from vivavoce.agent.testing.tone_decoder import ToneDecoder


@pytest.fixture
def doubles(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Arguments for `vivavoce.app.open_agent`: a scripted model, tones, sessions in memory, and a folder of the test's own.

    None of the product's own tools is there; ``only=None`` brings them back.
    """

    def made(script: Script = echo, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of `open_agent`
        return {
            "lm": ScriptedLM(script),
            "decoder": ToneDecoder(),
            "bank": ToneBank(),
            "checkpointer": InMemorySaver(),
            "only": (),
            "model": "scripted",
            "home": tmp_path,
            **changes,
        }

    return made
