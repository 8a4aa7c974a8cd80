"""A voice bank in one folder: what the other files of this package do, behind one class."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, StoreCorrupt, VoiceNotFound, reason
from vivavoce.core.protocols import TextEmbedder
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.vector_index import LargeIndexes, Mask, Matrix, Vector
from vivavoce.core.voice import Voice, VoiceEntry, VoiceFilters, VoiceHit
from vivavoce.voicebank.acoustics import measure
from vivavoce.voicebank.embedders import SpeakerEmbedder
from vivavoce.voicebank.search.finding import RANK_ALL, Query, find
from vivavoce.voicebank.search.query import in_english
from vivavoce.voicebank.search.ranking import described
from vivavoce.voicebank.store.records import check, record_of
from vivavoce.voicebank.store.store import BankStore
from vivavoce.voicebank.store.view import BankView

MIN_CLIP_S = 1.0
MAX_CLIP_S = 60.0
MAX_QUERY_CHARS = 500
MAX_K = 1_000


@dataclass(frozen=True, slots=True)
class Analysed:
    """A voice ready to be stored. speaker: unit vector of who speaks, or None without a speaker embedder."""

    voice: Voice
    speaker: Vector | None


class FolderVoiceBank:
    """A voice bank in one folder; opening it reads nothing.

    embedder: for search by description; without one only stated facts, measurements and words count. speaker_embedder:
    for search by clip. A bank is written with the embedders it was made with. large: indexes for many voices, see
    `LargeIndexes`; without it every voice is compared. allow_unlicensed: whether voices without licence and consent are
    found. rank_all: of no more voices that may be found, all are ranked; of more, those that one ranking puts first.
    """

    def __init__(
        self,
        folder: Path,
        embedder: TextEmbedder | None,
        speaker_embedder: SpeakerEmbedder | None = None,
        *,
        large: LargeIndexes | None = None,
        allow_unlicensed: bool = False,
        rank_all: int = RANK_ALL,
    ) -> None:
        self._embedder = embedder
        self._speakers = speaker_embedder
        self._allow_unlicensed = allow_unlicensed
        self._rank_all = rank_all
        self.store = BankStore(folder, large)

    @property
    def embeddings(self) -> dict[str, Embedding]:
        """What vectors are made by."""
        made_by = {"speaker": self._speakers, "description": self._embedder}
        return {space: Embedding(m.id, m.dimension) if m else Embedding() for space, m in made_by.items()}

    def __len__(self) -> int:
        """Voices in the bank."""
        return self.store.count

    def entries(self) -> Iterator[VoiceEntry]:
        """All voices in the order they were added, without their clips, read page by page.

        Raises:
            StoreError: the bank is damaged or cannot be read.
        """
        view = self.store.view()
        if view is not None:
            yield from (record for group in view.catalogue.groups() for record in group.records)

    def entry(self, voice_id: str) -> VoiceEntry:
        """One voice without its clip.

        Raises:
            VoiceNotFound: no voice has this id.
        """
        view = self.store.view()
        found = view.catalogue.by_id(voice_id) if view else None
        if found is None:
            raise VoiceNotFound(f"no voice is called {voice_id[:80]!r}; see `vivavoce voices list`")
        return found[1]

    def has(self, voice_id: str) -> bool:
        """Whether there is a voice of this id."""
        view = self.store.view()
        return view is not None and view.catalogue.by_id(voice_id) is not None

    def ids_of_clip(self, clip: str) -> list[str]:
        """Ids of the voices that have the clip of this content hash."""
        view = self.store.view()
        return view.catalogue.ids_of_clip(clip) if view else []

    def nearest_speakers(self, speaker: Vector, k: int) -> list[tuple[str, float]]:
        """Ids and cosines of the voices nearest to a speaker embedding (D,), nearest first."""
        return self.store.reading(lambda view: _nearest(view, speaker, k)) or []

    def get(self, voice_id: str) -> Voice:
        """One voice with its clip.

        Raises:
            VoiceNotFound: no voice has this id.
            StoreCorrupt: the clip is missing or damaged.
        """
        while True:
            entry = self.entry(voice_id)
            try:
                return Voice.of(entry, self.clip(entry))
            except StoreCorrupt:
                if self.entry(voice_id) == entry:  # otherwise a writer replaced it meanwhile
                    raise

    def clip(self, entry: VoiceEntry) -> AudioClip:
        """The samples of an entry.

        Raises:
            StoreCorrupt: the clip is missing or damaged.
        """
        advice = "run `vivavoce voices repair`, or remove the voice and add it again"
        try:
            clip = AudioClip.load(self.store.clip_path(entry.clip), MAX_CLIP_S + 1.0)
        except (AudioError, OSError) as error:  # a writer may take it away this moment
            raise StoreCorrupt(f"the clip of voice {entry.id} is damaged or missing ({reason(error)}); {advice}") from error
        if clip.content_hash != entry.clip:
            raise StoreCorrupt(f"the clip of voice {entry.id} does not match its checksum; {advice}")
        return clip

    # Writing

    def analyse(self, voice: Voice) -> Analysed:
        """Check, measure and embed a voice; nothing is stored. Blocking.

        Raises:
            ConfigError: the id is no slug, there is no name, or a text is too long.
            AudioError: the clip is shorter than 1 s, longer than 60 s, or silent.
            ModelError: the speaker embedder cannot be loaded.
        """
        check_clip(voice.reference)
        acoustics = voice.acoustics or measure(voice.reference)
        analysed = replace(voice, acoustics=acoustics, name=voice.name.strip(), description=voice.description.strip())
        check(record_of(analysed))
        return Analysed(analysed, self._speakers.embed(voice.reference) if self._speakers else None)

    def add(self, voice: Voice, *, replace_existing: bool = False) -> VoiceEntry:
        """Store one voice. Blocking.

        Raises:
            ConfigError: the voice cannot be held, or its id is taken. AudioError: its clip cannot be used.
            StoreError: the bank cannot be written, or was made with other embedders.
        """
        return self.add_all([self.analyse(voice)], replace_existing=replace_existing)[0]

    def add_all(
        self, voices: Sequence[Analysed], *, replace_existing: bool = False, remove: Sequence[str] = ()
    ) -> list[VoiceEntry]:
        """Store voices, and take others out, in one step that happens wholly or not at all. Blocking.

        Raises:
            ConfigError: an id is taken. VoiceNotFound: a voice to take out is not there.
            StoreError: the bank cannot be written, or was made with other embedders.
        """
        records = [record_of(analysed.voice) for analysed in voices]
        vectors = self.vectors_of(records, ["description"])
        if self._speakers is not None and voices:
            vectors["speaker"] = np.stack([analysed.speaker for analysed in voices if analysed.speaker is not None])
        clips = {record.clip: analysed.voice.reference for record, analysed in zip(records, voices, strict=True)}
        with self.store.writing():
            self.store.commit(
                records, vectors, self.embeddings, clips=clips, remove=remove, replace_existing=replace_existing
            )
            self.store.seal_if_due()
        return records

    def vectors_of(self, records: Sequence[VoiceEntry], spaces: Sequence[str]) -> dict[str, Matrix]:
        """Unit vectors (N, D) of stored records, made now; none of spaces without an embedder. Blocking.

        Raises:
            StoreCorrupt: a clip is missing or damaged. ModelError: an embedder cannot be loaded.
        """
        found: dict[str, Matrix] = {}
        if "description" in spaces and self._embedder is not None and records:
            found["description"] = self._embedder.embed([described(record) for record in records])
        if "speaker" in spaces and self._speakers is not None and records:
            found["speaker"] = np.stack([self._speakers.embed(self.clip(record)) for record in records])
        return found

    def remove(self, *voice_ids: str) -> None:
        """Forget voices and delete their clips.

        Raises:
            VoiceNotFound: no voice has this id; none is removed then.
        """
        self.add_all([], remove=voice_ids)

    # Searching

    async def search(
        self,
        query: str | AudioClip,
        k: int,
        filters: VoiceFilters | None = None,
        *,
        like: AudioClip | None = None,
    ) -> Sequence[VoiceHit]:
        """The ``k`` best voices for a description, an example clip, or both (``like``), best first.

        A score says how well a voice fits, in [0, 1]: by description 1 when it is named, at least 0.75 when every stated
        fact is fully met, without stated facts the likeness of meaning; by clip 0 is as unlike as two random voices, 1
        the same voice; by both the mean. The order is that of the fused rankings.

        Raises:
            ConfigError: k is out of range, or the description is empty.
            StoreError: the bank is damaged or was made with other embedders.
            ModelError: the clip cannot be compared because a package is missing.
        """
        return await asyncio.to_thread(self._search, query, k, filters, like)

    def _search(
        self, query: str | AudioClip, k: int, filters: VoiceFilters | None, like: AudioClip | None
    ) -> tuple[VoiceHit, ...]:
        if not 1 <= k <= MAX_K:
            raise ConfigError(f"k is {k}; ask for 1 to {MAX_K} voices")
        text, clip = (query, like) if isinstance(query, str) else ("", query)
        text = text.strip()[:MAX_QUERY_CHARS]
        if not text and clip is None:
            raise ConfigError("the description of the voice is empty; say what it should sound like")
        view = self.store.view()
        if view is None or view.count == 0:
            return ()
        asked = Query(text, self._meaning(view, text), self._voice(view, clip))
        return self.store.reading(lambda now: self._found(now, asked, k, filters)) or ()

    def _found(self, view: BankView, asked: Query, k: int, filters: VoiceFilters | None) -> tuple[VoiceHit, ...]:
        for space, vector in (("description", asked.meaning), ("speaker", asked.voice)):
            if vector is not None:
                self.store.check_models(view.manifest, self.embeddings, space)
        return tuple(find(view, asked, k, self.allowed(view, filters), self._rank_all))

    def allowed(self, view: BankView, filters: VoiceFilters | None) -> Mask:
        """The rows that may be found."""
        mask = view.alive
        if not self._allow_unlicensed:
            mask = mask & (view.columns["has_permission"] == 1)
        return view.columns.passing(filters, view.words, mask)

    def _meaning(self, view: BankView, text: str) -> Vector | None:
        if not text or self._embedder is None:
            return None
        self.store.check_models(view.manifest, self.embeddings, "description")
        return self._embedder.embed([in_english(text)])[0]

    def _voice(self, view: BankView, clip: AudioClip | None) -> Vector | None:
        if clip is None:
            return None
        if self._speakers is None:
            raise ConfigError("this voice bank was opened without a speaker embedder; search by description")
        check_clip(clip)
        self.store.check_models(view.manifest, self.embeddings, "speaker")
        return self._speakers.embed(clip)


def _nearest(view: BankView, speaker: Vector, k: int) -> list[tuple[str, float]]:
    if view.vectors["speaker"].shape[1] != speaker.size:
        return []
    rows, cosines = view.index("speaker").search(speaker, k, view.alive)
    records = view.catalogue.records(rows.tolist())
    return [(records[row].id, float(c)) for row, c in zip(rows.tolist(), cosines, strict=True) if row in records]


def check_clip(clip: AudioClip) -> None:
    """Refuse a clip that shows no voice.

    Raises:
        AudioError: it is too short, too long, or silent.
    """
    if clip.duration_s < MIN_CLIP_S:
        raise AudioError(f"the clip is {clip.duration_s:.2f} s long; at least {MIN_CLIP_S:.0f} s of speech are needed")
    if clip.duration_s > MAX_CLIP_S:
        raise AudioError(f"the clip is {clip.duration_s:.0f} s long; cut it to {MAX_CLIP_S:.0f} s or less")
    if clip.is_silent:
        raise AudioError("the clip is silent; record speech")
