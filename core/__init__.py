"""The vocabulary that all folders share: messages, voices, passages, protocols, errors, settings."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vivavoce.core.audio import AudioClip
    from vivavoce.core.calls import RunningCall, current_call
    from vivavoce.core.errors import (
        AudioError,
        ConfigError,
        DocumentError,
        ModelError,
        SessionError,
        StoreCorrupt,
        StoreError,
        ToolFailed,
        VivavoceError,
        VoiceNotFound,
        VoiceRefused,
        WeightsError,
    )
    from vivavoce.core.messages import (
        AssistantMessage,
        AudioTokens,
        Heard,
        LMDelta,
        Message,
        SessionFacts,
        SpokenClip,
        SystemMessage,
        TextDelta,
        ToolCall,
        ToolExample,
        ToolMessage,
        ToolOutput,
        ToolResult,
        ToolSpec,
        UserMessage,
    )
    from vivavoce.core.passage import Grounding, Passage, Provenance
    from vivavoce.core.protocols import (
        Anticipating,
        GroundingCheck,
        Retriever,
        SpeechDecoder,
        SpeechLM,
        TextEmbedder,
        Tool,
        VoiceBank,
        VoiceConditioning,
    )
    from vivavoce.core.settings import Settings, load_settings
    from vivavoce.core.voice import Voice, VoiceEntry, VoiceFacts, VoiceFilters, VoiceHit, VoiceSwitch

__all__ = [
    "Anticipating",
    "AssistantMessage",
    "AudioClip",
    "AudioError",
    "AudioTokens",
    "ConfigError",
    "DocumentError",
    "Grounding",
    "GroundingCheck",
    "Heard",
    "LMDelta",
    "Message",
    "ModelError",
    "Passage",
    "Provenance",
    "Retriever",
    "RunningCall",
    "SessionError",
    "SessionFacts",
    "Settings",
    "SpeechDecoder",
    "SpeechLM",
    "SpokenClip",
    "StoreCorrupt",
    "StoreError",
    "SystemMessage",
    "TextDelta",
    "TextEmbedder",
    "Tool",
    "ToolCall",
    "ToolExample",
    "ToolFailed",
    "ToolMessage",
    "ToolOutput",
    "ToolResult",
    "ToolSpec",
    "UserMessage",
    "VivavoceError",
    "Voice",
    "VoiceBank",
    "VoiceConditioning",
    "VoiceEntry",
    "VoiceFacts",
    "VoiceFilters",
    "VoiceHit",
    "VoiceNotFound",
    "VoiceRefused",
    "VoiceSwitch",
    "WeightsError",
    "current_call",
    "load_settings",
]
_MODULES = ("audio", "calls", "errors", "messages", "passage", "protocols", "settings", "voice")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - lazy, so that the process that parses documents stays small
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
