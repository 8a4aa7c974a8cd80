"""The parts of an agent that commands also use by themselves: embedder, voice bank, collections of documents."""

import logging
from functools import cached_property

from vivavoce.app.backends import backend_of
from vivavoce.app.shared_weights import shared
from vivavoce.core.errors import StoreError
from vivavoce.core.protocols import DocumentEmbedder, Retriever, TextEmbedder, VoiceBank
from vivavoce.core.settings import Settings
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.retrieval.collections import Collections, collection_folder
from vivavoce.retrieval.embedder import MiniLMEmbedder, SentenceTransformerEmbedder
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.best_sentences import best_sentences
from vivavoce.retrieval.search.reranker import CrossEncoderReranker
from vivavoce.tools.text_search import KnowledgeSearchTool
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import ResemblyzerEmbedder

logger = logging.getLogger(__name__)


class Parts:
    """The product's own parts, opened when they are first asked for, and those that a developer brings in their place.

    No weights are loaded before they are needed.
    """

    def __init__(self, settings: Settings, *, bank: VoiceBank | None = None, documents: Retriever | None = None) -> None:
        self.settings = settings
        self._given_bank = bank
        self._given_documents = documents

    @cached_property
    def embedder(self) -> MiniLMEmbedder:
        """What bank, documents and the choice of tools share."""
        return open_embedder(self.settings)

    @cached_property
    def bank(self) -> VoiceBank:
        """The voice bank; the product's own has the default voice in it.

        Raises:
            StoreError: it cannot be opened or written.
        """
        if self._given_bank is not None:
            return self._given_bank
        bank = open_bank(self.settings, self.embedder)
        ensure_default_voice(bank, self.settings)
        return bank

    @cached_property
    def index(self) -> DocumentIndex:
        """The first of the collections that the settings name."""
        return open_index(self.settings, self.embedder, self.settings.collection_names[0])

    @cached_property
    def documents(self) -> Retriever:
        """All of the collections that the settings name."""
        if self._given_documents is not None:
            return self._given_documents
        first, *others = self.settings.collection_names
        return Collections({first: self.index, **{name: open_index(self.settings, self.embedder, name) for name in others}})

    @cached_property
    def knowledge(self) -> KnowledgeSearchTool:
        """The search in the documents, as a tool and ahead of it."""
        return KnowledgeSearchTool(self.documents, lambda query, text: best_sentences(query, text, self.embedder))

    async def warm_up(self) -> None:
        """Load what searches need, so that the first is as fast as the next."""
        if backend_of(self.settings).is_weightless:
            return
        try:
            if self._given_documents is None:
                await self.documents.search("anything", 1)
        except StoreError as error:  # who asks for the time needs no documents; their tool says so when it is called
            logger.warning("%s", error)
        if self._given_bank is None:
            await self.bank.search("a voice", 1)


def open_embedder(settings: Settings) -> MiniLMEmbedder:
    """The embedded text embedder."""
    return shared(MiniLMEmbedder, settings.threads)


def open_index(settings: Settings, embedder: DocumentEmbedder, collection: str) -> DocumentIndex:
    """A collection of documents. embedder: used unless the settings name another one.

    Raises:
        ConfigError: the collection's name cannot be one.
    """
    folder = collection_folder(settings.index_dir, collection)
    if settings.embedder is not None:
        embedder = SentenceTransformerEmbedder(settings.embedder, threads=settings.threads, hub=settings.hub)
    reranker = None
    if settings.reranker is not None:
        reranker = CrossEncoderReranker(settings.reranker, threads=settings.threads, hub=settings.hub)
    return DocumentIndex(
        folder, embedder, large=FaissIndexes(), reranker=reranker, count=embedder.count_tokens, reads=embedder.reads
    )


def open_bank(settings: Settings, embedder: TextEmbedder | None = None) -> FolderVoiceBank:
    """The voice bank. One of tones has no embedders, so that it needs no weights."""
    if backend_of(settings).is_weightless:
        return FolderVoiceBank(settings.voices_dir, None, allow_unlicensed=settings.unlicensed_voices)
    return FolderVoiceBank(
        settings.voices_dir,
        embedder or open_embedder(settings),
        shared(ResemblyzerEmbedder, settings.threads),
        large=FaissIndexes(),
        allow_unlicensed=settings.unlicensed_voices,
    )


def ensure_default_voice(bank: FolderVoiceBank, settings: Settings) -> None:
    """Put the default voice into a bank that lacks it, so that an agent can always speak.

    Raises:
        StoreError: the bank cannot be written.
    """
    if bank.has(DEFAULT_VOICE_ID):
        return
    from vivavoce.app.voices.building import add_default_voice, add_tone_voices

    if backend_of(settings).is_weightless:
        add_tone_voices(bank)
    else:
        add_default_voice(bank)
