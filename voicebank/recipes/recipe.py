"""Voices that are made on the user's machine, each by a recipe, so that no recording lies in the repository."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import StoreError, VivavoceError
from vivavoce.core.voice import Voice, VoiceFacts
from vivavoce.voicebank.bank import FolderVoiceBank

BUILD_VERSION = 2  # Raise it when the way of making a voice changes: every voice with a recipe is then made again.


@dataclass(frozen=True, slots=True)
class Variation:
    """How the source voice is changed; the defaults change nothing.

    pitch: factor on F0. formants: factor on formant frequencies, above 1 for a shorter vocal tract. pitch_range: factor
    on the spread of log F0, 0 is monotone. speed: factor on tempo. breath: 0 voiced to 1 whispered.
    """

    pitch: float = 1.0
    formants: float = 1.0
    pitch_range: float = 1.0
    speed: float = 1.0
    breath: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Parts of a catalogue clip. sections: seconds; all are joined with a short pause."""

    builtin: ClassVar[bool] = True
    synthetic: ClassVar[bool] = False
    text: ClassVar[str] = ""
    asset: str
    sections: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text spoken by the embedded decoder's voice with a variation."""

    builtin: ClassVar[bool] = True
    synthetic: ClassVar[bool] = True
    text: str
    variation: Variation


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recordings of one speaker in a Debian package, joined in this order. files: paths below ``folder``."""

    builtin: ClassVar[bool] = False
    synthetic: ClassVar[bool] = False
    text: ClassVar[str] = ""
    package: str
    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A text spoken by an installed synthesizer, or one from Debian packages.

    engine: espeak-ng, flite or festival. voice: as the engine calls it. options: more arguments of its command. packages:
    what the voice needs besides the engine, for Festival's Indian voices also its default voice. encoding: of the text
    that the engine expects.
    """

    builtin: ClassVar[bool] = False
    synthetic: ClassVar[bool] = True
    engine: str
    voice: str
    text: str
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    encoding: str = "utf-8"


Recipe = Cut | Spoken | Recorded | Synthesised
# builtin: it needs nothing but what comes with the product. synthetic: nobody's real voice. text: what is said, where the
# recipe decides that.


@dataclass(frozen=True, slots=True)
class MadeVoice:
    """One voice and its recipe; the other fields are those of `VoiceEntry`."""

    id: str
    name: str
    description: str
    facts: VoiceFacts
    recipe: Recipe
    licence: str
    source: str
    consent: str = ""
    speaker: str = ""
    transcript: str = ""
    native: str | None = None

    @property
    def recipe_hash(self) -> str:
        """SHA-256 of everything the stored voice depends on."""
        everything = json.dumps([BUILD_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(everything.encode()).hexdigest()

    def voice(self, clip: AudioClip) -> Voice:
        """As it is stored."""
        return Voice(
            id=self.id,
            name=self.name,
            description=self.description,
            reference=clip,
            facts=self.facts,
            transcript=self.recipe.text or self.transcript,
            speaker=self.speaker,
            licence=self.licence,
            source=self.source,
            consent=self.consent,
            synthetic=self.recipe.synthetic,
            native=self.native,
            recipe=self.recipe_hash,
        )


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Ids of voices added and kept, and (id, reason) of those skipped."""

    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def build(
    bank: FolderVoiceBank,
    voices: Sequence[MadeVoice],
    make: Callable[[Recipe], AudioClip],
    progress: Callable[[int, int, str], None] | None = None,
) -> BuildReport:
    """Make the voices that the bank lacks or has from an older recipe; one that cannot be made is skipped. Blocking.

    make: the clip of a recipe. progress: called with voices done, voices in all and the name of the next one.

    Raises:
        StoreError: the bank cannot be read or written.
    """
    present = {entry.id: entry.recipe for entry in bank.entries()}
    added: list[str] = []
    kept: list[str] = []
    skipped: list[tuple[str, str]] = []
    for done, voice in enumerate(voices):
        if progress is not None:
            progress(done, len(voices), voice.name)
        if voice.id in present and present[voice.id] in ("", voice.recipe_hash):
            kept.append(voice.id)  # An empty recipe is a user's own voice of this id: never replaced.
            continue
        try:
            bank.add(voice.voice(make(voice.recipe)), replace_existing=True)
        except StoreError:
            raise
        except VivavoceError as error:
            skipped.append((voice.id, str(error)))
        else:
            added.append(voice.id)
    if progress is not None:
        progress(len(voices), len(voices), "")
    return BuildReport(tuple(added), tuple(kept), tuple(skipped))
