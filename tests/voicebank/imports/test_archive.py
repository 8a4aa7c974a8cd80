"""A bank goes out as one file and comes back the same; nothing that is no such file comes in."""

import hashlib
import io
import json
import os
import resource
import stat
import struct
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.crash_worker import without_syncing
from support.fakes import MEASURED, assert_one_line, buzz, contents, filled, folder_in_memory, small_bank, small_voice

from vivavoce.core.errors import ConfigError, StoreCorrupt, StoreError, VoiceNotFound
from vivavoce.core.voice import Acoustics, VoiceFacts
from vivavoce.voicebank.imports import archive
from vivavoce.voicebank.imports.archive import export_bank, import_archive

pytestmark = pytest.mark.unit
EVERYTHING = {
    "facts": VoiceFacts("female", "old", "irish, soft", "calm, reader", "en-IE", "sad", "low", "slow"),
    "acoustics": Acoustics(211.5, 7.25, 3.3, -23.1, 41.0),
    "description": "Speaks 'slowly' | \"with\" ünïcödë, 中文\nand lines.",
    "transcript": "What was said.\u2028Twice.",
    "speaker": "anna-1",
    "licence": "CC-BY-4.0",
    "source": "LibriTTS, 1/2.wav",
    "consent": "she signed | a form",
    "synthetic": True,
    "do_not_clone": True,
    "native": "hibari-tts/heart",
    "recipe": "abc",
}


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    without_syncing(monkeypatch)
    monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)


@pytest.fixture
def bank(tmp_path):
    bank = filled(tmp_path / "bank", 2)
    bank.add(small_voice("anna", 7, **EVERYTHING))
    return bank


@pytest.fixture
def members(bank, tmp_path):
    """What an export holds, by name."""
    export_bank(bank, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(path, members):
    """Members of (name or ZipInfo, data); deflated, but for clips."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # names that stand twice
        for name, data in members.items() if isinstance(members, dict) else members:
            file.writestr(name, data, zipfile.ZIP_STORED if str(name).startswith("clips/") else None)
    return path


def with_entries(members, lines, **head):
    """The same members with other entries, whose checksum holds."""
    text = "".join(f"{line}\n" for line in lines).encode()
    told = {"format": 1, "voices": len(lines), "entries_sha256": hashlib.sha256(text).hexdigest()} | head
    return members | {"bank.json": json.dumps(told).encode(), "entries.jsonl": text}


def assert_refused(path, tmp_path, *words):
    target = small_bank(tmp_path / "target")
    with pytest.raises((StoreCorrupt, ConfigError)) as refused:
        import_archive(target, path)
    assert_one_line(refused.value, *words)
    assert len(target) == 0
    assert not list((tmp_path / "target").rglob("*.flac"))


def test_every_field_and_clip_survives_the_way_out_and_in(bank, tmp_path):
    assert export_bank(bank, tmp_path / "out" / "voices.zip") == 3
    other = small_bank(tmp_path / "other")
    report = import_archive(other, tmp_path / "out" / "voices.zip")
    assert (report.added, report.kept, report.refused) == (["voice-0", "voice-1", "anna"], 0, [])
    assert contents(other) == contents(bank)
    assert other.entry("anna") == replace(bank.entry("anna"))
    for field, value in EVERYTHING.items():
        assert getattr(other.entry("anna"), field) == (value.strip() if isinstance(value, str) else value)
    again = import_archive(other, tmp_path / "out" / "voices.zip")
    assert (again.added, again.kept) == ([], 3)


def test_an_archive_tells_people_the_licences(bank, members):
    text = members["LICENCES.md"].decode()
    assert "| Anna | CC-BY-4.0 | she signed / a form | LibriTTS, 1/2.wav | synthetic, do not clone |" in text
    assert "| Voice-0 | MIT | none on record | test | human |" in text


def test_chosen_voices_alone_go_out(bank, tmp_path):
    assert export_bank(bank, tmp_path / "one.zip", ["anna", "anna"]) == 1
    other = small_bank(tmp_path / "other")
    import_archive(other, tmp_path / "one.zip")
    assert list(contents(other)) == ["anna"]
    with pytest.raises(VoiceNotFound):
        export_bank(bank, tmp_path / "none.zip", ["nobody"])
    assert not (tmp_path / "none.zip").exists()


def test_many_voices_of_one_name_and_clip_can_come_back(tmp_path):
    bank = small_bank(tmp_path / "bank")
    one = bank.analyse(small_voice("a", 1, name="Voice"))
    bank.add_all([replace(one, voice=replace(one.voice, id=f"v{n}")) for n in range(2_500)])
    export_bank(bank, tmp_path / "voices.zip")
    other = small_bank(tmp_path / "other", None, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "BATCH", 10_000)
        patch.setattr(archive, "_clip", lambda *_: one.voice.reference)
        assert len(import_archive(other, tmp_path / "voices.zip").added) == 2_500


@pytest.mark.parametrize(
    "name",
    [
        "../evil.flac",
        "/etc/evil",
        "clips/../../evil.flac",
        "clips/x.flac",
        "C:\\evil",
        "readme.txt",
        "clips/",
        "bank.json/x",
    ],
)
def test_a_member_that_no_export_has_is_refused(members, tmp_path, name):
    assert_refused(packed(tmp_path / "evil.zip", members | {name: b"evil"}), tmp_path, "no part of an export")
    assert not (tmp_path.parent / "evil.flac").exists()


def test_a_link_is_refused(members, tmp_path):
    link = zipfile.ZipInfo(f"clips/{'0' * 64}.flac")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert_refused(packed(tmp_path / "x.zip", [*members.items(), (link, b"/etc/passwd")]), tmp_path, "as a link")


def test_an_encrypted_member_is_refused(members, tmp_path):
    path = packed(tmp_path / "x.zip", members)
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 8] |= 1
    path.write_bytes(bytes(data))
    assert_refused(path, tmp_path, "encrypted")


def test_a_member_that_stands_twice_is_refused(members, tmp_path):
    path = packed(tmp_path / "x.zip", [*members.items(), ("bank.json", b"{}")])
    assert_refused(path, tmp_path, "'bank.json' twice")


def test_a_bomb_is_refused_before_it_unpacks(members, tmp_path):
    path = packed(tmp_path / "x.zip", members | {"entries.jsonl": bytes(50 << 20)})
    assert path.stat().st_size < 1 << 20
    assert_refused(path, tmp_path, "would unpack to 52428800 bytes")


@pytest.mark.parametrize("name", ["bank.json", "entries.jsonl"])
@pytest.mark.parametrize("declared", [10, 1 << 19])
def test_a_member_of_another_size_than_it_declares_is_refused(members, tmp_path, name, declared):
    names = [name, *(other for other in members if other != name)]
    path = packed(tmp_path / "x.zip", {other: members[other] for other in names})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(b"PK\x01\x02") + 24, declared)  # in the directory, where it stands first
    path.write_bytes(bytes(data))
    assert_refused(path, tmp_path)


def test_an_archive_cut_anywhere_is_refused(members, tmp_path):
    data = packed(tmp_path / "x.zip", members).read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.zip").write_bytes(data[: int(share * len(data))])
        assert_refused(tmp_path / "cut.zip", tmp_path, "export it again")


def test_an_archive_flipped_anywhere_is_one_line_or_stores_only_what_is_right(bank, members, tmp_path):
    data, wanted = packed(tmp_path / "x.zip", members).read_bytes(), contents(bank)
    rng = np.random.default_rng(0)
    refused = 0
    for attempt in range(60):
        damaged = bytearray(data)
        place = int(rng.integers(len(data) - 4))
        damaged[place : place + 4] = rng.bytes(4)
        (tmp_path / "flipped.zip").write_bytes(bytes(damaged))
        target = small_bank(tmp_path / f"target-{attempt}")
        try:
            report = import_archive(target, tmp_path / "flipped.zip")
        except StoreError as error:
            assert_one_line(error)
            refused += 1
            continue
        for _, why in report.refused:
            assert_one_line(why)
        refused += bool(report.refused)
        assert len(report.added) + len(report.refused) == 3
        assert contents(target).items() <= wanted.items()
    assert refused > 20


def test_entries_that_do_not_match_their_checksum_are_refused(members, tmp_path):
    changed = members["entries.jsonl"].replace(b"CC-BY-4.0", b"CC-BY-3.0")
    assert_refused(packed(tmp_path / "x.zip", members | {"entries.jsonl": changed}), tmp_path, "checksum of its entries")


@pytest.mark.parametrize("format_", [2, "1", None])
def test_an_archive_of_another_format_is_refused(members, tmp_path, format_):
    lines = members["entries.jsonl"].decode().splitlines()[:1]
    path = packed(tmp_path / "x.zip", with_entries(members, lines, format=format_))
    assert_refused(path, tmp_path, f"is of format {format_!r}, this program reads 1")


@pytest.mark.parametrize("head", [b"", b"[]", b"3", b"[" * 100_000, b"\xff", b'{"format": 1}'])
def test_a_senseless_head_is_refused(members, tmp_path, head):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (members | {"bank.json": head}).items():
            file.writestr(name, data)
    assert_refused(path, tmp_path, "damaged")


@pytest.mark.parametrize(
    "change",
    [{"clip": "../../../etc/passwd"}, {"id": "../up"}, {"id": "A"}, {"facts": 3}, {"duration_s": "long"}],
)
def test_an_entry_that_is_none_is_refused(members, tmp_path, change):
    lines = [json.loads(line) for line in members["entries.jsonl"].decode().split("\n") if line]
    lines[1] |= change
    path = packed(tmp_path / "x.zip", with_entries(members, [json.dumps(line) for line in lines]))
    assert_refused(path, tmp_path, "the record of a voice is damaged")


@pytest.mark.parametrize("missing", ["bank.json", "entries.jsonl"])
def test_an_archive_without_its_texts_is_refused(members, tmp_path, missing):
    assert_refused(packed(tmp_path / "x.zip", {n: d for n, d in members.items() if n != missing}), tmp_path, "damaged")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "folder.zip").mkdir()
    for name, words in (("text.zip", "no archive of voices"), ("folder.zip", "no archive"), ("none.zip", "no such file")):
        assert_refused(tmp_path / name, tmp_path, words)


def flac(samples, rate=8_000):
    data = io.BytesIO()
    soundfile.write(data, samples, rate, format="FLAC", subtype="PCM_16")
    return data.getvalue()


@pytest.mark.parametrize(
    ("clip", "why"),
    [
        (b"noise", "damaged"),
        (buzz(3).to_bytes("FLAC"), "does not match its checksum"),
        (flac(np.zeros((8_000, 2))), "no mono FLAC"),
        (flac(np.zeros(100 * 8_000)), "a minute at most"),
        (buzz(7).to_bytes("WAV"), "no mono FLAC"),
        (None, "missing in the archive"),
    ],
)
def test_a_damaged_clip_refuses_its_voice_alone(bank, members, tmp_path, clip, why):
    name = f"clips/{bank.entry('anna').clip}.flac"
    changed = {other: data for other, data in members.items() if other != name} | ({name: clip} if clip is not None else {})
    target = small_bank(tmp_path / "target")
    report = import_archive(target, packed(tmp_path / "x.zip", changed))
    assert report.added == ["voice-0", "voice-1"]
    assert [voice for voice, _ in report.refused] == ["anna"]
    assert_one_line(report.refused[0][1], why)
    assert contents(target).keys() == {"voice-0", "voice-1"}


def test_a_clip_with_wrong_bytes_in_the_file_refuses_its_voice_alone(bank, members, tmp_path):
    path = packed(tmp_path / "x.zip", members)
    clip = members[f"clips/{bank.entry('anna').clip}.flac"]
    path.write_bytes(path.read_bytes().replace(clip[-60:-20], clip[-60:-21] + bytes([clip[-21] ^ 1])))
    report = import_archive(small_bank(tmp_path / "target"), path)
    assert (report.added, [voice for voice, _ in report.refused]) == (["voice-0", "voice-1"], ["anna"])


def test_an_id_that_stands_twice_is_stored_once(members, tmp_path):
    lines = members["entries.jsonl"].decode().split("\n")[:-1]
    report = import_archive(
        small_bank(tmp_path / "target"), packed(tmp_path / "x.zip", with_entries(members, [*lines, lines[0]]))
    )
    assert report.added == ["voice-0", "voice-1", "anna"]
    assert report.refused == [("voice-0", "its id stands twice in the archive")]


def test_a_full_disk_leaves_no_archive_behind(bank, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.zip").write_text("the one before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreError) as refused:
            export_bank(bank, tmp_path / "out" / "old.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_one_line(refused.value, "cannot write", "choose another place")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old.zip"]
    assert (tmp_path / "out" / "old.zip").read_text() == "the one before"


def test_a_place_that_cannot_be_written_is_one_line(bank, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "taken.zip").mkdir()
    for path in (tmp_path / "file" / "x.zip", tmp_path / "taken.zip"):
        with pytest.raises(StoreError) as refused:
            export_bank(bank, path)
        assert_one_line(refused.value, "cannot write")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bank", "file", "taken.zip"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(bank, tmp_path):
    (tmp_path / "out").mkdir(0o500)
    with pytest.raises(StoreError) as refused:
        export_bank(bank, tmp_path / "out" / "x.zip")
    assert_one_line(refused.value, "cannot write")


def test_an_export_of_a_damaged_clip_leaves_nothing_behind(bank, tmp_path):
    bank.store.clip_path(bank.entry("voice-1").clip).write_bytes(b"noise")
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreCorrupt, match="voice-1"):
        export_bank(bank, tmp_path / "out" / "x.zip")
    assert list((tmp_path / "out").iterdir()) == []
