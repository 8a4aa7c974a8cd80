r"""Step-Audio 2's wire format of tool calls: ``<tool_call>function\nNAME\n{json}</tool_call>``.

Specification, section 5.3 with the clarifications 9.1-9.3 and 9.10.
"""

import json
from typing import Any

import json_repair

from vivavoce.core.messages import TextDelta, ToolCall

START = "<tool_call>"
END = "</tool_call>"


def render_tool_call(name: str, arguments: str) -> str:
    """One call as the model writes it. ``arguments`` is raw JSON."""
    return f"{START}function\n{name}\n{arguments}{END}"


class ToolCallParser:
    """Reads text that streams in pieces of any size.

    Text before the first call passes at once, except what may be the beginning of a tag. A call is emitted when its end
    tag arrives. Text after the first tag waits for `finish`: where no call survived it is the raw text from that tag on,
    else what follows the last block.

    The best is made of a model's mistakes, which the reference treats as text: broken JSON is repaired once, and where that
    fails the call is emitted with its raw arguments so that the controller can say so; a call that the end of the stream
    cut off counts; tags are never text.
    """

    def __init__(self) -> None:
        self._held = ""  # text from the first tag (or the beginning of one) on
        self._scanned = 0  # where in it the next block is looked for
        self._called = False

    def push(self, text: str) -> list[TextDelta | ToolCall]:
        """Take the next piece; return what it completes."""
        self._held += text
        deltas: list[TextDelta | ToolCall] = []
        if not self._scanned and (free := self._free_length()):
            deltas.append(TextDelta(self._held[:free]))
            self._held = self._held[free:]
        deltas.extend(self._finished_calls())
        return deltas

    def finish(self) -> list[TextDelta | ToolCall]:
        """End of the stream; return what was held back."""
        deltas: list[TextDelta | ToolCall] = []
        if (start := self._held.find(START, self._scanned)) >= 0:
            call = self._read(self._held[start + len(START) :], may_repair=False)
            if call is not None:
                deltas.append(call)
                self._called, self._scanned = True, len(self._held)
        rest = self._held[self._scanned :] if self._called else self._held
        rest = rest.replace(START, "").replace(END, "")
        self._held, self._scanned, self._called = "", 0, False
        return [*deltas, TextDelta(rest)] if rest else deltas

    @property
    def called_and(self) -> str | None:
        """What has been written since the last call ended; None while there was none."""
        return self._held[self._scanned :] if self._called else None

    def _free_length(self) -> int:
        start = self._held.find(START)
        if start >= 0:
            return start
        for length in range(min(len(START) - 1, len(self._held)), 0, -1):
            if START.startswith(self._held[-length:]):
                return len(self._held) - length
        return len(self._held)

    def _finished_calls(self) -> list[ToolCall]:
        calls: list[ToolCall] = []
        while (start := self._held.find(START, self._scanned)) >= 0:
            end = self._held.find(END, start)
            if end < 0:
                break
            self._scanned = end + len(END)
            if call := self._read(self._held[start + len(START) : end], may_repair=True):
                calls.append(call)
                self._called = True
        return calls

    def _read(self, block: str, *, may_repair: bool) -> ToolCall | None:
        parts = block.split("\n", 2)
        if len(parts) < 3:
            return None
        name = parts[1].strip()
        if not name:
            return None
        arguments = _json_object(parts[2], may_repair=may_repair)
        if arguments is not None:
            # Escapes can stand for half a character, which nothing after this could write.
            raw = json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace").decode()
        else:
            raw = parts[2].strip()
        return ToolCall.new(name, raw)


def _json_object(text: str, *, may_repair: bool) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if not may_repair or "{" not in text:
            return None
        try:
            value = json_repair.loads(text)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
