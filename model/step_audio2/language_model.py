"""Step-Audio 2 as a `SpeechLM` in this process."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from vivavoce.core.errors import ModelError, VivavoceError, reason
from vivavoce.core.messages import (
    AssistantMessage,
    AudioTokens,
    LMDelta,
    Message,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from vivavoce.model.step_audio2.dialect.delta_parser import Delta, DeltaParser
from vivavoce.model.step_audio2.dialect.loop_guard import LoopGuard
from vivavoce.model.step_audio2.dialect.markers import THINK_END, THINK_START, TTS_START
from vivavoce.model.step_audio2.dialect.prompt import PromptWriter
from vivavoce.model.step_audio2.engine import Cancelled, Decoding, Engine
from vivavoce.model.step_audio2.network.checkpoint import Checkpoint
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM
from vivavoce.model.step_audio2.sampling import Sampler, Sampling

CLOSED = "the model has been closed; open the agent again"
MAX_SILENT_IDS = 100  # pads and controls in a row, of which nothing comes
SOUND_LOOP_SPAN = 500  # 20 s of the very same sound
CHAT = Sampling()


class StepAudio2LM:
    """Listens, thinks and speaks with a loaded checkpoint, one answer at a time.

    model: may be shared with others; pasts of dialogues are not. speak_tokens: let the model speak in audio tokens beside
    the text; without, it only writes. context: positions of prompt and answer together; None takes the model's own limit.
    threads: of the CPU; None leaves torch's setting. cache_mib: memory for the pasts of dialogues.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: StepAudio2ForCausalLM,
        *,
        speak_tokens: bool = True,
        sampling: Sampling = CHAT,
        context: int | None = None,
        cache_mib: int = 1024,
        threads: int | None = None,
    ) -> None:
        self.engine = Engine(model, cache_mib)
        self._checkpoint = checkpoint
        self._speaking = speak_tokens
        self._sampling = sampling
        limit = checkpoint.config.text_config.max_position_embeddings
        self._context = min(context or limit, limit)
        ids = checkpoint.ids
        self._stops = {ids.eot, ids.endoftext, ids.im_end}
        self._writer = PromptWriter(
            checkpoint.tokenizer, ids, checkpoint.config.audio_encoder_config.n_mels, flat=checkpoint.variant == "base"
        )
        self._closing = threading.Event()
        self._worker = ThreadPoolExecutor(1, "step-audio2", initializer=_set_threads, initargs=(threads,))

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`. Closing the iterator ends the computation within one token."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Delta | BaseException | None] = asyncio.Queue()
        gone, finished = threading.Event(), asyncio.Event()

        def work() -> None:
            for delta in self.answer(messages, tools, lambda: gone.is_set() or self._closing.is_set()):
                loop.call_soon_threadsafe(queue.put_nowait, delta)

        def ended(job: Future[None]) -> None:
            """Whatever became of the job, even if it never began, nobody is left waiting."""
            error = ModelError(CLOSED) if job.cancelled() else job.exception()
            loop.call_soon_threadsafe(queue.put_nowait, error)
            loop.call_soon_threadsafe(finished.set)

        job = self._submitted(work)
        job.add_done_callback(ended)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise _explained(item)
                yield item
        finally:
            gone.set()
            job.cancel()  # in vain where it has begun: then it ends within one token
            await finished.wait()

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Read what every dialogue begins with."""

        def read() -> None:
            prompt = self._writer.write(instructions, tools, self._opening, self._room)
            if prompt.ids:  # the Base variant has no standing instructions
                self.engine.read(prompt, self._closing.is_set).close()

        try:
            await asyncio.wrap_future(self._submitted(read))
        except Exception as error:
            raise _explained(error) from error

    async def close(self) -> None:
        """Stop the worker and forget all dialogues; the weights go with the last object that has them."""
        self._closing.set()
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self.engine.forget()

    def _submitted(self, work: Callable[[], None]) -> Future[None]:
        try:
            return self._worker.submit(work)
        except RuntimeError as error:
            raise ModelError(CLOSED) from error

    def answer(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Delta]:
        """Answer in this thread, delta by delta.

        Raises:
            ModelError: the dialogue's last turn does not fit. Cancelled: on request, within one token.
        """
        prompt = self._writer.write(messages, tools, self._opening, self._room)
        decoding = self.engine.read(prompt, cancelled)
        try:
            yield from self._written(decoding, cancelled)
        finally:
            decoding.close()

    def _written(self, decoding: Decoding, cancelled: Callable[[], bool]) -> Iterator[Delta]:
        ids = torch.tensor(decoding.prompt_ids, device=self.engine.device)
        sampler = Sampler(self._sampling, ids, self._checkpoint.config.text_config.vocab_size)
        if self._thinks:
            self._think(decoding, sampler, cancelled)
        parser = DeltaParser(self._checkpoint.tokenizer, self._checkpoint.ids, speaking=self._speaking)
        said: list[int] = [self._checkpoint.ids.tts_start] if self._speaking else []
        deltas: list[Delta] = []
        for token_id in self._ids(decoding, sampler, self._sampling.max_new_tokens, cancelled):
            said.append(token_id)
            for delta in parser.push([token_id]):
                deltas.append(delta)
                yield delta
            if parser.over:
                said.pop()
                break
        for delta in parser.finish():
            deltas.append(delta)
            yield delta
        self._writer.remember(as_message(deltas), tuple(said))

    def _ids(self, decoding: Decoding, sampler: Sampler, limit: int, cancelled: Callable[[], bool]) -> Iterator[int]:
        """Ids until the model ends, loops, or has written enough."""
        ids = self._checkpoint.ids
        in_text, in_sound, silent = LoopGuard(), LoopGuard(min_span=SOUND_LOOP_SPAN), 0
        for _ in range(min(limit, self._context - decoding.length)):
            token_id = sampler.choose(decoding.logits)
            if token_id in self._stops:
                return
            yield token_id
            if cancelled():
                raise Cancelled
            silent = silent + 1 if token_id in ids.controls else 0
            guard = in_sound if ids.is_audio(token_id) else in_text
            if silent > MAX_SILENT_IDS or (not silent and guard.loops(token_id)):
                return
            decoding.feed([token_id])

    def _think(self, decoding: Decoding, sampler: Sampler, cancelled: Callable[[], bool]) -> None:
        """Let the model think to itself, then open its answer (specification, section 4.4).

        The token that completes ``</think>`` is written by us together with what follows, as the reference does.
        """
        thoughts: list[int] = []
        for token_id in self._ids(decoding, sampler, self._sampling.max_thinking_tokens, cancelled):
            thoughts.append(token_id)
            if THINK_END in self._checkpoint.tokenizer.decode(thoughts[-16:], skip_special_tokens=False):
                thoughts.pop()
                break
        tail = self._checkpoint.tokenizer.decode(thoughts[-16:], skip_special_tokens=False)
        written = next(n for n in range(len(THINK_END), -1, -1) if tail.endswith(THINK_END[:n]))
        after = "\n\n" + (TTS_START if self._speaking else "")
        decoding.feed(self._writer.encode(THINK_END[written:] + after))

    @property
    def _thinks(self) -> bool:
        return self._checkpoint.variant == "think"

    @property
    def _opening(self) -> str:
        return THINK_START if self._thinks else TTS_START if self._speaking else ""

    @property
    def _room(self) -> int:
        """Positions for the prompt; a part of the context stays free for the answer."""
        wanted = self._sampling.max_new_tokens + (self._sampling.max_thinking_tokens if self._thinks else 0)
        return self._context - min(wanted, self._context // 3)


def as_message(deltas: Sequence[Delta]) -> AssistantMessage:
    """An answer the way the controller keeps it."""
    return AssistantMessage(
        "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)),
        tuple(delta for delta in deltas if isinstance(delta, ToolCall)),
        tuple(number for delta in deltas if isinstance(delta, AudioTokens) for number in delta.ids),
    )


def _explained(error: BaseException) -> BaseException:
    """Errors of the computation in our own terms."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return ModelError("memory ran out while the model was answering; say less at once, or use int8 weights")
    if isinstance(error, Cancelled):
        return ModelError(CLOSED)
    if not isinstance(error, VivavoceError):
        failed = ModelError(f"the model failed ({reason(error)}); try again, or another device or dtype")
        failed.__cause__ = error
        return failed
    return error


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)
