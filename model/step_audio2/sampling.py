"""From logits to the next id (specification, section 3.5)."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next id is chosen. The defaults are the reference's for dialogue.

    temperature: 0 takes the likeliest. top_k: 0 for no limit; 50 applies in the reference although nobody asks for it.
    repetition_penalty: over everything read and written, placeholders included. seed: None for a new one each time.
    max_new_tokens: of one answer. max_thinking_tokens: of the Think variant's thoughts.
    """

    temperature: float = 0.7
    top_k: int = 50
    top_p: float = 0.9
    repetition_penalty: float = 1.05
    seed: int | None = None
    max_new_tokens: int = 2048
    max_thinking_tokens: int = 1024


class Sampler:
    """Chooses ids for one answer, knowing what was read and written."""

    def __init__(self, sampling: Sampling, prompt_ids: torch.Tensor, vocab_size: int) -> None:
        self._sampling = sampling
        self._generator = torch.Generator(device="cpu")
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        self._seen = torch.zeros(vocab_size, dtype=torch.bool, device=prompt_ids.device)
        self._seen[prompt_ids] = True

    def choose(self, logits: torch.Tensor) -> int:
        """The next id from logits (vocab_size,)."""
        logits = penalised(logits.float(), self._seen, self._sampling.repetition_penalty)
        token_id = int(logits.argmax()) if self._sampling.temperature <= 0 else self._draw(logits)
        self._seen[token_id] = True
        return token_id

    def _draw(self, logits: torch.Tensor) -> int:
        probabilities, candidates = candidate_probabilities(logits, self._sampling)
        drawn = torch.multinomial(probabilities.cpu(), 1, generator=self._generator)
        return int(candidates[drawn.to(candidates.device)])


def penalised(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Logits (V,) with those of ``seen`` (V,) ids made less likely."""
    if penalty == 1.0:
        return logits
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def candidate_probabilities(logits: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Temperature, then top-k, then top-p: what may be drawn, (n,) probabilities and (n,) ids, likeliest first.

    Only the k best are sorted, so that a vocabulary of 158720 costs next to nothing.
    """
    k = min(sampling.top_k, logits.numel()) if sampling.top_k > 0 else logits.numel()
    best, ids = torch.topk(logits / sampling.temperature, k)
    probabilities = best.softmax(0)
    before = probabilities.cumsum(0) - probabilities
    keep = before < sampling.top_p
    keep[0] = True
    return probabilities[keep] / probabilities[keep].sum(), ids[keep]
