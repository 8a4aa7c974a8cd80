"""The agent: sessions of turns, each turn a run of the graph with its answer spoken while it is written."""

import math
import re
import uuid
from collections.abc import Sequence
from contextlib import aclosing

from vivavoce.agent.calls.in_words import confirmation
from vivavoce.agent.calls.runner import ToolBox
from vivavoce.agent.graph import build_graph, left_over
from vivavoce.agent.grounding import Guard
from vivavoce.agent.prompts import system_message
from vivavoce.agent.running_turn import RunningTurn
from vivavoce.agent.services import Services
from vivavoce.agent.session.history import PastTurn, Unfinished
from vivavoce.agent.session.store import Sessions
from vivavoce.agent.turn import Turn, TurnDone
from vivavoce.agent.turn_stream import TurnStream
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, SessionError
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
        sessions: Sessions,
        instructions: str | None = None,
        language: str | None = None,
        default_voice: str = DEFAULT_VOICE_ID,
        max_question_s: float = 120.0,
        max_steps: int = 4,
        max_calls: int = 16,
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
            sessions=sessions,
            graph=build_graph(sessions.checkpoints),
            system=system_message(instructions, language),
            language=language or "en",
            default_voice=default_voice,
            max_steps=max_steps,
            max_calls=max_calls,
            result_chars=result_chars,
            guard=guard,
            anticipating=tuple(anticipating),
        )
        self._max_question_s = max_question_s

    @property
    def bank(self) -> VoiceBank:
        """The voices that it can speak in."""
        return self.services.bank

    async def ask(self, question: AudioClip | str, *, session: str | None = None, voice: str | None = None) -> Turn:
        """One turn, start to end. See `stream`. Nothing counts as heard before it comes back."""
        stream = self.stream(question, session=session, voice=voice)
        stream.played(0.0)
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, TurnDone):
                    stream.played(math.inf)
                    return event.turn
        raise SessionError("the turn was ended before it began")

    def anticipate(self, heard: str) -> None:
        """Let searches begin with a partial transcript, while the user still speaks; needs a running event loop.

        The turn takes the results up where the whole question turns out to be the same, and drops them elsewhere.
        """
        self.services.anticipate(heard)

    def stream(self, question: AudioClip | str, *, session: str | None = None, voice: str | None = None) -> TurnStream:
        """One turn, event by event. Leaving the loop interrupts it: the dialogue then keeps what was heard.

        session: name; None starts a new one. voice: a voice id for this and later turns of the session.

        Raises:
            AudioError: the question is too long. ConfigError: it is no question, or the session's name is not allowed.
            VoiceNotFound: no such voice. VoiceRefused: the voice may not be spoken in.
            From the first event on, SessionError: another turn of this session is running, see `Settings.when_busy`, or the
            session cannot be kept. ModelError: the decoder failed. A model that fails is told of in the answer instead, see
            `Turn.error`.
        """
        name = checked_name(session) if session is not None else f"s-{uuid.uuid4().hex[:10]}"
        self._check(question)
        if isinstance(question, str):
            question = question.encode(errors="replace").decode()  # half a surrogate pair cannot be kept or sent
        if voice is not None:
            self.services.bank.entry(voice).check_may_be_spoken()
        return TurnStream(RunningTurn(self.services, name, question, voice))

    def resume(self, session: str) -> TurnStream:
        """Go on with the turn of a session that a process was in when it died.

        Calls that had begun are not made again, unless their tool is idempotent: the user is told that nobody knows how they
        ended.

        Raises:
            ConfigError: the session's name is not allowed. From the first event on, SessionError: no turn was cut off.
        """
        return TurnStream(RunningTurn(self.services, checked_name(session), None, None))

    async def unfinished(self, session: str) -> Unfinished | None:
        """The turn that a session was left in, if there is one. See `resume`; where it waits for a reply, ask with that.

        Raises:
            ConfigError: the session's name is not allowed. SessionError: it cannot be read.
        """
        thread = await self.services.sessions.open_turn(checked_name(session))
        if not thread:
            return None
        left = await left_over(self.services.graph, thread)
        records = await self.services.sessions.log.records(session)
        if not left.waits or records[-1]["turn"] != left.turn:  # it is cut off, or the turn of the reply is
            return Unfinished()
        specs = {spec.name: spec for spec in self.services.tools.specs}
        return Unfinished(left.held, confirmation(left.held, specs, self.services.language))

    async def history(self, session: str) -> tuple[PastTurn, ...]:
        """What was said and done in a session, turn by turn; () where there is no such session.

        Raises:
            ConfigError: the session's name is not allowed. SessionError: it cannot be read.
        """
        return await self.services.sessions.history(checked_name(session))

    async def forget(self, session: str) -> bool:
        """Delete a session with its recordings. Returns whether there was one.

        Raises:
            ConfigError: the session's name is not allowed. SessionError: the disk refuses.
        """
        return await self.services.sessions.forget(checked_name(session))

    def _check(self, question: AudioClip | str) -> None:
        if isinstance(question, AudioClip):
            if question.duration_s > self._max_question_s:
                raise AudioError(
                    f"the question is {question.duration_s:.0f} s long; at most {self._max_question_s:.0f} s can be asked"
                )
        elif not isinstance(question, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
            raise ConfigError(f"the question is {question!r:.80}; ask with a text or an AudioClip")
        elif not question.strip() or len(question) > MAX_TEXT_CHARS:
            raise ConfigError(f"a typed question has 1 to {MAX_TEXT_CHARS} characters; this one has {len(question)}")


def checked_name(session: str) -> str:
    """The name of a session.

    Raises:
        ConfigError: it is not allowed.
    """
    if not (isinstance(session, str) and SESSION_NAME.fullmatch(session)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"session {session!r:.80}: use up to 64 letters, digits, dots, dashes and underscores")
    return session
