"""LangChain tools as tools of an agent."""

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

from vivavoce.core.calls import current_call
from vivavoce.core.errors import ConfigError, ToolFailed, reason
from vivavoce.core.language import sentences
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import as_json, check_length, what_is_wrong
from vivavoce.tools.blocking import BlockingCalls
from vivavoce.tools.results import as_output, finished
from vivavoce.tools.saying import say

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

TAKEN = frozenset(["self", "config", "run_manager"])  # names that LangChain's own call of a function uses


class LangChainTool:
    """A LangChain tool as one of ours."""

    def __init__(self, tool: "BaseTool") -> None:
        """Describe it.

        Raises:
            ConfigError: a parameter of it cannot be described to a model or be given to it.
        """
        from jsonschema import Draft202012Validator
        from langchain_core.utils.function_calling import convert_to_openai_function

        try:
            described = convert_to_openai_function(tool).get("parameters") or {"type": "object", "properties": {}}
        except Exception as error:  # pydantic raises errors of many kinds
            raise ConfigError(f"{tool.name}: its parameters cannot be described to a model; use plain types") from error
        parameters: dict[str, Any] = as_json(described)
        if parameter := _unreachable(tool, parameters.get("properties", {})):
            raise ConfigError(f"{tool.name}: LangChain cannot give it its parameter {parameter}; rename it or set a default")
        self._tool = tool
        self._is_blocking = _is_blocking(tool)
        self._blocking = BlockingCalls()
        self._needs_call_id = any(_is_call_id(field.metadata) for field in _fields(tool).values())
        self._schema = None if inspect.isclass(tool.args_schema) else Draft202012Validator(parameters)
        self.spec = ToolSpec(tool.name, tool.description, parameters)

    @staticmethod
    def takes(tool: object) -> TypeGuard["BaseTool"]:
        """Whether this is a LangChain tool."""
        from langchain_core.tools import BaseTool

        return isinstance(tool, BaseTool)

    async def call(self, arguments: str) -> ToolOutput:
        """Run it."""
        from langchain_core.tools import ToolException

        values: Any = self._checked(arguments)
        if self._needs_call_id:
            values = {"type": "tool_call", "id": current_call().id, "name": self._tool.name, "args": values}
        try:
            if self._is_blocking:
                returned = await self._blocking.run(partial(self._tool.invoke, values))
            else:
                returned = await self._tool.ainvoke(values)
            returned = await finished(returned, self._blocking)
        except ToolException as error:
            raise ToolFailed(reason(error)) from error
        except ValidationError as error:
            raise ToolFailed(say(sentences.ARGUMENTS_WRONG, why=what_is_wrong(error))) from error
        return as_output(_content(returned))

    def _checked(self, arguments: str) -> dict[str, Any]:
        """The arguments. LangChain checks them itself where a tool has a model of them."""
        check_length(arguments)
        try:
            values = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise ToolFailed(say(sentences.ARGUMENTS_NOT_AN_OBJECT))
        if self._schema is not None and (wrong := next(self._schema.iter_errors(values), None)):
            raise ToolFailed(say(sentences.ARGUMENTS_WRONG, why=" ".join(wrong.message.split())))
        return values


def _content(returned: Any) -> Any:  # noqa: ANN401 - whatever a tool returns
    """What a model should read of a message or of blocks of text."""
    from langchain_core.messages import ToolMessage

    if isinstance(returned, ToolMessage):
        if returned.status == "error":
            raise ToolFailed(str(returned.text))
        returned = returned.content
    blocks = returned if isinstance(returned, list) else []
    texts = [block["text"] for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join(texts) if texts and len(texts) == len(blocks) else returned


def _fields(tool: "BaseTool") -> Mapping[str, Any]:
    """The fields of the model that checks its arguments, those that LangChain gives by itself among them."""
    schema = tool.args_schema
    return schema.model_fields if inspect.isclass(schema) and issubclass(schema, BaseModel) else {}


def _is_call_id(metadata: Collection[Any]) -> bool:
    from langchain_core.tools import InjectedToolCallId

    return any(mark is InjectedToolCallId or isinstance(mark, InjectedToolCallId) for mark in metadata)


def _unreachable(tool: "BaseTool", visible: Collection[str]) -> str | None:
    """A parameter without which it cannot run and that it would never get, or that LangChain would mistake."""
    fields = _fields(tool)
    for name, field in fields.items():
        if field.is_required() and name not in visible and not _is_call_id(field.metadata):
            return name
    if not (function := _function(tool)):
        return None
    if taken := TAKEN.intersection(visible):
        return min(taken)
    for name, parameter in inspect.signature(function).parameters.items():
        if _is_lost(parameter, visible, [*visible, *fields, "callbacks"]) and not _is_config(function, name):
            return name
    return None


def _is_blocking(tool: "BaseTool") -> bool:
    """Whether LangChain would run it in a thread that all of a process share."""
    from langchain_core.tools import BaseTool, StructuredTool, Tool

    if isinstance(tool, StructuredTool | Tool):
        return tool.coroutine is None
    return type(tool)._arun is BaseTool._arun  # pyright: ignore[reportPrivateUsage] - what says so


def _function(tool: "BaseTool") -> Callable[..., Any] | None:
    from langchain_core.tools import StructuredTool

    return (tool.coroutine or tool.func) if isinstance(tool, StructuredTool) else None


def _is_lost(parameter: inspect.Parameter, visible: Collection[str], given: Collection[str]) -> bool:
    match parameter.kind:
        case inspect.Parameter.POSITIONAL_ONLY:
            return True
        case inspect.Parameter.VAR_POSITIONAL | inspect.Parameter.VAR_KEYWORD:
            return parameter.name in visible
        case _:
            return parameter.default is inspect.Parameter.empty and parameter.name not in given


def _is_config(function: Callable[..., Any], name: str) -> bool:
    """Whether LangChain gives its own configuration here."""
    from langchain_core.runnables import RunnableConfig

    try:
        hint = get_type_hints(function).get(name)
    except Exception:  # noqa: BLE001 - an annotation may be any code
        return False
    return RunnableConfig in (hint, *get_args(hint))
