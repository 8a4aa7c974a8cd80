"""Settings, read once by ``app`` from the environment (``VIVAVOCE_...``) and an optional ``.env`` file."""

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import DEFAULT_VOICE_ID


def _default_threads() -> int:
    # More than four threads gain nothing for models this small; a spinning surplus costs a lot on a shared machine.
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class Settings(BaseSettings):
    """What a user may set. Each field is the environment variable ``VIVAVOCE_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="VIVAVOCE_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("vivavoce"), description="where everything is kept")
    model: str = Field("embedded", description="embedded, step-audio-2, remote or scripted")
    checkpoint: Path | None = Field(None, description="folder of a Step-Audio 2 checkpoint; none means the pulled one")
    variant: Literal["chat", "base", "think"] | None = Field(None, description="prompt form; none: by the folder's name")
    device: str = Field("auto", description="of step-audio-2: auto, cpu, cuda, cuda:1, mps")
    dtype: str = Field("auto", description="of step-audio-2: auto (as stored), float32, bfloat16, float16")
    weights: Literal["full", "int8", "int4"] = Field("full", description="bits of the weights of step-audio-2")
    context: PositiveInt | None = Field(None, description="longest prompt and answer, tokens; none: the model's limit")
    cache_mib: PositiveInt = Field(1024, description="memory for the pasts of dialogues of step-audio-2, MiB")
    speak_tokens: bool = Field(False, description="let Step-Audio 2 speak audio tokens beside the text")
    decoder: Literal["auto", "embedded", "token2wav"] = Field("auto", description="auto: token2wav where the model speaks")
    flow_steps: PositiveInt = Field(10, description="steps of Token2Wav's flow; fewer are faster and rougher")
    guided_every: PositiveInt = Field(1, description="steps of that flow between two evaluations without guidance")
    products: Literal["float32", "bfloat16", "int8"] = Field("float32", description="what Token2Wav computes products in")
    prompt_s: float = Field(5.0, ge=0.5, le=60.0, description="longest part of a clip that Token2Wav hears, seconds")
    as_reference: bool = Field(False, description="let Token2Wav make the mistakes of the reference, for comparisons")
    first_chunk: PositiveInt = Field(25, description="audio tokens before the first sound, 25 a second")
    temperature: NonNegativeFloat = Field(0.7, description="of step-audio-2 and remote; 0 takes the likeliest")
    seed: int | None = Field(None, description="of step-audio-2's sampling; none: a new one each time")
    base_url: str | None = Field(None, description="address of a server for the remote model")
    api_key: SecretStr | None = Field(None, description="key of that server")
    remote_model: str | None = Field(None, description="its model's name; none: the first it lists")
    remote_dialect: Literal["step-audio-2", "vllm-omni"] = Field("step-audio-2", description="what the server speaks")
    language_model: str = Field("qwen2.5-coder-0.5b", description="weights of the embedded language model")
    language_model_path: Path | None = Field(None, description="a GGUF file of your own instead")
    recogniser: str = Field("whisper-base", description="whisper-base or whisper-tiny.en (faster, hears less well)")
    voice: str = Field(DEFAULT_VOICE_ID, description="voice of a new session")
    unlicensed_voices: bool = Field(False, description="whether voices without licence and consent are found")
    threads: PositiveInt = Field(default_factory=_default_threads, description="threads of each model")
    max_question_s: PositiveFloat = Field(120.0, description="longest spoken question, seconds")
    max_steps: PositiveInt = Field(4, description="rounds of tool calls in one turn")
    tool_result_chars: PositiveInt = Field(4000, description="longest tool result a model reads, characters")
    grounding: Literal["off", "flag", "hedge", "drop"] = Field(
        "flag", description="what becomes of sentences that no retrieved passage supports; flag: told in the trace alone"
    )
    collections: str = Field("documents", description="collections of documents to answer from, divided by commas")
    look_up: Literal["asked", "first", "only"] = Field(
        "asked",
        description="when the embedded model looks facts up in documents or on the web: where it sounds asked to, before it "
        "answers, or as the only source of facts: what is not found is not answered",
    )
    embedder: str | None = Field(None, description="folder or name of another embedder for documents, as a multilingual one")
    reranker: str | None = Field(None, description="folder or name of a cross-encoder that reads the best passages again")
    searxng_url: str | None = Field(None, description="a SearXNG server to search first")
    hub: bool = Field(True, description="whether weights may come from a model hub")

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


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with explicit values on top.

    Raises:
        ConfigError: a value is not of its kind; names the variable.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors()[0]
        name = "VIVAVOCE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"{name}={first['input']!r}: {first['msg']}; correct or unset it") from error
