"""Why something failed is one line that is never empty, and every error of others is told through it."""

import ast
import asyncio
import errno
from pathlib import Path

import httpx
import pytest

from vivavoce.core import errors
from vivavoce.core.errors import REASON_CHARS, ModelError, reason

pytestmark = pytest.mark.unit
ROOT = Path(__file__).parents[2]
ROOMS = ("core", "tools", "retrieval", "voicebank", "vectors", "model", "app", "eval")
OWN = {*vars(errors), "Unreachable", "_Unavailable", "_NotJson"}  # errors whose text we write


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "TimeoutError"),
        (httpx.ReadTimeout(""), "ReadTimeout"),
        (asyncio.CancelledError(), "CancelledError"),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "MemoryError"),
        (OSError(), "OSError"),
        (OSError(errno.ENOSPC, "No space left on device", "/home/x"), "No space left on device"),
        (ValueError(" two\n lines "), "two lines"),
        (ValueError("x" * 999), "x" * REASON_CHARS),
        (ModelError("y" * 999), "y" * 999),
        (ModelError(), "ModelError"),
    ],
)
def test_a_reason_is_one_line_that_is_never_empty(error, told):
    assert reason(error) == told


def kinds(handler):
    """Names of the errors that a handler catches."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {part.id if isinstance(part, ast.Name) else "" for part in caught}


def told_bare(handler):
    """Lines of a handler that tell its error by ``str(error)``, ``{error}``, ``error.strerror`` or ``log("%s", error)``."""
    for node in ast.walk(handler):
        match node:
            case ast.FormattedValue(value=ast.Name() | ast.BoolOp() as value) if handler.name in names(value):
                yield node.lineno
            case ast.Call(func=ast.Name(id="str") | ast.Attribute(attr="info" | "warning" | "error"), args=args):
                if any(isinstance(argument, ast.Name) and argument.id == handler.name for argument in args):
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id=handler.name), attr="strerror"):
                yield node.lineno


def names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_errors_of_others_are_told_by_their_reason():
    bare = [
        f"{path.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for handler in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(handler, ast.ExceptHandler) and handler.name and not kinds(handler) <= OWN
        for line in told_bare(handler)
    ]
    assert bare == []
