"""The controller: a LangGraph state machine around a speech language model, its tools and its decoder."""

from vivavoce.agent.agent import Agent
from vivavoce.agent.turn import (
    AudioChunk,
    HeardText,
    SentenceChecked,
    SpokenText,
    Timings,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    Turn,
    TurnDone,
    TurnEvent,
    VoiceChanged,
)

__all__ = [
    "Agent",
    "AudioChunk",
    "HeardText",
    "SentenceChecked",
    "SpokenText",
    "Timings",
    "ToolFinished",
    "ToolProgress",
    "ToolStarted",
    "Turn",
    "TurnDone",
    "TurnEvent",
    "VoiceChanged",
]
