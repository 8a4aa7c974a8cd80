"""From pydantic models to the JSON schema that models read, and from raw JSON back to checked arguments."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import from_json, to_json

from vivavoce.core.errors import ToolFailed
from vivavoce.core.language import sentences
from vivavoce.tools.saying import say

MAX_ARGUMENT_CHARS = 8000
Arguments = TypeVar("Arguments", bound=BaseModel)


class _WithoutOddDefaults(GenerateJsonSchema):
    """Leaves out defaults that have no JSON form, without a word."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Nobody needs to know."""


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without the titles that only cost prompt."""
    return as_json(untitled(model.model_json_schema(schema_generator=_WithoutOddDefaults)))


def as_json(schema: Any) -> Any:  # noqa: ANN401 - JSON schema is any JSON
    """A schema that any JSON writer takes: a default may be infinite, which JSON cannot say."""
    return from_json(to_json(schema, inf_nan_mode="strings"))


def parse(raw: str, model: type[Arguments]) -> Arguments:
    """Check raw JSON arguments.

    Raises:
        ToolFailed: they are not JSON, or not what the tool takes; says which.
    """
    check_length(raw)
    try:
        return model.model_validate_json(raw or "{}")
    except ValidationError as error:
        raise ToolFailed(say(sentences.ARGUMENTS_WRONG, why=what_is_wrong(error))) from error


def check_length(raw: str) -> None:
    """Refuse arguments that nobody would read.

    Raises:
        ToolFailed: they are too long.
    """
    if len(raw) > MAX_ARGUMENT_CHARS:
        raise ToolFailed(say(sentences.ARGUMENTS_TOO_LONG))


def what_is_wrong(error: ValidationError) -> str:
    """The first thing that is wrong, and where, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "as a whole"
    return " ".join(f"{where}: {first['msg']}".split())


def untitled(schema: Any, *, properties: bool = False) -> Any:  # noqa: ANN401 - JSON schema is any JSON
    """A schema without ``title`` keywords; a property of that name stays."""
    if isinstance(schema, dict):
        return {
            key: untitled(value, properties=key in ("properties", "$defs"))
            for key, value in schema.items()
            if properties or key != "title"
        }
    if isinstance(schema, list):
        return [untitled(item) for item in schema]
    return schema
