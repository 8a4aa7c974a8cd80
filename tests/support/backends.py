"""The model of the row "scripted", as a test wants it."""

from dataclasses import replace

from support.agent_parts import as_written

from vivavoce.agent.testing import ScriptedLM
from vivavoce.app.backends import BACKENDS


def set_script(monkeypatch, script, delay_s=0.0, **row):
    """From now on the scripted model follows this script. row: other fields of its `Backend`."""

    async def opened(settings, embedder):
        return ScriptedLM(as_written(script), delay_s)

    monkeypatch.setitem(BACKENDS, "scripted", replace(BACKENDS["scripted"], open=opened, **row))
