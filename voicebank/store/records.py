"""Voice entries as text: canonical JSON, the same bytes for the same entry."""

import json
import re
from dataclasses import asdict
from functools import cache

from pydantic import TypeAdapter, ValidationError

from vivavoce.core.errors import ConfigError, StoreCorrupt
from vivavoce.core.voice import VoiceEntry

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
CLIP = re.compile(r"[0-9a-f]{64}")
SURROGATES = re.compile(r"[\ud800-\udfff]")
MAX_TEXT = 10_000  # characters of a description or transcript
MAX_WORDS = 500  # characters of any other field


def encode(entry: VoiceEntry) -> str:
    """One line of canonical JSON."""
    return json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def decode(text: str | bytes) -> VoiceEntry:
    """The entry of a line.

    Raises:
        StoreCorrupt: it is no entry.
    """
    try:
        entry = _adapter().validate_json(text)
    except ValidationError as error:
        raise StoreCorrupt(f"an entry is damaged ({error.error_count()} wrong fields)") from error
    if not CLIP.fullmatch(entry.clip) or not SLUG.fullmatch(entry.id):
        raise StoreCorrupt(f"an entry is damaged (voice {entry.id[:80]!r} has no usable id or clip)")
    return entry


def check(entry: VoiceEntry) -> None:
    """Refuse what a bank cannot hold.

    Raises:
        ConfigError: the id is no slug, there is no name, or a text is too long.
    """
    if not SLUG.fullmatch(entry.id):
        raise ConfigError(f"{entry.id[:80]!r} is no voice id; use 1-64 of a-z, 0-9 and inner hyphens")
    if not entry.name.strip():
        raise ConfigError(f"voice {entry.id} has no name; every voice has one")
    texts = {"description": entry.description, "transcript": entry.transcript}
    words = {"name": entry.name, "speaker": entry.speaker, "licence": entry.licence, "source": entry.source}
    words |= {"consent": entry.consent} | asdict(entry.facts)
    for limit, fields in ((MAX_TEXT, texts), (MAX_WORDS, words)):
        for field, text in fields.items():
            if len(text) > limit:
                raise ConfigError(f"voice {entry.id}: {field} is longer than {limit} characters; shorten it")
            if SURROGATES.search(text):
                raise ConfigError(f"voice {entry.id}: {field} holds halves of characters; write it as UTF-8")


def slug(text: str) -> str:
    """An id made of a name; "voice" where nothing of it can stand in one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-") or "voice"


@cache
def _adapter() -> TypeAdapter[VoiceEntry]:
    return TypeAdapter(VoiceEntry)
