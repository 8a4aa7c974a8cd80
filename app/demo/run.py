"""The demonstration: spoken questions in, a page to look at and listen to out."""

import json
import shutil
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent
from vivavoce.app.console import counting, err, working
from vivavoce.app.demo.page import Shown, render_page
from vivavoce.app.turn_json import turn_json
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Question:
    """One spoken question. aim: what it shows."""

    name: str
    text: str
    aim: str


QUESTIONS = (
    Question("1-documents", "According to the manual, how often should I descale the espresso machine?", "text RAG"),
    Question("1b-source", "Where did you get that?", "spoken provenance"),
    Question("1c-unknown", "Does the Lighthouse Hotel have a helicopter landing pad?", "an honest no"),
    Question("2-time", "What time is it in Tokyo right now?", "date and time"),
    Question("3-voice", "Please speak like a deep old man.", "audio search: a described voice"),
    Question("4-web", "Search the web for the latest news about space travel.", "web search"),
    Question("5-carried-over", "Tell me, what is the capital of France?", "no tool; still in the voice that was asked for"),
)


async def run_demo(folder: Path, questions_dir: Path = Path("examples/questions")) -> dict[str, Any]:
    """Ask each question in one session and write ``folder``: per question the sounds, the trace and pictures; a page.

    Raises:
        ConfigError: the question recordings are not there.
        VivavoceError: a turn could not run.
    """
    missing = [q.name for q in QUESTIONS if not (questions_dir / f"{q.name}.wav").is_file()]
    if missing:
        raise ConfigError(f"{questions_dir} lacks {', '.join(missing)}; run this from the project's folder")
    session = f"demo-{uuid.uuid4().hex[:8]}"  # a voice chosen in an earlier run must not carry over
    shown: list[Shown] = []
    async with AsyncExitStack() as stack:
        with working("loading models"):
            agent = await stack.enter_async_context(open_agent())
        with counting("questions", len(QUESTIONS)) as bar:
            for question in QUESTIONS:
                shown.append(await _ask(agent, question, questions_dir, folder, session))
                bar.advance(bar.task_ids[0])
    write_atomic(folder / "index.html", render_page(shown).encode())
    for item in shown:
        calls = ", ".join(f"{call['name']} {call['status']}" for call in item.trace["tool_calls"]) or "no tool"
        err.print(f"[bold]{item.name}[/] [{item.trace['timings']['ttfa_s']} s to first audio; {calls}]", highlight=False)
        err.print(f"  heard  {item.trace['heard']}\n  said   {item.trace['answer_text']}", highlight=False, markup=False)
    return {item.name: item.trace for item in shown}


async def _ask(agent: Agent, question: Question, questions_dir: Path, folder: Path, session: str) -> Shown:
    place = folder / question.name
    place.mkdir(parents=True, exist_ok=True)
    recording = place / "question.wav"
    shutil.copyfile(questions_dir / f"{question.name}.wav", recording)
    asked = AudioClip.load(recording)
    turn = (await agent.ask(asked, session=session)).check_answered()
    answer: Path | None = None
    if turn.answer_audio is not None:
        answer = place / "answer.wav"
        turn.answer_audio.save(answer)
    trace = turn_json(turn, answer)
    write_atomic(place / "turn.json", json.dumps(trace, ensure_ascii=False, indent=2).encode())
    return Shown(question.name, question.text, question.aim, trace, asked, turn.answer_audio)
