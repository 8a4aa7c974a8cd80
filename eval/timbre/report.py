"""The report of the timbre lab."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import grouped_bars, histograms
from vivavoce.eval.lab.statistics import Estimate, Numbers, bootstrap, equal_error_rate, mean, share, wilson
from vivavoce.eval.timbre.bank import pairs

COLUMNS = ("measure", "all", "recorded voices", "synthetic voices")
HOW = (
    "For each voice a dialogue in a session of its own: a question with the voice named, more questions without (carried "
    "over), the wish to go back to the default voice, and the wish for the voice by its name in words. The agent's bank "
    "holds the first half of each clip; similarity is the cosine to the second half, which no decoder has heard. Impostors "
    "are all voices of other speakers but the default. Similarity is that of the answers in the voice as one recording, "
    "about as long as half a clip; whether target or default comes first is told answer by answer. The default's own clip "
    "was spoken by the decoder itself.\n\n"
    "Calibration: cosines of first and second halves of clips, of one voice and of two speakers; the threshold is where "
    "both errors are equal. Intervals resample speakers. Word errors: of the recogniser on the answer's sound against its "
    "text, Whisper's English normaliser; that of the default voice is the floor.\n\n"
)


def timbre_page(results: Sequence[Result]) -> Page:
    """Calibration, what happened to the voice, how it sounded, and each voice."""
    calibration = next((one for one in results if one.facts["kind"] == "calibration"), None)
    voices = [one for one in results if one.facts["kind"] != "calibration"]
    embedders: Mapping[str, Any] = calibration.record.get("embedders", {}) if calibration is not None else {}
    summary = _equal_errors(embedders) | _measures(voices)
    decoders = ", ".join(sorted({str(one.record["decoder"]) for one in voices if "decoder" in one.record}))
    groups = [_measures([one for one in voices if one.facts["kind"] == kind]) for kind in ("recorded", "synthetic")]
    rows = [(name, value, *(group.get(name, "") for group in groups)) for name, value in summary.items()]
    body = f"{HOW}Decoder: {decoders or 'none answered'}. Voices: {len(voices)}.\n\n{table(COLUMNS, rows)}"
    pictures = _pictures(voices, embedders, summary)
    body += "".join(f"![{name.removesuffix('.png')}]({name})\n\n" for name in pictures)
    body += _by_wish(voices) + "".join(_each(voices, embedder) for embedder in embedders)
    return Page("Timbre", summary, body + _failed(voices), pictures)


def _equal_errors(embedders: Mapping[str, Any]) -> dict[str, Estimate]:
    """The interval resamples speakers, since pairs of one speaker are not independent."""
    found: dict[str, Estimate] = {}
    for name, record in embedders.items():
        cosines, speakers = np.asarray(record["cosines"], np.float64), record["speakers"]

        def rate(picked: NDArray[np.int64], cosines: Numbers = cosines, speakers: Sequence[str] = speakers) -> float:
            return equal_error_rate(*pairs(cosines, speakers, picked))[0]

        found[f"equal error rate of clips ({name})"] = bootstrap(len(speakers), rate, speakers)
    return found


def _measures(voices: Sequence[Result]) -> dict[str, Estimate]:
    """Every score that was measured."""
    found: dict[str, Estimate] = {}
    for name in dict.fromkeys(score for one in voices for score in one.scores):
        values, clusters = scores_of(voices, name)
        binary = set(values) <= {0.0, 1.0} and not name.startswith("word error rate")
        found[name] = share(values, clusters) if binary else mean(values, clusters)
    return found


def _pictures(voices: Sequence[Result], embedders: Mapping[str, Any], summary: Mapping[str, Estimate]) -> dict[str, bytes]:
    pictures: dict[str, bytes] = {}
    for place, (name, record) in enumerate(embedders.items(), 1):
        heard = [one.record["embedders"][name] for one in voices if name in one.record.get("embedders", ())]
        if heard:
            groups = {
                "target": [one["target"] for one in heard],
                "default": [one["default"] for one in heard],
                "impostors": [value for one in heard for value in one["impostors"]],
            }
            title = f"Whom answers sound like, {name}"
            pictures[f"similarity-{place}.png"] = histograms(groups, title, "cosine", record["threshold"])
        same, other = pairs(np.asarray(record["cosines"], np.float64), record["speakers"])
        clips = {"one voice": same.tolist(), "two speakers": other.tolist()}
        pictures[f"calibration-{place}.png"] = histograms(clips, f"Halves of clips, {name}", "cosine", record["threshold"])
    states = {
        name: {"share of voices": summary[name]}
        for name in ("switched", "voice kept", "went back", "found by words")
        if name in summary
    }
    if states:
        pictures["states.png"] = grouped_bars(states, "What became of the voice", "share of voices")
    return pictures


def _by_wish(voices: Sequence[Result]) -> str:
    """Which words find a voice."""
    found: dict[str, list[bool]] = {}
    for one in voices:
        for answer in one.record.get("answers", ()):
            if answer["step"] == "words":
                wish = str(answer["asked"]).replace(one.facts["name"], "...")
                found.setdefault(wish, []).append(bool(one.scores["found by words"]))
    rows = [(wish, wilson(sum(right), len(right))) for wish, right in found.items()]
    return f"## Found by words\n\n{table(('wish', 'voice found'), rows)}" if rows else ""


def _each(voices: Sequence[Result], embedder: str) -> str:
    rows: list[tuple[object, ...]] = []
    for one in voices:
        if embedder not in one.record.get("embedders", ()):
            continue
        heard, error = one.record["embedders"][embedder], one.scores.get("word error rate")
        rows.append(
            (
                one.facts["name"],
                f"{heard['target']:.2f}",
                f"{heard['default']:.2f}",
                f"{max(heard['impostors'], default=0.0):.2f}",
                "itself" if heard["nearest"] == one.facts["voice"] else heard["nearest"],
                "" if error is None else f"{error:.2f}",
                one.why,
            )
        )
    rows.sort(key=lambda row: str(row[1]))
    columns = ("voice", "target", "default", "best impostor", "nearest", "word error rate", "missed")
    return f"## Each voice, least alike first, {embedder}\n\n{table(columns, rows)}"


def _failed(voices: Sequence[Result]) -> str:
    failed = [(one.facts["name"], one.error) for one in voices if one.error is not None]
    return f"## Failed; they count as wrong\n\n{table(('voice', 'why'), failed)}" if failed else ""
