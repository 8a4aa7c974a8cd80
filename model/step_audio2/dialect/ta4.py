"""The interleave of speech: one text token, then four audio tokens, 0.16 s (specification, sections 5.1 and 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from vivavoce.model.step_audio2.dialect.token_ids import TokenIds

AUDIO_PER_TEXT = 4


@dataclass(frozen=True, slots=True)
class SplitIds:
    """Ids by what they are. audio: vocabulary ids of sound. other: what stands outside the interleave."""

    text: list[int] = field(default_factory=list[int])
    audio: list[int] = field(default_factory=list[int])
    other: list[int] = field(default_factory=list[int])


class Ta4Stream:
    """Takes an interleave apart while it streams. speaking: whether the prompt ended with ``<tts_start>``."""

    def __init__(self, ids: TokenIds, speaking: bool) -> None:
        self._ids = ids
        self._inside = speaking
        self._speaking = speaking

    def push(self, delta: Sequence[int]) -> SplitIds:
        """Take the next ids. Single start and end markers vanish; the first end marker ends the interleave."""
        ids, split = self._ids, SplitIds()
        if not self._speaking:
            split.other.extend(delta)
        elif len(delta) == 1 and delta[0] in (ids.tts_start, ids.tts_end):
            self._inside = self._inside and delta[0] != ids.tts_end
        elif not self._inside:
            split.other.extend(delta)
        elif ids.tts_end in delta:
            end = list(delta).index(ids.tts_end)
            _sort(delta[:end], ids, split)
            split.other.extend(i for i in delta[end:] if i != ids.tts_end)
            self._inside = False
        else:
            _sort(delta, ids, split)
        return split


def interleave(text: Sequence[int], audio: Sequence[int], ids: TokenIds) -> list[int]:
    """Text and audio ids as the model would have spoken them, markers included."""
    groups = max(ceil(len(audio) / AUDIO_PER_TEXT), len(text))
    words = [*text, *[ids.tts_pad] * (groups - len(text))]
    sounds = [*audio, *[ids.audio_pad] * (groups * AUDIO_PER_TEXT - len(audio))]
    output = [ids.tts_start]
    for group, word in enumerate(words):
        output += [word, *sounds[group * AUDIO_PER_TEXT : (group + 1) * AUDIO_PER_TEXT]]
    return [*output, ids.tts_end]


def _sort(inside: Sequence[int], ids: TokenIds, split: SplitIds) -> None:
    for token_id in inside:
        if token_id in (ids.tts_pad, ids.audio_pad):
            continue
        (split.audio if token_id >= ids.audio_0 else split.text).append(token_id)
