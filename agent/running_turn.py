"""One turn while it runs: the graph and the decoder side by side, and what is kept of them."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vivavoce.agent.answering import Speech, Telling
from vivavoce.agent.graph import TurnContext
from vivavoce.agent.grounding import passages_of, provenance_of
from vivavoce.agent.playback import Playback, divided, words_within
from vivavoce.agent.services import Services
from vivavoce.agent.session.held import HeldSession
from vivavoce.agent.speech import SpeechQueue, speak
from vivavoce.agent.start import start_of
from vivavoce.agent.state import Record, assistant_record, switch_record, to_result, tool_record, user_record
from vivavoce.agent.stopwatch import Stopwatch
from vivavoce.agent.turn import (
    AudioChunk,
    ConfirmationAsked,
    HeardText,
    ModelFailed,
    SentenceChecked,
    SpokenText,
    ToolFinished,
    Turn,
    TurnDone,
    TurnEvent,
    VoiceChanged,
)
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, VivavoceError, reason
from vivavoce.core.language.sentences import CANCELLED
from vivavoce.core.messages import AudioTokens, ToolCall, ToolOutput, ToolResult
from vivavoce.core.passage import Provenance
from vivavoce.core.protocols import VoiceConditioning

TOKENS_PER_S = 25  # of audio tokens


@dataclass(slots=True)
class Written:
    """What the model wrote in one step."""

    text: str = ""
    audio_tokens: list[int] = field(default_factory=list[int])


class RunningTurn:
    """One turn while it runs. It holds its session from `begin` to its end; `interrupt` ends it early, at any moment.

    question: None goes on with the turn that a process was in when it died.
    """

    def __init__(self, services: Services, session: str, question: AudioClip | str | None, voice: str | None) -> None:
        self.id = uuid.uuid4().hex
        self.playback = Playback()
        self.is_leaving = False
        self._services = services
        self._session = HeldSession(services.sessions.log, session)
        self._question = question
        self._voice = voice
        self._thread = ""
        self._watch = Stopwatch()
        self._speech: SpeechQueue = asyncio.Queue()
        self._events: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        self._heard = ""
        self._written: dict[str, Written] = {}
        self._tellings: dict[str, Telling] = {}
        self._said = ""
        self._provenance: list[Provenance] = []
        self._awaiting: tuple[ToolCall, ...] = ()
        self._model_failed = ""
        self._asked: dict[str, str] = {}
        self._has_thought = False
        self._thought = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._entering: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] | None = None
        self._ending: asyncio.Task[Turn] | None = None
        self._has_begun = asyncio.Event()
        self._is_over = False

    @property
    def is_running(self) -> bool:
        """Whether it holds its session, and nobody has ended it."""
        return self._leave is not None and self._ending is None

    async def next(self) -> TurnEvent:
        """The next event. Who asks for it has heard the chunk before.

        Raises:
            StopAsyncIteration: that was all. VivavoceError: the turn failed; what was heard is kept.
        """
        if self._is_over:
            raise StopAsyncIteration
        try:
            if self._work is None:
                await self._begin()
            return await self._next()
        except BaseException:
            self._is_over = True
            await self.interrupt()
            raise

    async def _next(self) -> TurnEvent:
        if self._ending is None:  # else what is asked for comes too late to be heard
            if self.playback.next_asked() and not self._comes_to_its_end():
                await self._session.put(self._answers(cut=True), **self._asked)
            event = await self._events.get()
            if isinstance(event, AudioChunk):
                self.playback.given()
            elif isinstance(event, ConfirmationAsked):
                self._asked = {"asked_in": self.id}
            if event is not None:
                return event
        turn = await asyncio.shield(self._end(cut=False))
        if (error := self._error()) is not None:
            if not isinstance(error, Exception) or isinstance(error, VivavoceError):
                raise error
            raise ModelError(f"the turn failed ({reason(error)})") from error
        self._is_over = True
        return TurnDone(turn)

    async def interrupt(self) -> None:
        """End the turn now. The dialogue keeps what was heard of the answer.

        Where all was given out already, and whoever plays it has reported less, the rest was not heard.
        """
        self.is_leaving = True
        if self._leave is None and self._ending is None:
            self._is_over = True
            if self._entering is not None:
                self._entering.cancel()
            return
        await self._has_begun.wait()
        if self._leave is None and self._ending is None:  # it could not begin
            return
        turn = await asyncio.shield(self._end(cut=True))
        if not turn.interrupted and not self.playback.is_whole():
            await self._session.put(self._answers(cut=True))

    async def _begin(self) -> None:
        """Wait for the session, keep the question, and set graph and decoder to work."""
        self.loop = asyncio.get_running_loop()
        try:
            await self._take_session()
            await self._session.load()
            start = await start_of(self._services, self._session, self.id, asks=self._question is not None)
            self.id, self._thread = start.turn, start.thread
            voice_id = self._services.voice_of(self._session.facts)
            await self._enter(voice_id)
        except BaseException:
            if self._leave is not None:
                self._leave()
                self._leave = None
            raise
        else:
            self._work = asyncio.create_task(self._run(start.inputs))
            self._work.add_done_callback(lambda _: self._events.put_nowait(None))
        finally:
            self._has_begun.set()

    async def _take_session(self) -> None:
        """Wait for the session.

        Raises:
            StopAsyncIteration: the turn was interrupted meanwhile.
        """

        async def enter() -> None:
            self._leave = await self._services.sessions.queue.enter(self._session.name, self)

        self._entering = asyncio.create_task(enter())
        try:
            await asyncio.wait([self._entering])
        finally:
            self._entering.cancel()
        if self._entering.cancelled():
            raise StopAsyncIteration
        self._entering.result()

    async def _enter(self, voice_id: str) -> None:
        """The question is on disk before anything is done with it."""
        kept: list[Record] = []
        facts: dict[str, Any] = {"open": self._thread}
        name, question = self._session.name, self._question
        if isinstance(question, AudioClip):
            recording = await asyncio.to_thread(self._services.sessions.recordings.put, name, question)
            kept.append(user_record(self.id, None, recording))
        elif question is not None:
            kept.append(user_record(self.id, question, None))
        if self._voice is not None and self._voice != voice_id:
            kept.append(switch_record(self.id, "", self._services.bank.entry(self._voice), ""))
            facts |= {"voice_id": self._voice, "asked": {**self._session.facts.get("asked", {}), self._voice: ""}}
        await self._session.put(kept, **facts)
        if isinstance(question, str):
            self._heard = question
            self._services.anticipate(question)

    async def _run(self, inputs: Any) -> None:  # noqa: ANN401 - what LangGraph takes
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._think(inputs))
                group.create_task(self._speak())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _think(self, inputs: Any) -> None:  # noqa: ANN401 - what LangGraph takes
        """Run the graph."""
        context = TurnContext(self._services, self._session, self.id, self._take, resumed=self._question is None)
        config: Any = {"configurable": {"thread_id": self._thread}}
        try:
            await self._services.graph.ainvoke(inputs, config, context=context, durability="sync")
            self._has_thought = True
        finally:
            self._thought.set()
            self._watch.writing_ended()
            self._speech.put_nowait(None)

    def _take(self, item: Speech | Telling | TurnEvent) -> None:
        """What the nodes write: events, and speech."""
        if isinstance(item, Speech):
            self._take_speech(item)
            return
        if isinstance(item, Telling):
            self._tellings[item.record] = item
            return
        if isinstance(item, SentenceChecked):
            self._provenance.append(item.provenance)
            self._events.put_nowait(item)
            return
        if isinstance(item, ModelFailed):
            self._model_failed = item.why
            self._events.put_nowait(item)
            return
        if isinstance(item, HeardText):
            self._heard = item.text
            self._services.anticipate(item.text)
        elif isinstance(item, ConfirmationAsked):
            self._awaiting = item.calls
        self._said += " "  # what was said before a tool call and what is said after it are two sentences
        self._watch.saw(item)
        self._events.put_nowait(item)
        if isinstance(item, ToolFinished) and item.result.output.voice_id:
            self._events.put_nowait(VoiceChanged(self._services.bank.entry(item.result.output.voice_id)))

    def _take_speech(self, item: Speech) -> None:
        self._watch.writes()
        written = self._written.setdefault(item.record, Written())
        if isinstance(item.delta, AudioTokens):
            written.audio_tokens += item.delta.ids
        elif item.delta.text:
            written.text += item.delta.text
            self._said += item.delta.text
            self._events.put_nowait(SpokenText(item.delta.text))
        self._speech.put_nowait(item)

    async def _speak(self) -> None:
        async with aclosing(speak(self._speech, self._services.decoder, self._prepare)) as clips:
            async for clip in clips:
                self._watch.spoke()
                start = self.playback.end_s
                chunk = AudioChunk(clip.audio, clip.text, self.id, start, start + clip.audio.duration_s, clip.spoken)
                self.playback.chunks.append(chunk)
                self._events.put_nowait(chunk)

    async def _prepare(self, voice_id: str) -> VoiceConditioning:
        self._services.bank.entry(voice_id).check_may_be_spoken()
        return await self._services.decoder.prepare(await asyncio.to_thread(self._services.bank.get, voice_id))

    def _comes_to_its_end(self) -> bool:
        """Whether all was given out, so that the whole answer is kept next."""
        return self._work is not None and self._work.done() and self._events.qsize() == 1

    def _error(self) -> BaseException | None:
        """What the turn failed with."""
        work = self._work
        return None if work is None or not work.done() or work.cancelled() else work.exception()

    def _end(self, *, cut: bool) -> asyncio.Task[Turn]:
        """The end of the turn, which comes once; it goes on even if nobody waits for it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._ended(cut=cut))
        return self._ending

    async def _ended(self, *, cut: bool) -> Turn:
        try:
            if self._awaiting:  # it waits for a reply, as soon as that is on disk
                await self._thought.wait()
            if self._work is not None:
                self._work.cancel()
                await asyncio.gather(self._work, return_exceptions=True)
                cut = cut or self._work.cancelled() or self._error() is not None
            return await self._kept(cut=cut)
        finally:
            self._services.discard(self._heard)
            if self._leave is not None:
                self._leave()
                self._leave = None

    async def _kept(self, *, cut: bool) -> Turn:
        """Keep the answer, or what was heard of it; and of the graph's state only what the next turn needs."""
        waits = bool(self._awaiting) and self._has_thought
        facts: dict[str, Any] = {"open": self._thread if waits else "", **self._asked}
        if cut:
            results = self._results()
            self._provenance = await self._provenance_of(self.playback.text().strip(), results)
            if not any(result.output.about_last_answer for result in results):
                facts["provenance"] = [asdict(known) for known in self._provenance]
        await self._session.put([*self._cancelled(), *self._answers(cut=cut)], **facts)
        if not waits:
            await self._services.sessions.checkpoints.adelete_thread(self._thread)
        return self._turn(cut=cut)

    def _tool_records(self) -> list[Record]:
        return [record for record in self._session.records if record["turn"] == self.id and record["role"] == "tool"]

    def _results(self) -> tuple[ToolResult, ...]:
        """How the calls of this turn ended."""
        return tuple(to_result(record["result"]) for record in self._tool_records())

    def _cancelled(self) -> list[Record]:
        """Calls that were interrupted and may be made again: nothing is left open by them."""
        cancelled: list[Record] = []
        for record in self._tool_records():
            result = to_result(record["result"])
            tool = self._services.tools.get(result.call.name)
            if result.status == "interrupted" and tool is not None and tool.spec.idempotent:
                output = ToolOutput(CANCELLED(self._services.language))
                cancelled.append(tool_record(self.id, replace(result, status="cancelled", output=output)))
        return cancelled

    def _answers(self, *, cut: bool) -> list[Record]:
        """What the model wrote in each step as it is kept. cut: only what was heard of it."""
        kept: list[Record] = []
        last = next(reversed(self._written.values()), None)
        for id_, written, text, audio_tokens in self._heard_parts() if cut else self._wholes():
            earlier = self._session.record(id_)
            calls = tuple(ToolCall(**call) for call in earlier["tool_calls"]) if earlier else ()
            is_being_written = written is last and not self._has_thought
            part = cut and (is_being_written or text.strip() != written.text.strip())
            if text.strip() or audio_tokens or earlier:
                kept.append(assistant_record(self.id, id_, text, calls, audio_tokens, interrupted=part))
                kept += self._told(id_, text)
        return [record for record in kept if record != self._session.record(record["id"])]

    def _told(self, id_: str, heard: str) -> list[Record]:
        """Calls of which the user was told, as far as an answer was heard."""
        telling = self._tellings.get(id_)
        if telling is None or not " ".join(heard.split()).startswith(telling.words):
            return []
        found = [self._session.record(call) for call in telling.calls]
        return [{**record, "told": True} for record in found if record is not None]

    def _wholes(self) -> list[tuple[str, Written, str, list[int]]]:
        return [(id_, written, written.text, written.audio_tokens) for id_, written in self._written.items()]

    def _heard_parts(self) -> list[tuple[str, Written, str, list[int]]]:
        """Each step with the text and the audio tokens that were heard."""
        texts = divided(self.playback.text(), [written.text for written in self._written.values()])
        parts: list[tuple[str, Written, str, list[int]]] = []
        tokens_left = int(self.playback.heard_s * TOKENS_PER_S)
        for (id_, written), text in zip(self._written.items(), texts, strict=True):
            tokens = written.audio_tokens[:tokens_left]
            tokens_left -= len(tokens)
            if tokens and not text:  # the decoder does not know which words it speaks
                text = (
                    written.text
                    if tokens == written.audio_tokens
                    else words_within(written.text, len(tokens) / len(written.audio_tokens))
                )
            parts.append((id_, written, text, tokens))
        return parts

    def _turn(self, *, cut: bool) -> Turn:
        heard = self._session.record(self.id)
        return Turn(
            session=self._session.name,
            heard=self._heard or (heard["text"] if heard else "") or "",
            answer_text=" ".join((self.playback.text() if cut else self._said).split()),
            answer_audio=self.playback.sound(whole=not cut),
            tool_calls=self._results(),
            voice=self._services.bank.entry(self._services.voice_of(self._session.facts)),
            voice_switches=self._session.switches,
            timings=self._watch.timings(),
            provenance=tuple(self._provenance),
            id=self.id,
            interrupted=cut,
            awaiting=self._awaiting if self._has_thought else (),
            error=self._model_failed,
        )

    async def _provenance_of(self, spoken: str, results: Sequence[ToolResult]) -> list[Provenance]:
        """What the part of the answer rests on that was spoken."""
        guard, passages = self._services.guard, passages_of(results)
        return await provenance_of(spoken, guard, passages, self._heard) if guard and passages and spoken else []
