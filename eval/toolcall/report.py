"""The report of the tool-calling lab."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import confusion, grouped_bars
from vivavoce.eval.lab.statistics import Estimate, share
from vivavoce.eval.toolcall.judge import agreement
from vivavoce.eval.toolcall.matching import plain
from vivavoce.eval.toolcall.questions import NO_TOOL, TOOLS

Group = Mapping[str, Sequence[Result]]
SHOWN = 60  # mistakes that the page lists; all of them are in results.jsonl
PUBLISHED = {  # StepEval-Audio-Toolcall, Step-Audio 2 technical report (2025): percent, in the order of `PUBLISHED_FOR`
    "Qwen3-32B (typed)": {
        "precision": (67.5, 98.4, 90.1, 86.8),
        "recall": (98.5, 100.0, 100.0, 98.5),
        "type": (100.0, 100.0, 98.5, 98.5),
        "parameters": (100.0, None, 100.0, 100.0),
    },
    "Step-Audio 2": {
        "precision": (86.8, 96.9, 92.2, 88.4),
        "recall": (99.5, 98.4, 100.0, 95.5),
        "type": (100.0, 100.0, 90.5, 98.4),
        "parameters": (100.0, None, 100.0, 100.0),
    },
}
PUBLISHED_FOR = ("voice_search", "get_date_time", "get_weather", "web_search")
COLUMNS = ("precision", "recall", "recall of any call", "type", "parameters")


def report(results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
    """All estimates, tables, pictures and mistakes of a run."""
    groups = groups_of(results)
    summary: dict[str, Estimate] = {}
    body = [f"{len(results)} items, model {facts.get('model')}. {METHOD}\n"]
    pictures: dict[str, bytes] = {}
    wholes = [name for name in groups if ", " not in name]
    pictured = {held_out if (held_out := f"{name}, {HELD_OUT}") in groups else name for name in wholes}
    for name, group in groups.items():
        found = measures(group)
        summary |= {f"{name}: {measure}": estimate for measure, estimate in found.items()}
        body.append(f"## {name}\n\n{_by_tool(found)}{_overall(found)}")
        if name in pictured:
            stem = name.replace(" ", "-").replace("/", "-").replace(",", "")
            pictures[f"matrix-{stem}.png"] = matrix(group, f"Tools: {name}")
            body.append(f"![Wanted and called tools](matrix-{stem}.png)\n\n")
            if bars := bars_of(found, name):
                pictures[f"tools-{stem}.png"] = bars
                body.append(f"![Precision and recall](tools-{stem}.png)\n\n")
    body += [agreement(results), _published(groups), _mistakes(results)]
    return Page("Tool calling", summary, "".join(body), pictures)


METHOD = (
    "What is judged are the first calls of the last user turn. Precision: of the turns that called the tool, how many "
    "should have; recall: of those that should have, how many did. Type: of requests with a well-formed call, how many "
    "called the right tool first. Parameters: of well-formed calls of the right tool that have parameters, how many are "
    "right by rules; where every word was heard, what was misheard is left out. Intervals are Wilson's, or resample "
    "sessions where a session has several items."
)
HELD_OUT = "test"  # the half that is pictured, of sets that have one


def groups_of(results: Sequence[Result]) -> dict[str, list[Result]]:
    """All results of a set, then by half, by language and by both; sets of one kind are not divided."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        given = result.id.split("/")[0]
        half, language = str(result.facts["half"]), str(result.facts["language"])
        for name in dict.fromkeys([given, _joined(given, half), _joined(given, language), _joined(given, half, language)]):
            groups.setdefault(name, []).append(result)
    order = sorted(groups, key=lambda name: (name.split(", ")[0], name.count(",")))
    return {name: groups[name] for name in order}


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def measures(results: Sequence[Result]) -> dict[str, Estimate]:
    """Every estimate of a group that has something to stand on, by name."""
    found: dict[str, Estimate] = {}
    for tool in tools_of(results):
        about = [result for result in results if result.facts["about"] in ("", tool)]
        wanting = [result for result in about if result.facts["tool"] == tool]
        calling = [result for result in about if tool in called(result)]
        _put(found, f"precision {tool}", calling, lambda result, tool=tool: float(result.facts["tool"] == tool))
        _put(found, f"recall {tool}", wanting, lambda result, tool=tool: float(tool in called(result)))
        _put(found, f"recall of any call {tool}", wanting, lambda result: float(bool(called(result))))
        for metric in ("type", "parameters"):
            _put(found, f"{metric} {tool}", [r for r in wanting if metric in r.scores], lambda r, m=metric: r.scores[m])
    _overall_measures(found, results)
    return found


def _overall_measures(found: dict[str, Estimate], results: Sequence[Result]) -> None:
    calling = [result for result in results if called(result)]
    wanting = [result for result in results if result.facts["tool"] != NO_TOOL]
    _put(found, "precision of any call", calling, lambda result: float(result.facts["tool"] != NO_TOOL))
    _put(found, "recall of any call", wanting, lambda result: float(bool(called(result))))
    for metric in ("choice", "type", "parameters", "format", "false trigger"):
        values, clusters = scores_of(results, metric)
        if values:
            found[metric] = share(values, clusters)
    heard = [result for result in results if "parameters" in result.scores and was_heard(result)]
    _put(found, "parameters, where every word was heard", heard, lambda result: result.scores["parameters"])
    negatives = [result for result in results if "false trigger" in result.scores]
    for kind in dict.fromkeys(str(result.facts["kind"]) for result in negatives):
        of_kind = [result for result in negatives if result.facts["kind"] == kind]
        _put(found, f"false trigger, {kind}", of_kind, lambda result: result.scores["false trigger"])


def _put(found: dict[str, Estimate], name: str, results: Sequence[Result], value: Callable[[Result], float]) -> None:
    if results:
        found[name] = share([value(result) for result in results], [result.cluster for result in results])


def was_heard(result: Result) -> bool:
    """Whether it was spoken, and the model's text of it has just the words that were said."""
    return bool(result.facts["audio"]) and plain(str(result.record.get("heard", ""))) == plain(str(result.facts["text"]))


def called(result: Result) -> list[str]:
    """Names of the tools that were called; none where the agent failed."""
    return [str(call["name"]) for call in result.record.get("calls", ())]


def tools_of(results: Sequence[Result]) -> list[str]:
    """The tools that some item of the group wants; those of the product first."""
    wanted = {str(result.facts["about"] or result.facts["tool"]) for result in results} - {NO_TOOL}
    return [*(tool for tool in TOOLS if tool in wanted), *sorted(wanted - set(TOOLS))]


def _by_tool(found: Mapping[str, Estimate]) -> str:
    tools = [name.removeprefix("recall of any call ") for name in found if name.startswith("recall of any call ")]
    rows = [[tool, *(_cell(found, f"{column} {tool}") for column in COLUMNS)] for tool in tools]
    return table(("tool", *COLUMNS), rows)


def _overall(found: Mapping[str, Estimate]) -> str:
    tools = {name.rpartition(" ")[2] for name in found if name.startswith("recall of any call ")}
    return table(("measure", "value [95 %]"), [(k, str(v)) for k, v in found.items() if k.rpartition(" ")[2] not in tools])


def _cell(found: Mapping[str, Estimate], name: str) -> str:
    return str(found[name]) if name in found else ""


def matrix(results: Sequence[Result], title: str) -> bytes:
    """What was wanted and what was called first."""
    counts = Counter((str(result.facts["tool"]), (called(result) or [NO_TOOL])[0]) for result in results)
    wanted = [*tools_in(key for key, _ in counts), NO_TOOL]
    done = [*tools_in(key for _, key in counts), NO_TOOL]
    return confusion(wanted, done, [[counts[row, column] for column in done] for row in wanted], title)


def tools_in(names: Any) -> list[str]:  # noqa: ANN401 - any iterable of names
    """Names of tools, those of the product first."""
    known = set(names) - {NO_TOOL}
    return [*(tool for tool in TOOLS if tool in known), *sorted(known - set(TOOLS))]


def bars_of(found: Mapping[str, Estimate], title: str) -> bytes | None:
    """Precision, recall, type and parameters of each tool."""
    tools = [name.removeprefix("recall of any call ") for name in found if name.startswith("recall of any call ")]
    shown = [column for column in COLUMNS if column != "recall of any call"]
    rows = {tool: {c: found[f"{c} {tool}"] for c in shown if f"{c} {tool}" in found} for tool in tools}
    rows = {tool: row for tool, row in rows.items() if row}
    return grouped_bars(rows, f"Tool calls: {title}", "share") if rows else None


def _published(groups: Group) -> str:
    """The published rows, apart from ours: another set, other tools and another judge, so no comparison."""
    rows: list[list[str]] = []
    ours = {name: measures(group) for name, group in groups.items() if name.count(",") == 0}
    for place, tool in enumerate(PUBLISHED_FOR):
        for metric in ("precision", "recall", "type", "parameters"):
            shown = [PUBLISHED[model][metric][place] for model in PUBLISHED]
            own = [_cell(found, f"{metric} {tool}") for found in ours.values()]
            rows.append([tool, metric, *own, *("N/A" if value is None else f"{value:.1f} %" for value in shown)])
    note = (
        "The last columns are published results on StepEval-Audio-Toolcall (Step-Audio 2 technical report, parameters by a "
        "judge model). They were not measured here; only a run on that set may be compared with them.\n\n"
    )
    columns = ("tool", "measure", *ours, *(f"published: {model}" for model in PUBLISHED))
    return f"## Beside published results\n\n{note}{table(columns, rows)}"


def _mistakes(results: Sequence[Result]) -> str:
    wrong = [result for result in results if result.verdict not in ("right", "quiet")]
    rows = [
        (result.id, result.verdict, result.facts["text"], result.record.get("heard", ""), result.facts["tool"], result.why)
        for result in wrong[:SHOWN]
    ]
    columns = ("item", "verdict", "said", "heard", "wanted", "why")
    return f"## Mistakes\n\n{len(wrong)} of {len(results)} items; the first {len(rows)}:\n\n{table(columns, rows)}"
