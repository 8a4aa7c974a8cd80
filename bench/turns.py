"""Time to first audio of the product against the same parts run stage by stage on whole outputs.

The baseline hears, routes, writes arguments with the language model, calls the tool, lets the model write the whole
answer, speaks all of it and converts all of it before anything is heard. Recogniser, router, language model, instructions,
tools, voice and threads are the agent's own. The two take turns, and what the one was just asked the other is asked half a
round later: the language model keeps the prompt that it read last, and so whoever came second would not read it again.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from vivavoce.agent import Agent
from vivavoce.agent.services import Services
from vivavoce.app.shared_weights import shared
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import Message, ToolCall, ToolMessage, ToolResult, UserMessage
from vivavoce.core.settings import load_settings
from vivavoce.eval.lab.statistics import bootstrap
from vivavoce.model.cascade import Cascade
from vivavoce.model.embedded.answering import ANSWER_TOKENS
from vivavoce.model.embedded.calling.writing import CallWriter
from vivavoce.model.embedded.llama import ANSWER_SLOT
from vivavoce.model.embedded.mind import EmbeddedMind
from vivavoce.model.embedded.prompts import answer_prompt
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
from vivavoce.model.embedded.speaking.timbre import convert, measure

OWN, SPOKEN = Path("tests/e2e/questions"), Path("eval/sets/spoken")
CASES = {
    "one tool": [
        OWN / f"{name}.flac" for name in ("time-tokyo", "museum-sunday", "time-new-york", "wifi", "date", "ticket")
    ],
    "no tool": [
        *(OWN / f"{name}.flac" for name in ("france", "hello", "sum")),
        *(SPOKEN / f"{name}.ogg" for name in ("chat-en-03", "chat-en-19", "topic-en-01", "topic-en-06", "topic-en-10")),
    ],
}
ROUNDS = 5
VOICE = "old-deep-man"
FIRST, STAGES = "first audio", ("hear", "choose", "tool", "answer", "speak")
console = Console()


@dataclass(frozen=True, slots=True)
class Asked:
    """One turn. seconds: of each stage, and to first audio. words: of the answer."""

    question: str
    seconds: Mapping[str, float]
    words: int


class StageByStage:
    """The agent's parts, one stage after the other."""

    def __init__(self, services: Services, lm: Cascade, mind: EmbeddedMind, synthesiser: Synthesiser) -> None:
        self._services = services
        self._ears, self._router, self._llama = lm.ears, mind._planner._router, mind._llama
        self._writer = CallWriter(mind._llama)
        self._synthesiser = synthesiser
        self._target = measure(services.bank.get(VOICE).reference)

    async def ask(self, question: AudioClip, name: str) -> Asked:
        """Seconds until the whole answer is ready to be heard."""
        clock = _Clock()
        text = await self._ears.transcribe(question)
        clock.ends("hear")
        messages: list[Message] = [self._services.system, UserMessage(text)]
        label = self._router.route(text).label
        if tool := self._services.tools.get(label):
            arguments = json.dumps((await self._writer.one(tool.spec, text)).arguments)
            clock.ends("choose")
            output = await tool.call(arguments)
            messages.append(ToolMessage(ToolResult(ToolCall("1", label, arguments), "done", output)))
            clock.ends("tool")
        prompt = answer_prompt(messages, text)
        answer = "".join([piece async for piece in self._llama.stream(prompt, ANSWER_SLOT, max_tokens=ANSWER_TOKENS)])
        clock.ends("answer")
        await asyncio.to_thread(self._spoken, answer or "I do not know.")
        clock.ends("speak")
        return Asked(name, clock.seconds | {FIRST: sum(clock.seconds.values())}, len(answer.split()))

    def _spoken(self, answer: str) -> AudioClip:
        return convert(self._synthesiser.speak(answer), self._synthesiser.timbre(), self._target)


class _Clock:
    """Seconds of stages that follow each other without a gap."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def ends(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._begin
        self._begin = now


async def main() -> None:
    """Run all cases in turn and print medians and ratios."""
    settings = load_settings()
    async with open_agent(settings) as agent:
        lm = agent.services.lm
        if not isinstance(lm, Cascade) or not isinstance(lm.mind, EmbeddedMind):
            raise SystemExit("the benchmark needs the embedded model")
        stages = StageByStage(agent.services, lm, lm.mind, shared(Synthesiser))
        for case, questions in CASES.items():
            _print(f"{case}, {len(questions)} questions, {ROUNDS} rounds, {settings.threads} thread(s); medians in seconds")
            ours, theirs = await _compare(agent, stages, questions)
            _report(ours, theirs)
        await _switch(agent)
    _print(f"resident memory: {_resident_gb():.2f} GB")


async def _compare(agent: Agent, stages: StageByStage, questions: Sequence[Path]) -> tuple[list[Asked], list[Asked]]:
    """All turns of both, after each was asked each question once."""
    clips = [AudioClip.load(path) for path in questions]
    ours: list[Asked] = []
    theirs: list[Asked] = []
    for _ in range(1 + ROUNDS):
        for at, path in enumerate(questions):
            other = (at + len(questions) // 2) % len(questions)
            ours.append(await _of_agent(agent, clips[at], path.stem))
            theirs.append(await stages.ask(clips[other], questions[other].stem))
    return ours[len(questions) :], theirs[len(questions) :]


async def _of_agent(agent: Agent, question: AudioClip, name: str) -> Asked:
    turn = (await agent.ask(question, voice=VOICE)).check_answered()
    timings, spans = turn.timings, {span.stage: span for span in turn.timings.spans}
    first = timings.ttfa_s if timings.ttfa_s is not None else timings.total_s
    written = spans["speak"].start_s  # the first words of the answer; what was spoken first is the first phrase alone
    seconds = {stage: seconds for stage, seconds in timings.seconds.items() if stage in ("hear", "choose")}
    if tools := [span for span in timings.spans if span.stage.startswith("tool")]:
        seconds["tool"] = tools[-1].end_s - tools[0].start_s
    seconds |= {"answer": written - spans["answer"].start_s, "speak": first - written, FIRST: first}
    return Asked(name, seconds, len(turn.answer_text.split()))


def _report(ours: Sequence[Asked], theirs: Sequence[Asked]) -> None:
    for who, asked in (("agent", ours), ("stage by stage", theirs)):
        low, high = np.quantile([one.seconds[FIRST] for one in asked], [0.25, 0.75])
        stages = [stage for stage in STAGES if stage in asked[0].seconds]
        told = ", ".join(f"{stage} {np.median([one.seconds[stage] for one in asked]):.2f}" for stage in stages)
        words = np.median([one.words for one in asked])
        _print(f"  {who}: {_first(asked):.2f}, half of them {low:.2f} to {high:.2f} ({told}; {words:.0f} words)")
    pairs = [(_of(ours, name), _of(theirs, name)) for name in dict.fromkeys(one.question for one in ours)]
    for mine, other in pairs:
        _print(f"    {mine[0].question}: {_first(mine):.2f} and {_first(other):.2f}, {mine[0].words} words")
    ratio = bootstrap(
        len(pairs),
        lambda at: _first(one for i in at for one in pairs[i][0]) / _first(one for i in at for one in pairs[i][1]),
    )
    _print(f"  ratio {ratio}")


def _of(asked: Sequence[Asked], name: str) -> list[Asked]:
    return [one for one in asked if one.question == name]


def _first(asked: Iterable[Asked]) -> float:
    return float(np.median([one.seconds[FIRST] for one in asked]))


async def _switch(agent: Agent) -> None:
    """What preparing a voice costs once it was prepared."""
    voice = agent.services.bank.get(VOICE)
    await agent.services.decoder.prepare(voice)
    start = time.perf_counter()
    await agent.services.decoder.prepare(agent.services.bank.get(VOICE))
    _print(f"timbre switch to a prepared clip: {time.perf_counter() - start:.3f} s")


def _print(line: str) -> None:
    console.print(line, highlight=False)


def _resident_gb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1e6


if __name__ == "__main__":
    asyncio.run(main())
