"""A dialogue and its tools, as LangChain's chat models take them."""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages, merge_message_runs

from vivavoce.core.messages import AssistantMessage, Message, SystemMessage, ToolMessage, ToolSpec, UserMessage
from vivavoce.model.chat_messages import chat_messages


def chat_prompt(messages: Sequence[Message], *, with_tools: bool) -> list[BaseMessage]:
    """Instructions first and once, then question and answer in turn: what the strictest of providers take.

    with_tools: False where none may be called; then earlier calls are read as text, since some providers refuse a
    dialogue with calls in it that comes without tools.
    """
    system = "\n\n".join(message.text for message in messages if isinstance(message, SystemMessage))
    rest = [message for message in messages if not isinstance(message, SystemMessage)]
    said = _as_text(rest) if with_tools else _as_text(_without_calls(rest))
    return merge_message_runs(convert_to_messages(list(chat_messages([SystemMessage(system), *said]))))


def _as_text(messages: Sequence[Message] | Iterator[Message]) -> Iterator[Message]:
    """Without sound, which was written down."""
    for message in messages:
        yield UserMessage(message.text) if isinstance(message, UserMessage) else message


def _without_calls(messages: Sequence[Message]) -> Iterator[Message]:
    for message in messages:
        match message:
            case AssistantMessage(text):
                yield AssistantMessage(text)
            case ToolMessage(result):
                yield UserMessage(result.output.content)  # of a call that was done it is fenced, as data from outside
            case _:
                yield message


def tool_schemas(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """Tools in the form that chat models bind. Some servers refuse parameters that name no properties."""
    schemas = [tool.as_json_schema() for tool in tools]
    for schema in schemas:
        parameters = schema["function"]["parameters"]
        schema["function"]["parameters"] = {"type": "object", "properties": {}, **parameters}
    return schemas
