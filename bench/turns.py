"""Time to first audio of the product against the same parts run stage by stage on whole outputs.

The baseline hears, routes, writes arguments with the language model, calls the tool, lets the model write the whole
answer, speaks all of it and converts all of it before anything is heard. Both share models, threads and questions, and
take turns.
"""

import asyncio
import statistics
import time
from pathlib import Path

from rich.console import Console

from vivavoce.agent import Agent
from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_agent, open_tools
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import Message, ToolCall, ToolMessage, ToolResult, UserMessage
from vivavoce.core.protocols import Recogniser
from vivavoce.core.settings import load_settings
from vivavoce.model.cascade import Cascade
from vivavoce.model.embedded.choosing.arguments import argument_grammar, arguments_prompt
from vivavoce.model.embedded.choosing.router import IntentRouter
from vivavoce.model.embedded.llama import ANSWER_SLOT, ARGUMENT_SLOT, LlamaServer
from vivavoce.model.embedded.mind import EmbeddedMind
from vivavoce.model.embedded.prompts import answer_prompt
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
from vivavoce.model.embedded.speaking.timbre import convert, measure
from vivavoce.tools.registry import ToolRegistry

QUESTIONS = Path("tests/e2e/questions")
CASES = {"one tool": ["time-tokyo", "museum-sunday", "time-new-york", "wifi"], "no tool": ["france", "hello", "sum"]}
ROUNDS = 3
VOICE = "old-deep-man"
console = Console()


class Baseline:
    """The measured stack, one stage after the other."""

    def __init__(
        self, ears: Recogniser, router: IntentRouter, llama: LlamaServer, registry: ToolRegistry, voice: AudioClip
    ) -> None:
        self._ears, self._router, self._llama = ears, router, llama
        self._registry, self._voice = registry, voice
        self._synthesiser = Synthesiser()

    async def first_audio_s(self, question: AudioClip) -> float:
        """Seconds until the whole answer is ready to be heard."""
        start = time.perf_counter()
        text = await self._ears.transcribe(question)
        route = self._router.route(text)
        messages: list[Message] = [UserMessage(text)]
        if tool := self._registry.get(route.label):
            prompt, grammar = arguments_prompt(tool.spec, text), argument_grammar(tool.spec)
            arguments = await self._llama.complete(prompt, ARGUMENT_SLOT, max_tokens=64, grammar=grammar)
            output = await tool.call(arguments)
            call = ToolCall("1", route.label, arguments)
            messages.append(ToolMessage(ToolResult(call, "done", output)))
        answer = await self._llama.complete(answer_prompt(messages, text), ANSWER_SLOT, max_tokens=110)
        spoken = await asyncio.to_thread(self._synthesiser.speak, answer or "I do not know.")
        source = await asyncio.to_thread(self._synthesiser.timbre)
        await asyncio.to_thread(lambda: convert(spoken, source, measure(self._voice)))
        return time.perf_counter() - start


async def main() -> None:
    """Run all cases in turn and print medians and ratios."""
    settings = load_settings()
    parts = Parts(settings)
    registry = open_tools(parts)
    async with open_agent(settings) as agent:
        lm = agent.services.lm
        if not isinstance(lm, Cascade) or not isinstance(lm.mind, EmbeddedMind):
            raise SystemExit("the benchmark needs the embedded model")
        baseline = Baseline(lm.ears, lm.mind._router, lm.mind._llama, registry, parts.bank.get(VOICE).reference)
        console.print(f"threads for each model: {settings.threads}; medians over {ROUNDS} rounds; seconds to first audio")
        for case, names in CASES.items():
            ours, theirs = await _compare(agent, baseline, names)
            console.print(f"{case}: {ours:.2f} s, stage by stage {theirs:.2f} s, ratio {ours / theirs:.2f}", highlight=False)
        await _switch(agent)
    console.print(f"resident memory: {_resident_gb():.2f} GB", highlight=False)


async def _compare(agent: Agent, baseline: Baseline, names: list[str]) -> tuple[float, float]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        for name in names:
            question = AudioClip.load(QUESTIONS / f"{name}.flac")
            turn = await agent.ask(question, voice=VOICE)
            ours.append(turn.timings.ttfa_s or turn.timings.total_s)
            theirs.append(await baseline.first_audio_s(question))
    return statistics.median(ours), statistics.median(theirs)


async def _switch(agent: Agent) -> None:
    """What preparing a voice costs once it was prepared."""
    voice = agent.services.bank.get(VOICE)
    await agent.services.decoder.prepare(voice)
    start = time.perf_counter()
    await agent.services.decoder.prepare(agent.services.bank.get(VOICE))
    console.print(f"timbre switch to a prepared clip: {time.perf_counter() - start:.3f} s", highlight=False)


def _resident_gb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1e6


if __name__ == "__main__":
    asyncio.run(main())
