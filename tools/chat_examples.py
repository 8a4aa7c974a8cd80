"""Utterances that need no tool, near misses of every tool among them: the router's other side."""

from vivavoce.tools.examples import NOTHING

CHAT_EXAMPLES = tuple(example.utterance for example in NOTHING)
