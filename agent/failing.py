"""A model that fails: one kind of error, and what the user is told."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from vivavoce.core.errors import ModelError, VivavoceError, reason
from vivavoce.core.language.sentences import MODEL_BROKE_OFF, MODEL_FAILED, RESULT_UNTOLD
from vivavoce.core.messages import LMDelta, Message, ToolSpec
from vivavoce.core.protocols import SpeechLM

SENTENCE_ENDS = (".", "!", "?", ":", "。", "！", "？", "…")


async def deltas_of(lm: SpeechLM, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
    """What a model writes, see `SpeechLM.stream`.

    Raises:
        ModelError: it failed, in whatever way.
    """
    try:
        async with aclosing(lm.stream(messages, tools)) as deltas:
            async for delta in deltas:
                yield delta
    except ModelError:
        raise
    except Exception as error:
        why = reason(error)
        raise ModelError(why if isinstance(error, VivavoceError) else f"the model failed ({why})") from error


def apology(written: str, language: str, *, has_begun: bool, has_called: bool) -> str:
    """What ends an answer that the model could not finish, behind what it has written.

    has_begun: something of the answer is heard. has_called: tools were called for it, and may have acted.
    """
    if has_begun:
        ends = not written or written.endswith(SENTENCE_ENDS)
        return f"{' ' if ends else '... '}{MODEL_BROKE_OFF(language)}"
    return (RESULT_UNTOLD if has_called else MODEL_FAILED)(language)
