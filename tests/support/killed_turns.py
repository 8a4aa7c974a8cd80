"""A process that talks to an agent and is killed while it does, and what the session knows afterwards."""

import asyncio
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vivavoce.agent import Agent, ConfirmationAsked, TurnDone
from vivavoce.agent.session.store import open_sessions
from vivavoce.agent.testing import ScriptedLM, ToneBank, ToneDecoder
from vivavoce.core.calls import current_call
from vivavoce.core.errors import SessionError
from vivavoce.tools.adapters import tool
from vivavoce.tools.registry import ToolRegistry

SESSION, YES = "s", "yes"
READY, ACKNOWLEDGED, ASKED_CONSENT = "ready", "heard", "consent"
KNOWN = {"done", "interrupted"}
REPEATABLE = {"fetch"}
WORK_S = 0.005  # before and after the effect of a tool
LONGEST_S = 0.25  # from when the process is ready to when it is killed


@dataclass
class Counts:
    """What became of turns that were killed; right is 0 in all but the first two."""

    kills: int = 0
    in_a_turn: int = 0
    vanished_turns: int = 0
    unknown_effects: int = 0
    effects_run_twice: int = 0
    claimed_effects: int = 0
    not_told_once: int = 0
    other: list[str] = field(default_factory=list)

    @property
    def faults(self):
        ours = self.vanished_turns, self.unknown_effects, self.effects_run_twice, self.claimed_effects, self.not_told_once
        return sum(ours) + len(self.other)


class Killing:
    """One session of a folder, through as many deaths as are wanted."""

    def __init__(self, folder, seed):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.chance = random.Random(seed)
        self.counts = Counts()
        self.told = set()
        self.next = 0

    def once(self):
        """Let a process talk, kill it, and look at what it left."""
        lines = self._killed_process()
        self.counts.kills += 1
        asyncio.run(self.survey(lines, self.chance.choice(["ask", "resume", "consent"])))

    def _killed_process(self):
        """What a process wrote before it was killed: a line for each thing that its user came to know."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                asyncio.run(talk(self.folder, self.next, lambda line: os.write(write, f"{line}\n".encode())))
            finally:
                os._exit(1)
        os.close(write)
        with os.fdopen(read) as told:
            assert told.readline().strip() == READY
            time.sleep(self.chance.uniform(0, LONGEST_S))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return told.read().splitlines()

    async def survey(self, lines, then):
        """Compare what the user knows with what the session knows, and go on. then: resume, consent (say yes) or ask."""
        counts = self.counts
        heard = [line.partition(" ")[2] for line in lines if line.startswith(ACKNOWLEDGED)]
        async with agent_in(self.folder) as agent:
            history = await agent.history(SESSION)
            known = Counter(turn.heard for turn in history)
            lost = Counter(heard) - known
            counts.vanished_turns += lost.total()
            counts.in_a_turn += bool(await _open_thread(agent))
            self._compare(history)
            answers = await self._go_on(agent, then, lines, history)
            history = await agent.history(SESSION)
            self._compare(history)
            self._count_tellings(history, answers)
        numbers = [int(n) for turn in history for n in _numbers(turn.heard)]
        self.next = max([self.next, *numbers]) + 1

    async def _go_on(self, agent, then, lines, history):
        answers = []
        if then == "resume":
            try:
                answers.append(await _last(agent.resume(SESSION)))
            except SessionError as error:
                if "cut off" not in str(error) and "waits for your answer" not in str(error):
                    self.counts.other.append(str(error))
        waiting = lines and lines[-1].startswith(ASKED_CONSENT)
        if then == "consent":
            turn = await agent.ask(YES, session=SESSION)
            answers.append(turn.answer_text)
            if turn.awaiting:  # it is asked again where nobody knew any more that it had been heard
                turn = await agent.ask(YES, session=SESSION)
                answers.append(turn.answer_text)
            paid = [result.status for result in turn.tool_calls]
            if waiting and paid != ["done"] and not any(turn.heard == YES for turn in history[-1:]):
                self.counts.other.append(f"{lines[-1]} was agreed to, and ended as {paid}")
        for text in ("go on", "and then"):
            answers.append((await agent.ask(text, session=SESSION)).answer_text)
        return answers

    def _compare(self, history):
        effects = effects_in(self.folder)
        results = {result.call.id: result for turn in history for result in turn.tool_calls}
        unknown = {id_ for _, _, id_ in effects if id_ not in results or results[id_].status not in KNOWN}
        acted = {id_ for _, _, id_ in effects}
        self.counts.unknown_effects += len(unknown)
        self.counts.claimed_effects += sum(r.status == "done" and r.call.id not in acted for r in results.values())
        once = Counter(n for name, n, _ in effects if name not in REPEATABLE)
        self.counts.effects_run_twice = sum(count > 1 for count in once.values())

    def _count_tellings(self, history, answers):
        """Each interrupted call is told of in the first answer after it, and in no later one."""
        for result in (result for turn in history for result in turn.tool_calls):
            n = json.loads(result.call.arguments)["n"]
            times = [f"n {n}," in f"{answer}," and "I had begun" in answer for answer in answers]
            wanted = result.status == "interrupted" and result.call.name not in REPEATABLE and n not in self.told
            self.counts.not_told_once += times != [wanted] + [False] * (len(answers) - 1)
            if wanted:
                self.told.add(n)


async def talk(folder, first, tell):
    """Ask one thing after another. tell: takes a line for each thing that the user comes to know."""
    async with agent_in(folder) as agent:
        tell(READY)
        for n in itertools.count(first):
            await talk_about(agent, n, tell)


async def talk_about(agent, n, tell):
    """Let the agent book, pay or fetch. A line tells that the first event of a turn came, or that consent is asked for."""
    name = ("book", "pay", "fetch")[n % 3]
    texts = [f'tool {name} {{"n": {n}}}', *([YES] if name == "pay" else [])]
    for text in texts:
        acknowledged = False
        async for event in agent.stream(text, session=SESSION):
            if not acknowledged:
                tell(f"{ACKNOWLEDGED} {text}")
                acknowledged = True
            if isinstance(event, ConfirmationAsked):
                tell(f"{ASKED_CONSENT} {text}")


@asynccontextmanager
async def agent_in(folder):
    """An agent with tools that act in a file of the folder."""
    effects = folder / "effects.txt"

    def act(name, n):
        time.sleep(WORK_S)
        file = os.open(effects, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(file, f"{name} {n} {current_call().id}\n".encode())  # at once: half an effect is none
        os.fsync(file)
        os.close(file)
        time.sleep(WORK_S)

    def book(n: int) -> str:
        """Book."""
        act("book", n)
        return f"Booked {n}."

    def pay(n: int) -> str:
        """Pay."""
        act("pay", n)
        return f"Paid {n}."

    def fetch(n: int) -> str:
        """Fetch."""
        act("fetch", n)
        return f"Fetched {n}."

    registry = ToolRegistry()
    for one in (book, tool(pay, confirm=True), tool(fetch, idempotent=True)):
        registry.add(one)
    async with open_sessions(folder / "sessions") as sessions:
        yield Agent(lm=ScriptedLM(), decoder=ToneDecoder(), bank=ToneBank(), tools=registry, sessions=sessions)


def effects_in(folder):
    """(tool, number, id of the call) of what was done."""
    file = folder / "effects.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(name, int(n), id_) for name, n, id_ in map(str.split, lines)]


async def _last(stream):
    async for event in stream:
        last = event
    assert isinstance(last, TurnDone)
    return last.turn.answer_text


async def _open_thread(agent):
    return (await agent.services.sessions.log.facts(SESSION)).get("open")


def _numbers(text):
    return [word.strip("}") for word in (text or "").split() if word.strip("}").isdigit()]
