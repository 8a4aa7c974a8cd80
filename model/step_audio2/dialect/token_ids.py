"""The special tokens of the vocabulary (specification, section 1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from vivavoce.core.errors import ModelError
from vivavoce.core.messages import AUDIO_TOKEN_COUNT


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> list[int]:
        """Text to ids; special tokens in the text become their ids."""
        ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = ...) -> str:
        """Ids to text."""
        ...


@dataclass(frozen=True, slots=True)
class TokenIds:
    """Ids that mean something to the program. The defaults are the documented ones.

    ``bot`` is not documented and always taken from the tokenizer. Sound is ``audio_0`` to ``audio_0 + 6560``; the id after
    it fills slots of the interleave that hold no sound.
    """

    endoftext: int = 151_643
    im_end: int = 151_645
    eot: int = 151_665
    bot: int = 151_666
    audio_start: int = 151_688
    audio_end: int = 151_689
    audio_patch: int = 151_690
    tts_start: int = 151_693
    tts_end: int = 151_694
    tts_pad: int = 151_695
    audio_0: int = 151_696

    @property
    def audio_pad(self) -> int:
        """The filler among audio tokens."""
        return self.audio_0 + AUDIO_TOKEN_COUNT

    @property
    def controls(self) -> frozenset[int]:
        """Ids that are never text."""
        return frozenset(getattr(self, field.name) for field in fields(self)) - {self.audio_0} | {self.audio_pad}

    def is_audio(self, token_id: int) -> bool:
        """Whether an id is sound."""
        return self.audio_0 <= token_id < self.audio_pad


NAMES = {
    "endoftext": "<|endoftext|>",
    "im_end": "<|im_end|>",
    "eot": "<|EOT|>",
    "bot": "<|BOT|>",
    "audio_start": "<audio_start>",
    "audio_end": "<audio_end>",
    "audio_patch": "<audio_patch>",
    "tts_start": "<tts_start>",
    "tts_end": "<tts_end>",
    "tts_pad": "<tts_pad>",
    "audio_0": "<audio_0>",
}


def resolve_token_ids(tokenizer: Tokenizer, vocab_size: int) -> TokenIds:
    """Look up the special tokens by name and compare them with the documented ids.

    Raises:
        ModelError: a token is missing, has another id than documented, or lies outside the model's vocabulary.
    """
    vocabulary = tokenizer.get_vocab()
    names = {**NAMES, "audio_last": f"<audio_{AUDIO_TOKEN_COUNT}>"}
    if missing := [name for name in names.values() if name not in vocabulary]:
        raise ModelError(f"the tokenizer lacks {', '.join(missing)}; it is not Step-Audio 2's, fetch the checkpoint again")
    found = TokenIds(**{field: vocabulary[name] for field, name in NAMES.items()})
    documented = TokenIds(bot=found.bot)
    for field, name in NAMES.items():
        if (ours := getattr(found, field)) != (wanted := getattr(documented, field)):
            raise ModelError(
                f"the tokenizer gives {name} the id {ours} where {wanted} is documented; it is not Step-Audio 2's"
            )
    last = vocabulary[names["audio_last"]]
    if last != found.audio_pad:
        raise ModelError(f"the tokenizer's audio tokens are not consecutive ({names['audio_last']} is {last})")
    if last >= vocab_size:
        raise ModelError(f"the tokenizer reaches id {last}, the model only {vocab_size - 1}; they do not belong together")
    return found
