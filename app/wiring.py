"""Puts the parts together: the product's own, and those that a developer brings."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from vivavoce.agent import Agent
from vivavoce.agent.grounding import Guard
from vivavoce.agent.session.store import open_sessions
from vivavoce.app.backends import (
    as_mind,
    at_home,
    backend_of,
    check_mind_hears,
    open_decoder,
    open_embedded_mind,
    open_language_model,
    open_mind,
    open_recogniser,
)
from vivavoce.app.parts import Parts
from vivavoce.core.errors import ConfigError
from vivavoce.core.protocols import Recogniser, Retriever, SpeechDecoder, SpeechLM, TextEmbedder, TextModel, Tool, VoiceBank
from vivavoce.core.settings import Settings, load_settings
from vivavoce.model.cascade import Cascade
from vivavoce.retrieval.grounding.check import SentenceGrounding
from vivavoce.tools.clock import DateTimeTool
from vivavoce.tools.registry import ToolRegistry
from vivavoce.tools.text_search import ExplainSourceTool
from vivavoce.tools.voices.tool import VoiceSearchTool
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebSearchTool

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@asynccontextmanager
async def open_agent(
    settings: Settings | None = None,
    *,
    tools: Sequence[Any] = (),
    only: Collection[str] | None = None,
    instructions: str | None = None,
    lm: SpeechLM | None = None,
    mind: "BaseChatModel | TextModel | str | None" = None,
    ears: Recogniser | None = None,
    decoder: SpeechDecoder | None = None,
    bank: VoiceBank | None = None,
    documents: Retriever | None = None,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    warm: bool = True,
    **overrides: object,
) -> AsyncGenerator[Agent]:
    """An agent that is ready to be asked. Whatever is not given is the product's own, as the settings say.

    tools: more tools: typed functions, LangChain tools, implementations of `Tool`, or toolsets of them. only: names of the
    product's own tools that it has; None for all. instructions: who the agent is and what it is for; every model reads them.
    mind: what thinks in place of the product's own: one of LangChain's chat models, or ``provider:model``; with
    ``mind_hears=True`` it is given the sound. ears: what hears before it. lm, which hears and thinks, decoder, bank,
    documents, checkpointer: parts of your own; whoever opened them closes them. warm: load the models now instead of at the
    first question. overrides: settings by name, such as ``model="scripted"``, ``voice="june"``, ``language="zh"``; a field
    of a section is named ``section__field``.

    Raises:
        WeightsError: weights are missing. ConfigError: a setting is wrong. SessionError: sessions cannot be kept.
        StoreError: the voice bank is missing or damaged. VoiceNotFound, VoiceRefused: new sessions cannot
        speak in the voice of the settings.
    """
    if isinstance(mind, str):
        overrides["mind"], mind = mind, None
    settings = at_home(settings.changed(**overrides) if settings else load_settings(**overrides))
    _check(tools, instructions)
    if lm is not None and (mind is not None or ears is not None):
        raise ConfigError("lm hears and thinks by itself; give either lm, or mind and ears")
    if mind is None:
        check_mind_hears(settings)
    parts = Parts(settings, bank=bank, documents=documents)
    parts.bank.entry(settings.voice).check_may_be_spoken()  # new sessions speak in it
    registry = open_tools(parts, only)
    for tool in tools:
        registry.add(tool)
    async with AsyncExitStack() as opened:
        if lm is None:
            lm = await _open_lm(settings, parts, mind, ears, opened)
        if decoder is None:
            decoder = open_decoder(settings)
            opened.push_async_callback(decoder.close)
        sessions = await opened.enter_async_context(
            open_sessions(
                settings.sessions_dir, checkpointer, when_busy=settings.when_busy, retention_days=settings.retention_days
            )
        )
        agent = Agent(
            lm=lm,
            decoder=decoder,
            bank=parts.bank,
            tools=registry,
            sessions=sessions,
            instructions=instructions,
            language=settings.language,
            default_voice=settings.voice,
            max_question_s=settings.max_question_s,
            max_steps=settings.max_steps,
            max_calls=settings.max_calls,
            result_chars=settings.tool_result_chars,
            guard=_open_guard(settings, parts.embedder),
            anticipating=[parts.knowledge] if registry.get(parts.knowledge.spec.name) else [],
        )
        if warm:
            await asyncio.gather(lm.warm_up(registry.specs, [agent.services.system]), decoder.warm_up(), parts.warm_up())
        yield agent


async def _open_lm(
    settings: Settings,
    parts: Parts,
    mind: "BaseChatModel | TextModel | None",
    ears: Recogniser | None,
    opened: AsyncExitStack,
) -> SpeechLM:
    """What hears and thinks. opened: closes what is opened here, and nothing that was given."""
    if mind is None and ears is None:
        lm = await open_language_model(settings, parts.embedder)
        opened.push_async_callback(lm.close)
        return lm
    if mind is None:
        thinks = open_mind(settings) if settings.mind else open_embedded_mind(settings, parts.embedder)
        opened.push_async_callback(thinks.close)
    else:
        thinks = as_mind(mind, settings)
    if ears is None:
        ears = open_recogniser(settings)
        opened.push_async_callback(ears.close)
    return Cascade(ears, thinks)


def open_tools(parts: Parts, only: Collection[str] | None = None) -> ToolRegistry:
    """The tools that come with the product. only: names of those that are wanted; None for all.

    Raises:
        ConfigError: one that is wanted is not there.
    """
    settings = parts.settings
    tools: list[Tool] = [
        DateTimeTool(),
        WeatherTool(),
        WebSearchTool(searxng_url=settings.searxng_url),
        parts.knowledge,
        *([ExplainSourceTool()] if backend_of(settings).explains_sources else []),
        VoiceSearchTool(parts.bank),
    ]
    names = [tool.spec.name for tool in tools]
    if isinstance(only, str) or not set(only or ()) <= set(names):
        raise ConfigError(f"only={only!r}: give a list of names; there are {', '.join(names)}")
    registry = ToolRegistry()
    for tool in tools:
        if only is None or tool.spec.name in only:
            registry.add(tool)
    return registry


def _check(tools: object, instructions: object) -> None:
    if isinstance(tools, str) or not isinstance(tools, Iterable):
        raise ConfigError(f"tools is {tools!r}; give a list of tools")
    if not isinstance(instructions, str | None):
        raise ConfigError(f"the instructions are {instructions!r:.80}; give a text")


def _open_guard(settings: Settings, embedder: TextEmbedder) -> Guard | None:
    """What answers are checked by. Speech that the model itself spoke cannot be taken back, so it is flagged at most."""
    if settings.grounding == "off":
        return None
    mode = "flag" if settings.speak_tokens else settings.grounding
    return Guard(SentenceGrounding(embedder), mode, settings.language or "en")
