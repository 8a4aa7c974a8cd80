"""The controller: a LangGraph state machine around a speech language model, its tools and its decoder."""

from vivavoce.agent.agent import Agent
from vivavoce.agent.session.history import PastTurn, Unfinished
from vivavoce.agent.turn import (
    AudioChunk,
    ConfirmationAsked,
    HeardText,
    ModelFailed,
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
from vivavoce.agent.turn_stream import TurnStream

__all__ = [
    "Agent",
    "AudioChunk",
    "ConfirmationAsked",
    "HeardText",
    "ModelFailed",
    "PastTurn",
    "SentenceChecked",
    "SpokenText",
    "Timings",
    "ToolFinished",
    "ToolProgress",
    "ToolStarted",
    "Turn",
    "TurnDone",
    "TurnEvent",
    "TurnStream",
    "Unfinished",
    "VoiceChanged",
]
