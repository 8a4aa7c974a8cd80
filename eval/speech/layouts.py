"""Benchmarks as they are published, read from a local folder. All of it is checked: a manifest may come from anywhere."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.set_files import json_of, lines_of, text_of
from vivavoce.eval.speech.recordings import Recording

MAX_MANIFEST_BYTES = 256 << 20
LANGUAGES = {
    "en": "English", "zh": "Chinese", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "ja": "Japanese",
    "ru": "Russian", "pt": "Portuguese", "nl": "Dutch", "ar": "Arabic", "tr": "Turkish", "ca": "Catalan", "fa": "Persian",
    "sv": "Swedish", "et": "Estonian", "mn": "Mongolian", "sl": "Slovenian", "cy": "Welsh", "lv": "Latvian",
    "ta": "Tamil", "id": "Indonesian",
}  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def librispeech(folder: Path) -> Iterator[Recording]:
    """LibriSpeech (Panayotov et al. 2015): ``<speaker>/<chapter>/<speaker>-<chapter>.trans.txt`` beside FLAC files."""
    for manifest in _some(folder, "**/*.trans.txt"):
        for where, line in _lines(manifest):
            name, _, text = line.partition(" ")
            if not text.strip():
                raise ConfigError(f"{where}: expected a name and what was said")
            audio = _inside(folder, manifest.parent / f"{name}.flac", where)
            yield Recording(name, audio, "transcription", (text.strip(),), name.split("-")[0])


def aishell(folder: Path) -> Iterator[Recording]:
    """AISHELL-1 (Bu et al. 2017): ``transcript/*.txt`` and ``wav/test/<speaker>/*.wav``; without a test part, all of wav."""
    tested = folder / "wav" / "test"
    recordings = {path.stem: path for path in (tested if tested.is_dir() else folder / "wav").rglob("*.wav")}
    for manifest in _some(folder, "transcript/*.txt"):
        for where, line in _lines(manifest):
            name, _, text = line.partition(" ")
            if not text.strip():
                raise ConfigError(f"{where}: expected a name and what was said")
            if name in recordings:
                audio = _inside(folder, recordings[name], where)
                yield Recording(name, audio, "transcription", ("".join(text.split()),), audio.parent.name, "zh")


def covost2(place: Path) -> Iterator[Recording]:
    """CoVoST 2 (Wang et al. 2020): ``covost_v2.<from>_<to>.<split>.tsv`` beside Common Voice's ``clips``.

    place: such a file, or a folder of which all test parts are read.
    """
    for manifest in [place] if place.is_file() else _some(place, "covost_v2.*.test.tsv"):
        named = re.fullmatch(r"covost_v2\.([\w-]+)_([\w-]+)\.\w+\.tsv", manifest.name)
        if named is None:
            raise ConfigError(f"{manifest}: expected a name such as covost_v2.de_en.test.tsv")
        target = named[2].split("-")[0]
        told = f"Translate what I say next into {LANGUAGES.get(target, target)}. Say only the translation."
        rows = csv.DictReader(io.StringIO(_text(manifest)), delimiter="\t", quoting=csv.QUOTE_NONE)
        for number, row in enumerate(rows, 2):
            where = f"{manifest}, line {number}"
            path, wanted = _field(row, "path", where), _field(row, "translation", where)
            audio = _inside(manifest.parent, manifest.parent / "clips" / path, where)
            speaker = row.get("client_id") or path
            yield Recording(path, audio, "translation", (wanted,), speaker, target, told, topic=f"{named[1]} to {target}")


def stepeval(folder: Path) -> Iterator[Recording]:
    """StepEval-Audio-Paralinguistic (Wu et al. 2025): ``<task>/<task>.json``; recordings hold the question.

    Audio paths are relative to the file, or to the folder of all tasks.
    """
    manifests = [path for path in _some(folder, "*/*.json") if path.stem == path.parent.name]
    for manifest in manifests:
        for where, row in _records(manifest):
            task = row.get("task")
            if not isinstance(task, dict):
                raise ConfigError(f"{where}: expected a task with name, label and answer")
            label, audio = _field(task, "label", where), _field(row, "audio", where)
            beside = manifest.parent / audio
            path = _inside(folder, beside if beside.exists() else folder / audio, where)
            language = "zh" if CHINESE.search(label) else "en"
            accepted = tuple(part for part in (one.strip() for one in re.split(r"[/,;|、，；]", label)) if part)
            name = f"{manifest.stem}/{Path(audio).stem}"
            yield Recording(name, path, "paralinguistics", accepted, name, language, topic=manifest.stem)


def mmau(place: Path) -> Iterator[Recording]:
    """MMAU (Sakshi et al. 2024): a JSON list of recordings, each with question, choices and answer."""
    for manifest in [place] if place.is_file() else _some(place, "*.json"):
        for where, row in _records(manifest):
            choices, answer = row.get("choices"), _field(row, "answer", where)
            if not isinstance(choices, list) or answer not in choices:
                raise ConfigError(f"{where}: the answer is not among the choices; is this the part without answers?")
            listed = [str(choice) for choice in choices]
            told = f"Listen to what comes next. {_field(row, 'question', where)} Choose one of: {'; '.join(listed)}."
            audio = _inside(manifest.parent, manifest.parent / _field(row, "audio_id", where), where)
            name = str(row.get("id") or audio.stem)
            topic = str(row.get("task") or "")
            yield Recording(name, audio, "choice", (answer,), name, "en", told, tuple(listed), topic)


def uro(place: Path) -> Iterator[Recording]:
    """URO-Bench (Yan et al. 2025): ``<dataset>/test.jsonl`` with source_wav and target_text.

    Rows without a target are for judges, and left out.
    """
    for manifest in [place] if place.is_file() else _some(place, "**/test.jsonl"):
        for where, line in _lines(manifest):
            row = _object(line, where)
            target = row.get("target_text")
            accepted = tuple(str(one) for one in (target if isinstance(target, list) else [target]) if one)
            if not accepted:
                continue
            audio = _inside(manifest.parent, manifest.parent / _field(row, "source_wav", where), where)
            name = f"{manifest.parent.name}/{row.get('id', audio.stem)}"
            language = "zh" if CHINESE.search("".join(accepted)) else "en"
            yield Recording(name, audio, "question", accepted, name, language, topic=manifest.parent.name)


LAYOUTS: Mapping[str, Callable[[Path], Iterator[Recording]]] = {
    "librispeech": librispeech,
    "aishell": aishell,
    "covost2": covost2,
    "stepeval": stepeval,
    "mmau": mmau,
    "uro": uro,
}


def _some(folder: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise ConfigError(f"{folder} holds no {pattern}; give the folder that the benchmark's archive unpacks to")
    return found


def _text(path: Path) -> str:
    return text_of(path, MAX_MANIFEST_BYTES, f"{path} cannot be read as text", "fetch it again")


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    return ((where, line.strip()) for where, line in lines_of(_text(path), path))


def _object(text: str, where: str) -> dict[str, Any]:
    row = json_of(text, where)
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected an object with named fields")
    return row


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list, each with its place in it, or of a file with one object a line."""
    text = _text(path)
    if not text.lstrip().startswith("["):
        for where, line in _lines(path):
            yield where, _object(line, where)
        return
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {error.lineno}: no JSON ({error.msg})") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: no JSON that can be read (nested too deep)") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ConfigError(f"{path}, record {number}: expected an object with named fields")
        yield f"{path}, record {number}", row


def _field(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str | int) or not str(value).strip():
        raise ConfigError(f"{where}: the field {name} is missing")
    return str(value).strip()


def _inside(folder: Path, path: Path, where: str) -> Path:
    """The path of a recording, which must lie below the folder: a manifest is no reason to read other files."""
    path = Path(os.path.normpath(path))  # links stay as they are: whoever made them in this folder wanted them
    if not path.is_relative_to(os.path.normpath(folder)):
        raise ConfigError(f"{where}: the recording {str(path)[-80:]!r} lies outside of {folder}")
    if not path.is_file():
        raise ConfigError(f"{where}: the recording {path} is missing")
    return path
