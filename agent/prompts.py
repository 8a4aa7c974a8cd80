"""What every model is told: who it is, and how an answer that is spoken aloud should be."""

from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import SystemMessage

IDENTITY = "You are Vivavoce, a friendly voice assistant."
MANNER = "Your answers are spoken aloud: one or two short plain sentences, no lists, no code, no markup."
ANSWER_NOW = SystemMessage("Use no more tools. Answer with what you have.")
MAX_INSTRUCTIONS_CHARS = 20_000


def system_message(instructions: str | None = None, language: str | None = None) -> SystemMessage:
    """The first message of every prompt. instructions: who the agent is, in place of `IDENTITY`. language: ISO 639-1 code.

    Raises:
        ConfigError: there is no such language, or the instructions are too long for a prompt.
    """
    if instructions is not None and len(instructions) > MAX_INSTRUCTIONS_CHARS:
        raise ConfigError(
            f"the instructions have {len(instructions)} characters; {MAX_INSTRUCTIONS_CHARS} can be read, so shorten them"
        )
    parts = [instructions.strip() if instructions and instructions.strip() else IDENTITY, MANNER]
    if language is not None:
        parts.append(f"Always answer in {_name_of(language)}.")
    return SystemMessage(" ".join(parts))


def _name_of(language: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(language, sep="-").get_language_name("en"))
    except (UnknownLocaleError, ValueError) as error:
        raise ConfigError(f"language {language!r}: give an ISO 639-1 code, such as en or zh") from error
