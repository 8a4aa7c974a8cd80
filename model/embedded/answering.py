"""The embedded mind's answers: sentences that tools bring are read out as they are; the small model writes the rest."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from vivavoce.core.language.sentences import ACCORDING_TO, DONE, NO_ANSWER, SORRY
from vivavoce.core.messages import Message, ToolMessage, ToolResult
from vivavoce.core.untrusted import neutralise, unfenced
from vivavoce.model.embedded.claims import honest
from vivavoce.model.embedded.llama import ANSWER_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import answer_prompt
from vivavoce.model.embedded.schemas import words_of_name

NAME_CHARS = 80
ANSWER_TOKENS = 110  # after so many an answer ends with its sentence,
MOST_TOKENS = 180  # or here, with what is whole of it
END = re.compile(r"[.?!…][\"')\]]*(?=\s)|[。？！]")
# What only says that all went well: the small model, which reads no deed in it, would deny that anything was done.
GONE_WELL = re.compile(
    r"\W*(?:status\W+)?(?:ok|okay|done|success(?:ful|fully)?|completed?)?\W*|\W*(?:success|ok|done)\W+true\W*", re.IGNORECASE
)
PAUSE = re.compile(r"[,;:](?=\s)|[，；：]")


class AnswerWriter:
    """llama: writes. language: of the mind's own sentences."""

    def __init__(self, llama: LlamaServer, language: str) -> None:
        self._llama = llama
        self._language = language

    async def write(
        self, messages: Sequence[Message], results: Sequence[ToolMessage], request: str, talk: str, cannot: str
    ) -> AsyncGenerator[str]:
        """Pieces of an answer.

        results: of this turn's calls. talk: the part of the request that no tool is for. cannot: what is said in place of a
        deed that no tool did.

        Raises:
            ModelError: the language model failed.
        """
        sentences = [(message, _sentence(message.result, self._language)) for message in results]
        if ready := " ".join(dict.fromkeys(sentence for _, sentence in sentences if sentence)):
            yield ready + " "  # the space tells the decoder that the sentence is whole
        unsaid = [message for message, sentence in sentences if not sentence]
        if results and not unsaid and not talk:
            return
        if lead_in := _lead_in(unsaid, self._language):
            yield lead_in + " "
        asked = request if unsaid or not talk else talk
        prompt = answer_prompt(messages, asked, lead_in)
        said = False
        async with aclosing(self._llama.stream(prompt, ANSWER_SLOT, max_tokens=MOST_TOKENS)) as pieces:
            whole = _to_the_end_of_a_sentence(pieces)
            async for piece in whole if unsaid else honest(whole, asked, cannot):
                trimmed = piece if said else piece.lstrip()
                said = said or bool(trimmed)
                if trimmed:
                    yield trimmed
        if not said:
            yield NO_ANSWER(self._language)


async def _to_the_end_of_a_sentence(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Pieces, a token each, until the answer ends or is long enough."""
    written, held = 0, ""
    async for piece in pieces:
        written += 1
        if written <= ANSWER_TOKENS:
            yield piece
            continue
        held += piece
        if end := END.search(held):
            yield held[: end.end()]
            return
    if written >= MOST_TOKENS and (pause := list(PAUSE.finditer(held))):
        yield f"{held[: pause[-1].start()]}."
    elif held:
        yield held


def _sentence(result: ToolResult, language: str) -> str:
    """What can be said of a result without a language model, or ""."""
    if result.status == "done":
        return result.output.spoken or _done(result, language)
    return SORRY(language, why=result.output.content.rstrip(".。"))


def _done(result: ToolResult, language: str) -> str:
    """That a call did its work, where its result says that and no more; else ""."""
    name = result.call.name
    if not GONE_WELL.fullmatch(unfenced(name, result.output.content)):
        return ""
    return DONE(language, what=neutralise(" ".join(words_of_name(name)), NAME_CHARS))


def _lead_in(results: Sequence[ToolMessage], language: str) -> str:
    """The answer's first words name its source: true, and sound while the model is still reading."""
    sources = [source for m in results for source in m.result.output.sources]
    return ACCORDING_TO(language, source=sources[0]) if sources else ""
