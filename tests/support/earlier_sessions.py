"""Writes tests/agent/session/earlier.zip: sessions as they were kept before there was a log.

It runs with the code of commit c8a79f5: ``python tests/support/earlier_sessions.py FOLDER`` with that checkout installed.
"""

import asyncio
import sys
import zipfile
from pathlib import Path

import numpy as np

from vivavoce.agent import Agent, AudioChunk, ToolStarted
from vivavoce.agent.session.store import open_checkpointer
from vivavoce.agent.testing import ScriptedLM, ToneDecoder, echo
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import ToolCall, ToolMessage, ToolOutput, ToolSpec, UserMessage
from vivavoce.core.voice import Voice
from vivavoce.tools.registry import ToolRegistry
from vivavoce.voicebank.bank import FolderVoiceBank

LAG_S = 0.05  # of whoever listens, in which the model writes all


async def book(seat: int) -> str:
    """Book a seat."""
    return f"Seat {seat} is booked."


async def slow() -> str:
    """Never answer."""
    await asyncio.sleep(60)
    return "late"


class VoiceTool:
    spec = ToolSpec("voice", "Change the voice.", {"type": "object", "properties": {}})

    async def call(self, arguments):
        return ToolOutput("changed", spoken="Changed.", voice_id="other", asked="a better voice")


def script(messages, tools):
    last = messages[-1]
    asked = next(message.text or "" for message in reversed(messages) if isinstance(message, UserMessage))
    if asked == "count":
        yield from ("One. ", "Two. ", "Three. ", "Four. ")
    elif asked == "book and tell" and isinstance(last, ToolMessage):
        yield from ("It ", "is done. ", "Have ", "a good seat.")
    elif asked == "book and tell":
        yield "Let me see. "
        yield ToolCall("1", "book", '{"seat": 4}')
    elif asked.startswith("seat ") and isinstance(last, UserMessage):
        yield ToolCall("1", "book", f'{{"seat": {asked.removeprefix("seat ")}}}')  # the same id in each answer
    else:
        yield from echo(messages, tools)


async def write(folder):
    times = np.arange(8_000, dtype=np.float32) / 16_000
    spoken = AudioClip((0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32), 16_000)
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype(np.float32)
    bank, tools = FolderVoiceBank(folder / "voices", None), ToolRegistry()
    for samples, name in zip(noise, ("default", "other"), strict=True):
        bank.add(Voice(name, name.title(), "", AudioClip(samples, 16_000), licence="none", source="test"))
    for tool in (book, slow, VoiceTool()):
        tools.add(tool)
    async with open_checkpointer(folder / "sessions") as saver:
        shared = {"decoder": ToneDecoder(), "bank": bank, "tools": tools, "checkpointer": saver}
        agent, slow_to_write = (
            Agent(lm=ScriptedLM(script, delay_s), sessions_dir=folder / "sessions", **shared) for delay_s in (0.0, 0.02)
        )
        for session, question, voice in (
            ("plain", "hello", None),
            ("plain", "again", None),
            ("spoken", spoken, None),
            ("spoken", spoken, None),
            ("switched", "tool voice {}", None),
            ("switched", "hello", "default"),
            ("switched", "tool voice {}", None),
            ("tools", 'tool book {"seat": 4}', None),
            ("tools", "tool nothing {}", None),
            ("tools", "seat 5", None),
            ("tools", "seat 6", None),
        ):
            await agent.ask(question, session=session, voice=voice)
        for asked, session, question, until in (
            (slow_to_write, "cut", "count", lambda event: isinstance(event, AudioChunk) and event.text == "Three. "),
            (slow_to_write, "cut", "tool slow {}", lambda event: isinstance(event, ToolStarted)),
            (slow_to_write, "cut", "book and tell", lambda event: isinstance(event, AudioChunk) and event.text == "Have "),
            (agent, "cut", "count", lambda event: isinstance(event, AudioChunk) and event.text == "Two. "),
        ):
            events = asked.stream(question, session=session)
            async for event in events:
                await asyncio.sleep(LAG_S if asked is agent else 0)
                if until(event):
                    break
            await events.aclose()
        await agent.ask("hello", session="cut")


def main(folder):
    asyncio.run(write(folder))
    target = Path(__file__).parents[1] / "agent" / "session" / "earlier.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "sessions").rglob("*")):
            if path.is_file() and path.suffix != ".lock":
                archive.write(path, path.relative_to(folder / "sessions"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
