"""Settings, read once by ``app`` from the environment (``VIVAVOCE_...``) and an optional ``.env`` file.

A field of a section is the variable ``VIVAVOCE_<SECTION>__<FIELD>``, such as ``VIVAVOCE_STEP_AUDIO2__DEVICE``.
"""

import logging
import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import DEFAULT_VOICE_ID

PREFIX, NESTED = "VIVAVOCE_", "__"
EARLIER_NAMES: Mapping[str, str] = {  # of fields that moved into sections; they are read for one release
    **{name: f"step_audio2{NESTED}{name}" for name in ("checkpoint", "variant", "device", "dtype", "weights", "context")},
    "cache_mib": f"step_audio2{NESTED}cache_mib",
    **{name: f"token2wav{NESTED}{name}" for name in ("flow_steps", "prompt_s", "as_reference", "first_chunk")},
    "guided_every": f"token2wav{NESTED}guidance_interval",
    "products": f"token2wav{NESTED}compute_dtype",
    **{name: f"remote{NESTED}{name}" for name in ("base_url", "api_key")},
    "remote_model": f"remote{NESTED}model",
    "remote_dialect": f"remote{NESTED}dialect",
    **{name: f"embedded{NESTED}{name}" for name in ("language_model", "language_model_path", "recogniser", "look_up")},
}
logger = logging.getLogger(__name__)


def _default_threads() -> int:
    # More than four threads gain nothing for models this small; a spinning surplus costs a lot on a shared machine.
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmbeddedSettings(_Section):
    """The embedded model."""

    language_model: str = Field(default="qwen2.5-coder-0.5b", description="weights of the language model")
    language_model_path: Path | None = Field(default=None, description="a GGUF file of your own instead")
    recogniser: str = Field(default="whisper-base", description="whisper-base or whisper-tiny.en (faster, hears less well)")
    look_up: Literal["asked", "first", "only"] = Field(
        default="asked",
        description="when facts are looked up in documents or on the web: where it sounds asked to, before every answer, or "
        "as the only source of facts: what is not found is not answered",
    )


class StepAudio2Settings(_Section):
    """A Step-Audio 2 checkpoint in this process."""

    checkpoint: Path | None = Field(default=None, description="folder of a checkpoint; none means the pulled one")
    variant: Literal["chat", "base", "think"] | None = Field(
        default=None, description="form of the prompt; none: by the folder"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    dtype: str = Field(default="auto", description="auto (as stored), float32, bfloat16, float16")
    weights: Literal["full", "int8", "int4"] = Field(default="full", description="bits of the weights")
    context: PositiveInt | None = Field(default=None, description="most tokens; none: the model's limit")
    cache_mib: PositiveInt = Field(default=1024, description="memory for the pasts of dialogues, MiB")


class Token2WavSettings(_Section):
    """The decoder of Step-Audio 2's audio tokens."""

    flow_steps: PositiveInt = Field(default=10, description="steps of the flow; fewer are faster and rougher")
    guidance_interval: PositiveInt = Field(default=1, description="steps from one unguided evaluation to the next")
    compute_dtype: Literal["float32", "bfloat16", "int8"] = Field(default="float32", description="of products")
    prompt_s: float = Field(default=5.0, ge=0.5, le=60.0, description="longest part of a clip that is heard, seconds")
    as_reference: bool = Field(default=False, description="make the mistakes of the reference, for comparisons")
    first_chunk: PositiveInt = Field(default=25, description="audio tokens before the first sound, 25 a second")


class RemoteSettings(_Section):
    """Step-Audio 2 on a server."""

    base_url: str | None = Field(default=None, description="address of the server")
    api_key: SecretStr | None = Field(default=None, description="key of the server")
    model: str | None = Field(default=None, description="the model's name there; none: the first it lists")
    dialect: Literal["step-audio-2", "vllm-omni"] = Field(default="step-audio-2", description="what the server speaks")


class Settings(BaseSettings):
    """What a user may set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(default_factory=lambda: user_data_path("vivavoce"), description="where everything is kept")
    model: str = Field("embedded", description="embedded, step-audio-2, remote or scripted")
    mind: str | None = Field(None, description="provider:model of a language model to think with, behind our ears and voice")
    mind_url: str | None = Field(None, description="address of a server in the place of the mind's provider")
    mind_api_key: SecretStr | None = Field(None, description="key of the mind; none: the provider's own variable")
    mind_hears: bool = Field(
        False,
        description="give the mind the sound of what was just said, up to two minutes of it, in place of its transcript",
    )
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    step_audio2: StepAudio2Settings = Field(default_factory=StepAudio2Settings)
    token2wav: Token2WavSettings = Field(default_factory=Token2WavSettings)
    remote: RemoteSettings = Field(default_factory=RemoteSettings)
    speak_tokens: bool = Field(False, description="let Step-Audio 2 speak audio tokens beside the text")
    decoder: Literal["auto", "embedded", "token2wav"] = Field(
        default="auto", description="auto: token2wav where the model speaks"
    )
    temperature: NonNegativeFloat = Field(
        0.7, description="of step-audio-2 and remote, and of a mind where it is set; 0 takes the likeliest"
    )
    seed: int | None = Field(None, description="of step-audio-2's and remote's sampling; none: a new one each time")
    voice: str = Field(DEFAULT_VOICE_ID, description="voice of a new session")
    language: str | None = Field(None, description="language to answer in, such as en or zh; none: the user's")
    unlicensed_voices: bool = Field(False, description="whether voices without licence and consent are found")
    threads: PositiveInt = Field(default_factory=_default_threads, description="threads of each model")
    max_question_s: PositiveFloat = Field(120.0, description="longest spoken question, seconds")
    max_steps: PositiveInt = Field(4, description="rounds of tool calls in one turn")
    max_calls: PositiveInt = Field(16, description="tool calls in one turn; more are left out, and the user is told")
    when_busy: Literal["queue", "refuse", "interrupt"] = Field(
        "queue", description="a turn that comes while another of its session runs: waits, is refused, or ends that one"
    )
    retention_days: PositiveFloat | None = Field(None, description="days after which unused sessions are forgotten")
    tool_result_chars: PositiveInt = Field(4000, description="longest tool result a model reads, characters")
    grounding: Literal["off", "flag", "hedge", "drop"] = Field(
        "flag",
        description="what becomes of sentences that no retrieved passage supports; flag: told in the trace alone",
    )
    collections: str = Field("documents", description="collections of documents to answer from, divided by commas")
    embedder: str | None = Field(None, description="folder or name of another embedder for documents, as a multilingual one")
    reranker: str | None = Field(None, description="folder or name of a cross-encoder that reads the best passages again")
    searxng_url: str | None = Field(None, description="a SearXNG server to search first")
    hub: bool = Field(True, description="whether weights may come from a model hub")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Earlier names of variables come last."""
        return init_settings, env_settings, dotenv_settings, InitSettingsSource(settings_cls, _of_earlier_names(os.environ))

    @property
    def weights_dir(self) -> Path:
        """Where weights lie."""
        return self.home / "weights"

    @property
    def voices_dir(self) -> Path:
        """Where the voice bank lies."""
        return self.home / "voices"

    @property
    def index_dir(self) -> Path:
        """Where the collections of documents lie."""
        return self.home / "index"

    @property
    def collection_names(self) -> tuple[str, ...]:
        """Collections of documents that answers come from; at least one."""
        return tuple(name.strip() for name in self.collections.split(",") if name.strip()) or ("documents",)

    @property
    def sessions_dir(self) -> Path:
        """Where sessions and the audio they refer to lie."""
        return self.home / "sessions"

    def changed(self, **changes: object) -> "Settings":
        """These settings with other values; a field of a section is named ``section__field``."""
        known = {name: getattr(self, name) for name in _nested(changes)}
        update = {
            name: known[name].model_copy(update=value) if isinstance(known[name], BaseModel) else value
            for name, value in _nested(changes).items()
        }
        return self.model_copy(update=update)


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with explicit values on top; a field of a section is named ``section__field``.

    Raises:
        ConfigError: a value is not of its kind; names the variable.
    """
    try:
        return Settings(**_nested(overrides))
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + NESTED.join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"{name}={first['input']!r}: {first['msg']}; correct or unset it") from error


def _nested(values: Mapping[str, object]) -> dict[str, Any]:
    """``section__field`` as a field of a section; earlier names too.

    Raises:
        ConfigError: there is no such setting.
    """
    nested: dict[str, Any] = {}
    for name, value in values.items():
        section, _, field = EARLIER_NAMES.get(name, name).partition(NESTED)
        if section not in Settings.model_fields:
            near = get_close_matches(name, [*Settings.model_fields, *EARLIER_NAMES], 1)
            raise ConfigError(f"there is no setting {name!r}; " + (f"did you mean {near[0]}?" if near else "leave it out"))
        if field:
            nested.setdefault(section, {})[field] = value
        else:
            nested[section] = value
    return nested


def _of_earlier_names(environment: Mapping[str, str]) -> dict[str, Any]:
    found = {name: environment[PREFIX + name.upper()] for name in EARLIER_NAMES if PREFIX + name.upper() in environment}
    for name in found:
        _tell_new_name(name)
    return _nested(found)


@cache
def _tell_new_name(earlier: str) -> None:
    logger.warning("%s%s is now %s%s", PREFIX, earlier.upper(), PREFIX, EARLIER_NAMES[earlier].upper())
