"""The voices lab: whether the bank finds voices by words, by clip and under conditions, and knows when nothing fits.

Sets: ``words``, ``clips`` and ``conditions``; any other is the path of a table of one's own, see `queries.read_queries`.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.app.parts import open_bank
from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import Settings
from vivavoce.core.voice import MIN_FIT, VoiceEntry, VoiceFilters
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.lab import Item, Measure, Options, Result
from vivavoce.eval.lab.page import Page
from vivavoce.eval.voices.halves import first_half, is_long, second_half, with_clip
from vivavoce.eval.voices.queries import HELD_OUT, QUERIES, VoiceQuery, read_queries
from vivavoce.eval.voices.report import CLIPS, CONDITIONS, LEFT_OUT, WORDS, voices_page
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import ResemblyzerEmbedder, SpeakerEmbedder
from vivavoce.voicebank.store.columns import CATEGORIES, NUMBERS, passes, value_of

TRIALS = 300  # searches under conditions
FOUND = 5  # ids of each search that the record keeps


class VoicesLab:
    """Implements `Lab`. bank, embedder: how the two are opened."""

    name = "voices"
    sets = (WORDS, CLIPS, CONDITIONS)
    parallel = False

    def __init__(
        self,
        bank: Callable[[Settings], FolderVoiceBank] = open_bank,
        embedder: Callable[[], SpeakerEmbedder] = ResemblyzerEmbedder,
    ) -> None:
        self._bank = bank
        self._embedder = embedder

    def items(self, options: Options) -> Sequence[Item]:
        """See `Lab.items`."""
        entries = tuple(self._bank(options.settings).entries())
        return [item for name in options.sets for item in evenly(_items(name, entries), options.limit)]

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """See `Lab.open`."""
        bank = self._bank(options.settings)
        with tempfile.TemporaryDirectory() as place:
            embedder = self._embedder()
            halves = FolderVoiceBank(Path(place), None, embedder, allow_unlicensed=True)
            if CLIPS in options.sets:
                await asyncio.to_thread(_fill, halves, bank)

            async def measure(item: Item) -> Result:
                match item.facts["set"]:
                    case "clips":
                        return await _recognised(bank, halves, embedder, item)
                    case "conditions":
                        return await _filtered(bank, item)
                    case _:
                        return await _described(bank, item)

            yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """See `Lab.page`."""
        return voices_page(results)


def _items(name: str, entries: Sequence[VoiceEntry]) -> list[Item]:
    match name:
        case "words":
            return [_query_item(query) for path in (QUERIES, HELD_OUT) for query in read_queries(entries, path)]
        case "clips":
            return _clip_items([entry for entry in entries if is_long(entry)])
        case "conditions":
            rng = np.random.default_rng(0)
            return [_filter_item(number, _random_filters(rng, entries)) for number in range(TRIALS)]
        case _ if Path(name).is_file():
            return [_query_item(query) for query in read_queries(entries, Path(name))]
        case _:
            raise ConfigError(f"there is no set {name!r}; choose {', '.join(VoicesLab.sets)} or a table of descriptions")


def _query_item(query: VoiceQuery) -> Item:
    facts = {
        "set": WORDS,
        "language": query.language,
        "text": query.text,
        "wanted": sorted(query.wanted),
        "rivals": sorted(query.rivals),
        "half": "held out" if query.held_out else "",
        "missing": query.missing,
    }
    worst: dict[str, float] = {}
    if query.has_answer:
        worst = dict.fromkeys(["R@1", "R@5", "MRR", *(["before all rivals"] if query.rivals else [])], 0.0)
    elif not query.missing:
        worst = {"refused": 0.0}
    return Item(f"{WORDS}/{query.text}", query.text, facts, worst)


async def _described(bank: FolderVoiceBank, item: Item) -> Result:
    """A search by words."""
    if item.facts["missing"]:
        return Result(item.id, item.cluster, item.facts, {}, LEFT_OUT, "no voice that fits is in the bank")
    hits = await bank.search(item.facts["text"], len(bank))
    return judged(item, [hit.voice.id for hit in hits], hits[0].score if hits else 0.0)


def judged(item: Item, found: Sequence[str], score: float) -> Result:
    """What was found (ids, best first) compared with what was wanted. score: of the first hit."""
    wanted, rivals = item.facts["wanted"], item.facts["rivals"]
    places = {voice: place for place, voice in enumerate(found, 1)}
    rank = min((places[voice] for voice in wanted if voice in places), default=0)
    record = {"found": list(found[:FOUND]), "rank": rank, "score": score}
    if not wanted:
        scores, verdict = {"refused": float(score < MIN_FIT)}, "refused" if score < MIN_FIT else "accepted"
        return Result(item.id, item.cluster, item.facts, scores, verdict, record=record)
    scores = {"R@1": float(rank == 1), "R@5": float(1 <= rank <= 5), "MRR": 1 / rank if rank else 0.0}
    if rivals:
        last = len(found) + 1  # where what was not found stands
        scores["before all rivals"] = float(all(places.get(rival, last + 1) > (rank or last) for rival in rivals))
    return Result(item.id, item.cluster, item.facts, scores, "right" if rank == 1 else "wrong", record=record)


def _clip_items(entries: Sequence[VoiceEntry]) -> list[Item]:
    if len(entries) < 2:
        raise ConfigError("comparing clips needs two voices of 4 s or more; run `make voices`")
    return [
        Item(
            f"{CLIPS}/{entry.id}",
            entry.id,
            {"set": CLIPS, "voice": entry.id, "speaker": entry.speaker or entry.id, "synthetic": entry.synthetic},
            {"R@1": 0.0},
        )
        for entry in entries
    ]


def _fill(halves: FolderVoiceBank, bank: FolderVoiceBank) -> None:
    for entry in bank.entries():
        if is_long(entry):
            halves.add(with_clip(entry, first_half(bank.clip(entry))))


async def _recognised(bank: FolderVoiceBank, halves: FolderVoiceBank, embedder: SpeakerEmbedder, item: Item) -> Result:
    """A search with the second half of a clip among the first halves of all."""
    clip = second_half(await asyncio.to_thread(bank.clip, bank.entry(item.facts["voice"])))
    (hit,) = await halves.search(clip, 1)
    cosines = dict(halves.nearest_speakers(await asyncio.to_thread(embedder.embed, clip), len(halves)))
    right = (hit.voice.speaker or hit.voice.id) == item.facts["speaker"]
    record = {"found": hit.voice.id, "cosines": cosines}
    return Result(item.id, item.cluster, item.facts, {"R@1": float(right)}, "right" if right else "wrong", record=record)


def _random_filters(rng: np.random.Generator, entries: Sequence[VoiceEntry]) -> dict[str, Any]:
    """One to three conditions, taken from voices that are there so that they are often met."""
    values: dict[str, Any] = {}
    for column in rng.choice([*CATEGORIES, *NUMBERS, "synthetic", "may_be_spoken"], int(rng.integers(1, 4)), replace=False):
        entry = entries[int(rng.integers(len(entries)))]
        if column == "may_be_spoken":
            values[column] = not entry.do_not_clone
        elif column in NUMBERS:
            low, high = sorted(float(value_of(entries[int(i)], column) or 0.0) for i in rng.integers(len(entries), size=2))
            values[column] = (low, None) if rng.random() < 0.2 else (low, high)
        else:
            value = value_of(entry, column)
            values[column] = value.split(",")[0].strip() if isinstance(value, str) else value
    return values


def _filter_item(number: int, filters: Mapping[str, Any]) -> Item:
    name = f"{CONDITIONS}/{number:03}"
    return Item(name, name, {"set": CONDITIONS, "filters": dict(filters)}, {"exact": 0.0})


async def _filtered(bank: FolderVoiceBank, item: Item) -> Result:
    """A search under conditions finds exactly the voices that meet them, read one by one."""
    filters = VoiceFilters(**item.facts["filters"])
    found = {hit.voice.id for hit in await bank.search("a voice", len(bank), filters)}
    wanted = {entry.id for entry in bank.entries() if passes(entry, filters) and entry.has_permission}
    why = ", ".join(
        [*(f"missed {one}" for one in sorted(wanted - found)), *(f"not {one}" for one in sorted(found - wanted))]
    )
    return Result(item.id, item.cluster, item.facts, {"exact": float(found == wanted)}, "wrong" if why else "right", why)
