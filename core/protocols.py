"""The seams of the house: folders meet here, and only here."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import (
    AudioTokens,
    LMDelta,
    Message,
    SpokenClip,
    SystemMessage,
    TextDelta,
    ToolOutput,
    ToolSpec,
)
from vivavoce.core.passage import Grounding, Passage
from vivavoce.core.voice import Voice, VoiceEntry, VoiceFilters, VoiceHit

FloatMatrix = NDArray[np.float32]


@runtime_checkable
class SpeechLM(Protocol):
    """Hears and thinks."""

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Do what need not wait for the first turn; nothing where there is nothing to do.

        tools, instructions: what every dialogue will begin with.

        Raises:
            ModelError: weights cannot be loaded.
        """
        ...

    def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """Answer the last message, or call tools. Closing the generator stops the model.

        A transcribing model emits `Heard` first; an empty one means that there was no speech, and ends the stream.

        Raises:
            ModelError: the model failed; nothing more comes.
        """
        ...

    async def close(self) -> None:
        """Free what the model holds. May be called twice."""
        ...


@runtime_checkable
class Recogniser(Protocol):
    """Hears: writes down what was said."""

    async def warm_up(self) -> None:
        """Do what need not wait for the first question.

        Raises:
            ModelError: weights cannot be loaded.
        """
        ...

    async def transcribe(self, audio: AudioClip) -> str:
        """What was said, "" when nobody spoke.

        Raises:
            ModelError: the recogniser failed.
        """
        ...

    async def close(self) -> None:
        """Free what the recogniser holds. May be called twice."""
        ...


@runtime_checkable
class TextModel(Protocol):
    """Thinks: a `SpeechLM` that reads. Every user message it is given has text, the last one also its sound if spoken."""

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """See `SpeechLM.warm_up`."""
        ...

    def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`; nothing is `Heard`."""
        ...

    async def close(self) -> None:
        """See `SpeechLM.close`."""
        ...


class VoiceConditioning(Protocol):
    """What a decoder made of a voice. Only the decoder that made it can read it."""

    @property
    def voice_id(self) -> str:
        """The voice it was made from."""
        ...


SpokenDelta = TextDelta | AudioTokens | VoiceConditioning


@runtime_checkable
class SpeechDecoder(Protocol):
    """Speaks."""

    @property
    def sample_rate(self) -> int:
        """Of every clip that `decode` yields, in Hz."""
        ...

    async def warm_up(self) -> None:
        """Do what need not wait for the first answer; nothing where there is nothing to do.

        Raises:
            ModelError: weights cannot be loaded.
        """
        ...

    async def prepare(self, voice: Voice) -> VoiceConditioning:
        """Analyse a reference clip: slow once, then cached by content hash.

        Raises:
            AudioError: the clip cannot condition a voice (no speech in it, too short).
        """
        ...

    def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """Speak deltas while they come; each clip continues the one before.

        A conditioning among them is the voice of what comes after it.
        """
        ...

    async def close(self) -> None:
        """Free what the decoder holds. May be called twice."""
        ...


@runtime_checkable
class Tool(Protocol):
    """Something a model can call."""

    @property
    def spec(self) -> ToolSpec:
        """How a model sees it."""
        ...

    async def call(self, arguments: str) -> ToolOutput:
        """Run with raw JSON arguments. `vivavoce.core.calls.current_call` tells of the dialogue around it.

        Raises:
            ToolFailed: with a clause that can be spoken.
        """
        ...


class Anticipating(Protocol):
    """Something that can begin before a tool is called."""

    def anticipate(self, heard: str) -> None:
        """Begin with what the user seems to say, as far as it was heard; the call takes it up. Returns at once."""
        ...

    def discard(self, heard: str) -> None:
        """The turn is over: drop what was begun with this and not taken up."""
        ...


@runtime_checkable
class GroundingCheck(Protocol):
    """Tells whether passages support what is said."""

    def check(self, sentence: str, passages: Sequence[Passage], question: str = "") -> Grounding:
        """Judge one sentence of an answer to a question. A sentence that claims nothing is supported. Blocking."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """Turns text into unit vectors."""

    @property
    def id(self) -> str:
        """Name and version of the weights; stored beside every index."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """Unit vectors, float32 (len(texts), dimension). Blocking."""
        ...


class DocumentEmbedder(TextEmbedder, Protocol):
    """An embedder that documents are cut for."""

    def count_tokens(self, text: str) -> int:
        """Length of a text as the embedder counts it."""
        ...

    def reads(self, text: str) -> bool:
        """Whether the text is of a script that the embedder knows."""
        ...


@runtime_checkable
class Retriever(Protocol):
    """Finds passages."""

    async def search(self, query: str, k: int) -> Sequence[Passage]:
        """The ``k`` best passages, best first; fewer when there are fewer."""
        ...


@runtime_checkable
class VoiceBank(Protocol):
    """Finds voices."""

    def __len__(self) -> int:
        """Voices in the bank."""
        ...

    def has(self, voice_id: str) -> bool:
        """Whether there is a voice of this id."""
        ...

    def entry(self, voice_id: str) -> VoiceEntry:
        """One voice without its clip.

        Raises:
            VoiceNotFound: no voice has this id.
        """
        ...

    def get(self, voice_id: str) -> Voice:
        """One voice with its clip.

        Raises:
            VoiceNotFound: no voice has this id.
        """
        ...

    async def search(
        self, query: str | AudioClip, k: int, filters: VoiceFilters | None = None, *, like: AudioClip | None = None
    ) -> Sequence[VoiceHit]:
        """The ``k`` best voices for a description, an example clip or both (``like``), best first."""
        ...
