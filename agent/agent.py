"""The agent: sessions of turns, each turn a run of the graph with its answer spoken while it is written."""

import re
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from vivavoce.agent.calls.runner import ToolBox
from vivavoce.agent.graph import build_graph
from vivavoce.agent.grounding import Guard
from vivavoce.agent.prompts import system_message
from vivavoce.agent.running_turn import RunningTurn
from vivavoce.agent.services import Services
from vivavoce.agent.session.recordings import AudioStore
from vivavoce.agent.session.store import session_lock
from vivavoce.agent.turn import Turn, TurnDone, TurnEvent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, ModelError
from vivavoce.core.protocols import Anticipating, SpeechDecoder, SpeechLM, VoiceBank
from vivavoce.core.voice import DEFAULT_VOICE_ID

MAX_TEXT_CHARS = 4000
SESSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Agent:
    """Ask it with speech or text; it answers with speech. Built by `vivavoce.app.open_agent`."""

    def __init__(
        self,
        *,
        lm: SpeechLM,
        decoder: SpeechDecoder,
        bank: VoiceBank,
        tools: ToolBox,
        checkpointer: BaseCheckpointSaver[Any],
        sessions_dir: Path,
        instructions: str | None = None,
        language: str | None = None,
        default_voice: str = DEFAULT_VOICE_ID,
        max_question_s: float = 120.0,
        max_steps: int = 4,
        result_chars: int = 4000,
        guard: Guard | None = None,
        anticipating: Sequence[Anticipating] = (),
    ) -> None:
        """Parts and limits. instructions, language: see `system_message`. The agent closes nothing that it was given."""
        self.services = Services(
            lm=lm,
            decoder=decoder,
            bank=bank,
            tools=tools,
            graph=build_graph(checkpointer),
            system=system_message(instructions, language),
            language=language or "en",
            audio=AudioStore(sessions_dir / "audio"),
            default_voice=default_voice,
            max_steps=max_steps,
            result_chars=result_chars,
            guard=guard,
            anticipating=tuple(anticipating),
        )
        self._sessions_dir = sessions_dir
        self._max_question_s = max_question_s

    @property
    def bank(self) -> VoiceBank:
        """The voices that it can speak in."""
        return self.services.bank

    async def ask(self, question: AudioClip | str, *, session: str | None = None, voice: str | None = None) -> Turn:
        """One turn, start to end. See `stream`."""
        async with aclosing(self.stream(question, session=session, voice=voice)) as events:
            async for event in events:
                if isinstance(event, TurnDone):
                    return event.turn
        raise ModelError("the turn ended without a result")

    def anticipate(self, heard: str) -> None:
        """Let searches begin with a partial transcript, while the user still speaks; needs a running event loop.

        The turn takes the results up where the whole question turns out to be the same, and drops them elsewhere.
        """
        self.services.anticipate(heard)

    async def stream(
        self, question: AudioClip | str, *, session: str | None = None, voice: str | None = None
    ) -> AsyncGenerator[TurnEvent]:
        """One turn, event by event. Closing the iterator interrupts it: the dialogue then keeps what was heard.

        session: name; None starts a new one. voice: a voice id for this and later turns of the session.

        Raises:
            AudioError: the question is too long. ConfigError: it is no question, or the session's name is not allowed.
            SessionError: another process is in a turn of this session. VoiceNotFound: no such voice. VoiceRefused: the voice
                may not be spoken in.
            ModelError: the model or the decoder failed.
        """
        name = session if session is not None else f"s-{uuid.uuid4().hex[:10]}"
        if not SESSION_NAME.fullmatch(name):
            raise ConfigError(f"session {name!r}: use up to 64 letters, digits, dots, dashes and underscores")
        self._check(question)
        if voice is not None:
            self.services.bank.entry(voice).check_may_be_spoken()
        with session_lock(self._sessions_dir, name):
            running = RunningTurn(self.services, name)
            async with aclosing(running.run(question, voice)) as events:
                async for event in events:
                    yield event

    def _check(self, question: AudioClip | str) -> None:
        if isinstance(question, AudioClip):
            if question.duration_s > self._max_question_s:
                raise AudioError(
                    f"the question is {question.duration_s:.0f} s long; at most {self._max_question_s:.0f} s can be asked"
                )
        elif not question.strip() or len(question) > MAX_TEXT_CHARS:
            raise ConfigError(f"a typed question has 1 to {MAX_TEXT_CHARS} characters; this one has {len(question)}")
