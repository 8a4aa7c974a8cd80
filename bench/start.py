"""How long it takes until something answers: commands, `ask --text` by stage, an agent with new tools.

Everything runs in a data folder of its own with the installed weights, voices and documents. Medians over RUNS runs.
"""

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RUNS = 3
QUESTION = "What time is it?"
COMMAND = ["-c", "from vivavoce.eval.cli import main; main()"]
NEW_TOOLS = 30


def main() -> None:
    """Measure all and print tables."""
    from rich.console import Console

    from vivavoce.core.settings import load_settings

    settings, console = load_settings(), Console()
    console.print(f"threads for each model: {settings.threads}; medians over {RUNS} runs")
    with tempfile.TemporaryDirectory() as home:
        for name in ("weights", "voices", "index"):
            (Path(home) / name).symlink_to(settings.home / name)
        environment = os.environ | {"VIVAVOCE_HOME": home, "VIVAVOCE_HUB": "false"}
        ask = [*COMMAND, "ask", "--text", QUESTION, "--out", f"{home}/answer.wav"]
        rows = {"ask --text, nothing learnt yet": [_process(ask, environment)]}
        for name, arguments in {"--help": [*COMMAND, "--help"], "ask --text": ask}.items():
            rows[name] = [_process(arguments, environment) for _ in range(RUNS)]
        _print(console, "a process", ("wall s", "CPU s", "peak MiB"), rows)
        for name, stages in {"a stage of ask --text": _stages, f"an agent with {NEW_TOOLS} new tools": _new_tools}.items():
            of_runs = [_child(stages.__name__, environment) for _ in range(RUNS)]
            rows = {key: [run[key] for run in of_runs] for key in of_runs[0]}
            _print(console, name, ("wall s", "CPU s", "MiB then"), rows)


def _process(arguments: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Seconds on the clock and of processors, and most memory, MiB."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _child(stages: str, environment: dict[str, str]) -> dict[str, tuple[float, float, float]]:
    command = [sys.executable, "-m", "bench.start", stages]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def _print(console: Any, title: str, columns: tuple[str, ...], rows: dict[str, list[Any]]) -> None:
    from rich.table import Table

    table = Table(title, *columns, box=None)
    for name, measured in rows.items():
        wall, used, memory = (statistics.median(column) for column in zip(*measured, strict=True))
        table.add_row(name, f"{wall:.2f}", f"{used:.2f}", f"{memory:.0f}")
    console.print(table, "")


class Stages:
    """What each stage of this process took."""

    def __init__(self) -> None:
        self.took: dict[str, tuple[float, float, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens within."""
        wall, used = time.perf_counter(), time.process_time()
        yield
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.took[name] = (time.perf_counter() - wall, time.process_time() - used, memory)


async def _stages(stages: Stages) -> None:
    """One after the other what an `ask` loads; then what only other questions need."""
    with stages.stage("imports"):
        from vivavoce.app.parts import Parts
        from vivavoce.app.shared_weights import shared
        from vivavoce.app.wiring import open_agent, open_tools
        from vivavoce.core.settings import load_settings
        from vivavoce.model.cascade import Cascade
        from vivavoce.model.embedded.routing.router import IntentRouter
        from vivavoce.model.embedded.routing.spans import SpanFinders
        from vivavoce.tools.examples import BEYOND_EXAMPLES, CHAT_EXAMPLES, LACKING
    settings = load_settings()
    parts, cache = Parts(settings), settings.home / "cache"
    with stages.stage("text embedder"):
        parts.embedder.embed([QUESTION])
    specs = open_tools(parts).specs
    with stages.stage("router"):
        router = IntentRouter(parts.embedder, CHAT_EXAMPLES, cache, BEYOND_EXAMPLES, LACKING)
        router.fit(specs)
        router.route(QUESTION)
    with stages.stage("span finder"):
        finders = shared(SpanFinders, cache)
        finders.of(next(spec for spec in specs if spec.name == "get_date_time")).find(QUESTION)
    async with open_agent(settings, warm=False) as agent:
        with stages.stage("voice"):
            await agent.services.decoder.warm_up()
        with stages.stage("first turn"):
            (await agent.ask(QUESTION)).check_answered()
        with stages.stage("second turn"):
            (await agent.ask(QUESTION)).check_answered()
        if isinstance(lm := agent.services.lm, Cascade):
            with stages.stage("not for it: recogniser"):
                await lm.ears.warm_up()
            with stages.stage("not for it: language model"):
                await lm.mind.warm_up(specs, [agent.services.system])


async def _new_tools(stages: Stages) -> None:
    """Tools that nothing is known of but what they are called."""
    from vivavoce.app.wiring import open_agent

    new = f"new_{time.time_ns()}"

    def made(number: int) -> Callable[[str], str]:
        def act(what: str) -> str:
            return what

        act.__name__, act.__doc__ = f"{new}_{number}", f"Do the {number}th thing that is wanted."
        return act

    with stages.stage("from open_agent to ready"):
        async with open_agent(tools=[made(number) for number in range(NEW_TOOLS)]):
            pass


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        asyncio.run(globals()[sys.argv[1]](measured := Stages()))
        sys.stdout.write(json.dumps(measured.took))
