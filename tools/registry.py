"""The tools of an agent. Registering a typed function or a LangChain tool takes one line."""

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, create_model

from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.core.messages import ToolExample, ToolOutput, ToolSpec
from vivavoce.core.protocols import Tool
from vivavoce.tools.arguments import parse, schema_of, untitled

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class ToolRegistry:
    """Tools by name, in the order of registration."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """As models see them."""
        return tuple(tool.spec for tool in self._tools.values())

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        return self._tools.get(name)

    def add(self, tool: "Tool | BaseTool | Callable[..., Any]", examples: Sequence[str | ToolExample] = ()) -> Tool:
        """Register a `Tool`, a LangChain tool, or a typed function with a docstring.

        examples: utterances that should lead to it; the router learns from them.

        Raises:
            ConfigError: it is none of these, or its name is taken or not allowed.
        """
        known = tuple(ToolExample(e) if isinstance(e, str) else e for e in examples)
        made = _as_tool(tool, known)
        name = made.spec.name
        if not NAME.fullmatch(name):
            raise ConfigError(f"tool name {name!r}: use letters, digits, dashes and underscores")
        if name in self._tools:
            raise ConfigError(f"a tool called {name} is registered already; choose another name")
        self._tools[name] = made
        return made


class FunctionTool:
    """A typed function as a tool: its signature is the schema, its docstring the description."""

    def __init__(self, function: Callable[..., Any], examples: tuple[ToolExample, ...]) -> None:
        description = inspect.getdoc(function)
        if not description:
            raise ConfigError(f"{function.__name__} has no docstring; the model needs to know what it does")
        self._function = function
        self._arguments = _arguments_model(function)
        self.spec = ToolSpec(function.__name__, description, schema_of(self._arguments), examples)

    async def call(self, arguments: str) -> ToolOutput:
        """Run it; a blocking function runs in a thread."""
        checked = parse(arguments, self._arguments)
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        if inspect.iscoroutinefunction(self._function):
            return _as_output(await self._function(**values))
        return _as_output(await asyncio.to_thread(self._function, **values))


class LangChainTool:
    """A LangChain tool as one of ours."""

    def __init__(self, tool: "BaseTool", examples: tuple[ToolExample, ...]) -> None:
        self._tool = tool
        self.spec = ToolSpec(tool.name, tool.description, untitled(tool.get_input_jsonschema()), examples)

    async def call(self, arguments: str) -> ToolOutput:
        """Run it."""
        try:
            values = json.loads(arguments or "{}")
        except ValueError as error:
            raise ToolFailed("the arguments of the call were not JSON") from error
        return _as_output(await self._tool.ainvoke(values))


def _as_tool(tool: Any, examples: tuple[ToolExample, ...]) -> Tool:  # noqa: ANN401 - sorted out here
    from langchain_core.tools import BaseTool

    if isinstance(tool, BaseTool):
        return LangChainTool(tool, examples)
    if isinstance(tool, Tool):
        return tool
    if inspect.isfunction(tool) or inspect.ismethod(tool):
        return FunctionTool(tool, examples)
    raise ConfigError(f"{tool!r} is no tool; give a typed function, a LangChain tool or an implementation of Tool")


def _arguments_model(function: Callable[..., Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if parameter.annotation is inspect.Parameter.empty:
            raise ConfigError(f"{function.__name__}: parameter {name} has no type; annotate it")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (parameter.annotation, default)
    return create_model(function.__name__, __config__={"extra": "forbid"}, **fields)


def _as_output(value: Any) -> ToolOutput:  # noqa: ANN401 - whatever a tool returns
    if isinstance(value, ToolOutput):
        return value
    return ToolOutput(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
