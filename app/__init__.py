"""The product: wiring, command line, demo."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vivavoce.app.wiring import open_agent
    from vivavoce.core.audio import AudioClip

__all__ = ["AudioClip", "open_agent"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - lazy, so that the command line starts without loading models
    if name == "open_agent":
        from vivavoce.app.wiring import open_agent

        return open_agent
    if name == "AudioClip":
        from vivavoce.core.audio import AudioClip

        return AudioClip
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
