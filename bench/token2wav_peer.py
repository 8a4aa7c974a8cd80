"""The reference's Token2Wav at official sizes with weights of ours, run on the CPU.

It comes from the package `step-audio2`, which is fetched, unzipped and imported from there; nothing of it is installed. The
parts that are timed call no CUDA.
"""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from vivavoce.model.token2wav.configuration import read_flow_sizes
from vivavoce.model.token2wav.flow.matching import STEPS, Flow
from vivavoce.model.token2wav.vocoder import HiFT

PACKAGES = ("step-audio2==1.0.0", "einops")


class Peer:
    """flow, vocoder: the reference's modules."""

    def __init__(self, folder: Path, flow: Flow, vocoder: HiFT) -> None:
        _fetch(folder)
        from cosyvoice2.flow.decoder_dit import DiT  # pyright: ignore
        from cosyvoice2.flow.flow import CausalMaskedDiffWithXvec  # pyright: ignore
        from cosyvoice2.flow.flow_matching import CausalConditionalCFM  # pyright: ignore
        from cosyvoice2.transformer.upsample_encoder_v2 import UpsampleConformerEncoderV2  # pyright: ignore
        from flashcosyvoice.modules.hifigan import HiFTGenerator  # pyright: ignore

        sizes = read_flow_sizes(folder / "flow.yaml")
        decoder = CausalConditionalCFM(DiT(**sizes.estimator), inference_cfg_rate=0.7)
        encoder = UpsampleConformerEncoderV2(**sizes.encoder)
        self.flow: Any = CausalMaskedDiffWithXvec(encoder=encoder, decoder=decoder, **sizes.flow).eval()
        self.flow.load_state_dict(flow.state_dict(), strict=False)
        self.vocoder: Any = HiFTGenerator().eval()
        self.vocoder.load_state_dict(vocoder.state_dict(), strict=False)

    @torch.inference_mode()
    def whole(
        self, prompt: torch.Tensor, tokens: torch.Tensor, mel: torch.Tensor, embedding: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Tokens (1, T) behind a prompt to mel (1, 2 T, bands)."""
        self.flow.decoder.rand_noise = noise.transpose(1, 2).contiguous()
        counts = [torch.tensor([part.shape[1]]) for part in (tokens, prompt, mel)]
        given = (tokens.int(), counts[0], prompt.int(), counts[1], mel, counts[2], embedding, STEPS)
        return self.flow.inference(*given).transpose(1, 2)

    @torch.inference_mode()
    def set_up(self, prompt: torch.Tensor, mel: torch.Tensor, embedding: torch.Tensor) -> dict[str, Any]:
        """The state of a stream behind a prompt."""
        return self.flow.setup_cache(torch.cat([prompt, prompt[:, :3]], 1).int(), mel, embedding, STEPS)

    @torch.inference_mode()
    def second(self, chunk: torch.Tensor, embedding: torch.Tensor, state: dict[str, Any]) -> torch.Tensor:
        """A chunk (1, 28) to sound; the state is taken as it is."""
        mel, _ = self.flow.inference_chunk(chunk.int(), embedding, dict(state), False, STEPS)
        return self.vocoder(mel)[0]


def _fetch(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *PACKAGES]
    if not (folder / "peer").is_dir():
        subprocess.run(command, check=True, capture_output=True)
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / "peer")
    sys.path.insert(0, str(folder / "peer"))
