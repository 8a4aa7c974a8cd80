"""Whatever is done to a bank, it tells and finds what a dictionary and a plain comparison of all would."""

import asyncio
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from support.crash_worker import without_syncing
from support.fakes import LetterCounts, Spectrum, buzz, small_bank, small_voice

from vivavoce.core.errors import ConfigError, VoiceNotFound
from vivavoce.core.voice import Acoustics, VoiceFacts, VoiceFilters
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.imports.archive import export_bank, import_archive
from vivavoce.voicebank.search.finding import RANK_ALL
from vivavoce.voicebank.search.ranking import described
from vivavoce.voicebank.store.columns import passes
from vivavoce.voicebank.store.records import record_of
from vivavoce.voicebank.upkeep.compaction import compact, reembed
from vivavoce.voicebank.upkeep.verify import verify

pytestmark = pytest.mark.unit
EVERY = 1_000
IDS = st.integers(0, 11).map("voice-{}".format)
SOME_WORDS = {
    "gender": ("", "female", "male"),
    "age": ("", "old", "young"),
    "language": ("", "en", "en-GB", "zh-CN"),
    "accent": ("", "irish", "Irish, soft"),
    "style": ("", "calm", "calm, reader"),
    "emotion": ("", "sad", "sad,happy"),
    "pitch": ("", "low"),
    "speed": ("", "fast"),
}
FACTS = st.builds(VoiceFacts, **{name: st.sampled_from(words) for name, words in SOME_WORDS.items()})
SOUNDS = st.builds(
    Acoustics,
    st.sampled_from((None, 90.0, 211.5)),
    st.sampled_from((None, 4.0)),
    st.sampled_from((None, 3.3, 5.1)),
    st.sampled_from((None, -23.0)),
    st.sampled_from((None, 10.0, 40.0)),
)
VOICES = st.fixed_dictionaries(
    {
        "facts": FACTS,
        "acoustics": SOUNDS,
        "description": st.sampled_from(("", "A calm reader.", "Zebra quartz.", "An old man, 中文.")),
        "speaker": st.sampled_from(("", "anna")),
        "licence": st.sampled_from(("", "MIT", "CC0")),
        "source": st.sampled_from(("a", "b")),
        "consent": st.sampled_from(("", " ", "yes")),
        "synthetic": st.booleans(),
        "do_not_clone": st.booleans(),
    }
)


def ranges(*values):
    bounds = st.none() | st.sampled_from(values)
    return st.none() | st.tuples(bounds, bounds)


FILTERS = st.builds(
    VoiceFilters,
    gender=st.sampled_from(("", "", "female", "MALE")),
    age=st.sampled_from(("", "", "old")),
    language=st.sampled_from(("", "", "en", "zh", "e")),
    accent=st.sampled_from(("", "", "irish", "soft")),
    style=st.sampled_from(("", "", "reader", "calm ")),
    emotion=st.sampled_from(("", "", "happy")),
    pitch=st.sampled_from(("", "", "low")),
    speed=st.sampled_from(("", "", "fast")),
    speaker=st.sampled_from(("", "", "anna", "nobody")),
    licence=st.sampled_from(("", "", "mit")),
    source=st.sampled_from(("", "", "a")),
    synthetic=st.none() | st.booleans(),
    may_be_spoken=st.none() | st.booleans(),
    duration_s=ranges(0.5, 1.0, 1.5),
    sample_rate=ranges(8_000, 16_000),
    f0_hz=ranges(90.0, 100.0, 211.5),
    f0_range_st=ranges(4.0, 5.0),
    rate_hz=ranges(3.3, 5.1),
    loudness_lufs=ranges(-23.0, -10.0),
    snr_db=ranges(10.0, 40.0),
)
FIELDS = VoiceFilters.__dataclass_fields__
# All fields at once leave hardly a voice: some examples ask for one or two.
FEW_FILTERS = st.tuples(FILTERS, st.sets(st.sampled_from(sorted(FIELDS)), max_size=2)).map(
    lambda pair: VoiceFilters(**{name: getattr(pair[0], name) for name in pair[1]})
)
QUERIES = st.sampled_from(("zebra", "a calm old man", "not a woman", "voice-3", "quartz 中文", "xylophone"))


class BankModel(RuleBasedStateMachine):
    large, rank_all, first = None, RANK_ALL, 0

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        without_syncing(self.patch)
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None, prefix="vivavoce-test-"))
        self.texts, self.clips, self.archives = "letters-1", 100, 0
        self.bank = self.opened()
        self.entries, self.speakers = {}, {}  # in the order they were added
        if self.first:
            self.add_many([{"facts": VoiceFacts(), "licence": "MIT"}] * self.first)

    def opened(self, name="bank"):
        return small_bank(self.folder / name, self.texts, large=self.large, rank_all=self.rank_all)

    def teardown(self):
        self.bank.store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    def analysed(self, voice_id, clip, fields):
        return self.bank.analyse(small_voice(voice_id, clip, **fields))

    def remember(self, analysed):
        entry = record_of(analysed.voice)
        self.entries.pop(entry.id, None)
        self.entries[entry.id], self.speakers[entry.id] = entry, analysed.speaker

    def found(self, filters):
        """Ids that may be found."""
        permitted = [entry for entry in self.entries.values() if entry.licence.strip() or entry.consent.strip()]
        return [entry.id for entry in permitted if filters is None or passes(entry, filters)]

    @rule(voice_id=IDS, clip=st.integers(0, 6), fields=VOICES)
    def add(self, voice_id, clip, fields):
        analysed = self.analysed(voice_id, clip, fields)
        if voice_id in self.entries:
            with pytest.raises(ConfigError, match="there already"):
                self.bank.add_all([analysed])
        else:
            self.bank.add_all([analysed])
            self.remember(analysed)

    @rule(voice_id=IDS, clip=st.integers(0, 6), fields=VOICES)
    def replace(self, voice_id, clip, fields):
        analysed = self.analysed(voice_id, clip, fields)
        self.bank.add_all([analysed], replace_existing=True)
        self.remember(analysed)

    @rule(several=st.lists(VOICES, min_size=3, max_size=8))
    def add_many(self, several):
        batch = []
        for fields in several:
            self.clips += 1
            batch.append(self.analysed(f"many-{self.clips}", self.clips, fields))
        self.bank.add_all(batch)
        for analysed in batch:
            self.remember(analysed)

    @rule(voice_ids=st.sets(IDS, min_size=1, max_size=3))
    def remove(self, voice_ids):
        if voice_ids <= self.entries.keys():
            self.bank.remove(*sorted(voice_ids))
            for voice_id in voice_ids:
                del self.entries[voice_id]
        else:
            with pytest.raises(VoiceNotFound):
                self.bank.remove(*sorted(voice_ids))

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def remove_one_that_is_there(self, data):
        voice_id = data.draw(st.sampled_from(sorted(self.entries)))
        self.bank.remove(voice_id)
        del self.entries[voice_id]

    @rule(voice_id=IDS, clip=st.integers(0, 6), fields=VOICES)
    def swap_the_oldest_for_a_new_one_in_one_step(self, voice_id, clip, fields):
        if not self.entries or voice_id in self.entries:
            return
        oldest, analysed = next(iter(self.entries)), self.analysed(voice_id, clip, fields)
        self.bank.add_all([analysed], remove=[oldest])
        del self.entries[oldest]
        self.remember(analysed)

    @rule()
    def compact(self):
        assert compact(self.bank)[1] == 0
        seen = self.bank.store.view()
        assert seen is None or seen.state.rows == len(self.entries)

    @rule()
    def embed_again(self):
        self.texts = f"letters-{int(self.texts[-1]) % 9 + 1}"
        self.bank = self.opened()
        assert reembed(self.bank) == len(self.entries)
        assert reembed(self.bank) == 0

    @rule()
    def reopen(self):
        self.bank.store.close()
        self.bank = self.opened()

    @precondition(lambda self: self.entries)
    @rule()
    def go_out_and_come_in(self):
        self.archives += 1
        path = self.folder / f"{self.archives}.zip"
        assert export_bank(self.bank, path) == len(self.entries)
        self.bank = self.opened(f"bank-{self.archives}")
        assert import_archive(self.bank, path).added == list(self.entries)
        shutil.rmtree(self.folder / "bank")
        self.bank.store.close()
        (self.folder / f"bank-{self.archives}").rename(self.folder / "bank")
        self.bank = self.opened()

    @rule(clip=st.integers(0, 6), filters=st.none() | FILTERS | FEW_FILTERS)
    def search_by_clip(self, clip, filters):
        hits = asyncio.run(self.bank.search(buzz(clip), EVERY, filters))
        query = Spectrum().embed(buzz(clip))
        cosines = [float(self.speakers[hit.voice.id] @ query) for hit in hits]
        assert all(here >= after - 1.5e-4 for here, after in pairwise(cosines))
        self.compare(hits, filters)

    @rule(query=QUERIES, filters=st.none() | FILTERS | FEW_FILTERS)
    def search_by_description(self, query, filters):
        hits = asyncio.run(self.bank.search(query, EVERY, filters))
        meaning = LetterCounts().embed([query])[0]
        for hit in hits:
            told = dict(hit.scores)["meaning"]
            # What a query says in Chinese is embedded in English.
            if query.isascii():
                assert told == pytest.approx(float(LetterCounts().embed([described(hit.voice)])[0] @ meaning), abs=2e-4)
        self.compare(hits, filters)

    @rule(query=QUERIES, clip=st.integers(0, 6), filters=st.none() | FILTERS | FEW_FILTERS)
    def search_by_both(self, query, clip, filters):
        self.compare(asyncio.run(self.bank.search(query, EVERY, filters, like=buzz(clip))), filters)

    def compare(self, hits, filters):
        ids = [hit.voice.id for hit in hits]
        assert len(set(ids)) == len(ids)
        assert sorted(ids) == sorted(self.found(filters))
        assert all(hit.voice == self.entries[hit.voice.id] for hit in hits)

    @rule(clip=st.integers(0, 6), k=st.integers(1, 6))
    def nearest(self, clip, k):
        query = Spectrum().embed(buzz(clip))
        found = self.bank.nearest_speakers(query, k)
        wanted = sorted((float(self.speakers[voice] @ query) for voice in self.entries), reverse=True)[:k]
        assert [cosine for _, cosine in found] == pytest.approx(wanted, abs=1e-5)
        for voice, cosine in found:
            assert cosine == pytest.approx(float(self.speakers[voice] @ query), abs=1e-5)

    @invariant()
    def it_tells_the_same(self):
        assert {entry.id: entry for entry in self.bank.entries()} == self.entries
        assert [entry.id for entry in self.bank.entries()] == list(self.entries)
        assert len(self.bank) == len(self.entries)

    @rule()
    def it_is_whole(self):
        assert [finding for finding in verify(self.bank) if finding.damage] == []
        files = {path.stem for path in (self.folder / "bank" / "clips").rglob("*.flac")}
        assert files == {entry.clip for entry in self.entries.values()}


class IndexedBankModel(BankModel):
    """The same with an inverted file: exact in filters and removals, loose in what is nearest."""

    large, rank_all, first = FaissIndexes(exact_rows=18, gathered_rows=3, trials=10), 3, 30

    def __init__(self):
        super().__init__()
        assert set(self.bank.store.view().manifest.indexes) == {"speaker", "description"}

    def compare(self, hits, filters):
        ids, allowed = [hit.voice.id for hit in hits], self.found(filters)
        assert len(set(ids)) == len(ids)
        assert set(ids) <= set(allowed)
        assert len(ids) >= min(3, len(allowed))  # its lists are tiny here
        assert all(hit.voice == self.entries[hit.voice.id] for hit in hits)

    @rule(clip=st.integers(0, 6), k=st.integers(1, 6))
    def nearest(self, clip, k):
        query = Spectrum().embed(buzz(clip))
        found = self.bank.nearest_speakers(query, k)
        assert len(found) == min(k, len(self.entries))
        assert {voice for voice, _ in found} <= self.entries.keys()
        for voice, cosine in found:
            assert cosine == pytest.approx(float(self.speakers[voice] @ query), abs=1e-5)
        best = max((float(self.speakers[voice] @ query) for voice in self.entries), default=0.0)
        assert not found or found[0][1] >= best - 0.3


QUICK = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.generate,),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_bank_is_a_dictionary_that_can_be_searched():
    run_state_machine_as_test(BankModel, settings=QUICK)


def test_a_bank_with_an_inverted_file_is_one_too():
    run_state_machine_as_test(IndexedBankModel, settings=settings(QUICK, max_examples=8))


def test_every_filter_alone_lets_the_same_pass_as_one_by_one(tmp_path):
    """Each field once, with voices that meet it and voices that do not."""
    bank = small_bank(tmp_path / "bank", texts=None)
    rng = np.random.default_rng(0)
    batch = []
    for number in range(40):
        facts = VoiceFacts(**{name: str(rng.choice(words)) for name, words in SOME_WORDS.items()})
        sound = Acoustics(*(None if rng.random() < 0.3 else float(rng.integers(1, 9)) for _ in range(5)))
        flags = {"synthetic": bool(rng.integers(2)), "do_not_clone": bool(rng.integers(2))}
        fields = {"speaker": str(rng.choice(["anna", "ben"])), "licence": str(rng.choice(["MIT", "CC0"]))}
        reference = buzz(number, 1.0 + number % 3, int(rng.choice([8_000, 16_000])))
        fields |= {"source": str(rng.choice(["a", "b"])), "reference": reference}
        batch.append(bank.analyse(small_voice(f"v-{number}", number, facts=facts, acoustics=sound, **flags, **fields)))
    bank.add_all(batch)
    entries = list(bank.entries())
    wanted = {"language": "en", "accent": "irish", "style": "calm", "emotion": "sad", "gender": "male", "age": "old"}
    wanted |= {"pitch": "low", "speed": "fast", "speaker": "anna", "licence": "mit", "source": "a"}
    wanted |= {"synthetic": True, "may_be_spoken": True, "duration_s": (1.5, None), "sample_rate": (None, 8_000)}
    wanted |= {name: (3.0, 6.0) for name in ("f0_hz", "f0_range_st", "rate_hz", "loudness_lufs", "snr_db")}
    assert wanted.keys() == FIELDS.keys()
    for name, value in wanted.items():
        filters = VoiceFilters(**{name: value})
        passing = {entry.id for entry in entries if passes(entry, filters)}
        assert 0 < len(passing) < 40, name
        assert {hit.voice.id for hit in asyncio.run(bank.search(buzz(0), EVERY, filters))} == passing, name


@pytest.mark.parametrize(
    ("column", "word", "met", "missed"),
    [
        ("language", "en-GB", ("en", "EN", "en-gb", "en-GB"), ("e", "zh", "en-G", "en-US")),
        ("accent", "Irish, soft", ("irish", "soft ", "SOFT"), ("iris", "irish, soft", "english")),
        ("style", "calm, reader", ("calm", "reader"), ("read",)),
        ("gender", "male", ("male", "Male"), ("female", "mal")),
        ("pitch", "low", ("low",), ("lo",)),
    ],
)
def test_what_a_word_in_a_filter_means(column, word, met, missed):
    entry = record_of(small_voice("one", facts=VoiceFacts(**{column: word})))
    assert all(passes(entry, VoiceFilters(**{column: wanted})) for wanted in met)
    assert not any(passes(entry, VoiceFilters(**{column: wanted})) for wanted in missed)


@pytest.mark.parametrize(
    ("bounds", "met"),
    [((4.0, None), True), ((None, 4.0), True), ((4.1, None), False), ((None, 3.9), False), ((None, None), True)],
)
def test_what_a_range_in_a_filter_means(bounds, met):
    known, unknown = (record_of(small_voice("one", acoustics=Acoustics(f0_range_st=value))) for value in (4.0, None))
    assert passes(known, VoiceFilters(f0_range_st=bounds)) == met
    assert not passes(unknown, VoiceFilters(f0_range_st=bounds))
