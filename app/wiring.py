"""The only place that constructs the parts and puts them together."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from vivavoce.agent import Agent
from vivavoce.agent.grounding import Guard
from vivavoce.agent.session import open_checkpointer
from vivavoce.app.assets import checkpoint_folder, recogniser_assets, weight_store
from vivavoce.app.earlier_index import is_earlier
from vivavoce.core.errors import ConfigError, StoreCorrupt, StoreError
from vivavoce.core.protocols import SpeechDecoder, SpeechLM, TextEmbedder, Tool
from vivavoce.core.settings import Settings, load_settings
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.model.cascade import Cascade
from vivavoce.model.embedded.choosing.looking_up import LookUp
from vivavoce.model.embedded.mind import EmbeddedMind
from vivavoce.model.embedded.speaking.speech_decoder import EmbeddedDecoder
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
from vivavoce.model.remote.language_model import RemoteLM
from vivavoce.model.scripted import ScriptedLM, ToneDecoder
from vivavoce.retrieval.collections import Collections, collection_folder
from vivavoce.retrieval.embedder import MiniLMEmbedder, SentenceTransformerEmbedder
from vivavoce.retrieval.grounding.check import SentenceGrounding
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.best_sentences import best_sentences
from vivavoce.retrieval.search.reranker import CrossEncoderReranker
from vivavoce.tools.chat_examples import CHAT_EXAMPLES
from vivavoce.tools.clock import DateTimeTool
from vivavoce.tools.registry import ToolRegistry
from vivavoce.tools.text_search import ExplainSourceTool, KnowledgeSearchTool
from vivavoce.tools.voices.tool import VoiceSearchTool
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebSearchTool
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import ResemblyzerEmbedder
from vivavoce.voicebank.faiss_index import FaissIndexes

logger = logging.getLogger(__name__)
WRITTEN_TOKENS = 1024
KNOWS_FACTS = ("knowledge_search", "web_search")  # tools that questions are looked up with, in this order
SPOKEN_TOKENS = 4096  # five tokens a word instead of one; what the reference allows a spoken turn


@dataclass(frozen=True)
class Parts:
    """The parts of an agent that commands also use by themselves."""

    settings: Settings
    embedder: TextEmbedder
    bank: FolderVoiceBank

    @cached_property
    def index(self) -> DocumentIndex:
        """The first of the collections that the settings name."""
        return open_index(self.settings, self.embedder, self.settings.collection_names[0])

    @cached_property
    def documents(self) -> Collections:
        """All of the collections that the settings name.

        Raises:
            StoreCorrupt: an index of an earlier version lies there.
        """
        if is_earlier(self.settings.index_dir):
            raise StoreCorrupt(
                "the documents were indexed by an earlier version; run `vivavoce index repair` to take them over"
            )
        first, *others = self.settings.collection_names
        opened = {name: open_index(self.settings, self.embedder, name) for name in others}
        return Collections({first: self.index, **opened})

    @cached_property
    def knowledge(self) -> KnowledgeSearchTool:
        """The search in the documents, as a tool and ahead of it."""
        return KnowledgeSearchTool(self.documents, partial(_shorten, self.embedder))


def open_embedder(settings: Settings) -> MiniLMEmbedder:
    """The embedded text embedder, its weights laid out for this processor when they are loaded."""

    def prepare(model: Any) -> None:  # noqa: ANN401 - a torch module
        from vivavoce.model.packing import pack

        pack(model)

    return MiniLMEmbedder(settings.threads, prepare)


def open_parts(settings: Settings) -> Parts:
    """Voice bank and document indexes, with the embedder they share. Loads no weights yet."""
    embedder = open_embedder(settings)
    return Parts(settings, embedder, open_bank(settings, embedder))


def open_index(settings: Settings, embedder: TextEmbedder, collection: str) -> DocumentIndex:
    """A collection of documents. embedder: used unless the settings name another one.

    Raises:
        ConfigError: the collection's name cannot be one.
    """
    folder = collection_folder(settings.index_dir, collection)
    reranker = (
        CrossEncoderReranker(settings.reranker, threads=settings.threads, hub=settings.hub) if settings.reranker else None
    )
    chosen: Any = embedder
    if settings.embedder is not None:
        chosen = SentenceTransformerEmbedder(settings.embedder, threads=settings.threads, hub=settings.hub)
    return DocumentIndex(
        folder, chosen, large=FaissIndexes(), reranker=reranker, count=chosen.count_tokens, reads=chosen.reads
    )


def open_bank(settings: Settings, embedder: TextEmbedder | None = None) -> FolderVoiceBank:
    """The voice bank. The scripted model's, of tones, has no embedders, so that it needs no weights."""
    if settings.model == "scripted":
        return FolderVoiceBank(settings.voices_dir, None, allow_unlicensed=settings.unlicensed_voices)
    return FolderVoiceBank(
        settings.voices_dir,
        embedder or open_embedder(settings),
        ResemblyzerEmbedder(),
        allow_unlicensed=settings.unlicensed_voices,
    )


def open_tools(parts: Parts, only: Collection[str] | None = None) -> ToolRegistry:
    """The tools that come with the product. only: names of those that are wanted; None for all."""
    tools: list[Tool] = [
        DateTimeTool(),
        WeatherTool(),
        WebSearchTool(searxng_url=parts.settings.searxng_url),
        parts.knowledge,
    ]
    if parts.settings.model in ("embedded", "scripted"):  # larger models read the passages in their own dialogue
        tools.append(ExplainSourceTool())
    tools.append(VoiceSearchTool(parts.bank))
    registry = ToolRegistry()
    for tool in tools:
        if only is None or tool.spec.name in only:
            registry.add(tool)
    return registry


def open_decoder(settings: Settings, *, verify: bool = False) -> SpeechDecoder:
    """The decoder of the chosen model. verify: what was kept of voices against its checksum.

    Raises:
        WeightsError: Token2Wav is wanted and there is no checkpoint.
    """
    if settings.model == "scripted":
        return ToneDecoder()
    cache = settings.home / "conditioning"
    embedded = EmbeddedDecoder(Synthesiser(settings.threads), cache)
    if settings.decoder == "embedded" or (settings.decoder == "auto" and not settings.speak_tokens):
        return embedded
    from vivavoce.model.token2wav.network import Token2WavNetwork
    from vivavoce.model.token2wav.speech_decoder import Token2WavDecoder
    from vivavoce.model.token2wav.stream import Quality

    quality = Quality(
        settings.flow_steps, settings.guided_every, settings.products, settings.prompt_s, settings.as_reference
    )
    return Token2WavDecoder(
        Token2WavNetwork(checkpoint_folder(settings) / "token2wav", quality, settings.threads),
        cache,
        first_chunk=settings.first_chunk,
        seed=settings.seed or 0,
        verify=verify,
        text_decoder=embedded,
    )


def open_language_model(parts: Parts) -> SpeechLM:
    """The language model of the chosen model.

    Raises:
        WeightsError: weights are missing; says which command fetches them.
        ConfigError: no model has this name.
    """
    settings = parts.settings
    match settings.model:
        case "scripted":
            return ScriptedLM()
        case "embedded":
            return _open_embedded(parts)
        case "step-audio-2":
            return _open_step_audio2(settings)
        case "remote":
            return open_remote(settings)
        case other:
            raise ConfigError(f"there is no model {other!r}; choose embedded, step-audio-2, remote or scripted")


def _open_embedded(parts: Parts) -> Cascade:
    from vivavoce.model.embedded.choosing.router import IntentRouter
    from vivavoce.model.embedded.choosing.spans import SpanFinders
    from vivavoce.model.embedded.hearing.recogniser import WhisperRecogniser
    from vivavoce.model.embedded.llama import LlamaServer

    settings = parts.settings
    store = weight_store(settings)
    recogniser = next(store.path(name) for name in recogniser_assets(settings))
    cache = settings.home / "cache"
    return Cascade(
        WhisperRecogniser(recogniser if recogniser.is_dir() else recogniser.parent, settings.threads),
        EmbeddedMind(
            IntentRouter(parts.embedder, CHAT_EXAMPLES, cache),
            SpanFinders(cache),
            LlamaServer(store.path(settings.language_model), settings.threads, cache / "prompts"),
            CHAT_EXAMPLES,
            LookUp(settings.look_up, KNOWS_FACTS),
        ),
    )


def _open_step_audio2(settings: Settings) -> SpeechLM:
    from vivavoce.model.step_audio2.language_model import StepAudio2LM
    from vivavoce.model.step_audio2.network.checkpoint import load_model, read_checkpoint
    from vivavoce.model.step_audio2.sampling import Sampling

    checkpoint = read_checkpoint(checkpoint_folder(settings), settings.variant)
    return StepAudio2LM(
        checkpoint,
        load_model(checkpoint, settings.device, settings.dtype, settings.weights),
        speak_tokens=settings.speak_tokens,
        sampling=Sampling(
            temperature=settings.temperature,
            seed=settings.seed,
            max_new_tokens=SPOKEN_TOKENS if settings.speak_tokens else WRITTEN_TOKENS,
        ),
        context=settings.context,
        cache_mib=settings.cache_mib,
        threads=settings.threads,
    )


def open_remote(settings: Settings) -> RemoteLM:
    """The model on a server.

    Raises:
        ConfigError: the address or the key is missing or cannot be one.
    """
    if settings.base_url is None:
        raise ConfigError("the remote model needs an address; give --base-url, such as http://localhost:8000/v1")
    return RemoteLM(
        settings.base_url,
        model=settings.remote_model,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        dialect=settings.remote_dialect,
        speak_tokens=settings.speak_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )


@asynccontextmanager
async def open_agent(
    settings: Settings | None = None,
    *,
    tools: Sequence[Any] = (),
    only: Collection[str] | None = None,
    warm: bool = True,
    **overrides: object,
) -> AsyncGenerator[Agent]:
    """An agent that is ready to be asked; the embedded default unless settings say otherwise.

    tools: more tools: typed async functions, LangChain tools, or implementations of `Tool`. only: names of the product's own
    tools that it has; None for all. overrides: settings by name, such as ``model="scripted"``. warm: load the models now
    instead of at the first question.

    Raises:
        WeightsError: weights are missing. ConfigError: a setting is wrong. SessionError: sessions cannot be kept.
        StoreError: the voice bank is missing or damaged.
    """
    settings = at_home(settings or load_settings(**overrides))
    parts = open_parts(settings)
    ensure_default_voice(parts, settings)
    registry = open_tools(parts, only)
    for tool in tools:
        registry.add(tool)
    lm, decoder = await asyncio.to_thread(open_language_model, parts), open_decoder(settings)
    async with open_checkpointer(settings.sessions_dir) as checkpointer:
        agent = Agent(
            lm=lm,
            decoder=decoder,
            bank=parts.bank,
            tools=registry,
            checkpointer=checkpointer,
            sessions_dir=settings.sessions_dir,
            default_voice=settings.voice,
            max_question_s=settings.max_question_s,
            max_steps=settings.max_steps,
            result_chars=settings.tool_result_chars,
            guard=_open_guard(settings, parts.embedder),
            anticipating=[parts.knowledge] if registry.get(parts.knowledge.spec.name) else [],
        )
        async with agent:
            if warm and settings.model != "scripted":
                await asyncio.gather(
                    lm.warm_up(registry.specs),
                    decoder.warm_up(),
                    _warm_up_documents(parts),
                    parts.bank.search("a voice", 1),
                )
            yield agent


def at_home(settings: Settings) -> Settings:
    """Settings with the folder that the agent's data lie in: the scripted model keeps apart from the others."""
    if settings.model == "scripted":
        return settings.model_copy(update={"home": settings.home / "scripted"})
    return settings


def _open_guard(settings: Settings, embedder: TextEmbedder) -> Guard | None:
    """What answers are checked by. Speech that the model itself spoke cannot be taken back, so it is flagged at most."""
    if settings.grounding == "off":
        return None
    return Guard(SentenceGrounding(embedder), "flag" if settings.speak_tokens else settings.grounding)


async def _warm_up_documents(parts: Parts) -> None:
    """Whoever asks for the time does not need the documents: if they are damaged, their tool says so when it is called."""
    try:
        await parts.documents.search("anything", 1)
    except StoreError as error:
        logger.warning("%s", error)


def ensure_default_voice(parts: Parts, settings: Settings) -> None:
    """Put the default voice into a bank that lacks it, so that an agent can always speak.

    Raises:
        StoreError: the bank cannot be written.
    """
    from vivavoce.app.voices.building import add_default_voice, add_tone_voices

    if parts.bank.has(DEFAULT_VOICE_ID):
        return
    if settings.model == "scripted":
        add_tone_voices(parts.bank)
    else:
        add_default_voice(parts.bank)


def _shorten(embedder: TextEmbedder, query: str, text: str) -> str:
    return best_sentences(query, text, embedder)
