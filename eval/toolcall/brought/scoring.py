"""What a turn is worth: the calls by BFCL's rule (Patil et al. 2025), what it did by When2Call's classes (Ross et al. 2025).

A call is right when it is of the right tool, has every required argument, each with a value that is allowed, and no other.
Several calls are right in any order, one to one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scipy.optimize import linear_sum_assignment

from vivavoce.core.messages import ToolCall
from vivavoce.eval.toolcall.asking import Asked, arguments_of
from vivavoce.eval.toolcall.brought.answers import outcome
from vivavoce.eval.toolcall.brought.questions import CALL, BroughtQuestion
from vivavoce.eval.toolcall.brought.values import is_allowed, left_out
from vivavoce.eval.toolcall.scoring import Scored

NO_CALL, WRONG_NUMBER, WRONG_TOOL = "no call", "wrong number of calls", "wrong tool"
UNREADABLE, MISSING, INVENTED, WRONG_VALUE = "unreadable arguments", "missing argument", "invented argument", "wrong value"
KINDS = (NO_CALL, WRONG_NUMBER, WRONG_TOOL, UNREADABLE, MISSING, INVENTED, WRONG_VALUE)
OF_ANOTHER = 1_000  # what it costs to pair calls of two tools, against 1 for each wrong argument
SHOWN_CHARS = 80

Wanted = Mapping[str, Any]


class Mistake(NamedTuple):
    """kind: one of `KINDS`. what: for people."""

    kind: str
    what: str


def score(question: BroughtQuestion, asked: Asked) -> tuple[Scored, dict[str, Any]]:
    """Scores, verdict and why; and what the record says of it.

    The class that is wanted (whether the turn did that); of a call "tools" (just the right ones, as often as they should)
    and "right" (the arguments too).
    """
    did = outcome(asked.calls, asked.said)
    scores = {question.wanted: float(did == question.wanted)}
    record: dict[str, Any] = {
        "did": did,
        "heard": asked.heard,
        "said": asked.said,
        "calls": [{"name": call.name, "arguments": call.arguments} for call in asked.calls],
        "decided_s": round(asked.decided_s, 3),
    }
    if question.wanted != CALL:
        verdict = "right" if did == question.wanted else f"{did} instead of {question.wanted}"
        why = ", ".join(f"called {call.name}" for call in asked.calls)
        return Scored(scores, verdict, why), record
    mistakes = mistakes_of(asked.calls, question.calls)
    names = Counter(call.name for call in asked.calls), Counter(str(wanted["name"]) for wanted in question.calls)
    scores |= {"tools": float(names[0] == names[1]), "right": float(not mistakes)}
    record["mistakes"] = list(dict.fromkeys(mistake.kind for mistake in mistakes))
    why = "; ".join(mistake.what for mistake in mistakes)
    return Scored(scores, mistakes[0].kind if mistakes else "right", why), record


def mistakes_of(calls: Sequence[ToolCall], wanted: Sequence[Wanted]) -> list[Mistake]:
    """What is wrong with the calls of a turn, paired with those that are wanted so that the least is."""
    if not calls:
        return [Mistake(NO_CALL, "called nothing")]
    found = [[_of_call(call, one) for one in wanted] for call in calls]
    rows, columns = linear_sum_assignment([[_cost(mistakes) for mistakes in row] for row in found])
    paired = [mistake for row, column in zip(rows, columns, strict=True) for mistake in found[row][column]]
    if len(calls) != len(wanted):
        paired.insert(0, Mistake(WRONG_NUMBER, f"{len(calls)} calls instead of {len(wanted)}"))
    return paired


def _cost(mistakes: Sequence[Mistake]) -> int:
    return sum(OF_ANOTHER if mistake.kind == WRONG_TOOL else 1 for mistake in mistakes)


def _of_call(call: ToolCall, wanted: Wanted) -> list[Mistake]:
    if call.name != wanted["name"]:
        return [Mistake(WRONG_TOOL, f"called {call.name} instead of {wanted['name']}")]
    given, allowed = arguments_of(call), wanted["arguments"]
    if given is None:
        return [Mistake(UNREADABLE, f"{call.arguments:.{SHOWN_CHARS}} is no JSON object")]
    found = [Mistake(MISSING, f"{name} is missing") for name in left_out(given, allowed)]
    for name, value in given.items():
        shown = f"{name} is {value!r:.{SHOWN_CHARS}}"
        if name not in allowed:
            found.append(Mistake(INVENTED, f"{shown} and was not asked for"))
        elif not is_allowed(value, allowed[name]):
            found.append(Mistake(WRONG_VALUE, f"{shown} instead of {allowed[name]}"))
    return found
