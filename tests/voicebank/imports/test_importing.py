"""Collections of recordings as they lie on disks become voices, or are refused with a reason."""

import csv
import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.crash_worker import without_syncing
from support.fakes import MEASURED, assert_one_line, buzz, contents, folder_in_memory, small_bank
from support.voices import tone

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.embedders import ResemblyzerEmbedder
from vivavoce.voicebank.imports import importing
from vivavoce.voicebank.imports.audio_files import read_clip
from vivavoce.voicebank.imports.importing import NEAR_EQUAL, import_voices
from vivavoce.voicebank.imports.layouts import Candidate, Refused, find_candidates

pytestmark = pytest.mark.unit
QUESTIONS = Path(__file__).parents[3] / "examples" / "questions"


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    without_syncing(monkeypatch)
    if "measured" not in request.node.name:
        monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)


@pytest.fixture
def bank(tmp_path):
    return small_bank(tmp_path / "bank", allow_unlicensed=True)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


def record(path, number=0, seconds=1.2):
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = buzz(number, seconds)
    soundfile.write(path, clip.samples, clip.sample_rate)
    return path


def table(path, rows, delimiter=","):
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path


def lines(path, *rows):
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def imported(bank, path, **options):
    report = import_voices(bank, find_candidates(path), **options)
    for _, why in report.refused:
        assert_one_line(why)
    return report


def only(bank):
    (entry,) = bank.entries()
    return entry


# Layouts


def test_a_single_recording(bank, corpus):
    imported(bank, record(corpus / "old_man-2.wav"))
    assert (only(bank).name, only(bank).source, only(bank).licence) == ("Old Man 2", "old_man-2.wav", "")
    assert only(bank).description == "A voice: deep."


def test_a_folder_of_recordings(bank, corpus):
    record(corpus / "a.wav", 1)
    record(corpus / "deep" / "b.flac", 2)
    record(corpus / "deep" / "c.ogg", 3)
    (corpus / "notes.txt").write_text("no recording")
    report = imported(bank, corpus)
    assert sorted(entry.source for entry in bank.entries()) == ["a.wav", "deep/b.flac", "deep/c.ogg"]
    assert (len(report.added), report.refused) == (3, [])


def test_a_table_of_files_and_descriptions(bank, corpus):
    record(corpus / "a.wav", 1)
    record(corpus / "sub" / "b.wav", 2)
    rows = [("file", "description"), ("a.wav", "A calm, old man"), ("sub/b.wav", 'Says "yes"')]
    imported(bank, table(corpus / "voices.csv", rows))
    assert [entry.description for entry in bank.entries()] == ["A calm, old man", 'Says "yes"']


def test_a_table_with_every_column(bank, corpus):
    record(corpus / "a.wav", 1)
    row = {
        "Audio": "a.wav",
        "Caption": "Kind",
        "Sentence": "Hello",
        "ID": "Anna 1",
        "Title": "Anna",
        "client_id": "s1",
        "License": "MIT",
        "URL": "https://example.org",
        "consent": "yes",
        "Sex": "F",
        "age": "seventies",
        "accents": "irish",
        "locale": "en-IE",
        "speaking_style": "calm",
        "emotion": "sad",
        "pitch": "low",
        "speaking_rate": "slow",
        "synthetic": "True",
        "no_clone": "1",
    }
    imported(bank, table(corpus / "x.csv", [list(row), list(row.values())]))
    entry = only(bank)
    assert (entry.id, entry.name, entry.description, entry.transcript) == ("anna-1", "Anna", "Kind", "Hello")
    assert (entry.speaker, entry.licence, entry.source, entry.consent) == ("s1", "MIT", "https://example.org", "yes")
    assert entry.facts == VoiceFacts("female", "old", "irish", "calm", "en-IE", "sad", "low", "slow")
    assert entry.synthetic and entry.do_not_clone


@pytest.mark.parametrize("name", ["metadata.jsonl", "voices.jsonl", "manifest.jsonl"])
def test_json_lines_as_hugging_face_writes_them(bank, corpus, name):
    record(corpus / "data" / "a.wav", 1)
    lines(corpus / name, {"file_name": "data/a.wav", "text": "Hello", "gender": "male", "synthetic": False})
    imported(bank, corpus)
    assert (only(bank).transcript, only(bank).facts.gender, only(bank).synthetic) == ("Hello", "male", False)


def test_common_voice(bank, corpus):
    for number in range(5):
        record(corpus / "clips" / f"cv_{number}.mp3", number)
    rows = [("client_id", "path", "sentence", "age", "gender", "accents", "locale")]
    rows += [("anna", f"cv_{n}.mp3", 'He said "so', "fourties", "female_feminine", "", "en") for n in range(4)]
    rows += [("ben", "cv_4.mp3", "And", "teens", "male_masculine", "scottish", "en")]
    table(corpus / "validated.tsv", [])
    (corpus / "validated.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    (corpus / "other.tsv").write_text("path\n")
    imported(bank, corpus)
    entries = list(bank.entries())
    assert [entry.speaker for entry in entries] == ["anna", "anna", "anna", "ben"]  # three of each
    assert (entries[0].facts.gender, entries[0].facts.age, entries[0].transcript) == ("female", "adult", 'He said "so')
    assert (entries[3].facts.age, entries[3].facts.accent) == ("young", "scottish")


def test_libritts(bank, corpus):
    record(corpus / "84" / "121" / "84_121_1.wav", 1)
    (corpus / "84" / "121" / "84_121_1.normalized.txt").write_text("Go on.\n")
    (corpus / "speakers.tsv").write_text("READER\tGENDER\n84\tF\n")
    imported(bank, corpus)
    assert (only(bank).transcript, only(bank).speaker, only(bank).licence) == ("Go on.", "libri-84", "CC-BY-4.0")
    assert (only(bank).facts.gender, only(bank).facts.style) == ("female", "reader, audiobook")


def test_librispeech(bank, corpus):
    for number in range(4):
        record(corpus / "dev" / "61" / "7" / f"61-7-{number}.flac", number)
    (corpus / "dev" / "61" / "7" / "61-7.trans.txt").write_text("61-7-0 HE BEGAN\n61-7-1 AND ENDED\n")
    (corpus / "SPEAKERS.TXT").write_text("; ID | SEX\n61 | M | dev\n")
    imported(bank, corpus)
    assert [entry.transcript for entry in bank.entries()] == ["He began", "And ended", ""]
    assert {entry.facts.gender for entry in bank.entries()} == {"male"}


def test_vctk(bank, corpus):
    record(corpus / "wav48_silence_trimmed" / "p225" / "p225_001_mic1.flac", 1)
    (corpus / "txt" / "p225").mkdir(parents=True)
    (corpus / "txt" / "p225" / "p225_001.txt").write_text("Please call Stella.\n")
    (corpus / "speaker-info.txt").write_text("ID  AGE  GENDER  ACCENTS  REGION\np225  23  F    English    Southern\n")
    imported(bank, corpus)
    assert (only(bank).transcript, only(bank).speaker) == ("Please call Stella.", "vctk-p225")
    assert (only(bank).facts.gender, only(bank).facts.age, only(bank).facts.accent) == ("female", "young", "english")


def test_asterisk(bank, corpus):
    record(corpus / "en" / "agent-pass.wav", 1)
    record(corpus / "en" / "silence.wav", 2)
    (corpus / "core-sounds-en.txt").write_text("; comment: no\nagent-pass: Please enter your password\n")
    imported(bank, corpus)
    assert (only(bank).transcript, only(bank).licence) == ("Please enter your password", "CC-BY-SA-3.0")
    assert (only(bank).speaker, only(bank).facts.language) == ("asterisk-en", "en")


def test_hedgewars_cries_are_joined_to_one_clip(bank, corpus):
    for number in range(14):
        record(corpus / "Sounds" / "voices" / "Pirate" / f"{number}.ogg", number, 0.5)
    imported(bank, corpus)
    assert (only(bank).name, only(bank).licence) == ("Hedgewars Pirate", "GFDL-1.3")
    assert only(bank).duration_s == pytest.approx(12 * 0.5 + 11 * 0.15, abs=0.1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "au", "m4a", "webm", "g722", "ulaw", "alaw"])
def test_every_kind_of_file_has_its_length_and_sound(bank, corpus, suffix):
    path, clip = corpus / f"a.{suffix}", tone(220, 2.0)
    codec = {"m4a": ("ipod", "aac"), "webm": ("webm", "libopus"), "g722": ("g722", "g722")} | {
        "ulaw": ("mulaw", "pcm_mulaw"),
        "alaw": ("alaw", "pcm_alaw"),
    }
    if suffix in codec:
        encoded(path, clip, *codec[suffix])
    else:
        soundfile.write(path, clip.samples, clip.sample_rate)
    read = read_clip(path)
    assert read.duration_s == pytest.approx(2.0, abs=0.15)
    spectrum = np.abs(np.fft.rfft(read.samples))
    peak = np.fft.rfftfreq(read.samples.size, 1 / read.sample_rate)[spectrum.argmax()]
    assert peak == pytest.approx(220, abs=3)


def encoded(path, clip, container, codec):
    """Writes a clip by FFmpeg."""
    rate = {"libopus": 48_000, "pcm_mulaw": 8_000, "pcm_alaw": 8_000}.get(codec, clip.sample_rate)
    samples = (clip.resampled(rate).samples * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = rate
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        coder = stream.codec_context
        resampler = av.AudioResampler(format=coder.format.name, layout="mono", rate=rate, frame_size=coder.frame_size or 0)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            for packet in stream.encode(part):
                file.mux(packet)


# Refusals


@pytest.mark.parametrize("way", ["../secret.wav", "absolute", "link.wav", "folder-link/secret.wav", "sub/../../secret.wav"])
def test_a_file_outside_of_the_folder_is_refused(bank, corpus, tmp_path, way):
    secret = record(tmp_path / "secret.wav")
    record(corpus / "sub" / "fine.wav", 5)
    (corpus / "link.wav").symlink_to(secret)
    (corpus / "folder-link").symlink_to(tmp_path)
    path = table(corpus / "x.csv", [("file",), (str(secret) if way == "absolute" else way,), ("sub/fine.wav",)])
    report = imported(bank, path)
    assert len(report.added) == 1
    assert report.refused[0][0] == "x.csv, line 2"
    assert "lies outside the folder" in report.refused[0][1]


def test_what_is_linked_into_a_folder_is_not_imported(bank, corpus, tmp_path):
    record(corpus / "fine.wav", 5)
    (corpus / "link.wav").symlink_to(record(tmp_path / "secret.wav"))
    assert len(imported(bank, corpus).added) == 1


@pytest.mark.parametrize(
    "name", ["loop.wav", "\ud800.wav", "nul\0.wav", "x" * 5_000 + ".wav", "a\nb.wav", ".", "sub", "missing.wav"]
)
def test_a_name_of_no_file_is_refused_and_the_rest_goes_on(bank, corpus, name):
    record(corpus / "sub" / "fine.wav", 5)
    (corpus / "loop.wav").symlink_to("loop.wav")
    report = imported(bank, lines(corpus / "x.jsonl", {"file": name}, {"file": "sub/fine.wav"}))
    assert (len(report.added), len(report.refused)) == (1, 1)


def test_damaged_lines_are_refused_one_by_one(bank, corpus):
    record(corpus / "a.wav", 1)
    bad = ("{", "[1]", "3", "[" * 50_000, '{"file": ["a.wav"]}', '{"name": "x"}', '{"file": ""}', '{"id": 9}')
    report = imported(bank, lines(corpus / "x.jsonl", *bad, {"file": "a.wav"}))
    assert len(report.added) == 1
    assert [where for where, _ in report.refused] == [f"x.jsonl, line {n}" for n in range(1, 9)]
    assert [why for _, why in report.refused] == [
        "it is not JSON",
        "it is no JSON object",
        "it is no JSON object",
        "it is not JSON",
        *["it names no file"] * 4,
    ]


def test_a_line_with_too_many_fields_is_refused(bank, corpus):
    record(corpus / "a.wav", 1)
    record(corpus / "b.wav", 2)
    path = table(corpus / "x.csv", [("file", "description"), ("a.wav", "A calm", " old man"), ("b.wav",), ("",)])
    report = imported(bank, path)
    assert report.refused == [
        ("x.csv, line 2", "it has more fields than the heading"),
        ("x.csv, line 4", "it names no file"),
    ]
    assert only(bank).source == "x.csv: b.wav"


def test_a_field_without_end_is_refused(bank, corpus):
    (corpus / "x.csv").write_text("file\n" + "y" * 200_000 + "\n")
    report = imported(bank, corpus / "x.csv")
    assert "field larger than field limit" in report.refused[0][1]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"description": "x" * 10_001}, "description is longer than 10000"),
        ({"licence": "x" * 501}, "licence is longer than 500"),
        ({"name": "\udc80"}, "halves of characters"),
        ({"transcript": "\ud83d"}, "halves of characters"),
    ],
)
def test_a_text_that_a_bank_cannot_hold_is_refused(bank, corpus, row, why):
    record(corpus / "a.wav", 1)
    record(corpus / "b.wav", 2)
    report = imported(bank, lines(corpus / "x.jsonl", {"file": "a.wav"} | row, {"file": "b.wav"}))
    assert why in report.refused[0][1]
    assert only(bank).source == "x.jsonl: b.wav"


def test_a_place_with_nothing_in_it_is_one_line(corpus):
    (corpus / "text.txt").write_text("x")
    for path, why in ((corpus, "no recording"), (corpus / "none", "no such file"), (corpus / "text.txt", "neither")):
        with pytest.raises(ConfigError, match=why) as refused:
            list(find_candidates(path))
        assert_one_line(refused.value)


# What is kept, left out, gone on with


def many(corpus, count=10):
    for number in range(count):
        record(corpus / f"v{number:02}.wav", number)
    return corpus


class Cut(Exception):
    pass


def test_an_import_that_was_cut_goes_on(bank, corpus, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 4)
    many(corpus)

    def cut(done):
        if done == 8:
            raise Cut

    with pytest.raises(Cut):
        imported(bank, corpus, progress=cut)
    assert len(bank) == 8
    steps, read = [], []
    monkeypatch.setattr(importing, "read_clip", lambda path: read.append(path.name) or read_clip(path))
    report = imported(bank, corpus, progress=steps.append)
    assert (len(report.added), report.kept, steps) == (2, 8, [4, 8, 10])
    assert read == ["v08.wav", "v09.wav"]
    assert imported(bank, corpus).kept == 10


def test_the_same_recording_is_stored_once(bank, corpus):
    record(corpus / "a.wav", 1)
    soundfile.write(corpus / "b.flac", *soundfile.read(corpus / "a.wav", dtype="int16"))  # the same samples
    record(corpus / "c.wav", 2)
    report = imported(bank, corpus)
    assert len(report.added) == 2
    ((repeated, original),) = report.duplicates
    assert (repeated[:2], original) == ("b-", report.added[0])
    record(corpus / "d.wav", 2)
    assert [original for _, original in imported(bank, corpus).duplicates] == [report.added[0], report.added[1]]


@pytest.mark.parametrize("batch", [64, 1])
def test_an_id_that_stands_twice_is_refused(bank, corpus, monkeypatch, batch):
    monkeypatch.setattr(importing, "BATCH", batch)
    many(corpus, 2)
    path = table(corpus / "x.csv", [("id", "file"), ("one", "v00.wav"), ("one", "v01.wav")])
    report = imported(bank, path)
    assert (report.added, report.kept) == (["one"], 0)
    assert report.refused == [("corpus/v01.wav", "the id one stands twice in this import")]
    assert imported(bank, path).kept == 1


def test_voices_that_sound_almost_the_same_are_added_and_told(bank, corpus):
    record(corpus / "a.wav", 1)
    clip = buzz(1, 1.2)
    soundfile.write(corpus / "b.wav", 0.9 * clip.samples, clip.sample_rate)
    record(corpus / "c.wav", 2)
    report = imported(bank, corpus)
    assert len(report.added) == 3
    ((new, other, cosine),) = report.alike
    assert (new, other) == (report.added[1], report.added[0])
    assert cosine >= NEAR_EQUAL
    soundfile.write(corpus / "d.wav", 0.8 * clip.samples, clip.sample_rate)
    assert imported(bank, corpus).alike[0][1] in report.added[:2]  # those in the bank are compared too


def test_transcripts_are_heard_only_where_none_is_given(bank, corpus):
    many(corpus, 3)
    record(corpus / "v03.wav", 0)  # a duplicate is not listened to
    rows = [("file", "transcript", "language"), ("v00.wav", "Given", "en"), ("v01.wav", "", "de"), ("v03.wav", "", "fr")]
    heard = []

    def transcribe(clip, language):
        heard.append((clip.content_hash, language))
        return "Heard"

    imported(bank, table(corpus / "x.csv", rows), transcribe=transcribe)
    assert [entry.transcript for entry in bank.entries()] == ["Given", "Heard"]
    assert heard == [(list(bank.entries())[1].clip, "de")]


def test_defaults_stand_where_a_candidate_says_nothing(bank, corpus):
    many(corpus, 2)
    path = table(corpus / "x.csv", [("file", "licence", "gender"), ("v00.wav", "CC0", "m"), ("v01.wav", "", "")])
    defaults = Candidate((), "", licence="MIT", consent="yes", facts=VoiceFacts("female", language="de"), do_not_clone=True)
    imported(bank, path, defaults=defaults)
    one, two = bank.entries()
    assert (one.licence, one.consent, one.facts.gender, one.facts.language) == ("CC0", "yes", "male", "de")
    assert (two.licence, two.facts.gender, two.do_not_clone, two.synthetic) == ("MIT", "female", True, False)


def test_more_threads_make_the_same_bank(bank, corpus, tmp_path):
    many(corpus, 12)
    record(corpus / "v12.wav", 3)
    (corpus / "v13.wav").write_text("noise")
    other = small_bank(tmp_path / "other")
    reports = [imported(bank, corpus, jobs=1), imported(other, corpus, jobs=4)]
    assert contents(bank) == contents(other)
    assert list(contents(bank)) == list(contents(other))
    told = [(report.added, report.refused, report.duplicates, report.alike) for report in reports]
    assert told[0] == told[1]
    assert len(reports[0].added) == 12


def test_a_measured_voice_is_described_by_its_sound(bank, corpus):
    soundfile.write(corpus / "a.wav", tone(100, 2.0).samples, 16_000)
    imported(bank, table(corpus / "x.csv", [("file", "gender", "age"), ("a.wav", "m", "sixties")]))
    assert only(bank).description == "An old man: deep, speaks slowly."
    assert only(bank).acoustics.f0_hz == pytest.approx(100, rel=0.02)


@pytest.mark.models
def test_copies_in_other_codecs_are_alike_and_other_clips_of_one_voice_are_not(tmp_path):
    pytest.importorskip("resemblyzer")
    embedder, originals, copies = ResemblyzerEmbedder(), [], []
    for path in sorted(QUESTIONS.glob("*.wav")):
        clip = AudioClip.load(path)
        originals.append(embedder.embed(clip))
        for suffix in ("mp3", "ogg", "flac"):
            soundfile.write(tmp_path / f"copy.{suffix}", clip.samples, clip.sample_rate)
            copies.append((path.name, suffix, float(embedder.embed(read_clip(tmp_path / f"copy.{suffix}")) @ originals[-1])))
    others = [float(one @ two) for i, one in enumerate(originals) for two in originals[:i]]
    assert len(copies) == 3 * len(list(QUESTIONS.glob("*.wav")))
    assert min(copies, key=lambda copy: copy[2])[2] >= NEAR_EQUAL
    assert max(others) < NEAR_EQUAL


def test_refused_and_found_are_told_apart(corpus):
    record(corpus / "a.wav")
    found = list(find_candidates(lines(corpus / "x.jsonl", {"file": "a.wav"}, {})))
    assert [type(each) for each in found] == [Candidate, Refused]
    assert os.fspath(found[0].files[0]) == os.fspath((corpus / "a.wav").resolve())
