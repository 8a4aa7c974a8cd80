"""Sets of tools, and how new ones are made of them."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import overload

from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import Tool
from vivavoce.tools.adapters import ToolLike, tool


class Toolset(Sequence[Tool]):
    """Tools in their order, each with a name of its own.

    What is made of a set changes how models see its tools; calls reach the tools themselves.
    """

    def __init__(self, tools: "Iterable[ToolLike | Toolset]" = ()) -> None:
        """A set of what `tool` takes, and of the tools of other sets.

        Raises:
            ConfigError: something cannot be a tool, or two have the same name.
        """
        self._tools = by_name(tools)

    @overload
    def __getitem__(self, index: int) -> Tool: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tool]: ...
    def __getitem__(self, index: int | slice) -> Tool | Sequence[Tool]:
        return tuple(self._tools.values())[index]

    def __iter__(self) -> Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def __add__(self, other: "Iterable[ToolLike | Toolset]") -> "Toolset":
        return self.merged(other)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """As models see them."""
        return tuple(one.spec for one in self)

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        return self._tools.get(name)

    def merged(self, other: "Iterable[ToolLike | Toolset]") -> "Toolset":
        """These and other tools.

        Raises:
            ConfigError: two have the same name.
        """
        return Toolset([*self, *other])

    def filtered(self, which: Callable[[ToolSpec], bool] | Iterable[str]) -> "Toolset":
        """Those that a function of their spec picks, or that are named.

        Raises:
            ConfigError: there is no tool of a name.
        """
        if callable(which):
            return Toolset(one for one in self if which(one.spec))
        names = [which] if isinstance(which, str) else list(which)
        self._check_known(names)
        return Toolset(one for one in self if one.spec.name in names)

    def prefixed(self, prefix: str) -> "Toolset":
        """With a prefix before every name.

        Raises:
            ConfigError: a name cannot be one.
        """
        return self.renamed({name: prefix + name for name in self._tools})

    def renamed(self, names: Mapping[str, str]) -> "Toolset":
        """With new names, by the old ones.

        Raises:
            ConfigError: there is no tool of an old name, or a new one is taken or cannot be one.
        """
        self._check_known(names)
        return Toolset(tool(one, name=names[name]) if name in names else one for name, one in self._tools.items())

    def _check_known(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._tools:
                raise ConfigError(f"there is no tool called {name}; there are: {', '.join(self._tools) or 'none'}")


def by_name(tools: "Iterable[ToolLike | Toolset]", taken: Container[str] = ()) -> dict[str, Tool]:
    """Tools by their names. taken: names that others have.

    Raises:
        ConfigError: something cannot be a tool, or two have the same name.
    """
    named: dict[str, Tool] = {}
    for given in tools:
        for made in given if isinstance(given, Toolset) else [tool(given)]:
            if made.spec.name in named or made.spec.name in taken:
                raise ConfigError(f"there is a tool called {made.spec.name} already; rename or prefix one of the two")
            named[made.spec.name] = made
    return named
