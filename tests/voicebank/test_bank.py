import asyncio
import sys
import threading

import numpy as np
import pytest
from support.voices import RATE, tone, voice

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, ModelError, StoreCorrupt, StoreError, VoiceNotFound
from vivavoce.core.protocols import VoiceBank
from vivavoce.core.voice import VoiceFacts, VoiceFilters
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import ResemblyzerEmbedder
from vivavoce.voicebank.upkeep.compaction import reembed

pytestmark = pytest.mark.unit


class LetterCounts:
    """A text embedder without weights that counts how much it is used."""

    def __init__(self, name: str = "letters-1") -> None:
        self.id = name
        self.dimension = 26
        self.embedded: list[str] = []

    def embed(self, texts):
        self.embedded += texts
        rows = np.asarray([[t.lower().count(chr(97 + i)) + 1e-3 for i in range(26)] for t in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Spectrum:
    """A speaker embedder without weights: the clip's coarse spectrum."""

    id = "spectrum-1"
    dimension = 64

    def embed(self, clip):
        power = np.abs(np.fft.rfft(clip.resampled(RATE).samples[:RATE]))[:1024].reshape(64, -1).sum(axis=1)
        return (power / np.linalg.norm(power)).astype(np.float32)


@pytest.fixture
def bank(tmp_path):
    return FolderVoiceBank(tmp_path / "voices", LetterCounts(), Spectrum())


def test_it_is_a_voice_bank_and_opens_empty(bank, tmp_path):
    assert isinstance(bank, VoiceBank)
    assert list(bank.entries()) == []
    assert asyncio.run(bank.search("anyone", 3)) == ()
    assert not (tmp_path / "voices").exists()


def test_what_is_added_comes_back_whole(bank, tmp_path):
    given = voice("anna", 210.0, facts=VoiceFacts("female", "adult", "irish", "calm"), synthetic=True)
    record = bank.add(given)
    found = FolderVoiceBank(tmp_path / "voices", None).get("anna")
    assert found.acoustics.f0_hz == pytest.approx(210.0, rel=0.02)
    assert (found.name, found.licence, found.source, found.synthetic) == ("Anna", "MIT", "test", True)
    assert found.reference.content_hash == given.reference.content_hash == record.clip


def test_a_loud_clip_survives_the_round_trip(bank):
    loud = AudioClip(np.clip(tone(150).samples * 20, -1, 1), RATE)
    bank.add(voice("loud", licence="MIT").__class__("loud", "Loud", "", loud, licence="MIT", source="test"))
    assert bank.get("loud").reference.content_hash == loud.content_hash


def test_remove_deletes_the_clip_unless_another_voice_has_it(bank, tmp_path):
    bank.add(voice("one"))
    bank.add(voice("two"))
    clips = tmp_path / "voices" / "clips"
    assert len(list(clips.glob("*/*.flac"))) == 1
    bank.remove("one")
    assert bank.get("two")
    bank.remove("two")
    assert list(clips.rglob("*")) == []
    with pytest.raises(VoiceNotFound, match="no voice is called 'two'"):
        bank.remove("two")


@pytest.mark.parametrize("voice_id", ["", "..", "../up", "a/b", "A", "-a", "a b", "a\x00", "ä", "x" * 65])
def test_ids_that_are_no_slugs_are_refused(bank, voice_id):
    with pytest.raises(ConfigError, match="no voice id"):
        bank.add(voice(voice_id, name="X"))
    with pytest.raises(VoiceNotFound):
        bank.get(voice_id)


def test_clips_that_are_not_usable_are_refused(bank):
    silent = AudioClip(np.zeros(RATE * 2, np.float32), RATE)
    for clip, why in ((silent, "silent"), (tone(100, 0.5), "at least 1 s"), (tone(100, 61.0), "cut it to 60 s")):
        with pytest.raises(AudioError, match=why):
            bank.add(voice("x").__class__("x", "X", "", clip, licence="MIT", source="test"))
    with pytest.raises(ConfigError, match="has no name"):
        bank.add(voice("x", name=" "))


def test_a_taken_id_is_refused(bank):
    bank.add(voice("one"))
    with pytest.raises(ConfigError, match="there already"):
        bank.add(voice("one", 200.0))
    bank.add(voice("one", 200.0), replace_existing=True)
    assert bank.get("one").acoustics.f0_hz == pytest.approx(200.0, rel=0.02)


def test_a_damaged_or_swapped_clip_is_noticed(bank, tmp_path):
    bank.add(voice("one"))
    path = next((tmp_path / "voices" / "clips").glob("*/*.flac"))
    path.write_bytes(tone(300.0).to_bytes("FLAC"))
    with pytest.raises(StoreCorrupt, match="does not match its checksum"):
        bank.get("one")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreCorrupt, match="damaged or missing"):
        bank.get("one")


def test_many_writers_lose_nothing(bank, tmp_path):
    def write(number: int) -> None:
        FolderVoiceBank(tmp_path / "voices", LetterCounts(), Spectrum()).add(voice(f"v{number}", 100.0 + number))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.id for record in bank.entries()} == {f"v{n}" for n in range(8)}


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot lock"):
        FolderVoiceBank(tmp_path / "file" / "voices", None).add(voice("one"))


async def test_vectors_are_kept_and_those_of_other_embedders_are_refused(bank, tmp_path):
    bank.add(voice("one"))
    bank.add(voice("two", 200.0))
    second = LetterCounts()
    again = FolderVoiceBank(tmp_path / "voices", second, Spectrum())
    await again.search("a voice", 1)
    assert second.embedded == ["a voice"]
    other = FolderVoiceBank(tmp_path / "voices", LetterCounts("letters-2"), Spectrum())
    with pytest.raises(StoreError, match="made by letters-1, this program uses letters-2; run `vivavoce voices reembed`"):
        await other.search("a voice", 1)
    with pytest.raises(StoreError, match="reembed"):
        other.add(voice("three", 250.0))
    assert reembed(other) == 2
    assert (await other.search("two", 1))[0].voice.id == "two"
    other.add(voice("three", 250.0))


async def test_voices_without_licence_or_consent_are_found_only_when_that_is_wanted(bank, tmp_path):
    bank.add(voice("owned"))
    bank.add(voice("agreed", 140.0, licence="", consent="she said yes"))
    bank.add(voice("nobodys", 160.0, licence="", consent=" "))
    assert {hit.voice.id for hit in await bank.search("a voice", 9)} == {"owned", "agreed"}
    everything = FolderVoiceBank(tmp_path / "voices", LetterCounts(), Spectrum(), allow_unlicensed=True)
    assert {hit.voice.id for hit in await everything.search("a voice", 9)} == {"owned", "agreed", "nobodys"}


async def test_a_description_and_a_clip_are_searched_together(bank):
    for name, f0_hz, gender in (("low", 90.0, "male"), ("lower", 88.0, "female"), ("high", 310.0, "female")):
        bank.add(voice(name, f0_hz, facts=VoiceFacts(gender)))
    assert (await bank.search("a woman", 3, like=tone(90.0)))[0].voice.id == "lower"
    hit = (await bank.search("a man", 3, like=tone(90.0)))[0]
    assert hit.voice.id == "low"
    assert {"facts", "meaning", "voice"} <= dict(hit.scores).keys()


async def test_search_by_clip_finds_the_same_voice(bank):
    for name, f0_hz in (("low", 90.0), ("middle", 160.0), ("high", 310.0)):
        bank.add(voice(name, f0_hz))
    hits = await bank.search(tone(311.0, 2.0), 3)
    assert hits[0].voice.id == "high"
    assert all(0.0 <= hit.score <= 1.0 and "speaker similarity" in hit.reason for hit in hits)


async def test_filters_are_exact(bank):
    bank.add(voice("he", facts=VoiceFacts("male", "old")))
    bank.add(voice("she", 200.0, facts=VoiceFacts("female", "young", language="zh-CN"), synthetic=True))
    for filters, wanted in (
        (VoiceFilters(gender="male"), {"he"}),
        (VoiceFilters(language="zh"), {"she"}),
        (VoiceFilters(synthetic=False), {"he"}),
        (VoiceFilters(age="child"), set()),
        (None, {"he", "she"}),
    ):
        assert {hit.voice.id for hit in await bank.search("a voice", 5, filters)} == wanted


@pytest.mark.parametrize(("query", "k"), [("", 1), ("  ", 1), ("x", 0)])
async def test_senseless_searches_are_refused(bank, query, k):
    with pytest.raises(ConfigError):
        await bank.search(query, k)


async def test_a_missing_speaker_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    bank = FolderVoiceBank(tmp_path, None, ResemblyzerEmbedder())
    with pytest.raises(ModelError, match=r"resemblyzer.*install"):
        bank.add(voice("one"))


async def test_a_bank_without_a_speaker_embedder_says_so(tmp_path):
    bank = FolderVoiceBank(tmp_path, None)
    bank.add(voice("one"))
    with pytest.raises(ConfigError, match="without a speaker embedder"):
        await bank.search(tone(100), 1)


async def test_the_reason_says_what_is_met_and_what_is_not(bank):
    bank.add(voice("he", 100.0, facts=VoiceFacts("male", "old")))
    hit = (await bank.search("a deep old man who whispers, or a whisper", 1))[0]
    assert hit.reason == "old, male, low pitch; but not whisper; median pitch 100 Hz"
