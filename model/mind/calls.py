"""Tool calls out of the pieces that a chat model streams."""

from collections.abc import Iterable, Mapping
from typing import Any

from vivavoce.core.messages import ToolCall


class CallPieces:
    """Gathers the calls of one answer. Providers number their pieces, or send calls whole, or repeat a name with each."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self.chars = 0
        """Of all arguments so far."""
        self._open: dict[Any, dict[str, Any]] = {}  # by the provider's number

    def push(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        """Take the next pieces: LangChain's ``ToolCallChunk``."""
        for piece in pieces:
            index, id_ = piece.get("index"), piece.get("id")
            call = self._open.get(index)
            if call is None or (id_ and call["id"] and id_ != call["id"]) or (index is None and id_):
                call = self._open[index] = {"id": id_, "name": "", "arguments": []}
                self._calls.append(call)
            call["id"] = call["id"] or id_
            name = piece.get("name") or ""
            call["name"] += name if name != call["name"] else ""
            call["arguments"].append(piece.get("args") or "")
            self.chars += len(call["arguments"][-1])

    def calls(self) -> list[ToolCall]:
        """The calls in order, their arguments as they were written; none of them is checked."""
        return [ToolCall.new(call["name"].strip(), "".join(call["arguments"]).strip() or "{}") for call in self._calls]
