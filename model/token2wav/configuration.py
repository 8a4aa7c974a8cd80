"""The checkpoint's ``flow.yaml``, read as data: its tags name classes, none of which is ever made (specification, 7.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vivavoce.core.errors import ModelError, reason
from vivavoce.model.token2wav.flow.encoder import LOOKAHEAD, UP, FlowEncoder
from vivavoce.model.token2wav.flow.estimator import Estimator
from vivavoce.model.token2wav.flow.matching import GUIDANCE, Flow

TAGS = (
    "!new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec",
    "!new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2",
    "!new:cosyvoice2.flow.flow_matching.CausalConditionalCFM",
    "!new:cosyvoice2.flow.decoder_dit.DiT",
)
MAX_YAML_BYTES = 1 << 20
# What this implementation is built for; a checkpoint that says otherwise would decode to noise.
FIXED = {
    "encoder": {
        "input_layer": "linear",
        "pre_lookahead_len": LOOKAHEAD,
        "up_stride": UP,
        "up_scale_factor": UP,
        "pos_enc_layer_type": "rel_pos_espnet",
        "selfattention_layer_type": "rel_selfattn",
        "normalize_before": True,
    },
    "decoder": {"inference_cfg_rate": GUIDANCE},
}


class _InertLoader(yaml.SafeLoader):
    """Knows four tags and takes each for the mapping behind it."""


def _as_mapping(loader: yaml.SafeLoader, node: yaml.Node) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else {}


for _tag in TAGS:
    _InertLoader.add_constructor(_tag, _as_mapping)


@dataclass(frozen=True, slots=True)
class FlowSizes:
    """Sizes of the flow: fields of its own, of its encoder and of its estimator, by their names in the file."""

    flow: Mapping[str, Any]
    encoder: Mapping[str, Any]
    estimator: Mapping[str, Any]


def read_flow_sizes(path: Path) -> FlowSizes:
    """Read ``flow.yaml``.

    Raises:
        ModelError: it is missing, no YAML, names other classes, or describes another kind of model.
    """
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise ModelError(f"{path} is larger than any such file; fetch the checkpoint again")
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_InertLoader)  # noqa: S506 - a safe loader
        flow = dict(loaded["flow"])
        encoder, decoder = dict(flow.pop("encoder")), dict(flow.pop("decoder"))
        sizes = FlowSizes(flow, encoder, dict(decoder["estimator"]))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing; give the folder of a complete checkpoint") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} does not describe a flow ({reason(error)}); fetch the checkpoint again") from error
    for part, given in (("encoder", encoder), ("decoder", decoder)):
        for name, wanted in FIXED[part].items():
            if given.get(name, wanted) != wanted:
                raise ModelError(f"{path} has {part}.{name} {given[name]!r}; only {wanted!r} is known here")
    return sizes


def build_flow(sizes: FlowSizes) -> Flow:
    """An empty flow of these sizes.

    Raises:
        ModelError: a size is missing or cannot be one.
    """
    encoder, flow = sizes.encoder, sizes.flow
    try:
        return Flow(
            encoder=FlowEncoder(
                input_size=int(encoder["input_size"]),
                output_size=int(encoder["output_size"]),
                blocks=int(encoder["num_blocks"]),
                up_blocks=int(encoder["num_up_blocks"]),
                heads=int(encoder["attention_heads"]),
                units=int(encoder["linear_units"]),
                key_bias=bool(encoder.get("key_bias", True)),
            ),
            estimator=Estimator(**sizes.estimator),
            vocab_size=int(flow["vocab_size"]),
            input_size=int(flow["input_size"]),
            mel_bands=int(flow["output_size"]),
            speaker_size=int(flow["spk_embed_dim"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"flow.yaml lacks a size or has a wrong one ({reason(error)}); fetch the checkpoint again"
        ) from error
