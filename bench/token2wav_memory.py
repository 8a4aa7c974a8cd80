"""Peak memory of one stream of Token2Wav in a process of its own: ``python -m bench.token2wav_memory ours FOLDER``.

FOLDER: a checkpoint's token2wav folder of official sizes, with the stored conditioning that `bench.token2wav` puts there.
"""

import sys
from pathlib import Path

import torch

from vivavoce.model.token2wav.checkpoint import load_token2wav
from vivavoce.model.token2wav.conditioning import ConditioningKey, restore
from vivavoce.model.token2wav.configuration import build_flow, read_flow_sizes
from vivavoce.model.token2wav.network import quicken
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import MelStream, Quality
from vivavoce.model.token2wav.vocoder import HiFT

SECONDS = 4


def main() -> None:
    """Print megabytes."""
    torch.set_num_threads(1)
    who, folder = sys.argv[1], Path(sys.argv[2])
    torch.manual_seed(0)
    tokens = torch.randint(0, 6561, (1, 25 * SECONDS + 3))
    if who == "reference":
        _reference(folder, tokens)
    else:
        _ours(folder, tokens, Quality(products="int8" if who == "int8" else "float32"))
    lines = Path("/proc/self/status").read_text().splitlines()
    sys.stdout.write(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def _ours(folder: Path, tokens: torch.Tensor, quality: Quality) -> None:
    models = load_token2wav(folder)
    quicken(models, quality)
    prompt = restore(folder, ConditioningKey("clip", "weights", quality))
    assert prompt is not None
    stream = MelStream(models.flow, prompt, lambda offset, frames: torch.randn(1, frames, 80))
    stitcher = Stitcher(models.vocoder, lambda samples: None)
    for at in range(0, 25 * SECONDS, 25):
        stitcher.push(stream.push(tokens[0, at : at + 28].tolist(), last=False).transpose(1, 2), last=False)


def _reference(folder: Path, tokens: torch.Tensor) -> None:
    from bench.token2wav_peer import Peer

    weights = torch.load(folder / "flow.pt", weights_only=True)
    flow = build_flow(read_flow_sizes(folder / "flow.yaml"))
    flow.load_state_dict(weights, assign=True)  # one copy of them, as in the reference
    peer = Peer(folder, flow, HiFT())
    del flow, weights
    prompt, embedding = torch.randint(0, 6561, (1, 100)), torch.randn(1, 192)
    state = peer.set_up(prompt, torch.randn(1, 200, 80), embedding)
    for at in range(0, 25 * SECONDS, 25):
        with torch.inference_mode():
            mel, state = peer.flow.inference_chunk(tokens[:, at : at + 28].int(), embedding, state, False, 10)
            peer.vocoder(mel)


if __name__ == "__main__":
    main()
