"""Every error a user can meet, in one tree.

    VivavoceError
    ├── ConfigError           a setting, option or argument is wrong
    ├── AudioError            a recording cannot be read, or is not usable
    ├── ModelError            a model cannot be loaded or has failed
    │   └── WeightsError      weights are missing, damaged or cannot be fetched
    ├── ToolFailed            a tool could not do its work; the model reads why
    ├── VoiceNotFound         no such voice in the bank
    ├── VoiceRefused          a voice that may not be spoken in
    ├── DocumentError         a document cannot be read or indexed
    ├── StoreError            a voice bank or index cannot be opened or written
    │   └── StoreCorrupt      what is on disk does not match its checksum or version
    └── SessionError          a session is in use elsewhere or cannot be restored

The message is one line: what is wrong, then what to do. ``exit_code`` is what the command line returns.
"""

from typing import ClassVar

REASON_CHARS = 200


class VivavoceError(Exception):
    """Root of the tree."""

    exit_code: ClassVar[int] = 1


class ConfigError(VivavoceError):
    """A setting, option or argument is wrong."""

    exit_code = 2


class AudioError(VivavoceError):
    """A recording cannot be read, or is not usable as speech."""

    exit_code = 3


class ModelError(VivavoceError):
    """A model cannot be loaded or has failed."""

    exit_code = 4


class WeightsError(ModelError):
    """Weights are missing, damaged or cannot be fetched."""


class ToolFailed(VivavoceError):
    """A tool could not do its work.

    The message is read by the model and spoken about, so it is a plain clause such as "the web could not be reached".
    ``retryable`` says whether the same call may succeed a moment later.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        """Keep the reason and whether trying again makes sense."""
        super().__init__(message)
        self.retryable = retryable


class VoiceNotFound(VivavoceError):
    """No such voice in the bank."""

    exit_code = 5


class VoiceRefused(VivavoceError):
    """A voice that may not be spoken in."""

    exit_code = 9


class DocumentError(VivavoceError):
    """A document cannot be read or indexed."""

    exit_code = 6


class StoreError(VivavoceError):
    """A voice bank, index or other store cannot be opened or written."""

    exit_code = 7


class StoreCorrupt(StoreError):
    """What is on disk does not match its checksum or version."""


class SessionError(VivavoceError):
    """A session is in use elsewhere or cannot be restored."""

    exit_code = 8


def reason(error: BaseException) -> str:
    """Why something failed, on one line that is never empty: what an error says, else its kind, such as "ReadTimeout".

    Other people's errors are cut to `REASON_CHARS`; of those of the operating system their number and file are left out.
    """
    said = " ".join(str(getattr(error, "strerror", None) or error).split())
    return (said if isinstance(error, VivavoceError) else said[:REASON_CHARS]) or type(error).__name__
