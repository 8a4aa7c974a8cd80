"""What a turn is made of: the events while it runs and what it amounts to."""

from dataclasses import dataclass, field
from typing import Self

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import ToolCall, ToolResult
from vivavoce.core.passage import Provenance
from vivavoce.core.voice import VoiceEntry, VoiceSwitch


@dataclass(frozen=True, slots=True)
class HeardText:
    """What the user was understood to say; "" when nobody spoke."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call was dispatched."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """A running tool tells, in a few words, how far it is."""

    call: ToolCall
    text: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call reached its end state."""

    result: ToolResult


@dataclass(frozen=True, slots=True)
class VoiceChanged:
    """From now on the answer is spoken in this voice."""

    voice: VoiceEntry


@dataclass(frozen=True, slots=True)
class SpokenText:
    """The next piece of the answer's text, as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """A sentence of the answer was compared with the passages that were retrieved for it."""

    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ConfirmationAsked:
    """Calls wait until the user agrees; the next turn of the session answers. Nothing was done yet."""

    calls: tuple[ToolCall, ...]
    question: str


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The model failed, and the answer says so next. why: what is wrong and what to do, one line for the developer."""

    why: str


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """The next piece of the answer's sound, with the text it speaks.

    answer: id of the turn whose answer it belongs to. start_s, end_s: where it lies in its sound, in seconds. spoken:
    False where the text cannot be said; the sound is a moment of silence.
    """

    audio: AudioClip
    text: str
    answer: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    spoken: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A stage of the turn; seconds since the turn began."""

    stage: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a turn went. ``ttfa_s``: time to first audio; None when nothing was spoken."""

    spans: tuple[Span, ...]
    ttfa_s: float | None
    total_s: float

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage. Stages overlap: speaking begins while the model still writes."""
        sums: dict[str, float] = {}
        for span in self.spans:
            sums[span.stage] = sums.get(span.stage, 0.0) + span.end_s - span.start_s
        return sums


@dataclass(frozen=True, slots=True)
class Turn:
    """A finished turn. ``answer_audio`` is None only when there was nothing to say.

    id: of the turn and of its answer. interrupted: text and sound are what was heard of the answer. awaiting: calls that the
    answer asks for the user's consent to. error: why the model failed and what to do, on one line; "" where it did not. The
    answer tells the user in plain words.
    voice_switches: every change of the voice in the session so far. provenance: what each sentence of the answer rests on;
    empty where nothing was retrieved.
    """

    session: str
    heard: str
    answer_text: str
    answer_audio: AudioClip | None = field(repr=False)
    tool_calls: tuple[ToolResult, ...]
    voice: VoiceEntry = field(repr=False)
    voice_switches: tuple[VoiceSwitch, ...]
    timings: Timings
    provenance: tuple[Provenance, ...] = ()
    id: str = ""
    interrupted: bool = False
    awaiting: tuple[ToolCall, ...] = ()
    error: str = ""

    def check_answered(self) -> Self:
        """The same turn, for whom an apology is no answer.

        Raises:
            ModelError: the model failed.
        """
        if self.error:
            raise ModelError(self.error)
        return self


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The last event."""

    turn: Turn


TurnEvent = (
    HeardText
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | VoiceChanged
    | SpokenText
    | SentenceChecked
    | ConfirmationAsked
    | ModelFailed
    | AudioChunk
    | TurnDone
)
