"""What the timbre lab asks, and of which voices: a JSON file."""

from pathlib import Path
from typing import Annotated
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vivavoce.core.errors import ConfigError

OWN = "bank"
OWN_FILE = Path(__file__).parents[1] / "sets" / "timbre.json"
MAX_BYTES = 1 << 20


class TimbreSet(BaseModel):
    """voices: ids; none means all of the bank. embedders: see `timbre_embedders.open_embedder`.

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
    try:
        path = OWN_FILE if name == OWN else Path(name)
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES >> 10} KiB; a set is a short JSON file")
        return TimbreSet.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"there is no set {name!r} ({error.strerror}); give {OWN} or the path of a JSON file") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{name}: {field}: {first['msg']}; correct it") from error
