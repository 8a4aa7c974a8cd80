"""Token ids to what the agent understands, while they stream (specification, section 5)."""

from collections.abc import Sequence

from vivavoce.core.messages import AudioTokens, TextDelta, ToolCall
from vivavoce.model.step_audio2.dialect.ta4 import Ta4Stream
from vivavoce.model.step_audio2.dialect.token_ids import TokenIds, Tokenizer
from vivavoce.model.step_audio2.dialect.tool_calls import START, ToolCallParser

MAX_HELD_IDS = 8  # a character has at most four bytes; more undecodable ids than this are not one character
UNDECODED = "\ufffd"

Delta = TextDelta | AudioTokens | ToolCall


class DeltaParser:
    """Reads one answer id by id, so that it reads the same however the ids are grouped.

    speaking: whether the prompt ended with ``<tts_start>``. Ids of sound outside the interleave are still sound. Pads and
    control tokens vanish. Text that follows a tool call is dropped: the model has to wait for the result.
    """

    def __init__(self, tokenizer: Tokenizer, ids: TokenIds, *, speaking: bool) -> None:
        self._tokenizer = tokenizer
        self._ids = ids
        self._dropped = ids.controls
        self._interleave = Ta4Stream(ids, speaking)
        self._calls = ToolCallParser()
        self._undecoded: list[int] = []
        self._called = False
        self.over = False

    def push(self, token_ids: Sequence[int]) -> list[Delta]:
        """Take the next ids; return what they complete. ``over`` is set once a tool call has been left."""
        deltas: list[Delta] = []
        for token_id in token_ids:
            split = self._interleave.push([token_id])
            if not (split.text or split.audio or split.other):
                continue
            if self._ids.is_audio(token_id):
                deltas.append(AudioTokens((token_id - self._ids.audio_0,)))
            elif token_id < self._ids.audio_start and token_id not in self._dropped:
                deltas += self._read(self._decoded(token_id))
        return merged(deltas)

    def finish(self) -> list[Delta]:
        """End of the answer; return what was held back. Half a character is lost."""
        self._undecoded.clear()
        return merged(self._read("", last=True))

    def _decoded(self, token_id: int) -> str:
        self._undecoded.append(token_id)
        text = self._tokenizer.decode(self._undecoded, skip_special_tokens=False)
        if text.endswith(UNDECODED) and len(self._undecoded) < MAX_HELD_IDS:
            return ""
        self._undecoded.clear()
        return text.replace(UNDECODED, "")

    def _read(self, text: str, *, last: bool = False) -> list[Delta]:
        found = self._calls.push(text)
        after = self._calls.called_and
        if after is not None and not START.startswith(after.strip()[: len(START)]):
            self.over = True
        if last:
            found += self._calls.finish()
        deltas: list[Delta] = []
        for delta in found:
            self._called = self._called or isinstance(delta, ToolCall)
            if not (self._called and isinstance(delta, TextDelta)):
                deltas.append(delta)
        return deltas


def merged(deltas: Sequence[Delta]) -> list[Delta]:
    """Neighbours of one kind as one delta, without empty ones."""
    joined: list[Delta] = []
    for delta in deltas:
        last = joined[-1] if joined else None
        if isinstance(delta, TextDelta) and isinstance(last, TextDelta):
            joined[-1] = TextDelta(last.text + delta.text)
        elif isinstance(delta, AudioTokens) and isinstance(last, AudioTokens):
            joined[-1] = AudioTokens(last.ids + delta.ids)
        elif not (isinstance(delta, TextDelta) and not delta.text):
            joined.append(delta)
    return joined
