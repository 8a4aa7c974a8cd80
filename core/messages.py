"""What is said in a dialogue: the messages a model reads and the deltas it writes."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from vivavoce.core.audio import AudioClip
from vivavoce.core.passage import Passage, Provenance
from vivavoce.core.voice import DEFAULT_VOICE_ID

AUDIO_TOKEN_COUNT = 6561  # ids 0..6560 are sound, 6561 is padding (specification, section 1.2)

ToolStatus = Literal["done", "failed", "timed_out", "cancelled", "interrupted"]
OnInterrupt = Literal["cancel", "finish"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a model understood the user's speech to be. Models that never transcribe do not emit it."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer, as text to be spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class AudioTokens:
    """The next piece of the answer, as speech tokens in [0, 6561), 25 per second."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to use a tool. ``arguments`` is raw JSON, not yet validated."""

    id: str
    name: str
    arguments: str

    @classmethod
    def new(cls, name: str, arguments: str) -> Self:
        """A call with an id that no other has."""
        return cls(f"call_{uuid.uuid4().hex[:12]}", name, arguments)


LMDelta = Heard | TextDelta | AudioTokens | ToolCall


@dataclass(frozen=True, slots=True)
class SpokenClip:
    """A piece of speech and the text it is of, as it was written (empty where a decoder does not know).

    spoken: False where the text cannot be said, so that ``audio`` is a moment of silence in its place.
    """

    audio: AudioClip
    text: str = ""
    spoken: bool = True


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool gives back.

    content: for the model to read. spoken: a sentence that already says it well, for models too small to rephrase
    reliably. sources: short names of documents or pages. voice_id: a voice to answer in from now on; an effect is data,
    the controller applies it. asked: the request that the voice was chosen for. passages: what an answer should rest on.
    about_last_answer: it talks of the last answer, so what that one rested on stays what the session remembers. saved_s:
    seconds that were saved because the work had begun before the call, see `Anticipating`.
    """

    content: str
    spoken: str | None = None
    sources: tuple[str, ...] = ()
    voice_id: str | None = None
    asked: str = ""
    passages: tuple[Passage, ...] = ()
    about_last_answer: bool = False
    saved_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a tool may know of the dialogue it is called in.

    voice_id: the voice that speaks. asked: what was asked when it was chosen. provenance: what the last answer rested on,
    sentence by sentence. language: ISO 639-1 code of the language to speak.
    default_voice_id: the voice that sessions begin in.
    """

    voice_id: str = DEFAULT_VOICE_ID
    asked: str = ""
    provenance: tuple[Provenance, ...] = ()
    language: str = "en"
    default_voice_id: str = DEFAULT_VOICE_ID


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The one end state of a tool call. output: bounded and neutralised; of a failure its content says why.

    A cancelled call did nothing, or may be made again; what became of an interrupted one, nobody knows.
    """

    call: ToolCall
    status: ToolStatus
    output: ToolOutput
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """Standing instructions."""

    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the user said: speech, text, or speech with the text it was heard as."""

    text: str | None = None
    audio: AudioClip | None = None


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the model answered, or the calls it made."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    audio_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """A tool's result, as the model reads it."""

    result: ToolResult


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class ToolExample:
    """An utterance that should lead to this tool, with the arguments it should be given."""

    utterance: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it.

    parameters: JSON schema of an object. examples: what a router learns from. idempotent: a failed call may be tried
    again. timeout_s: deadline of one call including retries. confirm: the user is asked before it acts; a text is the
    question, with arguments in braces: ``"Shall I send {amount} euros to {name}?"``. background: the turn does not wait for
    it. filler: a sentence, by language, that is said where it takes long. on_interrupt: what becomes of a call when the user
    interrupts.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    examples: tuple[ToolExample, ...] = ()
    idempotent: bool = False
    timeout_s: float = 10.0
    confirm: bool | str = False
    background: bool = False
    filler: Mapping[str, str] = field(default_factory=dict)
    on_interrupt: OnInterrupt = "cancel"

    def as_json_schema(self) -> dict[str, Any]:
        """The ``{"type": "function", ...}`` form that chat models read."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}
