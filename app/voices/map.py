"""Who sounds like whom: speaker embeddings in two dimensions, as a picture and as a page with players and search."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import ConfigError, StoreCorrupt
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.bank import FolderVoiceBank

Points = NDArray[np.float64]

PAGE = Path(__file__).with_name("map.html")
FEWEST_FOR_TSNE, MOST_FOR_TSNE = 5, 5_000
PCA_DIMENSIONS = 50
MOST_CARDS = 2_000  # players on the page; each has its clip beside it
MOST_LABELS = 150  # names in the picture
NEIGHBOURS = 3
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99", "#bbbbbb")
PICTURE_INCHES, DPI = (13.0, 10.0), 130
LABEL_PT = 8.0
STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0.6, 1), (-0.6, 1), (0.6, -1), (-0.6, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


@dataclass(frozen=True, slots=True)
class Map:
    """What was drawn. method: "t-SNE" or "PCA". unheard: (voice, why) of clips that could not be read."""

    voices: int
    method: str
    unheard: tuple[tuple[str, str], ...]


def draw_map(bank: FolderVoiceBank, folder: Path, progress: Callable[[int, int], None] | None = None) -> Map:
    """Write map.png, index.html and the clips they play. Blocking.

    Raises:
        ConfigError: there are fewer than two voices, or no speaker embeddings. StoreError: a file cannot be written.
    """
    view = bank.store.view()
    if view is None or view.count < 2:
        raise ConfigError("a map needs two voices or more; run `vivavoce voices build`")
    if view.vectors["speaker"].shape[1] == 0:
        raise ConfigError("this bank has no speaker embeddings; run `vivavoce voices reembed`")
    rows, entries = zip(*((group.first, *group.records) for group in view.catalogue.groups()), strict=True)
    vectors = np.asarray(view.vectors["speaker"][np.asarray(rows)], np.float32)
    points, method = project(vectors)
    unheard = list(_write_clips(bank, entries[:MOST_CARDS], folder, progress))
    write_atomic(folder / "map.png", _picture(entries, points, method))
    page = _page(bank, entries, vectors, points, {voice for voice, _ in unheard})
    write_atomic(folder / "index.html", page.encode())
    return Map(len(entries), method, tuple(unheard))


def project(vectors: NDArray[np.float32]) -> tuple[Points, str]:
    """Speaker embeddings (N, D) to points (N, 2) in [0, 1], and how: t-SNE where the number allows it, else PCA."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = len(vectors)
    if FEWEST_FOR_TSNE <= count <= MOST_FOR_TSNE:
        reduced = PCA(min(PCA_DIMENSIONS, *vectors.shape), random_state=0).fit_transform(vectors)
        perplexity = min(30.0, (count - 1) / 3)
        points, method = TSNE(2, init="pca", perplexity=perplexity, random_state=0).fit_transform(reduced), "t-SNE"
    else:
        points, method = PCA(2, random_state=0).fit_transform(vectors), "PCA"
    low, high = points.min(axis=0), points.max(axis=0)
    return np.asarray((points - low) / np.maximum(high - low, 1e-9), np.float64), method


def _write_clips(
    bank: FolderVoiceBank, entries: Sequence[VoiceEntry], folder: Path, progress: Callable[[int, int], None] | None
) -> list[tuple[str, str]]:
    """Copy the clips; what cannot be read is left out and named."""
    unheard: list[tuple[str, str]] = []
    for done, entry in enumerate(entries):
        path = folder / "clips" / f"{entry.clip}.flac"
        try:
            if not path.is_file():
                bank.clip(entry).save(path)
        except StoreCorrupt as error:
            unheard.append((entry.id, str(error)))
        if progress is not None:
            progress(done + 1, len(entries))
    return unheard


# The picture


def _picture(entries: Sequence[VoiceEntry], points: Points, method: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(PICTURE_INCHES, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    groups = _colours(entries)
    for group, colour in groups.items():
        for synthetic, marker in ((False, "o"), (True, "^")):
            chosen = [i for i, e in enumerate(entries) if _group(e, groups) == group and e.synthetic == synthetic]
            if chosen:
                axes.scatter(*points[chosen].T, c=colour, marker=marker, s=46, edgecolors="white", linewidths=0.6, zorder=3)
    for group, colour in groups.items():
        axes.scatter([], [], c=colour, label=group)
    axes.scatter([], [], c="black", marker="o", label="recorded")
    axes.scatter([], [], c="black", marker="^", label="synthetic")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.set(xticks=[], yticks=[], xlim=(-0.06, 1.06), ylim=(-0.06, 1.06))
    axes.set_title(f"{len(entries)} voices by the sound of their speakers ({method}); near means alike")
    canvas.draw()
    if len(entries) <= MOST_LABELS:
        _label(axes, [entry.name for entry in entries], points)
    data = io.BytesIO()
    canvas.print_png(data)
    return data.getvalue()


def _label(axes: Any, names: Sequence[str], points: Points) -> None:  # noqa: ANN401 - matplotlib is imported late
    """Names beside their points, none over another, with a thin line where one had to move away."""
    pixels = np.asarray(axes.transData.transform(points), np.float64)
    scale = DPI / 72
    sizes = np.array([(0.56 * LABEL_PT * scale * len(name), 1.25 * LABEL_PT * scale) for name in names])
    box = axes.get_window_extent()
    places = place_labels(pixels, sizes, (box.x0, box.y0, box.x1, box.y1))
    back = axes.transData.inverted()
    for name, point, place in zip(names, pixels, places, strict=True):
        moved = float(np.hypot(*(place - point))) > 3 * LABEL_PT * scale
        axes.annotate(
            name,
            back.transform(point),
            back.transform(place),
            fontsize=LABEL_PT,
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#999999", "lw": 0.5} if moved else None,
            zorder=4,
            parse_math=False,
        )


def place_labels(points: Points, sizes: Points, box: tuple[float, float, float, float]) -> Points:
    """Middles (N, 2) of labels of given width and height (N, 2), each near its point, inside the box where it has room.

    A label takes the nearest free place around its point that covers no point and no label placed before.
    """
    radius = 5.0
    taken: list[tuple[float, float, float, float]] = [(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    places = np.zeros_like(points)
    for i, (point, size) in enumerate(zip(points, sizes, strict=True)):
        found = next((p for p in _places(point, size) if _is_free(p, size, taken, box)), point)
        places[i] = found
        taken.append(_rectangle(found, size))
    return places


def _places(point: Points, size: Points) -> list[Points]:
    """Places around a point, nearest first."""
    return [point + np.array(step) * (size / 2 + 4 + 5 * ring) for ring in range(40) for step in STEPS]


def _rectangle(place: Points, size: Points) -> tuple[float, float, float, float]:
    (x, y), (width, height) = place, size
    return float(x - width / 2), float(y - height / 2), float(x + width / 2), float(y + height / 2)


def _is_free(
    place: Points, size: Points, taken: list[tuple[float, float, float, float]], box: tuple[float, float, float, float]
) -> bool:
    x0, y0, x1, y1 = _rectangle(place, size)
    if x0 < box[0] or y0 < box[1] or x1 > box[2] or y1 > box[3]:
        return False
    return all(x1 <= left or x0 >= right or y1 <= low or y0 >= high for left, low, right, high in taken)


def _colours(entries: Sequence[VoiceEntry]) -> dict[str, str]:
    """A colour for each of the most frequent languages; the last one is for the others."""
    counts: dict[str, int] = {}
    for entry in entries:
        language = _language(entry)
        counts[language] = counts.get(language, 0) + 1
    frequent = sorted(counts, key=lambda language: (-counts[language], language))
    if len(frequent) <= len(COLOURS):
        return dict(zip(frequent, COLOURS, strict=False))
    return dict(zip([*frequent[: len(COLOURS) - 1], "other"], COLOURS, strict=True))


def _language(entry: VoiceEntry) -> str:
    return entry.facts.language.split("-")[0].lower() or "unknown"


def _group(entry: VoiceEntry, groups: dict[str, str]) -> str:
    return _language(entry) if _language(entry) in groups else "other"


# The page


def _page(
    bank: FolderVoiceBank, entries: Sequence[VoiceEntry], vectors: NDArray[np.float32], points: Points, unheard: set[str]
) -> str:
    """The page with its data. What comes from entries is data to it, put into the page as text, never as markup."""
    groups = _colours(entries)
    voices: list[dict[str, Any]] = []
    for i, entry in enumerate(entries):
        voice: dict[str, Any] = {
            "name": entry.name,
            "colour": groups[_group(entry, groups)],
            "at": points[i].round(4).tolist(),
        }
        if i < MOST_CARDS:
            near = [(n, c) for n, c in bank.nearest_speakers(vectors[i], NEIGHBOURS + 1) if n != entry.id][:NEIGHBOURS]
            voice |= asdict(entry) | {"near": near, "heard": entry.id not in unheard}
        voices.append(voice)
    data = {"voices": voices, "groups": groups, "cards": MOST_CARDS}
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return PAGE.read_text(encoding="utf-8").replace("{{DATA}}", text)
