"""The whole speech language model (specification, section 3)."""

from typing import Any

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.qwen2.modeling_qwen2 import Qwen2Model

from vivavoce.model.step_audio2.network.audio_encoder import Adaptor, AudioEncoder
from vivavoce.model.step_audio2.network.configuration import StepAudio2Config


class StepAudio2ForCausalLM(PreTrainedModel, GenerationMixin):
    """Audio encoder, adaptor, Qwen2 backbone and head under the official tensor names.

    Works with ``from_pretrained`` and ``generate`` of transformers; `vivavoce.model.step_audio2.engine` is the faster way to
    the same ids.
    """

    config_class = StepAudio2Config
    config: StepAudio2Config
    main_input_name = "input_ids"
    base_model_prefix = ""
    _supports_sdpa = True
    _no_split_modules = ["Qwen2DecoderLayer", "Block"]  # noqa: RUF012 - transformers' own form

    def __init__(self, config: StepAudio2Config) -> None:
        super().__init__(config)
        text = config.text_config
        self.model = Qwen2Model(text)
        self.encoder = AudioEncoder(config.audio_encoder_config)
        self.adapter = Adaptor(config.audio_encoder_config)
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of token embeddings."""
        return self.model.embed_tokens

    def get_output_embeddings(self) -> nn.Linear:
        """The head."""
        return self.lm_head

    def hear(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> list[torch.Tensor]:
        """Encode pieces that were padded together.

        wavs: log-mel (B, n_mels, L), padded with 0. wav_lens: (B,) declared frames. Returns one (n, hidden_size) per piece,
        n as `features.token_count` says.
        """
        dtype, device = self.encoder.conv1.weight.dtype, self.encoder.conv1.weight.device
        states, lengths = self.encoder(wavs.to(device, dtype), wav_lens.to(device))
        rows, counts = self.adapter(states, lengths)
        return [piece[: max(0, int(count))] for piece, count in zip(rows, counts, strict=True)]

    def embed(self, input_ids: torch.Tensor, heard: list[torch.Tensor]) -> torch.Tensor:
        """Token embeddings with what was heard spliced in.

        input_ids: (B, T). heard: the k-th belongs behind the k-th ``<audio_start>`` of the batch, row by row; a start that
        no piece is left for stays as it is (the reference crashes, section 8.3). Returns (B, T, hidden_size).
        """
        embeddings = self.model.embed_tokens(input_ids)
        starts = (input_ids == self.config.audio_start_token_id).nonzero()
        for piece, (row, at) in zip(heard, starts.tolist(), strict=False):
            end = at + 1 + piece.shape[0]
            if end > input_ids.shape[1]:
                raise ValueError(f"{len(piece)} embeddings of sound do not fit behind position {at} of {input_ids.shape[1]}")
            embeddings[row, at + 1 : end] = piece.to(embeddings.device, embeddings.dtype)
        return embeddings

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        wavs: torch.Tensor | None = None,
        wav_lens: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **kwargs: Any,  # noqa: ANN401 - what transformers passes on
    ) -> CausalLMOutputWithPast:
        """Next-token logits.

        input_ids: (B, T), or inputs_embeds: (B, T, hidden_size). wavs, wav_lens: see `hear`. logits_to_keep: only the last
        so many positions, 0 for all. Returns ``logits`` (B, T, vocab_size) and the cache.
        """
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("give input_ids or inputs_embeds")
            heard = self.hear(wavs, wav_lens) if wavs is not None and wav_lens is not None else []
            inputs_embeds = self.embed(input_ids, heard)
        if attention_mask is not None and position_ids is None and past_key_values is None:
            position_ids = (attention_mask.cumsum(1) - 1).clamp(min=0)
        done = self.model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        logits = self.lm_head(done.last_hidden_state[:, -logits_to_keep:])
        return CausalLMOutputWithPast(logits=logits, past_key_values=done.past_key_values)

    def prepare_inputs_for_generation(  # pyright: ignore[reportIncompatibleMethodOverride] - called by keyword
        self,
        input_ids: torch.Tensor,
        past_key_values: Cache | None = None,
        wavs: torch.Tensor | None = None,
        wav_lens: torch.Tensor | None = None,
        **kwargs: Any,  # noqa: ANN401 - what transformers passes on
    ) -> dict[str, Any]:
        """Sound goes in with the prompt, and again only where there is no cache.

        transformers hands over an empty cache before the first step: its mere presence says nothing (section 8.2).
        """
        prepare: Any = super().prepare_inputs_for_generation  # pyright: ignore[reportAttributeAccessIssue]
        inputs = prepare(input_ids, past_key_values=past_key_values, **kwargs)
        if past_key_values is None or past_key_values.get_seq_length() == 0:
            inputs |= {"wavs": wavs, "wav_lens": wav_lens}
        return inputs
