"""The models that an agent can have, a row each: how to open it, and what the rest of the product must know of it.

No other module asks for a model by its name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vivavoce.agent.testing import ScriptedLM, ToneDecoder
from vivavoce.app.assets import checkpoint_folder, recogniser_assets, weight_store
from vivavoce.app.shared_weights import shared
from vivavoce.core.errors import ConfigError
from vivavoce.core.language.sentences import ENGLISH
from vivavoce.core.protocols import SpeechDecoder, SpeechLM, TextEmbedder, TextModel
from vivavoce.core.settings import Settings
from vivavoce.model.cascade import Cascade
from vivavoce.model.remote.language_model import RemoteLM
from vivavoce.tools.examples import BEYOND_EXAMPLES, CHAT_EXAMPLES, LACKING

if TYPE_CHECKING:
    from vivavoce.model.embedded.hearing.recogniser import WhisperRecogniser

WRITTEN_TOKENS = 1024
SPOKEN_TOKENS = 4096  # five tokens a word instead of one; what the reference allows a spoken turn
KNOWS_FACTS = ("knowledge_search", "web_search")  # tools that questions are looked up with, in this order


@dataclass(frozen=True, slots=True)
class Backend:
    """A row of the table.

    runs_on: what must be there. implied_by: the setting that is enough to choose it. home: folder of its own within the data
    folder. transcribes: it writes down what it heard. samples: answers differ from seed to seed. at_once: questions it is
    asked side by side. explains_sources: it has a tool for that, since it does not read passages in its own dialogue.
    """

    open: Callable[[Settings, TextEmbedder], Awaitable[SpeechLM]]
    runs_on: Literal["nothing", "packages", "checkpoint", "server", "mind"]
    implied_by: str = ""
    home: str = ""
    transcribes: bool = False
    samples: bool = False
    at_once: int = 1
    explains_sources: bool = False

    @property
    def is_weightless(self) -> bool:
        """Whether it plays tones and needs no weights at all."""
        return self.runs_on == "nothing"


def backend_of(settings: Settings) -> Backend:
    """The row of the model that the settings name; a mind goes before it.

    Raises:
        ConfigError: no model has this name.
    """
    if settings.mind:
        return MIND
    try:
        return BACKENDS[settings.model]
    except KeyError:
        *most, last = BACKENDS
        raise ConfigError(f"there is no model {settings.model!r}; choose {', '.join(most)} or {last}") from None


def implied_by(setting: str) -> str:
    """The model that a setting is enough to choose."""
    return next(name for name, backend in BACKENDS.items() if backend.implied_by == setting)


def at_home(settings: Settings) -> Settings:
    """Settings with the folder that the model's data lie in."""
    return settings.changed(home=settings.home / backend_of(settings).home)


async def open_language_model(settings: Settings, embedder: TextEmbedder) -> SpeechLM:
    """The language model of the chosen model.

    Raises:
        WeightsError: weights are missing; says which command fetches them.
        ConfigError: no model has this name.
    """
    return await backend_of(settings).open(settings, embedder)


def open_decoder(settings: Settings, *, verify: bool = False) -> SpeechDecoder:
    """The decoder of the chosen model. verify: what was kept of voices against its checksum.

    Raises:
        WeightsError: Token2Wav is wanted and there is no checkpoint.
    """
    if backend_of(settings).is_weightless:
        return ToneDecoder()
    from vivavoce.model.embedded.speaking.speech_decoder import EmbeddedDecoder
    from vivavoce.model.embedded.speaking.synthesiser import Synthesiser

    cache = settings.home / "conditioning"
    embedded = EmbeddedDecoder(shared(Synthesiser), cache)
    if settings.decoder == "embedded" or (settings.decoder == "auto" and not settings.speak_tokens):
        return embedded
    from vivavoce.model.token2wav.network import Token2WavNetwork
    from vivavoce.model.token2wav.speech_decoder import Token2WavDecoder
    from vivavoce.model.token2wav.stream import Quality

    own = settings.token2wav
    quality = Quality(own.flow_steps, own.guidance_interval, own.compute_dtype, own.prompt_s, own.as_reference)
    return Token2WavDecoder(
        shared(Token2WavNetwork, checkpoint_folder(settings) / "token2wav", quality, settings.threads),
        cache,
        first_chunk=own.first_chunk,
        seed=settings.seed or 0,
        verify=verify,
        text_decoder=embedded,
    )


def open_recogniser(settings: Settings) -> "WhisperRecogniser":
    """The embedded recogniser.

    Raises:
        WeightsError: its weights are not installed.
    """
    from vivavoce.model.embedded.hearing.recogniser import WhisperRecogniser

    files = [weight_store(settings).path(name) for name in recogniser_assets(settings)]
    return shared(WhisperRecogniser, files[0] if files[0].is_dir() else files[0].parent, settings.threads)


def open_remote(settings: Settings) -> RemoteLM:
    """The model on a server.

    Raises:
        ConfigError: the address or the key is missing or cannot be one.
    """
    own = settings.remote
    if own.base_url is None:
        raise ConfigError("the remote model needs an address; give --base-url, such as http://localhost:8000/v1")
    return RemoteLM(
        own.base_url,
        model=own.model,
        api_key=own.api_key.get_secret_value() if own.api_key else None,
        dialect=own.dialect,
        speak_tokens=settings.speak_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )


def check_mind_hears(settings: Settings) -> None:
    """That there is a mind, where one is to be given the sound.

    Raises:
        ConfigError: there is none.
    """
    if settings.mind_hears and not settings.mind:
        raise ConfigError("mind_hears gives the sound to a mind, and there is none; give one, or leave it off")


def as_mind(mind: object, settings: Settings) -> TextModel:
    """A mind of somebody's own.

    Raises:
        ConfigError: it cannot be one.
    """
    if isinstance(mind, TextModel):
        return mind
    from langchain_core.language_models import BaseChatModel

    from vivavoce.model.mind.chat_model import ChatModelMind

    if not isinstance(mind, BaseChatModel):
        raise ConfigError(f"the mind is {mind!r:.80}; give one of LangChain's chat models, a TextModel, or provider:model")
    return ChatModelMind(mind, language=settings.language or ENGLISH, hears=settings.mind_hears)


def open_mind(settings: Settings) -> TextModel:
    """The mind that the settings name.

    Raises:
        ConfigError: there is no such mind, or what it needs is not installed.
    """
    from vivavoce.model.mind.chat_model import ChatModelMind
    from vivavoce.model.mind.opening import open_chat_model

    name, key = settings.mind or "", settings.mind_api_key.get_secret_value() if settings.mind_api_key else None
    temperature = settings.temperature if "temperature" in settings.model_fields_set else None
    chat_model = open_chat_model(name, settings.mind_url, key, temperature)
    shown = f"the mind {name}" + (f" at {settings.mind_url}" if settings.mind_url else "")
    language = settings.language or ENGLISH
    return ChatModelMind(chat_model, name=shown, language=language, hears=settings.mind_hears, is_own=True)


async def _open_with_mind(settings: Settings, _: TextEmbedder) -> SpeechLM:
    return Cascade(open_recogniser(settings), open_mind(settings))


def open_embedded_mind(settings: Settings, embedder: TextEmbedder) -> TextModel:
    """The embedded mind, for any ears. Within a running loop.

    Raises:
        WeightsError: its weights are not installed.
    """
    from vivavoce.model.embedded.llama import LlamaServer
    from vivavoce.model.embedded.mind import EmbeddedMind
    from vivavoce.model.embedded.routing.described import DescribedTools
    from vivavoce.model.embedded.routing.looking_up import LookUp
    from vivavoce.model.embedded.routing.router import IntentRouter
    from vivavoce.model.embedded.routing.spans import SpanFinders

    cache = settings.home / "cache"
    weights = weight_store(settings).path(settings.embedded.language_model)
    loop = asyncio.get_running_loop()  # a server answers the loop that it was started in
    return EmbeddedMind(
        IntentRouter(embedder, CHAT_EXAMPLES, cache, BEYOND_EXAMPLES, LACKING),
        DescribedTools(embedder),
        shared(SpanFinders, cache),
        shared(LlamaServer, weights, settings.threads, of=loop),
        LookUp(settings.embedded.look_up, KNOWS_FACTS),
        settings.language or ENGLISH,
    )


async def _open_embedded(settings: Settings, embedder: TextEmbedder) -> SpeechLM:
    return Cascade(open_recogniser(settings), open_embedded_mind(settings, embedder))


async def _open_step_audio2(settings: Settings, _: TextEmbedder) -> SpeechLM:
    from vivavoce.model.step_audio2.language_model import StepAudio2LM
    from vivavoce.model.step_audio2.network.checkpoint import load_model, read_checkpoint
    from vivavoce.model.step_audio2.sampling import Sampling

    own = settings.step_audio2
    checkpoint = await asyncio.to_thread(read_checkpoint, checkpoint_folder(settings), own.variant)
    return StepAudio2LM(
        checkpoint,
        await asyncio.to_thread(load_model, checkpoint, own.device, own.dtype, own.weights),
        speak_tokens=settings.speak_tokens,
        sampling=Sampling(
            temperature=settings.temperature,
            seed=settings.seed,
            max_new_tokens=SPOKEN_TOKENS if settings.speak_tokens else WRITTEN_TOKENS,
        ),
        context=own.context,
        cache_mib=own.cache_mib,
        threads=settings.threads,
    )


async def _open_remote(settings: Settings, _: TextEmbedder) -> SpeechLM:
    return open_remote(settings)


async def _open_scripted(_: Settings, __: TextEmbedder) -> SpeechLM:
    return ScriptedLM()


MIND = Backend(_open_with_mind, "mind", transcribes=True, samples=True, at_once=4, explains_sources=True)
BACKENDS = {
    "embedded": Backend(_open_embedded, "packages", transcribes=True, explains_sources=True),
    "step-audio-2": Backend(_open_step_audio2, "checkpoint", "step_audio2__checkpoint", samples=True),
    "remote": Backend(_open_remote, "server", "remote__base_url", samples=True, at_once=4),
    "scripted": Backend(_open_scripted, "nothing", home="scripted", transcribes=True, explains_sources=True),
}
