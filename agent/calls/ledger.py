"""Every tool call of a turn, with exactly one end state each."""

from vivavoce.core.language.sentences import INTERRUPTED
from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult


class ToolLedger:
    """A call is opened once, closed once, and never forgotten."""

    def __init__(self) -> None:
        self._open: dict[str, ToolCall] = {}
        self._results: dict[str, ToolResult] = {}

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """Closed calls, in the order of closing."""
        return tuple(self._results.values())

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Calls without an end state, in the order of opening."""
        return tuple(self._open.values())

    def open(self, call: ToolCall) -> bool:
        """Enter a call; False when its id is known already, and it must not run."""
        if call.id in self._open or call.id in self._results:
            return False
        self._open[call.id] = call
        return True

    def close(self, result: ToolResult) -> bool:
        """Give an open call its end state; False when it has one already, or was never opened."""
        if self._open.pop(result.call.id, None) is None:
            return False
        self._results[result.call.id] = result
        return True

    def cancel_open(self) -> tuple[ToolResult, ...]:
        """Close whatever is open as cancelled."""
        cancelled = tuple(ToolResult(call, "cancelled", ToolOutput(INTERRUPTED())) for call in self.open_calls)
        for result in cancelled:
            self.close(result)
        return cancelled
