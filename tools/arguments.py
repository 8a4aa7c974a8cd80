"""From pydantic models to the JSON schema that models read, and from raw JSON back to checked arguments."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vivavoce.core.errors import ToolFailed

MAX_ARGUMENT_CHARS = 8000
Arguments = TypeVar("Arguments", bound=BaseModel)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without the titles that only cost prompt."""
    return untitled(model.model_json_schema())


def parse(raw: str, model: type[Arguments]) -> Arguments:
    """Check raw JSON arguments.

    Raises:
        ToolFailed: they are not JSON, or not what the tool takes; says which.
    """
    if len(raw) > MAX_ARGUMENT_CHARS:
        raise ToolFailed("the arguments of the call were too long")
    try:
        return model.model_validate_json(raw or "{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise ToolFailed(f"the arguments of the call were wrong: {where}: {first['msg']}") from error


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
