"""An agent, its users and what they know: what the history must hold after anything that may happen to a turn.

A question says itself what the model answers, so that one that is asked again after a kill answers the same. `Q7: 2bp 1`
is the seventh question; to it the model says two sentences and calls `book` and `pay`, and having read the results it says
one sentence. Each call has a number of its own, the only argument of its tool.
"""

import asyncio
import gc
import json
import random
import re
import shutil
import sqlite3
import traceback
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import numpy as np
from support.paced import PacedLM, rounds, threadless
from support.strict_messages import faults

from vivavoce.agent import Agent, AudioChunk, ConfirmationAsked, TurnDone
from vivavoce.agent.session.history import turns_of
from vivavoce.agent.session.store import DATABASE, open_sessions
from vivavoce.agent.state import to_messages
from vivavoce.agent.testing import ToneBank, ToneDecoder
from vivavoce.core.audio import AudioClip
from vivavoce.core.calls import current_call
from vivavoce.core.errors import ModelError, SessionError, ToolFailed
from vivavoce.core.messages import AssistantMessage, Heard, ToolCall, UserMessage
from vivavoce.model.remote.wire import chat_request
from vivavoce.tools.adapters import tool
from vivavoce.tools.registry import ToolRegistry

RATE = 16_000
YES, NO = "Yes, please.", "No, thanks."
TOOLS = {"b": "book", "s": "slow", "f": "fetch", "p": "pay", "x": "broken", "e": "refusing", "g": "ghost"}
REPEATABLE = {"fetch"}
ACTING = {"book", "slow", "fetch", "pay"}
TELLING = re.compile(r"Before we go on: I had begun to (.*?), and I do not know whether it went through\.")
PACES = (0, 0, 0, 1, 1, 2, 3, 5, 9)
PATIENCE = 100_000  # rounds until a turn hangs


def words(text):
    return " ".join(text.split())


def spoken(number, is_deaf):
    """The question of a number as sound: its length is the number."""
    rng = np.random.default_rng(number)
    samples = np.rint(rng.normal(0, 0.1, 2 * (800 + number) + is_deaf) * 32_768) / 32_768
    return AudioClip(samples.astype(np.float32), RATE)


@dataclass(eq=False)
class Asked:
    """A question, and what its user knows. accepted: the first event was there. awaits: calls that consent was asked for."""

    number: int
    session: str
    text: str
    is_spoken: bool = False
    is_deaf: bool = False
    turn: str = ""
    accepted: bool = False
    awaits: list[str] = field(default_factory=list)
    listener: "Listener | None" = None
    was_resumed: bool = False
    lives: int = 0


class Listener:
    """Somebody who takes the events of a turn. pace: rounds between two of them. reports: tells how much was played."""

    def __init__(self, world, asked, stream, pace, *, reports=False):
        self.world, self.asked, self.stream, self.pace = world, asked, stream, pace
        self.chunks, self.heard, self.sure, self.asked_for = [], 0, 0, 0
        self.reported = self.sure_reported = 0.0 if reports else None
        if reports:
            stream.played(0.0)
        self.done = self.error = None
        self.leaves = self.was_interrupted = self.was_killed = False
        self.task = world.loop.create_task(self.listen())

    async def listen(self):
        try:
            events = aiter(self.stream)
            while not self.leaves:
                if not self.was_killed:
                    self.asked_for = len(self.chunks)
                if not self.was_interrupted and self.stream._turn.is_running:  # no other turn has interrupted it
                    self.heard = self.asked_for
                now = self.heard, self.reported
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    break
                if self.was_killed:
                    continue
                self.sure, self.sure_reported = now
                self.take(event)
                await rounds(self.pace)
            del events
        except SessionError as error:
            self.error = error
        except Exception:  # noqa: BLE001 - told when the world is checked
            self.world.broken.append(traceback.format_exc())

    def take(self, event):
        self.asked.accepted = True
        if isinstance(event, AudioChunk):
            self.chunks.append(event)
        elif isinstance(event, ConfirmationAsked):
            self.asked.awaits = [call.id for call in event.calls]
        elif isinstance(event, TurnDone):
            self.done = event.turn

    def most(self):
        """What was heard at most."""
        if self.reported is None:
            return "".join(chunk.text for chunk in self.chunks[: self.asked_for])
        return "".join(chunk.text for chunk in self.chunks if chunk.start_s < self.reported)

    def least(self, *, sure):
        """What was heard at least. sure: as far as the agent could know when it gave the last event."""
        reported, heard = (self.sure_reported, self.sure) if sure else (self.reported, self.heard)
        if reported is None:
            return "".join(chunk.text for chunk in self.chunks[:heard])
        return "".join(chunk.text for chunk in self.chunks if chunk.end_s <= reported)


class World:
    """folder: of its own. when_busy: see `Settings.when_busy`. seed: of all paces."""

    def __init__(self, loop, folder, when_busy, seed):
        self.loop, self.folder, self.when_busy = loop, folder, when_busy
        self.seed = seed
        self.life, self.count, self.complaints = 0, 0, []
        loop.set_exception_handler(lambda _, context: self.complaints.append(f"{context['message']} {context}"))
        self.effects, self.broken = [], []
        self.asked = {"anna": [], "bert": []}
        self.run(self.open())

    def run(self, work):
        return self.loop.run_until_complete(work)

    @property
    def home(self):
        return self.folder / f"life-{self.life}"

    async def open(self):
        self.opened = AsyncExitStack()
        self.home.mkdir(exist_ok=True)
        chance = random.Random(f"{self.seed} {self.life}")  # a process that died draws from its own
        pace = self.pace = lambda: chance.choice(PACES)
        with threadless(self.loop, pace):
            sessions = await self.opened.enter_async_context(open_sessions(self.home, when_busy=self.when_busy))
        sessions.log._connection.execute("PRAGMA synchronous = OFF")
        self.reader = sqlite3.connect(self.home / DATABASE)
        self.opened.callback(self.reader.close)
        self.agent = Agent(
            lm=PacedLM(self.script, pace),
            decoder=ToneDecoder(),
            bank=ToneBank(),
            tools=self.tools(),
            sessions=sessions,
        )

    # What the agent is made of

    def tools(self):
        life, pace = self.life, self.pace

        def act(name, n):
            if life == self.life:
                self.act(name, n)

        async def book(n: int) -> str:
            """Book."""
            await rounds(pace())
            act("book", n)
            await rounds(pace())
            return f"Booked {n}."

        async def slow(n: int) -> str:
            """Take a while."""
            await rounds(40)
            act("slow", n)
            await rounds(40)
            return f"Slow {n}."

        async def fetch(n: int) -> str:
            """Fetch, which can be done again."""
            await rounds(pace())
            act("fetch", n)
            await rounds(pace())
            return f"Fetched {n}."

        async def pay(n: int) -> str:
            """Pay, which must be agreed to."""
            await rounds(pace())
            act("pay", n)
            await rounds(pace())
            return f"Paid {n}."

        async def broken(n: int) -> str:
            """Break when it is done."""
            await rounds(pace())
            act("broken", n)
            raise RuntimeError("broke")

        async def refusing(n: int) -> str:
            """Refuse."""
            raise ToolFailed("it is closed")

        registry = ToolRegistry()
        for one in (book, slow, broken, refusing, tool(fetch, idempotent=True), tool(pay, confirm=True)):
            registry.add(one)
        return registry

    def script(self, messages, tools):
        self.check_prompt(messages)
        last = max(at for at, message in enumerate(messages) if isinstance(message, UserMessage))
        user = messages[last]
        question = user.text
        if question is None and user.audio is not None:
            asked = self.heard_as(user.audio)
            question = asked.text
            if not asked.is_deaf:
                yield Heard(question)
        number, steps = plan_of(question or "")
        at = sum(isinstance(m, AssistantMessage) and bool(m.tool_calls) for m in messages[last:])
        if at >= len(steps):
            yield f"That was all of {number}. "
            return
        sentences, calls, fails = steps[at]
        for count in range(sentences):
            yield f"Sentence {number} {at} {count}, so it is. "
        for place, name in enumerate(calls):
            yield ToolCall(str(place), name, json.dumps({"n": number * 100 + at * 10 + place}))
        if fails:
            raise ModelError("the model broke")

    def heard_as(self, audio):
        number = audio.samples.size // 2 - 800
        return next(asked for all_ in self.asked.values() for asked in all_ if asked.number == number)

    def act(self, name, n):
        """What a tool does to the world."""
        id_ = current_call().id
        session, record = next(
            (
                (s, r)
                for s in self.asked
                for r in self.records(s)
                if r["role"] == "tool" and r["result"]["call"]["id"] == id_
            ),
            ("", None),
        )
        if record is None or not record["begun"]:
            self.broken.append(f"{name} {n} acts before the log knows")
        elif name == "pay" and not self.is_agreed(session, record["turn"], id_):
            self.broken.append(f"{name} {n} acts without consent")
        if any(n == other for _, _, other in self.effects) and name not in REPEATABLE:
            self.broken.append(f"{name} {n} acts twice")
        self.effects.append((id_, name, n))

    def is_agreed(self, session, turn, call_id):
        """Whether the user said yes to a call in this turn, having heard of it in the one before."""
        known = [asked for asked in self.asked[session] if asked.accepted or asked.turn == turn]
        at = next(at for at, asked in enumerate(known) if asked.turn == turn)
        return at > 0 and known[at].text == YES and call_id in known[at - 1].awaits

    # What happens

    def ask(self, session, text, *, pace=0, reports=False, is_spoken=False, is_deaf=False):
        """text: YES, NO, or the plan of a new question."""
        self.count += 1
        text = text if text in (YES, NO) else f"Q{self.count}: {text}"
        asked = Asked(self.count, session, text, is_spoken, is_deaf, lives=self.life)
        question = spoken(asked.number, is_deaf) if is_spoken else text
        stream = self.agent.stream(question, session=session)
        asked.turn = stream._turn.id
        self.asked[session].append(asked)
        asked.listener = Listener(self, asked, stream, pace, reports=reports)

    def resume(self, session, pace):
        """Go on with the last turn, where a kill cut it off."""
        last = self.records(session)[-1]["turn"]
        asked = next(asked for asked in self.asked[session] if asked.turn == last)
        asked.was_resumed = True
        asked.listener = Listener(self, asked, self.agent.resume(session), pace)

    def listeners(self, session=None):
        """Of turns that are not over."""
        found = [a.listener for s, all_ in self.asked.items() for a in all_ if session in (None, s)]
        return [listener for listener in found if not listener.task.done()]

    def finish(self, session=None):
        """Let turns come to their ends."""

        async def wait():
            for _ in range(PATIENCE):
                if not self.listeners(session):
                    return
                await rounds(1)
            raise AssertionError(f"turns of session {session} hang")

        self.run(wait())
        self.run(rounds(30))  # a turn that was left ends by itself

    def interrupt(self, listener, how):
        listener.was_interrupted = True
        match how:
            case "interrupt" | "close":
                work = listener.stream.interrupt() if how == "interrupt" else listener.stream.aclose()
                self.loop.create_task(work)
            case "cancel":
                listener.task.cancel()
            case "leave":
                listener.leaves = True

    def played(self, listener, share):
        seconds = share * (listener.chunks[-1].end_s if listener.chunks else 0.0)
        listener.reported = max(listener.reported, seconds)
        listener.stream.played(seconds)

    def kill(self):
        """The process dies: what is in its files is what is left."""
        old, reader = self.home, self.reader
        self.life += 1
        self.home.mkdir()
        with sqlite3.connect(self.home / DATABASE) as copy:
            reader.backup(copy)
        copy.close()
        if (old / "recordings").is_dir():
            shutil.copytree(old / "recordings", self.home / "recordings")
        for listener in self.listeners():
            listener.was_killed = True
        self.die()
        self.run(self.open())

    def die(self):
        """End all that runs, somehow."""
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.run(rounds(20))
        with suppress(asyncio.CancelledError):  # of a turn whose end was ended
            self.run(self.opened.aclose())

    def reopen(self):
        """The process ends and another begins."""
        for listener in self.listeners():
            listener.was_interrupted = True
        self.run(self.opened.aclose())
        self.finish()
        self.run(self.open())

    def forget(self, session):
        existed = self.run(self.agent.forget(session))
        assert existed or not any(asked.accepted for asked in self.asked[session])
        self.asked[session] = []
        assert self.run(self.agent.history(session)) == ()
        left = list(self.home.rglob(f"*{session}*"))
        assert left == [], left

    def close(self):
        """End everything, and see that nothing was left behind."""
        for listener in self.listeners():
            listener.was_interrupted = True
            listener.task.cancel()
        self.finish()
        self.check()
        self.run(self.opened.aclose())
        gc.collect()
        assert self.life or self.complaints == [], self.complaints

    # What must be true

    def records(self, session):
        rows = self.reader.execute("SELECT at, value FROM records WHERE session = ? ORDER BY position", (session,))
        return [{**json.loads(value), "at": at} for at, value in rows]

    def check_prompt(self, messages):
        self.broken += faults(chat_request(messages, (), "vllm-omni", speaking=False)["messages"])

    def check(self):
        """At any moment: if the process died now, the history would be right."""
        assert self.broken == [], self.broken
        known = {}
        for session in self.asked:
            records = self.records(session)
            if records:
                messages = to_messages(records, self.agent.services.sessions.recordings.get)
                wrong = faults(chat_request(messages, (), "vllm-omni", speaking=False)["messages"])
                assert wrong == [], wrong
            known |= {r["result"]["call"]["id"]: (session, r) for r in records if r["role"] == "tool"}
            for asked in self.asked[session]:
                self.check_answer(asked, [r for r in records if r["turn"] == asked.turn])
            if session not in self.agent.services.sessions.queue._lines:
                self.check_idle(session, records)
        ids = [id_ for id_, _, _ in self.effects]
        for id_, (_, record) in known.items():
            self.check_call(record, ids.count(id_))

    def check_call(self, record, acted):
        call, status = record["result"]["call"], record["result"]["status"]
        if call["name"] not in REPEATABLE:
            assert acted <= 1, f"{call} acted {acted} times"
        if status == "done":
            assert acted, f"{call} is done, and did nothing"
        elif status == "cancelled" and call["name"] not in REPEATABLE:
            assert not acted, f"{call} acted, and counts as cancelled"

    def check_answer(self, asked, records):
        """The history holds what was heard."""
        listener = asked.listener
        if asked.was_resumed or not listener:
            return
        answer = words("".join(r["text"] for r in records if r["role"] == "assistant"))
        if listener.done is not None and not listener.done.interrupted and listener.reported is None:
            assert answer == words(listener.done.answer_text)
            return
        was_given = listener.reported is not None and answer == words("".join(chunk.text for chunk in listener.chunks))
        if not (was_given or (listener.done is not None and not listener.done.interrupted)):
            assert words(listener.most()).startswith(answer), f"{answer!r} was not heard, but {listener.most()!r}"
        if listener.was_killed or listener.task.done():
            least = words(listener.least(sure=listener.was_killed))
            assert answer.startswith(least), f"{least!r} was heard, and {answer!r} kept"

    def check_idle(self, session, records):
        """Where no turn is under way."""
        history = turns_of(records)
        asked = [a for a in self.asked[session] if a.turn in {turn.id for turn in history}]
        assert [turn.id for turn in history] == [a.turn for a in asked]
        lost = [a.text for a in self.asked[session] if a.accepted and a not in asked]
        assert lost == [], lost
        for turn, one in zip(history, asked, strict=True):
            assert turn.heard in ((one.text, None) if one.is_spoken else (one.text,))
            if one.listener and one.listener.done is not None and not one.was_resumed:
                assert turn.tool_calls == one.listener.done.tool_calls
        self.check_told(history, asked)

    def check_told(self, history, asked):
        """Each interrupted call is told once, by the end of the next turn that was heard to its end."""
        tellings = [" and ".join(TELLING.findall(turn.answer)) for turn in history]
        for at, turn in enumerate(history):
            for result in turn.tool_calls:
                if result.status != "interrupted" or result.call.name in REPEATABLE:
                    continue
                n = json.loads(result.call.arguments)["n"]
                told = sum(
                    f"n {n}" in re.split(r"[ ,]{1,2}(?=n \d)|,| and ", telling)
                    or f" n {n}," in f"{telling},"
                    or f" n {n} and" in telling
                    for telling in tellings
                )
                kills = self.life - asked[at].lives
                assert told <= 1 + kills, f"{result.call} was told {told} times"
                later = [a for a in asked[at + 1 :] if a.listener and a.listener.done and not a.listener.done.interrupted]
                assert told or not [a for a in later if a.listener.reported is None], f"{result.call} was never told"


def plan_of(text):
    """(number, steps) of a question; a step is its sentences, its calls and whether the model fails."""
    match = re.fullmatch(r"Q(\d+): (.*)", text)
    if match is None:
        return 0, []
    steps = [
        (int(step[0]), [TOOLS[letter] for letter in step[1:] if letter in TOOLS], "!" in step) for step in match[2].split()
    ]
    return int(match[1]), steps
