"""Half a million made-up voices: vectors that cluster by speaker, facts, queries about them; a bank to ask; real clips."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.vector_index import LargeIndexes
from vivavoce.core.voice import Acoustics, Voice, VoiceEntry, VoiceFacts, VoiceFilters, VoiceHit
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.bank import Analysed, FolderVoiceBank
from vivavoce.voicebank.search.finding import RANK_ALL

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]

SPEAKER_D, DESCRIPTION_D = 256, 384
LATENT = 48  # what speaker embeddings really vary in
GENDERS, AGES = ("female", "male"), ("child", "young", "adult", "old")
LANGUAGES = ("en", "zh", "fr", "es", "it", "ru", "de", "pt", "ja", "nl", "sv", "pl", "tr", "fi", "cs", "el", "hi", "ko")
STYLES = (
    "calm",
    "cheerful",
    "reader",
    "announcer",
    "whisper",
    "theatrical",
    "robot",
    "slow",
    "fast",
    "friendly",
    "angry",
    "sad",
)
MODELS = {"speaker": Embedding("made-up-speakers", SPEAKER_D), "description": Embedding("made-up-words", DESCRIPTION_D)}
UNKNOWN = 10_000_000  # the number of the first entry that is in no bank
CLIP_RATE, HITS = 24_000, 10
RARE_STYLE = "lullaby"  # one entry in a hundred: the filter of the measurements
FILTER = VoiceFilters(style=RARE_STYLE)
FAISS = FaissIndexes()


@dataclass(frozen=True, slots=True)
class Corpus:
    """entries in order, ten in a row of one speaker; vectors (N, D)."""

    entries: list[VoiceEntry]
    speaker: Matrix
    description: Matrix


def unit(rows: Matrix) -> Matrix:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_corpus(speakers: int, clips: int, first: int = 0) -> Corpus:
    """``speakers`` x ``clips`` entries; the same for the same arguments."""
    rng = np.random.default_rng([first, 1])
    shape = np.random.default_rng(7)
    voices = _embedded(rng, shape, SPEAKER_D, speakers)
    kinds = _embedded(np.random.default_rng(8), shape, DESCRIPTION_D, 4000)
    owner = np.repeat(np.arange(speakers), clips)
    spread = rng.standard_normal((owner.size, SPEAKER_D), np.float32) * (0.35 / np.sqrt(SPEAKER_D))
    wording = rng.standard_normal((owner.size, DESCRIPTION_D), np.float32) * (0.45 / np.sqrt(DESCRIPTION_D))
    kind = rng.integers(0, 4000, owner.size)
    facts = [_facts(rng) for _ in range(speakers)]
    entries = [_entry(first + i, int(who), facts[who], rng, int(kind[i])) for i, who in enumerate(owner)]
    return Corpus(entries, unit(voices[owner] + spread), unit(kinds[kind] + wording))


def _embedded(rng: np.random.Generator, shape: np.random.Generator, dimension: int, count: int) -> Matrix:
    """Unit vectors around a common mean, as of real embedders (mean cosine about a half)."""
    mean, basis = shape.standard_normal(dimension), shape.standard_normal((LATENT, dimension))
    points = rng.standard_normal((count, LATENT)) @ basis / np.sqrt(LATENT)
    return unit((points + mean).astype(np.float32))


def _facts(rng: np.random.Generator) -> tuple[VoiceFacts, float]:
    gender = GENDERS[rng.integers(2)]
    facts = VoiceFacts(gender, AGES[rng.integers(4)], "", "", LANGUAGES[rng.integers(len(LANGUAGES))])
    return facts, float(rng.normal(200 if gender == "female" else 120, 25))


def _entry(number: int, who: int, known: tuple[VoiceFacts, float], rng: np.random.Generator, kind: int) -> VoiceEntry:
    facts, f0_hz = known
    style = RARE_STYLE if number % 100 == 0 else STYLES[rng.integers(len(STYLES))]
    told = VoiceFacts(facts.gender, facts.age, "", style, facts.language)
    age = {"adult": "grown"}.get(facts.age, facts.age)
    noun = "woman" if facts.gender == "female" else "man"
    measured: dict[str, Any] = {
        "f0_hz": round(max(60.0, f0_hz + rng.normal(0, 6)), 1),
        "f0_range_st": round(float(rng.uniform(3, 15)), 1),
        "rate_hz": round(float(rng.normal(4.5, 0.6)), 2),
        "loudness_lufs": round(float(rng.normal(-23, 3)), 1),
        "snr_db": round(float(rng.uniform(10, 60)), 1),
    }
    return VoiceEntry(
        id=f"voice-{number:07d}",
        name=f"Voice {number}",
        description=f"A {age} {noun} speaks {facts.language}, {style}, in manner {kind}.",
        clip=f"{number:064x}",
        duration_s=round(float(rng.uniform(3, 15)), 2),
        sample_rate=16_000,
        facts=told,
        acoustics=Acoustics(**measured),
        transcript=f"word{rng.integers(200_000)} word{rng.integers(200_000)} word{rng.integers(200_000)}",
        speaker=f"speaker-{who}",
        licence="CC0-1.0",
        source="made up",
        synthetic=True,
    )


@dataclass(frozen=True, slots=True)
class Queries:
    """What is asked: vectors (Q, D) of clips and of descriptions, and texts. Every other one is of an unknown speaker."""

    voice: Matrix
    meaning: Matrix
    texts: list[str]

    def save(self, path: Path) -> None:
        """For other processes."""
        np.savez(path, voice=self.voice, meaning=self.meaning, texts=np.array(self.texts))

    @classmethod
    def load(cls, path: Path) -> "Queries":
        """What was saved."""
        held = np.load(path)
        return cls(held["voice"], held["meaning"], held["texts"].tolist())


def make_queries(speaker: Matrix, description: Matrix, count: int) -> Queries:
    """New clips and new wordings; the same for the same corpus."""
    rng = np.random.default_rng(5)
    rows = rng.choice(speaker.shape[0], count, replace=False)
    known = np.arange(count) % 2 == 0
    strangers = make_corpus(count, 1, UNKNOWN)
    near = [_disturbed(rng, vectors[rows], spread) for vectors, spread in ((speaker, 0.35), (description, 0.45))]
    voice = np.where(known[:, None], near[0], strangers.speaker)
    meaning = np.where(known[:, None], near[1], strangers.description)
    return Queries(voice.astype(np.float32), meaning.astype(np.float32), [_text(rng) for _ in range(count)])


def _disturbed(rng: np.random.Generator, rows: Matrix, spread: float) -> Matrix:
    return unit(rows + rng.standard_normal(rows.shape, np.float32) * (spread / np.sqrt(rows.shape[1])))


def _text(rng: np.random.Generator) -> str:
    def one(words: tuple[str, ...]) -> str:
        return words[rng.integers(len(words))]

    who, language = one(("man", "woman")), one(("French", "Chinese", "English", "German", "Japanese"))
    age, style, sound = one(("young", "old", "grown")), one(STYLES), one(("deep", "high", "slow", "fast"))
    forms = (
        f"a {sound} {age} {who}",
        f"a {style} {who} who speaks {language}",
        f"an {age} {who} reading the news, {style}, not {sound}",
        f"word{rng.integers(200_000)} a {style} voice",
        f"a {style} child, {sound}",
    )
    return one(forms)


def nearest(vectors: Matrix, queries: Matrix, rows: Rows, k: int = 10) -> list[set[int]]:
    """The true ``k`` nearest among some rows, block by block."""
    scores, found = np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
    for first in range(0, rows.size, 65_536):
        part = rows[first : first + 65_536]
        scores = np.hstack([scores, queries @ vectors[part].T])
        found = np.hstack([found, np.broadcast_to(part, (len(queries), part.size))])
        kept = np.argsort(-scores, axis=1)[:, :k]
        scores, found = np.take_along_axis(scores, kept, 1), np.take_along_axis(found, kept, 1)
    return [set(row.tolist()) for row in found]


class Prepared:
    """An embedder that gives what it was handed before: a vector (D,) for a clip, vectors (N, D) for texts."""

    def __init__(self, model: str, dimension: int) -> None:
        self.id, self.dimension = model, dimension
        self.next: Matrix = np.zeros((1, dimension), np.float32)

    def embed(self, _: Any) -> Matrix:
        """What was handed before."""
        return self.next


class Asked:
    """A bank that is asked by vectors; also one of the compared systems."""

    name = "voice bank"

    def __init__(self, folder: Path, large: LargeIndexes | None = FAISS, rank_all: int = RANK_ALL) -> None:
        self.speakers = Prepared(MODELS["speaker"].model or "", SPEAKER_D)
        self.texts = Prepared(MODELS["description"].model or "", DESCRIPTION_D)
        self.bank = FolderVoiceBank(folder, self.texts, self.speakers, large=large, rank_all=rank_all)
        self._clip = AudioClip(np.sin(np.arange(16_000) * 0.1).astype(np.float32), 16_000)
        self._runner = asyncio.Runner()

    def ask(self, kind: str, queries: Queries, number: int, filtered: bool) -> list[VoiceHit]:
        """One query as a user asks it."""
        self.speakers.next, self.texts.next = queries.voice[number], queries.meaning[number : number + 1]
        text, filters = queries.texts[number], FILTER if filtered else None
        if kind == "clip":
            return list(self._runner.run(self.bank.search(self._clip, HITS, filters)))
        like = self._clip if kind == "both" else None
        return list(self._runner.run(self.bank.search(text, HITS, filters, like=like)))

    def search(self, query: NDArray[np.float32], filtered: bool) -> Any:
        """By clip, as the peers are asked."""
        self.speakers.next = query
        return self._runner.run(self.bank.search(self._clip, HITS, FILTER if filtered else None))

    def rows(self, found: Any) -> set[int]:
        """The numbers of the entries in an answer."""
        return {int(hit.voice.id.rsplit("-", 1)[1]) for hit in found}

    def exact(self, rank_all: int = RANK_ALL) -> "Asked":
        """The same search with comparisons of all vectors in place of the index."""
        return Asked(self.bank.store.folder, None, rank_all)


def vectors_of(corpus: Corpus) -> dict[str, Matrix]:
    """As the store takes them."""
    return {"speaker": corpus.speaker, "description": corpus.description}


def with_clips(asked: Asked, corpus: Corpus) -> None:
    """Store entries with sound, as an import does after it has measured and embedded them."""
    rng = np.random.default_rng(int(corpus.entries[0].clip, 16))
    sound = rng.standard_normal(48_000 + len(corpus.entries)).astype(np.float32) * 0.1
    shared = [f for f in Voice.__dataclass_fields__ if f != "reference"]

    def voice(number: int, entry: VoiceEntry) -> Voice:
        clip = AudioClip(sound[number : number + 48_000], 16_000)
        return Voice(reference=clip, **{name: getattr(entry, name) for name in shared})

    asked.texts.next = corpus.description
    asked.bank.add_all([Analysed(voice(i, e), corpus.speaker[i]) for i, e in enumerate(corpus.entries)])


def write_clips(folder: Path, count: int = 60) -> int:
    """Clips of three to eight seconds, cut from the recordings that come with the project; how many there are."""
    from vivavoce.core.errors import VivavoceError
    from vivavoce.core.settings import load_settings

    files = [*sorted(Path("examples/questions").glob("*.wav")), *sorted(Path("tests/e2e/questions").glob("*.flac"))]
    sounds = [AudioClip.load(file) for file in files]
    try:
        bank = FolderVoiceBank(load_settings().voices_dir, None)
        sounds += [bank.clip(entry) for entry in bank.entries()][:count]
    except VivavoceError:
        pass  # not built here
    whole = AudioClip.joined([sound.resampled(CLIP_RATE) for sound in sounds])
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for number in range(count):
        length = float(rng.uniform(3, 8))
        start = float(rng.uniform(0, whole.duration_s - length))
        whole.section(start, start + length).save(folder / f"clip-{number:02d}.wav")
    return count


def import_clips(folder: Path, bank_folder: Path, jobs: int, threads: int) -> dict[str, float]:
    """Import a folder with the product's embedders, which are loaded before; clips, seconds and seconds of processor."""
    import torch

    from vivavoce.retrieval.embedder import MiniLMEmbedder
    from vivavoce.voicebank.embedders import ResemblyzerEmbedder
    from vivavoce.voicebank.imports.importing import import_voices
    from vivavoce.voicebank.imports.layouts import find_candidates

    speakers, texts = ResemblyzerEmbedder(), MiniLMEmbedder(threads=threads)
    bank = FolderVoiceBank(bank_folder, texts, speakers, large=FAISS)
    texts.embed(["a voice"])
    torch.set_num_threads(threads)
    for file in sorted(folder.iterdir())[:2]:
        clip = AudioClip.load(file)
        bank.analyse(Voice("warm", "Warm", "", clip))
    start, cpu = time.perf_counter(), time.process_time()
    report = import_voices(bank, find_candidates(folder), jobs=jobs)
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    done = len(report.added)
    return {"jobs": jobs, "torch threads": threads, "clips": done, "clips/s": done / wall, "cores": used / wall}
