"""Whisper that reads an utterance and some silence after it, instead of always half a minute."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

BEAMS = {"en": 5, "zh": 5}  # of the languages that tools, router and answers know: how many readings are kept
CHINESE_PROMPT = (  # what Whisper reads before it writes Chinese: simplified characters, and what assistants are asked
    "以下是普通话的句子。请换一个温柔的女声。这个音色不错。今天北京的天气怎么样？现在几点？搜索最新的新闻。员工手册里怎么写的？"
)
MIN_LOG_PROBABILITY = -1.5  # below this Whisper is guessing: it "hears" words in noise
SURE_OF_LANGUAGE = 0.5
SILENCE_FRAMES = 600  # after an utterance; where they are few, Whisper may say everything twice
MAX_FRAMES = 3000  # half a minute

Samples = NDArray[np.float32]
States: TypeAlias = Any  # what the encoder made of a piece, an array of CTranslate2


class Whisper:
    """The weights in a folder, for English and Chinese. Blocking; one caller at a time.

    Raises:
        RuntimeError, ValueError, OSError: they cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._model, self._multilingual = self._whisper.model, bool(self._whisper.model.is_multilingual)

    def warm_up(self, piece: Samples) -> None:
        """Read something once, so that the first recording is heard as fast as the next. Nothing is written of it."""
        self._language([self._encoded(piece, SILENCE_FRAMES)])

    def written(self, pieces: Sequence[Samples]) -> str:
        """What is said in the pieces of a recording, all in one language; each at 16 kHz and of at most half a minute.

        Each is encoded once, for its language and its words; once more as half a minute where that leaves a doubt.
        """
        states = [self._encoded(piece, SILENCE_FRAMES) for piece in pieces]
        language, probability = self._language(states)
        if probability < SURE_OF_LANGUAGE:
            states = [self._encoded(piece, MAX_FRAMES) for piece in pieces]
            language, _ = self._language(states)
        texts = [self._words(piece, state, language) for piece, state in zip(pieces, states, strict=True)]
        return " ".join(text for text in texts if any(c.isalnum() for c in text))

    def _encoded(self, piece: Samples, silence: int) -> States:
        features = self._whisper.feature_extractor(piece, padding=0)
        return self._model.encode(StorageView.from_array(padded(features, silence)[None]))

    def _language(self, states: Sequence[States]) -> tuple[str, float]:
        """The likeliest of `BEAMS`, and its mean probability over all pieces."""
        if not self._multilingual:
            return "en", 1.0
        likely = [dict(self._model.detect_language(state)[0]) for state in states]
        means = {name: float(np.mean([one[f"<|{name}|>"] for one in likely])) for name in BEAMS}
        return max(means.items(), key=lambda item: item[1])

    def _words(self, piece: Samples, state: States, language: str) -> str:
        """What is said in a piece; "" where Whisper is guessing."""
        tokenizer = Tokenizer(self._whisper.hf_tokenizer, self._multilingual, task="transcribe", language=language)
        before = tokenizer.encode(f" {CHINESE_PROMPT}") if language == "zh" else []
        prompt = self._whisper.get_prompt(tokenizer, before, without_timestamps=True)
        tokens, probability = self._generated(state, prompt, BEAMS[language])
        if says_twice(tokens):
            tokens, probability = self._generated(self._encoded(piece, MAX_FRAMES), prompt, BEAMS[language])
        return tokenizer.decode(tokens).strip() if probability > MIN_LOG_PROBABILITY else ""

    def _generated(self, state: States, prompt: list[int], beam: int) -> tuple[list[int], float]:
        """Tokens, and their mean log probability."""
        [found] = self._model.generate(state, [prompt], beam_size=beam, return_scores=True)
        return found.sequences_ids[0], found.scores[0]


def padded(features: NDArray[np.float32], silence: int) -> NDArray[np.float32]:
    """Mel frames (80, T) and so many of the quietest value after them: an even number, at most `MAX_FRAMES`."""
    length = min(MAX_FRAMES, (features.shape[1] + silence + 1) // 2 * 2)
    kept = features[:, :length]
    return np.pad(kept, ((0, 0), (0, length - kept.shape[1])), constant_values=features.min())


def says_twice(tokens: Sequence[int]) -> bool:
    """Whether the end is what stood right before it already, be it two tokens or a sentence."""
    return any(tokens[-size:] == tokens[-2 * size : -size] for size in range(2, len(tokens) // 2 + 1))
