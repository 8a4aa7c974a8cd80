"""One turn while it runs: the graph and the decoder side by side."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Any

from vivavoce.agent.answering import Speech
from vivavoce.agent.calls.ledger import ToolLedger
from vivavoce.agent.graph import TurnContext
from vivavoce.agent.grounding import passages_of, provenance_of
from vivavoce.agent.services import Services
from vivavoce.agent.speech import SpeechQueue, speak
from vivavoce.agent.state import Record, assistant_record, switch_record, tool_record, user_record
from vivavoce.agent.stopwatch import Stopwatch
from vivavoce.agent.turn import (
    AudioChunk,
    HeardText,
    SentenceChecked,
    SpokenText,
    ToolFinished,
    Turn,
    TurnDone,
    TurnEvent,
    VoiceChanged,
)
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import TextDelta
from vivavoce.core.passage import Provenance
from vivavoce.core.protocols import VoiceConditioning


class RunningTurn:
    """One turn while it runs."""

    def __init__(self, services: Services, session: str) -> None:
        self._services = services
        self._session = session
        self._config: Any = {"configurable": {"thread_id": session}}
        self._ledger = ToolLedger()
        self._watch = Stopwatch()
        self._speech: SpeechQueue = asyncio.Queue()
        self._events: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        self._heard = ""
        self._written = ""
        self._chunks: list[AudioChunk] = []
        self._provenance: list[Provenance] = []
        self._switches: list[Record] = []  # that the caller asked for; those of tools are the graph's

    async def run(self, question: AudioClip | str, voice: str | None) -> AsyncGenerator[TurnEvent]:
        """Yield what graph and decoder bring as it comes; closing the iterator interrupts both."""
        voice_id = await self._services.voice_of(self._session)
        user = await self._enter(question)
        if voice is not None and voice != voice_id:
            self._switches.append(switch_record(user["id"], self._services.bank.entry(voice), ""))
            voice_id = voice
        work = asyncio.create_task(self._work(user, voice_id))
        finished = False
        try:
            while (event := await self._events.get()) is not None:
                yield event
            await work
            finished = True
            yield TurnDone(await self._turn())
        finally:
            self._services.discard(self._heard)
            if not finished:
                work.cancel()
                with suppress(asyncio.CancelledError, Exception):  # the caller gets the first error, not its echo
                    await work
                await self._keep_what_was_heard(user, voice_id)

    async def _enter(self, question: AudioClip | str) -> Record:
        id_ = uuid.uuid4().hex
        if isinstance(question, str):
            self._heard = question
            self._services.anticipate(question)
            return user_record(id_, question, None)
        return user_record(id_, None, await asyncio.to_thread(self._services.audio.put, question))

    async def _work(self, user: Record, voice_id: str) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._think(user, voice_id))
                group.create_task(self._speak())
        except* Exception as errors:  # noqa: BLE001 - unwraps the group, hides nothing
            raise errors.exceptions[0] from None
        finally:
            self._events.put_nowait(None)

    async def _think(self, user: Record, voice_id: str) -> None:
        """Run the graph; sort its custom stream into events and speech."""
        context = TurnContext(self._services, self._ledger)
        inputs = {"messages": [user], "voice_id": voice_id, "pending": [], "steps": 0, "switches": self._switches}
        run = self._services.graph.astream(inputs, self._config, context=context, stream_mode="custom", durability="exit")
        try:
            async for item in run:
                self._take(item)
        finally:
            self._watch.writing_ended()
            self._speech.put_nowait(None)

    def _take(self, item: Any) -> None:  # noqa: ANN401 - whatever the nodes wrote
        if isinstance(item, Speech):
            self._watch.writes()
            self._speech.put_nowait(item)
            if isinstance(item.delta, TextDelta) and item.delta.text:
                self._written += item.delta.text
                self._events.put_nowait(SpokenText(item.delta.text))
            return
        if isinstance(item, SentenceChecked):
            self._provenance.append(item.provenance)
            self._events.put_nowait(item)
            return
        if isinstance(item, HeardText):
            self._heard = item.text
            self._services.anticipate(item.text)
        self._written += " "  # what was said before a tool call and what is said after it are two sentences
        self._watch.saw(item)
        self._events.put_nowait(item)
        if isinstance(item, ToolFinished) and item.result.output.voice_id:
            self._events.put_nowait(VoiceChanged(self._services.bank.get(item.result.output.voice_id)))

    async def _speak(self) -> None:
        async with aclosing(speak(self._speech, self._services.decoder, self._prepare)) as clips:
            async for clip in clips:
                self._watch.spoke()
                chunk = AudioChunk(clip.audio, clip.text)
                self._chunks.append(chunk)
                self._events.put_nowait(chunk)

    async def _prepare(self, voice_id: str) -> VoiceConditioning:
        self._services.bank.entry(voice_id).check_may_be_spoken()
        return await self._services.decoder.prepare(await asyncio.to_thread(self._services.bank.get, voice_id))

    async def _turn(self) -> Turn:
        clips = [chunk.audio for chunk in self._chunks]
        return Turn(
            session=self._session,
            heard=self._heard,
            answer_text=" ".join(self._written.split()),
            answer_audio=AudioClip.joined(clips) if clips else None,
            tool_calls=self._ledger.results,
            voice=self._services.bank.get(await self._services.voice_of(self._session)),
            voice_switches=await self._services.switches_of(self._session),
            timings=self._watch.timings(),
            provenance=tuple(self._provenance),
        )

    async def _provenance_of(self, spoken: str) -> list[Provenance]:
        """What the part of the answer rests on that was spoken."""
        guard, passages = self._services.guard, passages_of(self._ledger.results)
        return await provenance_of(spoken, guard, passages, self._heard) if guard and passages and spoken else []

    async def _keep_what_was_heard(self, user: Record, voice_id: str) -> None:
        """After an interruption: the question, open calls as cancelled, and only the part of the answer that was spoken."""
        self._ledger.cancel_open()
        results = self._ledger.results
        records = [user | {"text": self._heard or user["text"]}]
        if results:
            records.append(assistant_record(uuid.uuid4().hex, "", tuple(result.call for result in results)))
            records += [tool_record(result) for result in results]
        spoken = "".join(chunk.text for chunk in self._chunks).strip()
        records.append(assistant_record(uuid.uuid4().hex, spoken, ()))
        for result in results:
            if result.output.voice_id:
                voice_id = result.output.voice_id
                entry = self._services.bank.entry(voice_id)
                self._switches.append(switch_record(result.call.id, entry, result.output.asked))
        values = {"messages": records, "voice_id": voice_id, "pending": [], "steps": 0, "switches": self._switches}
        if not any(result.output.about_last_answer for result in results):
            values["provenance"] = [asdict(known) for known in await self._provenance_of(spoken)]
        await self._services.graph.aupdate_state(self._config, values, as_node="generate")
