"""The tool-calling lab: whether the agent calls the right tool with the right parameters, and only then.

What is judged are the first calls of the last user turn. Sets: ``spoken`` and ``text``, which come with the lab, or a half
of one, as ``text:dev``; the folder of StepEval-Audio-Toolcall, whose recordings are asked, or its texts as ``PATH:text``; a
table of one's own, see `questions.read_questions` (recordings, where it has any, lie beside it in a folder of the
table's name). Sets whose questions bring their own tools: ``bfcl``, ``bfcl-parallel``, ``bfcl-spoken``, ``when2call``,
``deeds`` and files of one's own, see `brought.questions.brought_questions`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from vivavoce.app.backends import backend_of
from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.home import own_home
from vivavoce.eval.lab.judge import open_judge
from vivavoce.eval.lab.lab import Item, Measure, Options, Result, with_seed
from vivavoce.eval.lab.one_open import agents_by_seed
from vivavoce.eval.lab.page import Page
from vivavoce.eval.toolcall.asking import ask_for_calls
from vivavoce.eval.toolcall.brought.measuring import measure_brought
from vivavoce.eval.toolcall.brought.questions import NAMED, brought_questions, is_brought
from vivavoce.eval.toolcall.brought.report import brought_report
from vivavoce.eval.toolcall.judge import TEMPLATE, WORDS, second_opinion
from vivavoce.eval.toolcall.questions import HALVES, ToolQuestion, own_questions, read_questions
from vivavoce.eval.toolcall.report import report
from vivavoce.eval.toolcall.scoring import record_of, score
from vivavoce.eval.toolcall.stepeval import read_stepeval

OWN = ("spoken", "text")
TYPED = ":text"


class ToolCallLab:
    """Implements `Lab`."""

    name = "toolcall"
    sets = OWN[:1]
    parallel = True

    def items(self, options: Options) -> Sequence[Item]:
        """See `Lab.items`."""
        items: list[Item] = []
        for given in options.sets:
            chosen = evenly(_items_of(given), options.limit)
            for seed in options.seeds:
                items += [with_seed(item, seed, options) for item in chosen]
        return items

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """See `Lab.open`."""
        transcribes = backend_of(options.settings).transcribes
        with own_home(options.settings, folder) as settings:
            async with (
                open_judge(options.judge, TEMPLATE, WORDS) as judge,
                agents_by_seed(settings, options.seeds) as agents,
            ):

                async def measure(item: Item) -> Result:
                    if is_brought(item.facts):
                        async with agents.using(item.facts["seed"]) as agent:
                            return await measure_brought(item, agent, settings, transcribes=transcribes)
                    question = ToolQuestion.of(item.facts)
                    async with agents.using(question.seed) as agent:
                        asked = await ask_for_calls(
                            agent,
                            question.text,
                            question.audio,
                            question.history,
                            transcribes=transcribes,
                            speaks_first=not transcribes,
                        )
                        found = score(question, asked, agent.services.tools.specs)
                    record = record_of(question, asked)
                    if judge is not None and "parameters" in found.scores:
                        record |= await second_opinion(judge, question, asked)
                    return Result(item.id, item.cluster, item.facts, found.scores, found.verdict, found.why, record)

                yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """See `Lab.page`."""
        brought = [result for result in results if is_brought(result.facts)]
        others = [result for result in results if not is_brought(result.facts)]
        if not brought:
            return report(others, facts)
        page = brought_report(brought, facts)
        return report(others, facts).followed_by(page) if others else page


def _items_of(given: str) -> list[Item]:
    """See `questions_of` and `brought_questions`."""
    brought = brought_questions(given)
    if brought is not None:
        return [question.as_item() for question in brought]
    return [_marked(question, given).as_item() for question in questions_of(given)]


def questions_of(given: str) -> list[ToolQuestion]:
    """The questions of a set.

    Raises:
        ConfigError: there is no such set, or a line of it is not of its form.
    """
    name, _, half = given.partition(":")
    if name in OWN and half in ("", *HALVES):
        return [question for question in own_questions(spoken=name == "spoken") if half in ("", question.half)]
    path = Path(given.removesuffix(TYPED))
    if path.is_dir():
        return read_stepeval(path, spoken=not given.endswith(TYPED))
    if path.is_file():
        recordings = path.with_suffix("")
        return read_questions(path, recordings if recordings.is_dir() and not given.endswith(TYPED) else None)
    own = ", ".join((*OWN, *NAMED))
    raise ConfigError(f"there is no set {given!r}; take {own}, a file or the folder of StepEval-Audio-Toolcall")


def _marked(question: ToolQuestion, given: str) -> ToolQuestion:
    """An id that tells the set; the session stays, since its items share their luck.

    The typed and the recorded form of a set of one's own have the same ids, so that they can be compared pair by pair.
    """
    name = Path(given.partition(":")[0]).stem
    return replace(question, id=f"{name}/{question.id}")
