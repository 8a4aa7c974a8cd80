"""A small bank, and agents on a scripted model."""

from contextlib import asynccontextmanager

import pytest
from support.agent_parts import SlowTool, VoiceTool, as_written, broken, huge, noise

from vivavoce.agent import Agent
from vivavoce.agent.session.store import open_sessions
from vivavoce.agent.testing import ScriptedLM, ToneDecoder, echo
from vivavoce.core.voice import Voice
from vivavoce.tools.registry import ToolRegistry
from vivavoce.voicebank.bank import FolderVoiceBank


@pytest.fixture
def bank(tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None)
    for seed, name in enumerate(("default", "other")):
        bank.add(Voice(name, name.title(), f"The {name} voice", noise(seed), licence="none", source="test"))
    return bank


@pytest.fixture
def open_one(tmp_path, bank):
    @asynccontextmanager
    async def opened(script=echo, delay_s=0.0, **options):
        tools = ToolRegistry()
        for tool in (VoiceTool(), SlowTool(), huge, broken, *options.pop("tools", ())):
            tools.add(tool)
        folder = tmp_path / "sessions"
        when_busy = options.pop("when_busy", "queue")
        async with open_sessions(folder, when_busy=when_busy) as sessions:
            yield Agent(
                lm=ScriptedLM(as_written(script), delay_s),
                decoder=options.pop("decoder", None) or ToneDecoder(),
                bank=bank,
                tools=tools,
                sessions=sessions,
                **options,
            )

    return opened
