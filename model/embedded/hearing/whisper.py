"""Whisper that reads an utterance and a little silence after it, instead of always half a minute."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

BEAMS = {"en": 5, "zh": 5}  # of the languages that tools, router and answers know: how many readings are weighed
CHINESE_PROMPT = (  # what Whisper reads before it writes Chinese: simplified characters, and what assistants are asked
    " 以下是普通话的句子。请换一个温柔的女声。这个音色不错。今天北京的天气怎么样？现在几点？搜索最新的新闻。员工手册里怎么写的？"
)
MIN_LOG_PROBABILITY = -1.5  # below this Whisper is guessing: it "hears" words in noise
SILENCE_FRAMES = 400  # after an utterance; with less Whisper goes on where nothing more is said
MAX_FRAMES = 3000  # half a minute

Features = NDArray[np.float32]


class Whisper:
    """The weights in a folder, for English and Chinese. Blocking; one caller at a time.

    Raises:
        RuntimeError, ValueError, OSError: they cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._model, self._multilingual = self._whisper.model, bool(self._whisper.model.is_multilingual)

    def written(self, pieces: Sequence[NDArray[np.float32]]) -> str:
        """What is said in the pieces of a recording, all in one language; each at 16 kHz and of at most half a minute.

        A piece is encoded once, for the language and for the words.
        """
        states = [self._encoded(piece) for piece in pieces]
        language = self._language(states)
        texts = [self._text(state, language) for state in states]
        return " ".join(text for text in texts if any(c.isalnum() for c in text))

    def _encoded(self, piece: NDArray[np.float32]) -> StorageView:
        features = self._whisper.feature_extractor(piece, padding=0)
        return self._model.encode(StorageView.from_array(padded(features)[None]))

    def _language(self, states: Sequence[StorageView]) -> str:
        """The likeliest of `BEAMS`, all pieces together."""
        if not self._multilingual:
            return "en"
        likely = [dict(self._model.detect_language(state)[0]) for state in states]
        return max(BEAMS, key=lambda name: sum(np.log(one[f"<|{name}|>"] + 1e-9) for one in likely))

    def _text(self, state: StorageView, language: str) -> str:
        """The words; "" where Whisper doubts them."""
        tokenizer = Tokenizer(self._whisper.hf_tokenizer, self._multilingual, task="transcribe", language=language)
        before = tokenizer.encode(CHINESE_PROMPT) if language == "zh" else []
        prompt = self._whisper.get_prompt(tokenizer, before, without_timestamps=True)
        [found] = self._model.generate(state, [prompt], beam_size=BEAMS[language], return_scores=True)
        return tokenizer.decode(found.sequences_ids[0]).strip() if found.scores[0] > MIN_LOG_PROBABILITY else ""


def padded(features: Features) -> Features:
    """Mel frames (80, T) with `SILENCE_FRAMES` more of the quietest value: an even number, at most `MAX_FRAMES`."""
    length = min(MAX_FRAMES, (features.shape[1] + SILENCE_FRAMES + 1) // 2 * 2)
    kept = features[:, :length]
    return np.pad(kept, ((0, 0), (0, length - kept.shape[1])), constant_values=features.min())
