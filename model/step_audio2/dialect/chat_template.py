"""Messages to prompt pieces, the way the checkpoint's own code renders them (specification, sections 4.1, 4.3, 4.4).

Each text piece is tokenised by itself and the ids are joined, so that token boundaries are the reference's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vivavoce.model.step_audio2.dialect.markers import BOT, EOT

ROLE_ALIASES = {"user": "human"}


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of heard sound in a prompt. key: hash of its content. tokens: placeholders. frames: log-mel (n_mels, L)."""

    key: bytes
    tokens: int
    frames: torch.Tensor | None = None

    def __str__(self) -> str:
        """The placeholders, as the prompt's text has them."""
        return "<audio_start>" + "<audio_patch>" * self.tokens + "<audio_end>"


Ids = tuple[int, ...]
Piece = str | Ids | Sound


def render_chat(messages: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """Render a dialogue.

    Each message has ``role`` and ``content``: a string; None for a header that asks for an answer; or items
    ``{"type": "text", "text": str}``, ``{"type": "audio", "audio": Sequence[Sound]}``, ``{"type": "token", "token": ids}``.
    ``"eot": False`` leaves a message open.

    Raises:
        ValueError: an item has another type.
    """
    pieces: list[Piece] = []
    for message in messages:
        header = f"{BOT}{ROLE_ALIASES.get(message['role'], message['role'])}\n"
        end = EOT if message.get("eot", True) else ""
        content = message.get("content")
        if content is None:
            pieces.append(header)
        elif isinstance(content, str):
            pieces.append(header + content + end)
        else:
            pieces += [header, *(piece for item in content for piece in _render_item(item))]
            if end:
                pieces.append(end)
    return pieces


def render_base(items: Sequence[str | Mapping[str, Any]]) -> list[Piece]:
    """Render for the Base variant, which knows no roles: strings and items as in `render_chat`, one after the other."""
    return [piece for item in items for piece in ([item] if isinstance(item, str) else _render_item(item))]


def _render_item(item: Mapping[str, Any]) -> list[Piece]:
    match item["type"]:
        case "text":
            return [item["text"]]
        case "audio":
            return list(item["audio"])
        case "token":
            return [tuple(item["token"])]
        case kind:
            raise ValueError(f"content of type {kind!r} cannot be rendered; use text, audio or token")
