"""The tools of an agent."""

from typing import overload

from vivavoce.core.protocols import Tool
from vivavoce.tools.adapters import ToolLike, tool
from vivavoce.tools.toolsets import Toolset, by_name


class ToolRegistry(Toolset):
    """A set of tools that grows."""

    @overload
    def add(self, given: Toolset) -> Toolset: ...
    @overload
    def add(self, given: "ToolLike") -> Tool: ...
    def add(self, given: "ToolLike | Toolset") -> Tool | Toolset:
        """Register what `tool` takes, or all tools of a set.

        Raises:
            ConfigError: it cannot be a tool, or a name is taken.
        """
        made = given if isinstance(given, Toolset) else tool(given)
        self._tools |= by_name([made], self._tools)
        return made
