"""How well and how fast the recogniser hears, beside faster-whisper's own way with the same weights and threads.

    python -m bench.hearing [SET ...] [--limit N]

faster-whisper reads half a minute, whatever was said, and is told the language, which the recogniser must find out. Each
recording is heard by both, in turn. Sets are those of `vivavoce eval speech`; "questions", which the tests ask; and "long":
recordings of two minutes, joined from the telephone prompts.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from vivavoce.app.assets import recogniser_assets, weight_store
from vivavoce.app.backends import open_recogniser
from vivavoce.core.audio import AudioClip
from vivavoce.core.settings import Settings, load_settings
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.statistics import paired_difference
from vivavoce.eval.speech.recordings import Recording, load
from vivavoce.eval.speech.scores import Errors, error_unit, errors, pooled_rate
from vivavoce.eval.speech.sets import OWN, read_set
from vivavoce.model.embedded.hearing.pieces import SAMPLE_RATE_HZ
from vivavoce.model.embedded.hearing.whisper import CHINESE_PROMPT, MIN_LOG_PROBABILITY

QUESTIONS, ASKED = "questions", Path("tests/e2e")
LONG, LONG_S, PAUSE_S = "long", 120.0, 0.5
SHORT_S = (2.5, 3.5)  # an utterance of three seconds
console = Console()


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording of a set, what is said in it, and who says it."""

    set: str
    language: str
    said: str
    clip: AudioClip


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds that it took, and what was wrong."""

    seconds: float
    errors: Errors


class FasterWhisper:
    """`WhisperModel.transcribe`, as it comes."""

    def __init__(self, settings: Settings) -> None:
        path = weight_store(settings).path(recogniser_assets(settings)[0])
        folder = path if path.is_dir() else path.parent
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=settings.threads)

    def listen(self, sound: Sound) -> str:
        """What is said in it."""
        segments, _ = self._model.transcribe(
            sound.clip.resampled(SAMPLE_RATE_HZ).samples,
            language=sound.language,
            initial_prompt=CHINESE_PROMPT if sound.language == "zh" else None,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=sound.set != LONG,  # else it cuts words in two after each half minute
        )
        return " ".join(one.text.strip() for one in segments if one.avg_logprob > MIN_LOG_PROBABILITY)


def main(sets: Sequence[str], limit: int | None) -> None:
    """Hear all of it twice, and print what came of it."""
    settings = load_settings()
    recogniser, other = open_recogniser(settings), FasterWhisper(settings)
    ways: list[Callable[[Sound], str]] = [lambda sound: recogniser.listen(sound.clip), other.listen]
    for name in sets:
        sounds = _sounds(name, settings, limit)
        pairs = [[_heard(way, sound) for way in ways] for sound in track(sounds, name, console=console)]
        for language in dict.fromkeys(sound.language for sound in sounds):
            of = [at for at, sound in enumerate(sounds) if sound.language == language]
            _report(f"{name}, {language}", language, [sounds[at] for at in of], [pairs[at] for at in of])
    console.print(f"{settings.threads} thread(s)", highlight=False)


def _sounds(name: str, settings: Settings, limit: int | None) -> Sequence[Sound]:
    cache = settings.home / "cache" / "eval"
    match name:
        case "questions":
            found = list(_questions())
        case "long":
            found = list(_long(read_set("telephone", cache)))
        case _:
            found = [Sound(name, one.language, one.references[0], load(one.audio)) for one in read_set(name, cache)]
    return evenly(found, limit)


def _questions() -> Iterator[Sound]:
    for table in ("questions.tsv", "questions_documents.tsv"):
        for line in (ASKED / table).read_text().splitlines():
            name, _, said, *_ = line.split("\t")
            yield Sound(QUESTIONS, "en", said, load(ASKED / "questions" / f"{name}.flac"))


def _long(recordings: Sequence[Recording]) -> Iterator[Sound]:
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    said: list[str] = []
    samples: list[NDArray[np.float32]] = []
    for one in recordings:
        said.append(one.references[0])
        samples += [load(one.audio).resampled(SAMPLE_RATE_HZ).samples, pause]
        if sum(map(len, samples)) >= LONG_S * SAMPLE_RATE_HZ:
            yield Sound(LONG, "en", ". ".join(said), AudioClip(np.concatenate(samples), SAMPLE_RATE_HZ))
            said, samples = [], []


def _heard(way: Callable[[Sound], str], sound: Sound) -> Heard:
    start = time.perf_counter()
    text = way(sound)
    return Heard(time.perf_counter() - start, errors(sound.said, text, sound.language))


def _report(name: str, language: str, sounds: Sequence[Sound], pairs: Sequence[Sequence[Heard]]) -> None:
    own, other = ([pair[way] for pair in pairs] for way in (0, 1))
    each = [str(at) for at in range(len(pairs))]
    rates = [pooled_rate([one.errors for one in heard], each) for heard in (own, other)]
    fewer = paired_difference([one.errors.rate for one in own], [one.errors.rate for one in other])
    seconds = np.array([[one.seconds for one in pair] for pair in pairs])
    lengths = np.array([sound.clip.duration_s for sound in sounds])
    console.print(
        f"{name}: {len(pairs)} recordings, median {np.median(lengths):.1f} s; {error_unit(language).upper()} {rates[0]}, "
        f"faster-whisper {rates[1]}, mean difference of recordings {fewer}; {_times(seconds)}",
        highlight=False,
    )
    short = (lengths >= SHORT_S[0]) & (lengths <= SHORT_S[1])
    if short.any():
        console.print(f"  of these {short.sum()} of about 3 s: {_times(seconds[short])}", highlight=False)


def _times(seconds: NDArray[np.float64]) -> str:
    own, other = np.median(seconds, axis=0)
    low, high = np.quantile(seconds[:, 0] / seconds[:, 1], [0.25, 0.75])
    return f"{own:.2f} and {other:.2f} s, {own / other:.2f} of the time (half of them {low:.2f} to {high:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=[*OWN, QUESTIONS, LONG])
    parser.add_argument("--limit", type=int, help="recordings of each set, taken evenly")
    given = parser.parse_args()
    main(given.sets, given.limit)
