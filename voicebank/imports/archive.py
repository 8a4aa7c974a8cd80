"""A bank, or some voices of it, as one file to hand on, and back.

A ZIP archive of ``bank.json`` (format, counts, checksum), ``entries.jsonl``, ``LICENCES.md`` for people, and
``clips/<content hash>.flac``. An archive is untrusted: any other member, a link, or more data than declared refuses it.
"""

import hashlib
import io
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard, publish
from vivavoce.core.errors import AudioError, ConfigError, StoreCorrupt, StoreError, VivavoceError, reason
from vivavoce.core.voice import Voice, VoiceEntry
from vivavoce.voicebank.bank import MAX_CLIP_S, Analysed, FolderVoiceBank
from vivavoce.voicebank.imports.importing import ImportReport
from vivavoce.voicebank.store.records import decode, encode

FORMAT = 1
MEMBER = re.compile(r"bank\.json|entries\.jsonl|LICENCES\.md|clips/[0-9a-f]{64}\.flac")
MAX_CLIP_BYTES = 32 << 20  # 60 s of 16-bit samples at 192 kHz
MAX_TEXT_BYTES = 1 << 30
MAX_RATIO = 200  # of unpacked to packed; entries pack to about a tenth, clips not at all
BATCH = 64
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)  # what reading one may raise


def export_bank(
    bank: FolderVoiceBank, path: Path, ids: Sequence[str] = (), progress: Callable[[int, int], None] | None = None
) -> int:
    """Write voices with their clips and provenance, whole or not at all; how many. ids: all voices when empty. Blocking.

    Raises:
        VoiceNotFound: there is no such voice. StoreCorrupt: a clip is damaged. StoreError: the file cannot be written.
    """
    entries = [bank.entry(voice_id) for voice_id in dict.fromkeys(ids)] if ids else list(bank.entries())
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                _write(archive, bank, entries, progress)
            file.flush()
            os.fsync(file.fileno())
        publish(partial, path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {reason(error)}; free space or choose another place") from error
    finally:
        discard(partial)
    return len(entries)


def _write(
    archive: zipfile.ZipFile,
    bank: FolderVoiceBank,
    entries: Sequence[VoiceEntry],
    progress: Callable[[int, int], None] | None,
) -> None:
    lines = "".join(f"{encode(entry)}\n" for entry in entries).encode()
    head = {"format": FORMAT, "voices": len(entries), "entries_sha256": hashlib.sha256(lines).hexdigest()}
    archive.writestr("bank.json", json.dumps(head))
    archive.writestr("entries.jsonl", lines)
    archive.writestr("LICENCES.md", _licences(entries))
    written: set[str] = set()
    for done, entry in enumerate(entries):
        if entry.clip not in written:
            written.add(entry.clip)
            clip = bank.clip(entry).to_bytes("FLAC")
            archive.writestr(f"clips/{entry.clip}.flac", clip, zipfile.ZIP_STORED)
        if progress is not None:
            progress(done + 1, len(entries))


def _licences(entries: Sequence[VoiceEntry]) -> str:
    rows = [
        f"| {_cell(e.name)} | {_cell(e.licence or 'none on record')} | {_cell(e.consent or 'none on record')} "
        f"| {_cell(e.source)} | {'synthetic' if e.synthetic else 'human'}{', do not clone' if e.do_not_clone else ''} |"
        for e in entries
    ]
    heading = "# Where these voices come from\n\n| voice | licence | consent | source | kind |\n|---|---|---|---|---|\n"
    return heading + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


@dataclass(frozen=True, slots=True)
class _Archive:
    file: zipfile.ZipFile
    entries: list[VoiceEntry]


def import_archive(bank: FolderVoiceBank, path: Path, progress: Callable[[int, int], None] | None = None) -> ImportReport:
    """Store the voices of an archive that the bank lacks; a damaged clip is refused, the others are stored. Blocking.

    Raises:
        StoreError: it is no archive of voices, damaged, or not safe to unpack; or the bank cannot be written.
    """
    report = ImportReport()
    with _opened(path) as archive:
        batch: list[Analysed] = []
        seen: set[str] = set()
        for done, entry in enumerate(archive.entries):
            if entry.id in seen:
                report.refused.append((entry.id, "its id stands twice in the archive"))
            elif bank.has(entry.id):
                report.kept += 1
            else:
                try:
                    batch.append(bank.analyse(Voice.of(entry, _clip(archive.file, entry))))
                except VivavoceError as error:
                    report.refused.append((entry.id, str(error)))
            seen.add(entry.id)
            if len(batch) >= BATCH or done + 1 == len(archive.entries):
                report.added += [added.id for added in bank.add_all(batch)] if batch else []
                batch.clear()
            if progress is not None:
                progress(done + 1, len(archive.entries))
    return report


@contextmanager
def _opened(path: Path) -> Generator[_Archive]:
    with ExitStack() as opened:
        try:
            file = opened.enter_context(zipfile.ZipFile(path))
            _check_members(file)
            entries = _entries(file)
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: no such file") from error
        except (*DAMAGED, ValueError) as error:
            raise StoreCorrupt(
                f"{path} is no archive of voices, or is damaged ({reason(error)}); export it again"
            ) from error
        yield _Archive(file, entries)


def _check_members(file: zipfile.ZipFile) -> None:
    """Refuse what no export of ours holds, before anything is unpacked."""
    names: set[str] = set()
    for info in file.infolist():
        what = repr(info.filename[:80])
        if not MEMBER.fullmatch(info.filename):
            raise StoreCorrupt(f"the archive holds {what}, which is no part of an export of voices; it is refused")
        if info.filename in names:
            raise StoreCorrupt(f"the archive holds {what} twice; it is refused")
        names.add(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise StoreCorrupt(f"the archive holds {what} as a link or encrypted; it is refused")
        limit = MAX_CLIP_BYTES if info.filename.startswith("clips/") else MAX_TEXT_BYTES
        if info.filename != "LICENCES.md" and info.file_size > min(limit, MAX_RATIO * info.compress_size + 1024):
            raise StoreCorrupt(f"{what} would unpack to {info.file_size} bytes; the archive is refused")


def _entries(file: zipfile.ZipFile) -> list[VoiceEntry]:
    try:
        head: Any = json.loads(_member(file, "bank.json"))
        lines = _member(file, "entries.jsonl")
        if head["format"] != FORMAT:
            raise StoreCorrupt(f"the archive is of format {head['format']!r}, this program reads {FORMAT}")
        if hashlib.sha256(lines).hexdigest() != head["entries_sha256"]:
            raise StoreCorrupt("the archive is damaged (checksum of its entries); export it again")
        return [decode(line) for line in lines.splitlines() if line]
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise StoreCorrupt("the archive is damaged (no entries); export it again") from error


def _clip(file: zipfile.ZipFile, entry: VoiceEntry) -> AudioClip:
    try:
        data = _member(file, f"clips/{entry.clip}.flac")
        with soundfile.SoundFile(io.BytesIO(data)) as header:
            if header.format != "FLAC" or header.channels != 1 or header.frames > (MAX_CLIP_S + 1) * header.samplerate:
                raise AudioError("its clip is no mono FLAC of a minute at most")
        clip = AudioClip.from_bytes(data)
    except KeyError as error:
        raise AudioError("its clip is missing in the archive") from error
    except DAMAGED as error:
        raise AudioError(f"its clip is damaged ({reason(error)})") from error
    if clip.content_hash != entry.clip:
        raise AudioError("its clip does not match its checksum")
    return clip


def _member(file: zipfile.ZipFile, name: str) -> bytes:
    """A member's bytes, no more than it declares: a liar ends in an error, not in memory."""
    info = file.getinfo(name)
    with file.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise StoreCorrupt(f"{name!r} does not have the size it declares; the archive is refused")
    return data
