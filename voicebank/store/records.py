"""What a bank writes down of voices: canonical JSON, the same bytes for the same record."""

import json
import re
from dataclasses import asdict, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vivavoce.core.errors import ConfigError, StoreCorrupt
from vivavoce.core.voice import Acoustics, Voice, VoiceEntry

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
CLIP = re.compile(r"[0-9a-f]{64}")
SURROGATES = re.compile(r"[\ud800-\udfff]")
MAX_TEXT = 10_000  # characters of a description or transcript
MAX_WORDS = 500  # characters of any other field


def record_of(voice: Voice) -> VoiceEntry:
    """What the bank writes down of a measured voice."""
    clip = voice.reference
    shared: dict[str, Any] = {f.name: getattr(voice, f.name) for f in fields(voice) if f.name != "reference"}
    shared["acoustics"] = voice.acoustics or Acoustics()
    return VoiceEntry(clip=clip.content_hash, duration_s=round(clip.duration_s, 3), sample_rate=clip.sample_rate, **shared)


def encode(record: VoiceEntry) -> str:
    """One line of canonical JSON."""
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def decode(text: str | bytes) -> VoiceEntry:
    """The record of a line.

    Raises:
        StoreCorrupt: it is none.
    """
    try:
        record = _adapter().validate_json(text)
    except ValidationError as error:
        raise StoreCorrupt(f"the record of a voice is damaged ({error.error_count()} wrong fields)") from error
    if not CLIP.fullmatch(record.clip) or not SLUG.fullmatch(record.id):
        raise StoreCorrupt(f"the record of a voice is damaged ({record.id[:80]!r} has no usable id or clip)")
    return record


def check(record: VoiceEntry) -> None:
    """Refuse what a bank cannot hold.

    Raises:
        ConfigError: the id is no slug, there is no name, or a text is too long.
    """
    if not SLUG.fullmatch(record.id):
        raise ConfigError(f"{record.id[:80]!r} is no voice id; use 1-64 of a-z, 0-9 and inner hyphens")
    if not record.name.strip():
        raise ConfigError(f"voice {record.id} has no name; every voice has one")
    texts = {"description": record.description, "transcript": record.transcript}
    words = {"name": record.name, "speaker": record.speaker, "licence": record.licence, "source": record.source}
    words |= {"consent": record.consent} | asdict(record.facts)
    for limit, named in ((MAX_TEXT, texts), (MAX_WORDS, words)):
        for field, text in named.items():
            if len(text) > limit:
                raise ConfigError(f"voice {record.id}: {field} is longer than {limit} characters; shorten it")
            if SURROGATES.search(text):
                raise ConfigError(f"voice {record.id}: {field} holds halves of characters; write it as UTF-8")


def slug(text: str) -> str:
    """An id made of a name; "voice" where nothing of it can stand in one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-") or "voice"


@cache
def _adapter() -> TypeAdapter[VoiceEntry]:
    return TypeAdapter(VoiceEntry)
