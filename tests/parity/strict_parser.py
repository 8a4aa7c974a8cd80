"""Tool calls as the reference reads them, which makes nothing of a model's mistakes."""

import json
from collections.abc import Collection

from vivavoce.core.messages import TextDelta, ToolCall
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser


class StrictParser(ToolCallParser):
    """Only JSON objects for known tools are calls, anything else is text. known: names that count; empty means any."""

    def __init__(self, known: Collection[str] = ()) -> None:
        super().__init__()
        self._known = frozenset(known)

    def finish(self) -> list[TextDelta | ToolCall]:
        """End of the stream: a call that was cut off is text, and so are tags."""
        rest = self._held[self._scanned :] if self._called else self._held
        return [TextDelta(rest)] if rest else []

    def _read(self, block: str, *, may_repair: bool) -> ToolCall | None:
        call = super()._read(block, may_repair=False)
        return call if call and _is_object(call.arguments) and (not self._known or call.name in self._known) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
