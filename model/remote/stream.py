"""A server's event stream to deltas: events out of bytes, markers out of text, tool calls out of pieces."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vivavoce.core.errors import ModelError
from vivavoce.core.messages import AUDIO_TOKEN_COUNT, AudioTokens, TextDelta, ToolCall
from vivavoce.model.step_audio2.dialect.delta_parser import Delta, merged
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser

MAX_EVENT_BYTES = 1 << 20
MAX_ANSWER_BYTES = 32 << 20  # 4096 tokens are about 1.5 MB of events
DONE = "[DONE]"
LINE_END = re.compile(rb"\r\n|\n|\r")
# Tool call tags are not among them: `ToolCallParser` reads those.
MARKER = re.compile(r"<(?:audio_(\d{1,6})|(/?think)|(?:tts|audio)_[a-z]{1,6}|\|\w{1,40}\|)>")
MARKER_BEGUN = re.compile(r"<(?:audio_\d{0,6}|/?[a-z_]{0,12}|\|\w{0,40}\|?)$")


class EventReader:
    """Server-sent events out of bytes that are cut anywhere. Only their data is kept, comments are skipped."""

    def __init__(self) -> None:
        self._line = bytearray()  # not ended yet
        self._data: list[bytes] = []
        self._size = 0
        self._first = True

    def push(self, chunk: bytes) -> Iterator[str]:
        """Take the next bytes; yield the data of each event they complete.

        Raises:
            ModelError: an event is longer than 1 MiB.
        """
        start = max(0, len(self._line) - 1)
        self._line += chunk
        at = 0
        while match := LINE_END.search(self._line, max(at, start)):
            if match.group() == b"\r" and match.end() == len(self._line):
                break  # its "\n" may be the next byte
            if (data := self._ended(bytes(self._line[at : match.start()]))) is not None:
                yield data
            at = match.end()
        del self._line[:at]
        if self._size + len(self._line) > MAX_EVENT_BYTES:
            raise ModelError(f"the server sent an event of more than {MAX_EVENT_BYTES >> 20} MiB; it speaks another dialect")

    def finish(self) -> str | None:
        """End of the bytes; return the data of an event that no empty line ended."""
        if self._line:
            self._ended(bytes(self._line).rstrip(b"\r"))
            self._line.clear()
        return self._ended(b"")

    def _ended(self, line: bytes) -> str | None:
        """Take a whole line; an empty one ends the event."""
        if self._first:
            line, self._first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            data, self._data, self._size = self._data, [], 0
            return b"\n".join(data).decode("utf-8", "replace") if data else None
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + 1
        return None


class MarkerReader:
    """Text without control markers, in pieces of any size. The beginning of a marker is held back.

    Items are text and, for each ``<audio_N>`` below 6561, N. What stands between ``<think>`` and ``</think>`` is dropped.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False

    def push(self, text: str, *, last: bool = False) -> list[str | int]:
        """Take the next piece; return what it completes. last: nothing comes after it, hold nothing back."""
        text = self._held + text
        items: list[str | int] = []
        at = 0
        for match in MARKER.finditer(text):
            self._say(text[at : match.start()], items)
            number, thought = match.groups()
            if number is not None and int(number) < AUDIO_TOKEN_COUNT:
                items.append(int(number))
            elif thought is not None:
                self._thinking = thought == "think"
            at = match.end()
        begun = None if last else MARKER_BEGUN.search(text, at)
        end = begun.start() if begun else len(text)
        self._say(text[at:end], items)
        self._held = text[end:]
        return items

    def _say(self, text: str, items: list[str | int]) -> None:
        if text and not self._thinking:
            items.append(text)


class CallPieces:
    """One tool call of the server's own parser, which sends it whole or in pieces."""

    def __init__(self) -> None:
        self.name = ""
        self.arguments = ""

    def push(self, function: Mapping[str, Any]) -> None:
        """Take the next piece. Some servers repeat the whole name with each."""
        name, arguments = function.get("name"), function.get("arguments")
        if isinstance(name, str) and name != self.name:
            self.name += name
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if isinstance(arguments, str):
            self.arguments += arguments

    def finish(self) -> ToolCall:
        """The whole call, its arguments as they came.

        Raises:
            ModelError: it has no name.
        """
        if not self.name:
            raise ModelError("the server sent a tool call without a name; check its tool call parser")
        # The server's ids need not differ between turns.
        return ToolCall.new(self.name.strip(), self.arguments.strip())


class AnswerReader:
    """Deltas of one streamed answer, the same however its bytes are cut.

    speaking: keep audio tokens. quote: makes the server's own words fit for an error message. Tool calls are emitted
    when they are complete; text after the first one is dropped, because the model has to wait for the result.
    """

    def __init__(self, *, speaking: bool, quote: Callable[[str], str]) -> None:
        self._speaking = speaking
        self._quote = quote
        self._events = EventReader()
        self._text, self._sound = MarkerReader(), MarkerReader()
        self._written_calls = ToolCallParser()
        self._calls: dict[int, CallPieces] = {}
        self._called = False
        self._size = 0
        self.done = False  # the answer is complete; what still comes is of no use

    def push(self, chunk: bytes) -> Iterator[Delta]:
        """Take the next bytes; yield what they complete.

        Raises:
            ModelError: the server reports an error, speaks another dialect, or sends too much.
        """
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            raise ModelError(f"the server's answer is longer than {MAX_ANSWER_BYTES >> 20} MiB; limit max_tokens")
        for data in self._events.push(chunk):
            if self.done:
                return
            yield from merged(self._read(data))

    def finish(self) -> list[Delta] | None:
        """End of the bytes; return what was held back, or None where the answer is not complete.

        Raises:
            ModelError: as `push`.
        """
        deltas: list[Delta] = []
        rest = self._events.finish()
        if rest is not None and not self.done:
            try:
                deltas += self._read(rest)
            except _NotJson:
                return None
        return merged(deltas) if self.done else None

    def _read(self, data: str) -> list[Delta]:
        if data.strip() == DONE:
            self.done = True
            return self._last()
        event = self._parsed(data)
        if event.get("error") or event.get("object") == "error":
            raise ModelError(f"the server reports an error: {self._quote(reported(event))}; try again, or look at its log")
        choice = _first(event.get("choices"))
        if choice is None or event.get("modality") not in (None, "text"):  # usage; sound as a file
            return []
        deltas = self._read_delta(choice.get("delta"))
        if reason := choice.get("finish_reason"):
            if reason in ("abort", "error"):
                raise ModelError("the server gave up its answer; try again, or look at its log")
            self.done = True
            deltas += self._last()
        return deltas

    def _parsed(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise _NotJson(f"the server sent an event that is not JSON ({self._quote(data)}); check its address") from error
        if not isinstance(event, dict):
            raise ModelError(f"the server sent an event of another dialect ({self._quote(data)}); check its address")
        return event

    def _read_delta(self, delta: Any) -> list[Delta]:  # noqa: ANN401 - JSON
        if not isinstance(delta, dict):
            return []
        spoken = delta.get("tts_content")
        spoken = spoken if isinstance(spoken, dict) else {}
        deltas = self._said(self._text.push(_text(spoken.get("tts_text")) + _text(delta.get("content"))))
        deltas += self._sounded(self._sound.push(_text(spoken.get("tts_audio"))))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                index = call.get("index")
                self._calls.setdefault(index if isinstance(index, int) else 0, CallPieces()).push(function)
        return deltas

    def _said(self, items: list[str | int], *, last: bool = False) -> list[Delta]:
        deltas: list[Delta] = []
        for item in items:
            found = self._written_calls.push(item) if isinstance(item, str) else self._sounded([item])
            deltas += self._until_call(found)
        return deltas + self._until_call(self._written_calls.finish()) if last else deltas

    def _until_call(self, found: list[TextDelta | ToolCall] | list[Delta]) -> list[Delta]:
        kept: list[Delta] = []
        for delta in found:
            self._called = self._called or isinstance(delta, ToolCall)
            if not (isinstance(delta, TextDelta) and (self._called or self._calls)):
                kept.append(delta)
        return kept

    def _sounded(self, items: list[str | int]) -> list[Delta]:
        numbers = tuple(item for item in items if isinstance(item, int))
        return [AudioTokens(numbers)] if numbers and self._speaking else []

    def _last(self) -> list[Delta]:
        """What was held back until the model had finished."""
        deltas = self._said(self._text.push("", last=True), last=True)
        deltas += self._sounded(self._sound.push("", last=True))
        deltas += [self._calls[index].finish() for index in sorted(self._calls)]
        self._called = self._called or bool(self._calls)
        self._calls.clear()
        return deltas


class _NotJson(ModelError):
    """An event that cannot be parsed: damaged, or cut off by the end."""


def reported(body: Mapping[str, Any]) -> str:
    """The message in the JSON that a server sends for an error."""
    error = body.get("error", body)
    if isinstance(error, dict):
        error = next((error[key] for key in ("message", "detail", "type") if error.get(key)), error)
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _first(choices: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Text, without the halves of characters that JSON escapes can leave."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
