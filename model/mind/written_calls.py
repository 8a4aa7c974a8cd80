"""Calls that a model writes as text, because its server does not know its manner of calling."""

import json
import re
from collections.abc import Collection

import json_repair

from vivavoce.core.messages import ToolCall

OPENINGS = ("{", "[{", "<tool_call>", "```{", "```json{")  # of an answer that may be calls, blanks left out
AROUND = re.compile(r"</?tool_call>|```(?:json)?|^\s*\[|\]\s*$")
BETWEEN = re.compile(r"[\s,;]*")
ARGUMENTS = ("arguments", "parameters")  # what families of models call them
LONGEST_OPENING = max(map(len, OPENINGS))


class WrittenCalls:
    """Holds back an answer that begins like calls; other text comes through at once. names: the tools that there are."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held = ""
        self._is_text = not names

    def push(self, text: str) -> str:
        """Take the next piece; return what is no call."""
        if self._is_text:
            return text
        self._held += text
        begins = "".join(self._held[: 4 * LONGEST_OPENING].split())[:LONGEST_OPENING]
        if any(begins.startswith(opening[: len(begins)]) for opening in OPENINGS):
            return ""
        self._is_text = True
        return self._held

    @property
    def held_chars(self) -> int:
        """How much is held back."""
        return 0 if self._is_text else len(self._held)

    def finish(self) -> tuple[str, list[ToolCall]]:
        """What was held: text, or calls of tools that there are. Small models repeat a call until they are cut off."""
        if self._is_text:
            return "", []
        calls = self._read(AROUND.sub(" ", self._held))
        return ("", calls) if calls else (self._held, [])

    def _read(self, text: str) -> list[ToolCall]:
        calls: dict[tuple[str, str], ToolCall] = {}
        decoder, at = json.JSONDecoder(), _after(text, 0)
        while at < len(text):
            try:
                written, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                if calls:
                    break
                written, at = json_repair.loads(text), len(text)
            if not isinstance(written, dict) or written.get("name") not in self._names:
                return []
            arguments = next((written[key] for key in ARGUMENTS if key in written), {})
            raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            calls.setdefault((written["name"], raw), ToolCall.new(written["name"], raw))
            at = _after(text, at)
        return list(calls.values())


def _after(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at
