"""The embedded mind's answers: sentences that tools bring are read out as they are; the small model writes the rest."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing

from vivavoce.core.language.sentences import ACCORDING_TO, NO_ANSWER
from vivavoce.core.messages import Message, ToolMessage
from vivavoce.model.embedded.claims import honest
from vivavoce.model.embedded.llama import ANSWER_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import answer_prompt
from vivavoce.model.embedded.results import sentence

ANSWER_TOKENS = 110  # after so many an answer ends with its sentence,
MOST_TOKENS = 180  # or here, with what is whole of it
END = re.compile(r"[.?!…][\"')\]]*(?=\s)|[。？！]")
PAUSE = re.compile(r"[,;:](?=\s)|[，；：]")


class AnswerWriter:
    """llama: writes. language: of the mind's own sentences."""

    def __init__(self, llama: LlamaServer, language: str) -> None:
        self._llama = llama
        self._language = language

    async def write(
        self,
        messages: Sequence[Message],
        results: Sequence[ToolMessage],
        request: str,
        talk: str,
        cannot: str,
        acting: Collection[str] = (),
    ) -> AsyncGenerator[str]:
        """Pieces of an answer.

        results: of this turn's calls. talk: the part of the request that no tool is for. cannot: what is said in place of a
        deed that no tool did. acting: the tools that do something.

        Raises:
            ModelError: the language model failed.
        """
        sentences = [(m, sentence(m.result, self._language, acts=m.result.call.name in acting)) for m in results]
        if ready := " ".join(dict.fromkeys(said for _, said in sentences if said)):
            yield ready + " "  # the space tells the decoder that the sentence is whole
        unsaid = [message for message, said in sentences if not said]
        if results and not unsaid and not talk:
            return
        if lead_in := _lead_in(unsaid, self._language):
            yield lead_in + " "
        asked = request if unsaid or not talk else talk
        prompt = answer_prompt(messages, asked, lead_in)
        began = False
        async with aclosing(self._llama.stream(prompt, ANSWER_SLOT, max_tokens=MOST_TOKENS)) as pieces:
            whole = _to_the_end_of_a_sentence(pieces)
            async for piece in whole if unsaid else honest(whole, asked, cannot):
                trimmed = piece if began else piece.lstrip()
                began = began or bool(trimmed)
                if trimmed:
                    yield trimmed
        if not began:
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


def _lead_in(results: Sequence[ToolMessage], language: str) -> str:
    """The answer's first words name its source: true, and sound while the model is still reading."""
    sources = [source for m in results for source in m.result.output.sources]
    return ACCORDING_TO(language, source=sources[0]) if sources else ""
