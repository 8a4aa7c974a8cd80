"""The prompts of the embedded language model (ChatML, as Qwen2.5 was trained)."""

from collections.abc import Iterable, Sequence

from vivavoce.core.language.sentences import CANNOT
from vivavoce.core.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage

DEFAULT_INSTRUCTIONS = "You are a voice assistant. Answer in one or two short plain sentences."
REFUSALS = tuple(CANNOT(language) for language in ("en", "zh"))
HISTORY_CHARS = 2400  # about 600 tokens of earlier turns


def answer_prompt(messages: Sequence[Message], request: str, lead_in: str = "") -> str:
    """Instructions, as many earlier turns as fit, the request with its tool results, and the answer's first words."""
    system = " ".join(m.text for m in messages if isinstance(m, SystemMessage)) or DEFAULT_INSTRUCTIONS
    user = "\n\n".join([*_results(messages), request])
    return as_chat([("system", system), *_history(messages), ("user", user)]) + lead_in


def as_chat(turns: Iterable[tuple[str, str]]) -> str:
    """Turns (who, what) in ChatML up to where the assistant's next begins. ChatML's own markers in them are inert."""
    said = "".join(f"<|im_start|>{who}\n{_plain(text)}<|im_end|>\n" for who, text in turns)
    return f"{said}<|im_start|>assistant\n"


def current_request(messages: Sequence[Message]) -> UserMessage:
    """The last thing the user said."""
    return next((m for m in reversed(messages) if isinstance(m, UserMessage)), UserMessage(text=""))


def current_results(messages: Sequence[Message]) -> list[ToolMessage]:
    """Results of the calls made since the user spoke."""
    results: list[ToolMessage] = []
    for message in reversed(messages):
        if isinstance(message, UserMessage):
            break
        if isinstance(message, ToolMessage):
            results.insert(0, message)
    return results


def _results(messages: Sequence[Message]) -> list[str]:
    return [f"Tool result from {m.result.call.name}:\n{m.result.output.content}" for m in current_results(messages)]


def _history(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Whole earlier turns, newest kept, as text. A small model says again what it reads, so refusals are left out."""
    last = max((i for i, m in enumerate(messages) if isinstance(m, UserMessage)), default=0)
    turns: list[list[tuple[str, str]]] = []
    for message in messages[:last]:
        if isinstance(message, UserMessage) and message.text:
            turns.append([("user", message.text)])
        elif isinstance(message, AssistantMessage) and message.text and turns:
            turns[-1].append(("assistant", message.text))
    turns = [turn for turn in turns if not any(refusal in text for _, text in turn for refusal in REFUSALS)]
    kept: list[tuple[str, str]] = []
    for turn in reversed(turns):
        if sum(len(text) for _, text in [*kept, *turn]) > HISTORY_CHARS:
            break
        kept = [*turn, *kept]
    return kept


def _plain(text: str) -> str:
    """Text in which ChatML's own markers are inert."""
    return text.replace("<|", "\u2039|")
