"""What an application has becomes a tool: a typed function, a callable object, a LangChain tool, another tool."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack, get_args, overload

from vivavoce.core.errors import ConfigError
from vivavoce.core.language.sentences import ENGLISH
from vivavoce.core.messages import OnInterrupt, ToolExample, ToolOutput, ToolSpec
from vivavoce.core.protocols import Tool
from vivavoce.tools.arguments import parse
from vivavoce.tools.blocking import BlockingCalls
from vivavoce.tools.langchain import LangChainTool
from vivavoce.tools.results import as_output, finished
from vivavoce.tools.signatures import Function, is_async, signature_of, source_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

ToolLike: TypeAlias = "Tool | BaseTool | Function"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class ToolOptions(TypedDict, total=False):
    """What `tool` may set of a `ToolSpec`. A filler of one string is English; None leaves a field as it is."""

    name: str | None
    description: str | None
    examples: Sequence[str | ToolExample]
    timeout_s: float | None
    idempotent: bool | None
    confirm: bool | str | None
    background: bool | None
    filler: str | Mapping[str, str] | None
    on_interrupt: OnInterrupt | None


@overload
def tool(function: "ToolLike", **options: Unpack[ToolOptions]) -> Tool: ...
@overload
def tool(function: None = None, **options: Unpack[ToolOptions]) -> "Callable[[ToolLike], Tool]": ...
def tool(function: "ToolLike | None" = None, **options: Unpack[ToolOptions]) -> "Tool | Callable[[ToolLike], Tool]":
    """A tool of a typed function, a callable object, a LangChain tool, or of another tool whose spec is changed.

    Without a function it is a decorator: ``@tool`` or ``@tool(timeout_s=30)``. A function's signature is the schema, its
    docstring the description. It may be a coroutine function or a blocking one, which runs in a thread; a generator, of
    either kind, yields progress and last its result. A text or number that it returns is said as it is.

    options: see `ToolSpec`. name, description: instead of the function's own. examples: utterances that should lead to it.

    Raises:
        ConfigError: it cannot be a tool, or an option is wrong; one line says what and why.
    """
    if function is None:
        return partial(tool, **options)
    made = _as_tool(function)
    changes = _checked(options, made.spec)
    spec = replace(made.spec, **changes)
    if not NAME.fullmatch(spec.name):
        raise ConfigError(f"tool name {spec.name!r}: use letters, digits, dashes and underscores, 64 at most")
    if not spec.description.strip():
        raise ConfigError(f"{spec.name} has neither a docstring nor a description; the model needs to know what it does")
    return Respecified(made, spec) if changes else made


@dataclass(frozen=True, slots=True)
class Respecified:
    """A tool that models see in another way."""

    tool: Tool
    spec: ToolSpec

    async def call(self, arguments: str) -> ToolOutput:
        """Call the tool itself."""
        return await self.tool.call(arguments)


class FunctionTool:
    """A typed function, or an object that is called like one."""

    def __init__(self, function: Function) -> None:
        name, description = _name_and_description(function)
        self._function = function
        self._is_async = is_async(function)
        self._blocking = BlockingCalls()
        self._signature = signature_of(name, function)
        self.spec = ToolSpec(name, description, self._signature.schema)

    async def call(self, arguments: str) -> ToolOutput:
        """Run it with checked arguments."""
        positional, named = self._signature.arguments(parse(arguments, self._signature.model))
        if self._is_async:
            returned = self._function(*positional, **named)
        else:
            returned = await self._blocking.run(partial(self._function, *positional, **named))
        return as_output(await finished(returned, self._blocking))


def _as_tool(given: Any) -> Tool:  # noqa: ANN401 - sorted out here
    if inspect.isclass(given):
        raise ConfigError(f"{given.__name__} is a class; give an object of it")
    if isinstance(given, Tool):
        return given
    if LangChainTool.takes(given):
        return LangChainTool(given)
    if callable(given):
        return FunctionTool(given)
    raise ConfigError(f"{given!r:.80} is not a tool; give a typed function, a LangChain tool or an implementation of Tool")


def _name_and_description(function: Function) -> tuple[str, str]:
    """What a function is called and says of itself; an object goes by its class, in small letters."""
    named = function if inspect.isroutine(function) else source_of(function)
    if not inspect.isroutine(named):
        kind = type(named)
        described = inspect.cleandoc(kind.__call__.__doc__ or "") or inspect.getdoc(kind)
        return WORD_START.sub("_", kind.__name__).lower(), described or ""
    if named.__name__ == "<lambda>":
        raise ConfigError("a lambda has neither types nor a docstring; write a function")
    return named.__name__, inspect.getdoc(named) or ""


FIELD = re.compile(r"\{(\w+)\}")


def _checked(options: ToolOptions, spec: ToolSpec) -> dict[str, Any]:
    """Options as fields of a spec, those alone that were given."""
    changes: dict[str, Any] = {option: value for option, value in options.items() if value is not None}
    name = changes.get("name", spec.name)
    for option, value in changes.items():
        if option not in RIGHT:
            raise ConfigError(f"{name}: a tool has no {option}; choose among {', '.join(RIGHT)}")
        is_right, advice = RIGHT[option]
        if not is_right(value):
            raise ConfigError(f"{name}: {option} is {value!r:.80}; {advice}")
    known = spec.parameters.get("properties", {})
    if unknown := [field for field in FIELD.findall(str(changes.get("confirm", ""))) if field not in known]:
        takes = ", ".join(known) or "none"
        raise ConfigError(f"{name}: the question of confirm names {unknown[0]}; its parameters are: {takes}")
    if isinstance(filler := changes.get("filler"), str):
        changes["filler"] = {ENGLISH: filler}
    if examples := [_example(name, example, spec.parameters) for example in changes.pop("examples", ())]:
        changes["examples"] = tuple(examples)
    return changes


def _example(name: str, given: Any, parameters: Mapping[str, Any]) -> ToolExample:  # noqa: ANN401 - checked here
    example = ToolExample(given) if isinstance(given, str) else given
    if not isinstance(example, ToolExample) or not _is_text(example.utterance):
        raise ConfigError(f"{name}: {given!r:.80} is no example; give an utterance or a ToolExample")
    known = parameters.get("properties", {})
    if unknown := [argument for argument in example.arguments if argument not in known]:
        takes = ", ".join(known) or "none"
        raise ConfigError(f"{name}: the example {example.utterance!r:.80} gives {unknown[0]}; its parameters are: {takes}")
    return example


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf


def _is_filler(value: object) -> bool:
    if not isinstance(value, Mapping):
        return _is_text(value)
    return all(_is_text(code) and len(code) == 2 and _is_text(text) for code, text in value.items())


RIGHT: Mapping[str, tuple[Callable[[Any], bool], str]] = {  # option: whether a value is right, and what to do otherwise
    "name": (_is_text, "give it a name"),
    "description": (_is_text, "say what it does"),
    "examples": (lambda value: isinstance(value, list | tuple), "give a list of utterances"),
    "timeout_s": (_is_duration, "give seconds above 0"),
    "idempotent": (lambda value: isinstance(value, bool), "choose True or False"),
    "confirm": (lambda value: isinstance(value, bool) or _is_text(value), "choose True or False, or give the question"),
    "background": (lambda value: isinstance(value, bool), "choose True or False"),
    "filler": (_is_filler, "give a sentence, or sentences by two-letter language code"),
    "on_interrupt": (lambda value: value in get_args(OnInterrupt), f"choose {' or '.join(get_args(OnInterrupt))}"),
}
