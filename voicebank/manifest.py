"""What the voice bank writes down of each voice, and the file it stands in.

``voices.json`` holds ``{"version", "sha256", "voices"}``; the checksum is over the voices in canonical JSON.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.voice import VoiceFacts

MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class VoiceRecord:
    """A voice without its samples.

    clip: content hash, which names the file. sample_rate: Hz. recipe: hash of what a built-in voice was made from,
    empty for voices that a user added.
    """

    id: str
    name: str
    description: str
    clip: str
    duration_s: float
    sample_rate: int
    facts: VoiceFacts = field(default_factory=VoiceFacts)
    licence: str = ""
    source: str = ""
    synthetic: bool = False
    native: str | None = None
    recipe: str = ""


def dump(records: Iterable[VoiceRecord]) -> bytes:
    """The manifest file of these records."""
    voices = [asdict(record) for record in records]
    manifest = {"version": MANIFEST_VERSION, "sha256": _checksum(voices), "voices": voices}
    return json.dumps(manifest, ensure_ascii=False, indent=1).encode()


def parse(data: bytes, path: Path) -> tuple[VoiceRecord, ...]:
    """Records from a manifest file; ``path`` is named in errors.

    Raises:
        StoreCorrupt: it is no manifest, of another version, or does not match its checksum.
    """
    advice = "restore it from a backup, or delete the folder and run `vivavoce voices build`"
    try:
        manifest = json.loads(data)
    except ValueError as error:
        raise StoreCorrupt(f"{path} is damaged (not JSON); {advice}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("voices"), list):
        raise StoreCorrupt(f"{path} is damaged (no list of voices); {advice}")
    if manifest.get("version") != MANIFEST_VERSION:
        raise StoreCorrupt(f"{path} is of version {manifest.get('version')!r}, this program reads {MANIFEST_VERSION}")
    if manifest.get("sha256") != _checksum(manifest["voices"]):
        raise StoreCorrupt(f"{path} is damaged (checksum); {advice}")
    try:
        return _records().validate_python(manifest["voices"])
    except ValidationError as error:
        raise StoreCorrupt(f"{path} is damaged ({error.error_count()} wrong fields); {advice}") from error


@cache
def _records() -> TypeAdapter[tuple[VoiceRecord, ...]]:
    return TypeAdapter(tuple[VoiceRecord, ...])


def _checksum(voices: list[dict[str, Any]]) -> str:
    canonical = json.dumps(voices, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
