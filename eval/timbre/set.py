"""What the timbre lab asks, and of which voices: a JSON file."""

from pathlib import Path
from typing import Annotated
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.eval.lab.set_files import read_json_set

OWN = "bank"
OWN_FILE = Path(__file__).parents[1] / "sets" / "timbre.json"


class TimbreSet(BaseModel):
    """voices: ids; none means all of the bank. embedders: see `embedders.open_embedder`.

    questions: the first is asked with the voice named, the others without. by_words: wishes for a voice, with ``{name}``;
    each voice gets one of them. back: asks for the default voice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    voices: tuple[str, ...] = ()
    embedders: tuple[str, ...] = Field(("resemblyzer",), min_length=1)
    questions: tuple[str, ...] = Field(min_length=2)
    by_words: tuple[Annotated[str, Field(pattern=r"\{name\}")], ...] = Field(min_length=1)
    back: str = Field(min_length=1)

    def wish_for(self, voice_id: str) -> str:
        """The wish that this voice gets, the same in every run."""
        return self.by_words[crc32(voice_id.encode()) % len(self.by_words)]


def read_timbre_set(name: str) -> TimbreSet:
    """The set of the lab's own ("bank"), or of a file.

    Raises:
        ConfigError: there is no such file, or it is not of this form; names the field.
    """
    return read_json_set(TimbreSet, name, OWN, OWN_FILE)[0]
