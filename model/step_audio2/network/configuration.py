"""The checkpoint's ``config.json`` (specification, section 1.1)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from transformers import PreTrainedConfig
from transformers.models.qwen2.configuration_qwen2 import Qwen2Config

ROPE_THETA = 1_000_000.0  # transformers would fall back to 10000 where a checkpoint does not say it (section 9.12)
AUDIO_START_ID = 151_688
ADAPTER_STRIDE = 2
TEXT_FIELDS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "num_attention_groups",
    "hidden_act",
    "initializer_range",
    "max_position_embeddings",
    "max_seq_len",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "use_sliding_window",
    "sliding_window",
    "attention_dropout",
)
PASSED_ON = ("rope_parameters", "pad_token_id", "dtype", "torch_dtype")
NEEDED_FIELDS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "rms_norm_eps",
)
AUDIO_FIELDS = ("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "llm_dim")


class AudioEncoderConfig(PreTrainedConfig):
    """Sizes of the audio encoder and the adaptor.

    n_mels: mel bands. n_audio_ctx: longest input after the strided convolution, frames. n_audio_state: width D.
    llm_dim: width of the backbone. adapter_stride: -1 leaves out the adaptor's convolution.
    """

    model_type = "step_audio_2_encoder"

    def __init__(
        self,
        n_mels: int = 128,
        n_audio_ctx: int = 1500,
        n_audio_state: int = 1280,
        n_audio_head: int = 20,
        n_audio_layer: int = 32,
        llm_dim: int = 3584,
        kernel_size: int = 3,
        adapter_stride: int = 2,
        **kwargs: Any,  # noqa: ANN401 - what the base class takes
    ) -> None:
        self.n_mels = n_mels
        self.n_audio_ctx = n_audio_ctx
        self.n_audio_state = n_audio_state
        self.n_audio_head = n_audio_head
        self.n_audio_layer = n_audio_layer
        self.llm_dim = llm_dim
        self.kernel_size = kernel_size
        self.adapter_stride = adapter_stride
        super().__init__(**kwargs)


class StepAudio2Config(PreTrainedConfig):
    """Sizes of the whole model.

    text_config: of the Qwen2 backbone; where it is absent its fields are taken from the top level, the flat form that
    other sizes of the model use. audio_start_token_id: the token after which embeddings of heard sound are spliced in.

    Raises:
        ValueError: a size that the checkpoint must state is missing, or two of them contradict each other.
    """

    model_type = "step_audio_2"
    sub_configs: ClassVar[dict[str, type[PreTrainedConfig]]] = {  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        "text_config": Qwen2Config,
        "audio_encoder_config": AudioEncoderConfig,
    }

    def __init__(
        self,
        text_config: Mapping[str, Any] | Qwen2Config | None = None,
        audio_encoder_config: Mapping[str, Any] | AudioEncoderConfig | None = None,
        audio_start_token_id: int = AUDIO_START_ID,
        **kwargs: Any,  # noqa: ANN401 - what the base class takes
    ) -> None:
        if text_config is None and "hidden_size" in kwargs:
            text_config = {name: kwargs.pop(name) for name in (*TEXT_FIELDS, *PASSED_ON) if name in kwargs}
        self.text_config = _text_config(text_config)
        self.audio_encoder_config = _audio_config(audio_encoder_config)
        self.audio_start_token_id = audio_start_token_id
        if self.audio_encoder_config.llm_dim != self.text_config.hidden_size:
            raise ValueError(
                f"llm_dim {self.audio_encoder_config.llm_dim} of the audio encoder and hidden_size "
                f"{self.text_config.hidden_size} of the backbone differ"
            )
        kwargs["tie_word_embeddings"] = False  # lm_head.weight is a tensor of its own
        super().__init__(**kwargs)


def _text_config(given: Mapping[str, Any] | Qwen2Config | None) -> Qwen2Config:
    if isinstance(given, Qwen2Config):
        return given
    if given is None:
        return Qwen2Config(rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA})
    fields = {name: given[name] for name in TEXT_FIELDS if name in given}
    fields |= {name: given[name] for name in PASSED_ON if name in given}
    _demand(fields, NEEDED_FIELDS, "text_config")
    groups = fields.pop("num_attention_groups", None)
    heads = fields.setdefault("num_key_value_heads", groups if groups is not None else fields["num_attention_heads"])
    if groups is not None and groups != heads:
        raise ValueError(f"num_attention_groups {groups} and num_key_value_heads {heads} differ")
    longest = fields.pop("max_seq_len", None)
    if longest is not None:
        fields.setdefault("max_position_embeddings", longest)
    if "rope_parameters" not in fields:
        fields.setdefault("rope_theta", ROPE_THETA)
    if (pad := fields.get("pad_token_id")) is not None and pad >= fields["vocab_size"]:
        del fields["pad_token_id"]
    return Qwen2Config(**fields, tie_word_embeddings=False)


def _audio_config(given: Mapping[str, Any] | AudioEncoderConfig | None) -> AudioEncoderConfig:
    if isinstance(given, AudioEncoderConfig):
        return given
    if given is None:
        return AudioEncoderConfig()
    _demand(given, AUDIO_FIELDS, "audio_encoder_config")
    config = AudioEncoderConfig(**given)
    if not config.n_audio_head or config.n_audio_state % config.n_audio_head:
        raise ValueError(f"n_audio_state {config.n_audio_state} cannot be cut into {config.n_audio_head} heads")
    if config.adapter_stride != ADAPTER_STRIDE:
        raise ValueError(
            f"adapter_stride {config.adapter_stride} would change how many tokens stand for sound; only 2 is known"
        )
    return config


def _demand(fields: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    """The reference's class defaults are not the official sizes: nothing may be filled in silently."""
    if missing := [name for name in names if name not in fields]:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
