"""What a function takes: a model that checks the arguments of a call, and how they are handed to the function."""

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from vivavoce.core.errors import ConfigError, reason
from vivavoce.tools.arguments import schema_of

Function = Callable[..., Any]
OPEN = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters as a model can give them.

    model: has a field for each of them, in their order, with its name as alias. schema: JSON schema of the model.
    """

    model: type[BaseModel]
    schema: dict[str, Any]
    parameters: tuple[inspect.Parameter, ...]

    def arguments(self, checked: BaseModel) -> tuple[list[Any], dict[str, Any]]:
        """What the function is called with: by position, and by name."""
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for parameter, (_, value) in zip(self.parameters, checked, strict=True):
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[parameter.name] = value
        return positional, named


def source_of(function: Function) -> Any:  # noqa: ANN401 - a function of any kind, or an object
    """The function or callable object behind partials and decorators."""
    function = inspect.unwrap(function)
    return source_of(function.func) if isinstance(function, partial) else function


def signature_of(name: str, function: Function) -> Signature:
    """The signature of a function, method, partial or callable object. name: what it is called in errors.

    A keyword that a partial has set is no parameter any more.

    Raises:
        ConfigError: a parameter has no type, none that a JSON schema can tell, or takes any number of values.
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(f"{name}: its parameters cannot be read: {reason(error)}; write a function around it") from error
    given = function.keywords if isinstance(function, partial) else {}
    parameters = tuple(parameter for parameter in found if parameter.name not in given)
    scope = _scope(function)
    fields = [_field(name, parameter, scope) for parameter in parameters]
    try:
        model, schema = _model(name, parameters, fields)
    except Exception as error:  # pydantic raises errors of many kinds, and so do the types it asks
        raise ConfigError(
            f"{name}: {_refused(name, parameters, fields)} that JSON cannot express; use plain types or pydantic models"
        ) from error
    counted = Counter(field.alias for field in model.model_fields.values())
    if twice := [alias for alias, count in counted.items() if count > 1]:
        raise ConfigError(f"{name}: two parameters are called {twice[0]}; give one of them another alias")
    return Signature(model, schema, parameters)


def is_async(function: Function) -> bool:
    """Whether a function is called in the event loop: it is a coroutine function, or says that it returns an awaitable."""
    while isinstance(function, partial):
        function = function.func
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.iscoroutinefunction(called):
        return True
    try:
        returned = _resolved(inspect.signature(function).return_annotation, _scope(function))
    except Exception:  # noqa: BLE001 - what it returns is not known, then
        return False
    kind = get_origin(returned) or returned
    return inspect.isclass(kind) and issubclass(kind, Awaitable)


def _field(name: str, parameter: inspect.Parameter, scope: Mapping[str, Any]) -> tuple[Any, Any]:
    """(type, default) of a parameter as pydantic takes them."""
    if sign := OPEN.get(parameter.kind):
        raise ConfigError(
            f"{name}: parameter {sign}{parameter.name} takes anything, so a model cannot know what to give; "
            "name each parameter (a decorator keeps them with functools.wraps)"
        )
    if parameter.annotation is inspect.Parameter.empty:
        method = "; a method needs its object" if parameter.name in ("self", "cls") else ""
        raise ConfigError(f"{name}: parameter {parameter.name} has no type; annotate it{method}")
    try:
        annotation = _resolved(parameter.annotation, scope)
    except Exception as error:  # an annotation may be any code
        raise ConfigError(f"{name}: the type of parameter {parameter.name} cannot be resolved: {reason(error)}") from error
    return annotation, ... if parameter.default is inspect.Parameter.empty else parameter.default


def _model(
    name: str, parameters: Sequence[inspect.Parameter], fields: Sequence[tuple[Any, Any]]
) -> tuple[type[BaseModel], dict[str, Any]]:
    """A model of some parameters, and its JSON schema."""
    definitions: dict[str, Any] = {f"argument_{number}": field for number, field in enumerate(fields)}
    aliases = {field: parameter.name for field, parameter in zip(definitions, parameters, strict=True)}
    config = ConfigDict(extra="forbid", alias_generator=lambda field: aliases.get(field, field), protected_namespaces=())
    model = create_model(name, __config__=config, **definitions)
    return model, schema_of(model)


def _refused(name: str, parameters: Sequence[inspect.Parameter], fields: Sequence[tuple[Any, Any]]) -> str:
    """Which of some parameters no model can be made of."""
    for parameter, field in zip(parameters, fields, strict=True):
        try:
            _model(name, [parameter], [field])
        except Exception:  # noqa: BLE001 - as above
            return f"parameter {parameter.name} has a type"
    return "its parameters together have types"


def _resolved(annotation: Any, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any type
    """An annotation without strings in it."""
    hints = get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), dict(scope), include_extras=True)
    return hints["it"]


def _scope(function: Function) -> Mapping[str, Any]:
    """The names that annotations of a function are written with."""
    source = source_of(function)
    called = source if inspect.isroutine(source) else type(source).__call__
    return getattr(inspect.unwrap(called), "__globals__", {})
