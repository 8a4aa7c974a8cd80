"""What the first sentence loads, in a process of its own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

FIRST_SENTENCE = """
import asyncio, sys
from pathlib import Path
import numpy as np
from vivavoce.model.embedded.speaking.speech_decoder import EmbeddedDecoder
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
assert not {"scipy", "onnxruntime", "hibari"} & set(sys.modules), "a decoder that speaks nothing loads nothing"
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import TextDelta
from vivavoce.core.voice import Voice

async def main(folder):
    decoder = EmbeddedDecoder(Synthesiser(), folder)
    await decoder.warm_up()
    clip = AudioClip(np.zeros(9, np.float32), 16_000)
    voice = await decoder.prepare(Voice("default", "", "", clip, native="hibari-tts/heart"))
    async def said():
        yield TextDelta("It is five o'clock.")
    assert [clip.spoken async for clip in decoder.decode(said(), voice)] == [True]

asyncio.run(main(Path(sys.argv[1])))
print(*sorted({name.split(".")[0] for name in sys.modules} & {"torch", "transformers", "pyworld", "librosa", "sklearn"}))
"""


def test_the_first_sentence_in_the_own_voice_needs_the_voice_alone(tmp_path):
    done = subprocess.run([sys.executable, "-c", FIRST_SENTENCE, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
    assert not list(tmp_path.iterdir()), "nothing was measured"
