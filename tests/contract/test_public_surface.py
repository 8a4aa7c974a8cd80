"""The public surface is what it was agreed to be; whoever changes it writes the change down here too.

``python tests/contract/test_public_surface.py`` writes public_surface.txt anew.
"""

import inspect
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from vivavoce import agent, app, core
from vivavoce.agent import testing

pytestmark = pytest.mark.contract
AGREED = Path(__file__).with_name("public_surface.txt")


def surface():
    for module in (app, agent, testing, core):
        for name in sorted(module.__all__):
            yield from described(f"{module.__name__}.{name}", getattr(module, name))


def described(name, value):
    if inspect.isclass(value):
        yield f"{name}({parameters(value)})" if is_dataclass(value) or "__init__" in vars(value) else name
        for member, found in sorted(vars(value).items()):
            if not member.startswith("_") and not (
                is_dataclass(value) and member in {field.name for field in fields(value)}
            ):
                yield f"  .{member}({parameters(found)})" if inspect.isfunction(found) else f"  .{member}"
    elif callable(value) and not hasattr(value, "__args__"):
        yield f"{name}({parameters(value)})"
    else:
        yield f"{name} = {value}"


def parameters(function):
    return ", ".join(str(p).split(":")[0].split(" = ")[0] for p in inspect.signature(function).parameters.values())


def test_the_public_surface_is_the_agreed_one():
    agreed = AGREED.read_text().splitlines()
    assert list(surface()) == agreed, (
        "the public surface changed; if that is meant, write it down (see this file's docstring)"
    )


def test_every_public_name_is_documented():
    for module in (app, agent, testing, core):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{module.__name__}.{name} has no docstring"


if __name__ == "__main__":
    AGREED.write_text("\n".join(surface()) + "\n")
