"""Token2Wav's weights: loaded once, at the first use, and laid out for what they are wanted for."""

from pathlib import Path
from threading import RLock

import torch

from vivavoce.core.errors import ModelError
from vivavoce.model.packing import bfloat16_is_fast, pack
from vivavoce.model.token2wav.checkpoint import Token2Wav, load_token2wav
from vivavoce.model.token2wav.dynamic_int8 import shrink
from vivavoce.model.token2wav.reference import ReferenceReader
from vivavoce.model.token2wav.stream import FULL, Quality


class Token2WavNetwork:
    """The networks of a folder, blocking while they load; any number of decoders may share them.

    folder: the checkpoint's ``token2wav/``. quality: of reading and solving. threads: of the CPU; None leaves torch's
    setting.
    """

    def __init__(self, folder: Path, quality: Quality = FULL, threads: int | None = None) -> None:
        self.quality = quality
        self.threads = threads
        self._folder = folder
        self._models: Token2Wav | None = None
        self._reader: ReferenceReader | None = None
        self._loading = RLock()

    def models(self) -> Token2Wav:
        """Flow and vocoder.

        Raises:
            ModelError: a file is missing or damaged, or this processor cannot compute what the quality asks for.
        """
        with self._loading:
            if self._models is None:
                models = load_token2wav(self._folder)
                quicken(models, self.quality)
                self._models = models
            return self._models

    def reader(self) -> ReferenceReader:
        """What measures reference clips.

        Raises:
            ModelError: a file is missing or damaged.
        """
        with self._loading:
            if self._reader is None:
                models = self.models()
                networks = models.speaker_network, models.tokenizer_network
                self._reader = ReferenceReader(*networks, models.flow.mel_bands, self.threads or 1)
            return self._reader


def quicken(models: Token2Wav, quality: Quality) -> None:
    """Lay weights out for the products that are wanted. Not to be undone.

    Raises:
        ModelError: this processor does not have them.
    """
    products = torch.bfloat16 if quality.products == "bfloat16" else torch.float32
    if products == torch.bfloat16 and not bfloat16_is_fast():
        raise ModelError("this processor has no bfloat16 products; unset VIVAVOCE_PRODUCTS or choose int8")
    if quality.products == "int8":
        shrink(models.flow.decoder.estimator)
    pack(models.flow, products)
    pack(models.vocoder.f0_predictor)  # the pitch must be exact: what is rounded here is heard
    pack(models.vocoder, products)
