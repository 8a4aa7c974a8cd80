"""Where the time of a turn goes, from what is seen of it."""

import time

from vivavoce.agent.turn import HeardText, Span, Timings, ToolFinished, ToolStarted


class Stopwatch:
    """Started when made. Stages: hear, choose (up to the first call), tools, answer (the model writes), speak."""

    def __init__(self) -> None:
        self._zero = time.perf_counter()
        self._spans: list[Span] = []
        self._stage_start = 0.0
        self._running_tools: dict[str, float] = {}
        self._writing_since: float | None = None
        self._first_audio: float | None = None
        self._last_audio = 0.0
        self._first_text: float | None = None

    def saw(self, event: object) -> None:
        """Take note of what the graph reports."""
        now = self._now()
        match event:
            case HeardText():
                self._close_stage("hear", now)
            case ToolStarted(call):
                if not self._running_tools:
                    self._close_stage("choose", now)
                self._running_tools[call.id] = now
                self._writing_since = None
            case ToolFinished(result):
                start = self._running_tools.pop(result.call.id, now)
                self._spans.append(Span(f"tool: {result.call.name}", start, now))
                self._stage_start = now
            case _:
                pass

    def writes(self) -> None:
        """The model wrote something to be spoken."""
        if self._writing_since is None:
            self._writing_since = self._stage_start
        if self._first_text is None:
            self._first_text = self._now()

    def writing_ended(self) -> None:
        """The model is done."""
        if self._writing_since is not None:
            self._spans.append(Span("answer", self._writing_since, self._now()))

    def spoke(self) -> None:
        """The decoder brought sound."""
        self._last_audio = self._now()
        if self._first_audio is None:
            self._first_audio = self._last_audio

    def timings(self) -> Timings:
        """All of it."""
        spans = list(self._spans)
        if self._first_audio is not None:
            start = self._first_text if self._first_text is not None else self._first_audio
            spans.append(Span("speak", start, self._last_audio))
        return Timings(tuple(spans), self._first_audio, self._now())

    def _close_stage(self, stage: str, now: float) -> None:
        self._spans.append(Span(stage, self._stage_start, now))
        self._stage_start = now

    def _now(self) -> float:
        return time.perf_counter() - self._zero
