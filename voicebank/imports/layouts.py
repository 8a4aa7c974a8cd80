"""Collections of recordings as they lie on disks, as lists of what could be imported.

A manifest (CSV, TSV or JSON lines) names a file and describes it; LibriTTS, VCTK, Common Voice, Asterisk's sounds and
Hedgewars' voice packs are known by their folders. Everything in them is untrusted: no file outside the folder is read.
"""

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any

from vivavoce.core.errors import ConfigError, reason
from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.imports.audio_files import SUFFIXES
from vivavoce.voicebank.store.records import slug

MAX_MANIFEST_BYTES = 2 << 30
MAX_LINE = 100_000
MAX_TEXTS_BYTES = 16 << 20  # of a file of transcripts
JOINED_CLIPS = 12  # short recordings of one speaker that make one clip

# What a column may be called, in lower case.
NAMES: dict[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "filename", "path", "audio", "audio_path", "audio_filepath", "wav", "clip"),
    "description": ("description", "caption", "text_description", "desc", "voice_description"),
    "transcript": ("transcript", "transcription", "text", "sentence", "normalized_text"),
    "id": ("id", "voice_id"),
    "name": ("name", "voice", "title"),
    "speaker": ("speaker", "speaker_id", "client_id", "spk"),
    "licence": ("licence", "license"),
    "source": ("source", "origin", "url"),
    "consent": ("consent", "consent_note"),
    "gender": ("gender", "sex"),
    "age": ("age", "age_group"),
    "accent": ("accent", "accents"),
    "language": ("language", "locale", "lang"),
    "style": ("style", "speaking_style"),
    "emotion": ("emotion",),
    "pitch": ("pitch",),
    "speed": ("speed", "speaking_rate"),
    "synthetic": ("synthetic",),
    "do_not_clone": ("do_not_clone", "no_clone"),
}
MANIFESTS = (
    "metadata.jsonl",
    "metadata.csv",
    "manifest.jsonl",
    "manifest.csv",
    "voices.jsonl",
    "voices.csv",
    "validated.tsv",
)
FACT_NAMES = tuple(f.name for f in fields(VoiceFacts))
DECADES = {  # Common Voice's words, misspelt there too
    "young": ("teens", "twenties"),
    "adult": ("thirties", "fourties", "forties", "fifties"),
    "old": ("sixties", "seventies", "eighties", "nineties", "elderly"),
}
AGES = {decade: age for age, decades in DECADES.items() for decade in decades}
GENDERS = {
    "f": "female",
    "m": "male",
    "woman": "female",
    "man": "male",
    "female_feminine": "female",
    "male_masculine": "male",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could become a voice.

    files: recordings of one speaker, joined to one clip. key: says that it is the same candidate in a later run; the id
    is made of it where none is given.
    """

    files: tuple[Path, ...]
    key: str
    id: str = ""
    name: str = ""
    description: str = ""
    transcript: str = ""
    facts: VoiceFacts = field(default_factory=lambda: VoiceFacts(language=""))
    speaker: str = ""
    licence: str = ""
    source: str = ""
    consent: str = ""
    synthetic: bool = False
    do_not_clone: bool = False

    @property
    def voice_id(self) -> str:
        """The id given, or one made of the name and the key."""
        sign = hashlib.sha256(self.key.encode()).hexdigest()[:8]
        return self.id or f"{slug(self.name or Path(self.key).stem)[:54].strip('-')}-{sign}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A line or file that is no candidate, and why."""

    what: str
    why: str


Found = Candidate | Refused


def find_candidates(path: Path, per_speaker: int = 3) -> Iterator[Found]:
    """What could be imported from a file, a manifest or a folder. per_speaker: clips taken of each, where a corpus has many.

    Raises:
        ConfigError: there is nothing at the path, or nothing in it that is known.
    """
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise ConfigError(f"{path}: no such file or folder; give a recording, a manifest or a folder")
    if (path / "clips").is_dir() and (tables := sorted(path.glob("*.tsv"))):
        table = path / "validated.tsv"
        return _manifest(table if table in tables else tables[0], path, path / "clips", per_speaker)
    for name in MANIFESTS:
        if (path / name).is_file():
            return _manifest(path / name, path, path)
    return _from_folder(path, per_speaker)


def _from_file(path: Path) -> Iterator[Found]:
    if path.suffix.lower() in (".csv", ".tsv", ".jsonl"):
        return _manifest(path, path.parent, path.parent)
    if path.suffix.lower() in SUFFIXES:
        return iter([Candidate((path,), path.name, name=_title(path.stem), source=path.name)])
    raise ConfigError(f"{path}: neither a recording nor a manifest (.csv, .tsv, .jsonl); see the README")


def _from_folder(path: Path, per_speaker: int) -> Iterator[Found]:
    if (path / "speaker-info.txt").is_file():
        return _vctk(path, per_speaker)
    if texts := sorted(path.rglob("core-sounds-*.txt*")):
        return _asterisk(path, texts[0])
    if packs := sorted({ogg.parent for ogg in path.rglob("voices/*/*.ogg")}):
        return _hedgewars(path, packs)
    if next(path.rglob("*.normalized.txt"), None) is not None or next(path.rglob("*.trans.txt"), None) is not None:
        return _libritts(path, per_speaker)
    recordings = sorted(_recordings(path))
    if not recordings:
        raise ConfigError(f"{path}: there is no recording and no manifest in this folder")
    return (
        Candidate((file,), _relative(file, path), name=_title(file.stem), source=_relative(file, path))
        for file in recordings
    )


# Manifests


def _manifest(table: Path, root: Path, clips: Path, per_speaker: int | None = None) -> Iterator[Found]:
    """One candidate a line."""
    if table.stat().st_size > MAX_MANIFEST_BYTES:
        raise ConfigError(f"{table}: a manifest larger than 2 GiB; divide it")
    seen: dict[str, int] = {}
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        for number, row in enumerate(_lines(table, lines), 2 if table.suffix != ".jsonl" else 1):
            where = f"{table.name}, line {number}"
            if isinstance(row, str):
                yield Refused(where, row)
                continue
            found = _candidate(row, root, clips, where, table)
            if per_speaker is not None and isinstance(found, Candidate) and found.speaker:
                seen[found.speaker] = seen.get(found.speaker, 0) + 1
                if seen[found.speaker] > per_speaker:
                    continue
            yield found


def _lines(table: Path, lines: io.TextIOBase | Any) -> Iterator[dict[str, Any] | str]:  # noqa: ANN401
    """Rows as dictionaries; a text where a line is damaged."""
    if table.suffix == ".jsonl":
        for line in lines:
            if line.strip():
                try:
                    row = json.loads(line[:MAX_LINE])
                    yield row if isinstance(row, dict) else "it is no JSON object"
                except (ValueError, RecursionError):
                    yield "it is not JSON"
        return
    reader = csv.DictReader(lines, delimiter="\t" if table.suffix == ".tsv" else ",", quoting=_quoting(table))
    try:
        for row in reader:
            yield "it has more fields than the heading" if None in row else row
    except csv.Error as error:
        yield f"the rest cannot be read ({reason(error)})"


def _quoting(table: Path) -> Any:  # noqa: ANN401 - a constant of csv
    return csv.QUOTE_NONE if table.suffix == ".tsv" else csv.QUOTE_MINIMAL


def _candidate(row: dict[str, Any], root: Path, clips: Path, where: str, table: Path) -> Found:
    known = {str(key).strip().lower(): value for key, value in row.items() if value not in (None, "")}
    told = {field: next((known[name] for name in names if name in known), "") for field, names in NAMES.items()}
    texts = {field: str(value).strip() for field, value in told.items() if not isinstance(value, dict | list)}
    if not texts.get("file"):
        return Refused(where, "it names no file")
    try:
        file = inside(clips, texts["file"])
    except ConfigError as error:
        return Refused(where, str(error))
    facts = {name: texts.get(name, "") for name in FACT_NAMES}
    facts["gender"] = GENDERS.get(facts["gender"].lower(), facts["gender"].lower())
    facts["age"] = AGES.get(facts["age"].lower(), facts["age"].lower())
    plain = {name: texts.get(name, "") for name in ("description", "transcript", "speaker", "licence", "consent")}
    return Candidate(
        (file,),
        f"{root.name}/{_relative(file, root)}",
        id=slug(texts["id"]) if texts.get("id") else "",
        name=texts.get("name") or _title(plain["speaker"][:24] or file.stem),
        facts=VoiceFacts(**facts),
        source=texts.get("source") or f"{table.name}: {_relative(file, root)}",
        synthetic=_truth(told["synthetic"]),
        do_not_clone=_truth(told["do_not_clone"]),
        **plain,
    )


def inside(folder: Path, name: str) -> Path:
    """A file that a manifest names, if it lies in the folder.

    Raises:
        ConfigError: it lies elsewhere, be it by "..", an absolute path or a link.
    """
    root = folder.resolve()
    try:
        file = (root / name).resolve()
    except (ValueError, RuntimeError, OSError) as error:  # no text of a file name, or links in a circle
        raise ConfigError(f"{name[:80]!r} is no file name") from error
    if not file.is_relative_to(root):
        raise ConfigError(f"{name[:80]!r} lies outside the folder")
    return file


def _truth(value: object) -> bool:
    return value is True or str(value).strip().lower() in ("1", "true", "yes")


# Corpora


def _libritts(path: Path, per_speaker: int) -> Iterator[Found]:
    """LibriTTS and LibriSpeech: <speaker>/<chapter>/<utterance>, CC BY 4.0."""
    genders = dict(_speaker_table(path))
    transcripts = _trans_files(path)
    for speaker, files in _by_speaker(path, lambda file: file.parts[-3]):
        for file in islice(files, per_speaker):
            text = file.with_suffix(".normalized.txt")
            yield Candidate(
                (file,),
                f"libritts/{_relative(file, path)}",
                name=f"Libri {speaker}",
                transcript=_text(text) if text.is_file() else transcripts.get(file.stem, ""),
                facts=VoiceFacts(gender=genders.get(speaker, ""), style="reader, audiobook", language="en"),
                speaker=f"libri-{speaker}",
                licence="CC-BY-4.0",
                source=f"LibriTTS or LibriSpeech, {_relative(file, path)}",
                consent="LibriVox volunteers dedicated their readings to the public domain",
            )


def _speaker_table(path: Path) -> Iterator[tuple[str, str]]:
    for table in (
        *path.glob("[Ss][Pp][Ee][Aa][Kk][Ee][Rr][Ss].[Tt]*"),
        *path.parent.glob("[Ss][Pp][Ee][Aa][Kk][Ee][Rr][Ss].[Tt]*"),
    ):
        for line in _text(table).splitlines():
            parts = [part.strip() for part in re.split(r"[|\t]", line)]
            if len(parts) > 1 and parts[0].isdigit() and parts[1].upper() in ("F", "M"):
                yield parts[0], GENDERS[parts[1].lower()]


def _trans_files(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in path.rglob("*.trans.txt"):
        for line in _text(file).splitlines():
            utterance, _, text = line.partition(" ")
            found[utterance] = text.capitalize()
    return found


def _vctk(path: Path, per_speaker: int) -> Iterator[Found]:
    """VCTK: wav48*/<speaker>/<speaker>_<n>, txt/<speaker>/..., speaker-info.txt; CC BY 4.0."""
    known: dict[str, list[str]] = {}
    for line in _text(path / "speaker-info.txt").splitlines()[1:]:
        if len(parts := line.split()) >= 4:
            known[parts[0].lower().removeprefix("p")] = parts
    for speaker, files in _by_speaker(path, lambda file: file.parts[-2]):
        info = known.get(speaker.lower().removeprefix("p"), ["", "", "", ""])
        for file in islice(files, per_speaker):
            text = path / "txt" / speaker / f"{file.stem.removesuffix('_mic1').removesuffix('_mic2')}.txt"
            yield Candidate(
                (file,),
                f"vctk/{_relative(file, path)}",
                name=f"VCTK {speaker}",
                transcript=_text(text) if text.is_file() else "",
                facts=VoiceFacts(
                    gender=GENDERS.get(info[2].lower(), ""),
                    age="young" if info[1].isdigit() and int(info[1]) < 30 else "adult" if info[1].isdigit() else "",
                    accent=info[3].lower(),
                    language="en",
                    style="reader",
                ),
                speaker=f"vctk-{speaker}",
                licence="CC-BY-4.0",
                source=f"VCTK, {_relative(file, path)}",
                consent="paid speakers of the VCTK corpus",
            )


def _asterisk(path: Path, texts: Path) -> Iterator[Found]:
    """Asterisk's telephone prompts: one speaker a language, a text beside the folder tree."""
    language = (re.search(r"core-sounds-([a-z]{2})", texts.name) or ["", "en"])[1]
    said = dict(line.split(": ", 1) for line in _text(texts).splitlines() if ": " in line and not line.startswith(";"))
    for file in sorted(_recordings(path)):
        stem = next(
            (key for key in said if f"{key}{file.suffix}" == file.name or str(file.with_suffix("")).endswith(f"/{key}")), ""
        )
        if transcript := said.get(stem, ""):
            yield Candidate(
                (file,),
                f"asterisk-{language}/{_relative(file, path)}",
                name=f"Asterisk {language} {_title(file.stem)}",
                transcript=transcript.strip(),
                facts=VoiceFacts(style="telephone, prompts", language=language),
                speaker=f"asterisk-{language}",
                licence="CC-BY-3.0" if language == "ru" else "CC-BY-SA-3.0",
                source=f"asterisk-core-sounds-{language}, {file.name}",
            )


def _hedgewars(path: Path, packs: list[Path]) -> Iterator[Found]:
    """Hedgewars' voice packs: short cries, joined to one clip a pack."""
    for pack in packs:
        files = tuple(islice(sorted(pack.glob("*.ogg"), key=lambda file: -file.stat().st_size), JOINED_CLIPS))
        yield Candidate(
            files,
            f"hedgewars/{pack.name}",
            name=f"Hedgewars {_title(pack.name)}",
            description=f"The hedgehog voice pack {_title(pack.name)} of the game Hedgewars: short cries.",
            facts=VoiceFacts(style=f"{pack.name.lower().replace('_', ' ')}, game", language="en"),
            speaker=f"hedgewars-{pack.name.lower()}",
            licence="GFDL-1.3",
            source=f"hedgewars-data, {_relative(pack, path)}",
        )


def _by_speaker(path: Path, speaker_of: Callable[[Path], str]) -> Iterator[tuple[str, list[Path]]]:
    files: dict[str, list[Path]] = {}
    for file in sorted(_recordings(path)):
        if len(file.relative_to(path).parts) >= 2:
            files.setdefault(speaker_of(file), []).append(file)
    yield from files.items()


def _recordings(path: Path) -> Iterable[Path]:
    """Sound files in a folder that lie there really, and are not linked into it."""
    root = path.resolve()
    return (f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file() and f.resolve().is_relative_to(root))


def _relative(file: Path, root: Path) -> str:
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return file.name


def _text(path: Path) -> str:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return file.read(MAX_TEXTS_BYTES).decode(errors="replace").strip()


def _title(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+|_", " ", text).split()).title() or "Voice"
