"""One step of the model: what it writes is spoken at once, checked where passages were retrieved, and gathered."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

from vivavoce.agent.calls.in_words import arguments_of
from vivavoce.agent.failing import apology, deltas_of
from vivavoce.agent.grounding import GuardedAnswer, passages_of
from vivavoce.agent.prompts import ANSWER_NOW
from vivavoce.agent.reading_out import next_part
from vivavoce.agent.services import Services
from vivavoce.agent.turn import HeardText, ModelFailed, SentenceChecked, TurnEvent
from vivavoce.core.errors import ModelError, reason
from vivavoce.core.language.replies import agrees, refuses, wants_more
from vivavoce.core.language.sentences import DECLINED, NOTHING_HEARD, NOTHING_SUPPORTED, SHALL_I_GO_ON, TOO_MANY_STEPS
from vivavoce.core.messages import (
    AssistantMessage,
    AudioTokens,
    Heard,
    Message,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)


@dataclass(frozen=True, slots=True)
class Speech:
    """A delta to be spoken. record: id of what it is part of. voice_id: the voice it is for."""

    record: str
    voice_id: str
    delta: TextDelta | AudioTokens


@dataclass(frozen=True, slots=True)
class Telling:
    """That an answer begins with words of calls which were interrupted. record: its id. calls: ids of their records."""

    record: str
    words: str
    calls: tuple[str, ...]


Write = Callable[[Speech | Telling | TurnEvent], None]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a step answers.

    record: id of what it will be kept as. last: it may call no more tools. preface: what is said before anything else. held:
    calls that the user was asked about. unsaid: what the answer before this one may have offered to read on.
    """

    messages: Sequence[Message]
    record: str
    voice_id: str
    last: bool = False
    preface: str = ""
    held: tuple[ToolCall, ...] = ()
    unsaid: str = ""


@dataclass(slots=True)
class Said:
    """What one step amounts to.

    heard: None where nothing was transcribed. unsaid: what is left to be read out. agreed: the user wants what was held.
    """

    text: str = ""
    audio_tokens: list[int] = field(default_factory=list[int])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    heard: str | None = None
    provenance: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    unsaid: str = ""
    agreed: bool = False


class Step:
    """A step of the model."""

    def __init__(self, services: Services, prompt: Prompt, write: Write) -> None:
        self._services = services
        self._prompt = prompt
        self._messages = prompt.messages
        self._write = write
        self._said = Said(unsaid=prompt.unsaid if prompt.unsaid and self._was_offered() else "")
        self._guarded = self._guard()

    async def run(self) -> Said:
        """Let the model speak, or whoever knows the answer without it."""
        user, said = self._messages[-1], self._said
        if self._prompt.preface:
            self._say(f"{self._prompt.preface} ")
        if isinstance(user, UserMessage) and user.audio is not None and user.audio.is_silent:
            said.heard = ""
            self._write(HeardText(""))
        elif not (isinstance(user, UserMessage) and user.text is not None and self._understood(user.text)):
            try:
                await self._listen()
            except ModelError as error:
                self._apologise(error)
        if self._prompt.last:
            said.calls.clear()
        if not (self._written or said.audio_tokens or said.calls or said.agreed):
            nothing = NOTHING_HEARD if said.heard == "" else TOO_MANY_STEPS if self._prompt.last else None
            self._say(nothing(self._services.language) if nothing else "")
        return said

    @property
    def _written(self) -> str:
        """The answer so far, without its preface."""
        return self._said.text[len(self._prompt.preface) :].strip()

    def _apologise(self, error: ModelError) -> None:
        """Tell the developer why the model failed, and the user that it did. Calls that it had not finished are not made."""
        self._said.calls.clear()
        self._write(ModelFailed(reason(error)))
        has_begun = bool(self._written or self._said.audio_tokens)
        has_called = bool(results_of(self._messages))
        self._say(apology(self._written, self._services.language, has_begun=has_begun, has_called=has_called))

    async def _listen(self) -> None:
        """Stream the model's deltas out, and gather them."""
        last = self._prompt.last
        system = [self._services.system, *([ANSWER_NOW] if last else [])]
        tools = () if last else self._services.tools.specs
        try:
            async with aclosing(deltas_of(self._services.lm, [*system, *self._messages], tools)) as deltas:
                async for delta in deltas:
                    await self._take(delta)
                    self._tell()
                    if isinstance(delta, Heard) and self._understood(delta.text):
                        return
            self._said.unsaid = ""
            self._said.agreed = self._repeats_what_was_held()
            if self._guarded is not None:
                self._say(await self._guarded.finish())
                self._tell()
                if not self._said.text.strip() and self._said.provenance:
                    self._say(NOTHING_SUPPORTED(self._services.language))
        finally:
            if self._guarded is not None:
                await self._guarded.close()

    def _understood(self, reply: str) -> bool:
        """Whether a reply to a question of the agent's own was all that was said, and is dealt with."""
        if self._prompt.held and agrees(reply):
            self._said.agreed = True
            return True
        if self._prompt.held and refuses(reply):
            self._say(DECLINED(self._services.language))
            return True
        if self._said.unsaid and wants_more(reply):
            self._read_on()
            return True
        return False

    def _repeats_what_was_held(self) -> bool:
        """Whether a model that does not write down what it hears made the calls again that the user was asked about."""
        user = self._messages[-1]
        if (
            not self._prompt.held
            or self._said.heard is not None
            or (isinstance(user, UserMessage) and user.text is not None)
        ):
            return False
        made, held = ([(call.name, arguments_of(call)) for call in calls] for calls in (self._said.calls, self._prompt.held))
        return made == held

    async def _take(self, delta: Heard | ToolCall | TextDelta | AudioTokens) -> None:
        match delta:
            case Heard(text):
                self._said.heard = text
                self._write(HeardText(text))
            case ToolCall():
                self._said.calls.append(delta)
            case TextDelta(text):
                if spoken := await self._guarded.push(text) if self._guarded else text:
                    self._say(spoken)
            case AudioTokens(ids):
                self._said.audio_tokens += ids
                self._write(Speech(self._prompt.record, self._prompt.voice_id, delta))

    def _say(self, text: str) -> None:
        self._said.text += text
        self._write(Speech(self._prompt.record, self._prompt.voice_id, TextDelta(text)))

    def _tell(self) -> None:
        """Let the trace have what was found out about sentences."""
        if self._guarded is not None:
            for provenance in self._guarded.provenance[len(self._said.provenance) :]:
                self._said.provenance.append(asdict(provenance))
                self._write(SentenceChecked(provenance))

    def _guard(self) -> GuardedAnswer | None:
        """The check of an answer for which passages were retrieved."""
        passages = passages_of(results_of(self._messages))
        if self._services.guard is None or not passages:
            return None
        question = next((m.text for m in reversed(self._messages) if isinstance(m, UserMessage)), None)
        return GuardedAnswer(self._services.guard, passages, question or "")

    def _was_offered(self) -> bool:
        """Whether the answer before this question ended with the offer to go on."""
        answers = (m.text for m in reversed(self._messages) if isinstance(m, AssistantMessage))
        return next(answers, "").rstrip().endswith(SHALL_I_GO_ON(self._services.language))

    def _read_on(self) -> None:
        part, self._said.unsaid = next_part(self._said.unsaid)
        self._say(offered(part, self._said.unsaid, self._services.language))


def offered(part: str, left: str, language: str) -> str:
    """A part that is read out, with the offer to go on where something is left."""
    return f"{part} {SHALL_I_GO_ON(language)}" if left else part


def results_of(messages: Sequence[Message]) -> list[ToolResult]:
    """How the calls ended that were made since the user spoke."""
    last = max((i for i, message in enumerate(messages) if isinstance(message, UserMessage)), default=0)
    return [message.result for message in messages[last:] if isinstance(message, ToolMessage)]
