"""What the first calls of a turn are worth, item by item."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from vivavoce.core.messages import ToolCall, ToolSpec
from vivavoce.eval.toolcall.asking import Asked, arguments_of
from vivavoce.eval.toolcall.matching import as_terms, wrong_parameters
from vivavoce.eval.toolcall.questions import ToolQuestion


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores by metric, the verdict in a word and why.

    Of a request: "choice" (just the wanted tool is called), "triggered" (the wanted tool is called, whatever else), "called"
    (any tool), "type" (the first well-formed call is of the wanted tool), "parameters" (they are right, given a well-formed
    call of the wanted tool that has any). Of a negative: "choice" (nothing unwanted is called), "false trigger". Of
    every call: "format".
    """

    scores: Mapping[str, float]
    verdict: str
    why: str = ""


def score(question: ToolQuestion, asked: Asked, specs: Sequence[ToolSpec]) -> Scored:
    """Judge what was called."""
    faults = [malformed(call, specs) for call in asked.calls]
    scores = {"format": float(not any(faults))} if faults else {}
    names = [call.name for call in asked.calls]
    well_formed = [call for call, fault in zip(asked.calls, faults, strict=True) if not fault]
    known = next((spec.parameters.get("properties", {}) for spec in specs if spec.name == question.tool), {})
    judged = _request(question, names, well_formed, known) if question.is_request else _negative(question, names)
    why = "; ".join(filter(None, [judged.why, *faults]))
    return Scored({**judged.scores, **scores}, judged.verdict, why)


def _negative(question: ToolQuestion, names: Sequence[str]) -> Scored:
    unwanted = [name for name in names if name == question.about] if question.about else list(names)
    scores = {"choice": float(not unwanted), "false trigger": float(bool(unwanted))}
    return Scored(scores, "false trigger" if unwanted else "quiet", f"called {', '.join(unwanted)}" if unwanted else "")


def _request(
    question: ToolQuestion, names: Sequence[str], well_formed: Sequence[ToolCall], known: Collection[str]
) -> Scored:
    triggered, alone = question.tool in names, set(names) == {question.tool}
    scores = {"choice": float(alone), "triggered": float(triggered), "called": float(bool(names))}
    if well_formed:
        scores["type"] = float(well_formed[0].name == question.tool)
    given = [arguments_of(call) or {} for call in well_formed if call.name == question.tool]
    wrong = next(filter(None, (wrong_parameters(question.arguments, one, known) for one in given)), "")
    if given and (question.arguments or any(given)):
        scores["parameters"] = float(not wrong)
    if not triggered:
        return Scored(scores, "wrong tool" if names else "missed", f"called {', '.join(names) or 'nothing'}")
    if scores.get("parameters") == 0.0:
        return Scored(scores, "wrong parameters", wrong)
    others = [name for name in names if name != question.tool]
    return Scored(scores, "right" if alone else "too much", f"also called {', '.join(others)}" if others else "")


def malformed(call: ToolCall, specs: Sequence[ToolSpec]) -> str:
    """What is wrong with the form of a call, or "": it names no tool, or its arguments are not what the tool takes."""
    spec = next((spec for spec in specs if spec.name == call.name), None)
    if spec is None:
        return f"there is no tool {call.name!r}"
    arguments = arguments_of(call)
    if arguments is None:
        return "its arguments are no JSON object"
    fault = next(iter(Draft202012Validator(dict(spec.parameters)).iter_errors(arguments)), None)
    return f"its arguments: {fault.message}" if fault else ""


def record_of(question: ToolQuestion, asked: Asked) -> dict[str, Any]:
    """For results.jsonl."""
    return {
        "heard": asked.heard,
        "said": asked.said,
        "calls": [{"name": call.name, "arguments": call.arguments} for call in asked.calls],
        "wanted": {"tool": question.tool, "arguments": as_terms(question.arguments)},
        "decided_s": round(asked.decided_s, 3),
    }
