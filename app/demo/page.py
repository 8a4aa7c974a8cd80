"""The page of the demonstration: players, spectrograms and a latency waterfall, drawn as SVG and PNG without scripts."""

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vivavoce.core.audio import AudioClip

WINDOW, HOP = 512, 160
PICTURE_HEIGHT = 128
MAX_PICTURE_WIDTH = 900
COLOURS = {"hear": "#4477aa", "choose": "#66ccee", "tool": "#ccbb44", "answer": "#228833", "speak": "#aa3377"}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
section{border-top:1px solid #ccc;padding:1rem 0}img,svg{display:block;width:100%;margin:.3rem 0 .8rem}
img{height:8rem;image-rendering:auto;background:#000}audio{width:100%}code{background:#f3f3f3;padding:.1rem .3rem}
.said{font-size:1.15rem}.dim{color:#666}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One question of the demonstration, with its trace and its sounds."""

    name: str
    text: str
    aim: str
    trace: dict[str, Any]
    question: AudioClip
    answer: AudioClip | None


def render_page(items: list[Shown]) -> str:
    """The page as HTML."""
    longest = max(item.trace["timings"]["total_s"] for item in items)
    sections = "\n".join(_section(item, longest) for item in items)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Vivavoce: the demonstration</title><style>{STYLE}</style>"
        "<h1>Vivavoce</h1><p>Spoken questions, answered aloud. Press play; the pictures are spectrograms (0 to 8 kHz), "
        f"the bars show where the time went.</p>{_legend()}{sections}</html>"
    )


def _section(item: Shown, longest_s: float) -> str:
    trace, timings = item.trace, item.trace["timings"]
    calls = "".join(
        f"<tr><td><code>{html.escape(call['name'])}</code><td><code>{html.escape(str(call['arguments']))}</code>"
        f"<td>{call['status']}<td>{call['duration_s']:.2f} s</tr>"
        for call in trace["tool_calls"]
    )
    table = (
        f"<table><tr><th>tool<th>arguments<th>end<th>time</tr>{calls}</table>" if calls else "<p class=dim>no tool call</p>"
    )
    answer = f"<audio controls src='{item.name}/answer.wav'></audio>{_picture(item.answer)}" if item.answer else ""
    first = f"first audio after {timings['ttfa_s']:.2f} s" if item.answer else "nothing was spoken"
    return (
        f"<section><h2>{html.escape(item.aim)}</h2>"
        f"<p>Asked: {html.escape(item.text)}<br><span class=dim>Heard: {html.escape(trace['heard'])}</span></p>"
        f"<audio controls src='{item.name}/question.wav'></audio>{_picture(item.question)}{table}"
        f"<p class=said>{html.escape(trace['answer_text'])}</p>"
        f"<p class=dim>voice: {html.escape(trace['voice']['name'])}; {first}, "
        f"all after {timings['total_s']:.2f} s; <a href='{item.name}/turn.json'>turn.json</a></p>"
        f"{answer}{_waterfall(timings, longest_s)}</section>"
    )


def _legend() -> str:
    keys = "".join(f"<span style='color:{colour}'>&#9632;</span> {stage} &nbsp; " for stage, colour in COLOURS.items())
    return f"<p>{keys} <span style='color:#cc3311'>|</span> first audio</p>"


def _waterfall(timings: dict[str, Any], longest_s: float) -> str:
    """Stages as bars over a common time axis, with the first audio as a line."""
    scale, row = 860 / longest_s, 20
    bars: list[str] = []
    for number, (stage, start, end) in enumerate(timings["spans"]):
        colour = COLOURS[stage.split(":")[0]]
        x, width, y = 20 + start * scale, max(2.0, (end - start) * scale), number * row + 4
        anchor, label_x = ("end", x - 4) if x > 620 else ("start", x + width + 4)
        bars.append(
            f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='14' fill='{colour}'/>"
            f"<text x='{label_x:.1f}' y='{y + 12}' font-size='12' text-anchor='{anchor}'>"
            f"{html.escape(stage)} {end - start:.2f} s</text>"
        )
    height = len(bars) * row + 8
    first = timings["ttfa_s"]
    if first is not None:
        x = 20 + first * scale
        bars.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='0' y2='{height}' stroke='#cc3311' stroke-width='2'/>")
    return f"<svg viewBox='0 0 1080 {height}' role=img aria-label='latency waterfall'>{''.join(bars)}</svg>"


def _picture(clip: AudioClip) -> str:
    file = io.BytesIO()
    Image.fromarray(_spectrogram(clip)).save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return f"<img alt='spectrogram, {clip.duration_s:.1f} seconds' src='data:image/png;base64,{data}'>"


def _spectrogram(clip: AudioClip) -> NDArray[np.uint8]:
    """Log-magnitude picture (PICTURE_HEIGHT, T), low frequencies at the bottom, 0 black to 255 white over 70 dB."""
    samples = clip.resampled(16_000).samples
    samples = np.pad(samples, (0, max(0, WINDOW - samples.size)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    frames = frames[:: 1 + len(frames) // MAX_PICTURE_WIDTH]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1))[:, : 2 * PICTURE_HEIGHT] ** 2
    power = power.reshape(len(power), PICTURE_HEIGHT, 2).mean(axis=2)
    level = 10 * np.log10(np.maximum(power, 1e-10))
    scaled = np.clip((level - level.max() + 70) / 70, 0, 1) * 255
    return np.ascontiguousarray(scaled.astype(np.uint8).T[::-1])
