"""The product: an agent in one line, tools made of functions, the command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vivavoce.agent.agent import Agent
    from vivavoce.app.wiring import open_agent
    from vivavoce.core.audio import AudioClip
    from vivavoce.core.settings import Settings, load_settings
    from vivavoce.tools.adapters import tool
    from vivavoce.tools.toolsets import Toolset

__all__ = ["Agent", "AudioClip", "Settings", "Toolset", "load_settings", "open_agent", "tool"]
_HOMES = {
    "Agent": "agent.agent",
    "AudioClip": "core.audio",
    "Settings": "core.settings",
    "Toolset": "tools.toolsets",
    "load_settings": "core.settings",
    "open_agent": "app.wiring",
    "tool": "tools.adapters",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - lazy, so that the command line starts without loading models
    if name in _HOMES:
        return getattr(import_module(f"vivavoce.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
