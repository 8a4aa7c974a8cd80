"""Sentences in the language that the dialogue is held in."""

from vivavoce.core.calls import current_call
from vivavoce.core.language.sentences import Sentence


def say(sentence: Sentence, /, **fields: object) -> str:
    """A sentence in the language of the current call; English outside of an agent."""
    return sentence(current_call().session.language, **fields)
