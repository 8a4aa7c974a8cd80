"""A turn of the agent as a record: what `ask --json` prints, with the answer's recording kept beside it."""

import asyncio
import re
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent, Turn
from vivavoce.app.turn_json import turn_json
from vivavoce.core.audio import AudioClip

AUDIO = "audio"


async def ask(
    agent: Agent, question: AudioClip | str, *, session: str, folder: Path, name: str, voice: str | None = None
) -> tuple[Turn, dict[str, Any]]:
    """Ask, and keep the answer's sound as ``audio/<name>.flac`` in the folder of the run.

    name: of the item; what no file may be called is replaced. The path in the record is relative to the folder.

    Raises:
        VivavoceError: as `Agent.stream`. ModelError: the model failed. StoreError: the recording cannot be written.
    """
    turn = (await agent.ask(question, session=session, voice=voice)).check_answered()
    path: Path | None = None
    if turn.answer_audio is not None:
        path = Path(AUDIO) / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}.flac"
        await asyncio.to_thread(_save, turn.answer_audio, folder / path)
    return turn, turn_json(turn, path)


def _save(clip: AudioClip, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    clip.save(path)
