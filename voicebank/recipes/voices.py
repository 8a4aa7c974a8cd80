"""The voices that the product can make: one a line of voices.jsonl.

No recording lies in the repository. Human voices are cut from clips or joined from recordings that packages carry,
with licence and speaker as the package names them. Synthetic ones are the embedded voice "heart", varied, or spoken by
a free synthesizer. What they say is in texts.json by name, each about eight to twelve seconds of speech.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vivavoce.core.errors import ConfigError, reason
from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.recipes.recipe import Cut, MadeVoice, Recorded, Spoken, Synthesised

VOICES = Path(__file__).with_name("voices.jsonl")
TEXTS = VOICES.with_name("texts.json")


class _Line(BaseModel):
    """The fields of `MadeVoice`, the recipe under the name of its kind; its text is one name in texts.json, or several."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str
    name: str
    description: str
    facts: VoiceFacts
    cut: Cut | None = None
    spoken: Spoken | None = None
    recorded: Recorded | None = None
    synthesised: Synthesised | None = None
    licence: str
    source: str
    consent: str = ""
    speaker: str = ""
    transcript: str = ""
    native: str | None = None

    def voice(self, texts: Mapping[str, str]) -> MadeVoice:
        """The voice of this line.

        Raises:
            ValueError: it has no recipe or several, or a text is missing.
        """
        recipes = [one for one in (self.cut, self.spoken, self.recorded, self.synthesised) if one is not None]
        if len(recipes) != 1:
            raise ValueError(f"{len(recipes)} recipes instead of one of cut, spoken, recorded and synthesised")
        recipe = recipes[0]
        if isinstance(recipe, Spoken | Synthesised):
            names = recipe.text.split(" ")
            if missing := [name for name in names if name not in texts]:
                raise ValueError(f"text: there is none called {missing[0]!r}")
            recipe = replace(recipe, text=" ".join(texts[name] for name in names))
        shared = {field.name: getattr(self, field.name) for field in fields(MadeVoice) if field.name != "recipe"}
        return MadeVoice(recipe=recipe, **shared)


@cache
def made_voices() -> tuple[MadeVoice, ...]:
    """Every voice that can be made; the default voice is the first."""
    return read_voices(VOICES, TEXTS)


@cache
def builtin_voices() -> tuple[MadeVoice, ...]:
    """Those that need nothing but what comes with the product."""
    return tuple(voice for voice in made_voices() if voice.recipe.builtin)


def read_voices(path: Path, texts: Path) -> tuple[MadeVoice, ...]:
    """The voices of a file of JSON lines, in its order.

    Raises:
        ConfigError: a line is no voice, or has the id of an earlier one; names the line and the field.
    """
    said: dict[str, str] = json.loads(texts.read_text(encoding="utf-8"))
    voices: dict[str, MadeVoice] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            voice = _Line.model_validate_json(line).voice(said)
            if voice.id in voices:
                raise ValueError(f"id: an earlier line has {voice.id!r}")
        except ValueError as error:
            raise ConfigError(f"{path.name}, line {number}: {_reason(error)}; correct it") from error
        voices[voice.id] = voice
    return tuple(voices.values())


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return reason(error)
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}"
