"""The voice bank on disk.

voices.json               manifest, with version and checksum
clips/<content hash>.flac reference clips
*_vectors.npz             caches of embeddings, made again when stale
.lock                     held by whoever writes
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard, exclusive, write_atomic
from vivavoce.core.errors import AudioError, ConfigError, ModelError, StoreCorrupt, StoreError, VoiceNotFound
from vivavoce.core.protocols import TextEmbedder
from vivavoce.core.voice import Voice, VoiceFilters, VoiceHit
from vivavoce.voicebank.embedders import ResemblyzerEmbedder, SpeakerEmbedder
from vivavoce.voicebank.manifest import VoiceRecord, dump, parse
from vivavoce.voicebank.pitch import median_f0_hz
from vivavoce.voicebank.ranking import Scored, described, passes, rank_by_description, rank_by_likeness
from vivavoce.voicebank.vectors import cached_vectors

MIN_CLIP_S = 1.0
MAX_CLIP_S = 60.0
MAX_QUERY_CHARS = 500
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
HASH = re.compile(r"[0-9a-f]{64}")
BUSY = "the voice bank is being changed by another process; try again in a moment"

Matrix = NDArray[np.float32]


class FolderVoiceBank:
    """A voice bank in one folder; opening it reads nothing.

    embedder: for search by description; without one only stated facts count. speaker_embedder: for search by clip.
    """

    def __init__(self, folder: Path, embedder: TextEmbedder | None, speaker_embedder: SpeakerEmbedder | None = None) -> None:
        self._folder = folder
        self._embedder = embedder
        self._speakers = speaker_embedder or ResemblyzerEmbedder()
        self._manifest = folder / "voices.json"
        self._read_at: tuple[int, int, int] | None = None
        self._records: tuple[VoiceRecord, ...] = ()

    def list(self) -> tuple[VoiceRecord, ...]:
        """All voices in the order they were added, without their clips.

        Raises:
            StoreCorrupt: the manifest is damaged.
            StoreError: the manifest cannot be read.
        """
        try:
            stat = self._manifest.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._read_at:
                self._records, self._read_at = parse(self._manifest.read_bytes(), self._manifest), stamp
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(f"cannot read {self._manifest}: {error.strerror or error}; check its rights") from error
        return self._records

    def record(self, voice_id: str) -> VoiceRecord:
        """One voice without its clip.

        Raises:
            VoiceNotFound: no voice has this id.
        """
        for record in self.list():
            if record.id == voice_id:
                return record
        raise VoiceNotFound(f"no voice is called {voice_id[:80]!r}; see `vivavoce voices list`")

    def get(self, voice_id: str) -> Voice:
        """One voice with its clip.

        Raises:
            VoiceNotFound: no voice has this id.
            StoreCorrupt: the clip is missing or damaged.
        """
        return self._voice(self.record(voice_id))

    def add(self, voice: Voice, *, replace_existing: bool = False, recipe: str = "") -> VoiceRecord:
        """Store a voice; its pitch is measured here unless it is already known. Blocking.

        Raises:
            ConfigError: the id is no slug, is taken, or name, licence or source is not given.
            AudioError: the clip is shorter than 1 s, longer than 60 s, or silent.
        """
        _check(voice)
        clip = voice.reference
        facts = voice.facts if voice.facts.f0_hz else replace(voice.facts, f0_hz=median_f0_hz(clip))
        record = VoiceRecord(
            id=voice.id,
            name=voice.name.strip(),
            description=voice.description.strip(),
            clip=clip.content_hash,
            duration_s=round(clip.duration_s, 3),
            sample_rate=clip.sample_rate,
            facts=facts,
            licence=voice.licence,
            source=voice.source,
            synthetic=voice.synthetic,
            native=voice.native,
            recipe=recipe,
        )
        with exclusive(self._folder / ".lock", BUSY):
            before = self.list()
            if any(old.id == voice.id for old in before) and not replace_existing:
                raise ConfigError(f"a voice called {voice.id!r} is there already; remove it first or choose another id")
            clip.save(self._clip_path(record))
            self._write(before, (*(old for old in before if old.id != voice.id), record))
        return record

    def remove(self, voice_id: str) -> None:
        """Forget a voice and delete its clip.

        Raises:
            VoiceNotFound: no voice has this id.
        """
        with exclusive(self._folder / ".lock", BUSY):
            gone = self.record(voice_id)
            before = self.list()
            self._write(before, tuple(record for record in before if record is not gone))

    async def search(self, query: str | AudioClip, k: int, filters: VoiceFilters | None = None) -> Sequence[VoiceHit]:
        """The ``k`` best voices for a description or an example clip, best first.

        Scores lie in [0, 1]. By description: 1 when named, at least 0.75 when every stated fact is fully met; without
        stated facts it is the likeness of meaning, and below 0.3 nothing in the bank fits.
        By clip: 0 is as unlike as two random voices, 1 the same voice.

        Raises:
            ConfigError: k is not positive, or the description is empty.
            ModelError: the clip cannot be compared because a package is missing.
        """
        return await asyncio.to_thread(self._search, query, k, filters)

    def _search(self, query: str | AudioClip, k: int, filters: VoiceFilters | None) -> tuple[VoiceHit, ...]:
        if k < 1:
            raise ConfigError(f"k is {k}; ask for at least one voice")
        records = self.list()
        ranked = self._by_text(query, records) if isinstance(query, str) else self._by_clip(query, records)
        kept = [item for item in ranked if passes(item[1], filters)][:k]
        return tuple(VoiceHit(self._voice(record), round(score, 4), reason) for score, record, reason in kept)

    def _by_text(self, query: str, records: Sequence[VoiceRecord]) -> Sequence[Scored]:
        query = query.strip()[:MAX_QUERY_CHARS]
        if not query:
            raise ConfigError("the description of the voice is empty; say what it should sound like")
        if not records:
            return []
        embedder = self._embedder
        if embedder is None:
            return rank_by_description(query, records, np.zeros(len(records), np.float32))
        texts = [described(record) for record in records]
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        matrix = cached_vectors(
            self._folder / "description_vectors.npz",
            embedder.id,
            embedder.dimension,
            keys,
            lambda missing: embedder.embed([texts[i] for i in missing]),
        )
        return rank_by_description(query, records, _cosines(matrix, embedder.embed([query])[0]))

    def _by_clip(self, query: AudioClip, records: Sequence[VoiceRecord]) -> Sequence[Scored]:
        _check_clip(query)
        if not records:
            return []
        speakers = self._speakers
        matrix = cached_vectors(
            self._folder / "speaker_vectors.npz",
            speakers.id,
            speakers.dimension,
            [record.clip for record in records],
            lambda missing: np.stack([speakers.embed(self._clip(records[i])) for i in missing]),
        )
        return rank_by_likeness(records, _cosines(matrix, speakers.embed(query)))

    def _write(self, before: tuple[VoiceRecord, ...], after: tuple[VoiceRecord, ...]) -> None:
        """Publish the manifest, then delete the clips that nobody refers to any more."""
        write_atomic(self._manifest, dump(after))
        kept = {record.clip for record in after}
        for record in before:
            if record.clip not in kept:
                discard(self._clip_path(record))

    def _voice(self, record: VoiceRecord) -> Voice:
        return Voice(
            id=record.id,
            name=record.name,
            description=record.description,
            reference=self._clip(record),
            facts=record.facts,
            licence=record.licence,
            source=record.source,
            synthetic=record.synthetic,
            native=record.native,
        )

    def _clip(self, record: VoiceRecord) -> AudioClip:
        path = self._clip_path(record)
        advice = f"run `vivavoce voices remove {record.id}` and add it again"
        try:
            clip = AudioClip.load(path, MAX_CLIP_S + 1.0)
        except AudioError as error:
            raise StoreCorrupt(f"the clip of voice {record.id} is damaged or missing ({error}); {advice}") from error
        if clip.content_hash != record.clip:
            raise StoreCorrupt(f"the clip of voice {record.id} does not match its checksum; {advice}")
        return clip

    def _clip_path(self, record: VoiceRecord) -> Path:
        if not HASH.fullmatch(record.clip):
            raise StoreCorrupt(f"{self._manifest} is damaged (voice {record.id!r} names no clip); restore it")
        return self._folder / "clips" / f"{record.clip}.flac"


def _cosines(matrix: Matrix, query: Matrix) -> Matrix:
    """Inner products of unit vectors by FAISS, in the order of the rows."""
    try:
        import faiss
    except ImportError as error:
        raise ModelError("voice search needs the package faiss-cpu; install it") from error
    index: Any = faiss.IndexFlatIP(matrix.shape[1])
    index.add(np.ascontiguousarray(matrix))
    scores, positions = index.search(np.ascontiguousarray(query, np.float32)[None], matrix.shape[0])
    cosines = np.zeros(matrix.shape[0], np.float32)
    cosines[positions[0]] = scores[0]
    return cosines


def _check(voice: Voice) -> None:
    if not SLUG.fullmatch(voice.id):
        raise ConfigError(f"{voice.id[:80]!r} is no voice id; use 1-64 of a-z, 0-9 and inner hyphens")
    for field in ("name", "licence", "source"):
        if not getattr(voice, field).strip():
            raise ConfigError(f"voice {voice.id} has no {field}; every voice records one")
    _check_clip(voice.reference)


def _check_clip(clip: AudioClip) -> None:
    if clip.duration_s < MIN_CLIP_S:
        raise AudioError(f"the clip is {clip.duration_s:.2f} s long; at least {MIN_CLIP_S:.0f} s of speech are needed")
    if clip.duration_s > MAX_CLIP_S:
        raise AudioError(f"the clip is {clip.duration_s:.0f} s long; cut it to {MAX_CLIP_S:.0f} s or less")
    if clip.is_silent:
        raise AudioError("the clip is silent; record speech")
