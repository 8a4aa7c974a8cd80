"""Notices that a model repeats itself without end."""

import numpy as np

MAX_PERIOD = 64
MIN_REPEATS = 4
MIN_SPAN = 48  # tokens; "ha ha ha ha" is speech


class LoopGuard:
    """Watches a stream of ids for a part that comes again and again, exactly.

    max_period: longest repeated part. min_repeats and min_span: how often, and over how many ids, before it counts.
    """

    def __init__(self, max_period: int = MAX_PERIOD, min_repeats: int = MIN_REPEATS, min_span: int = MIN_SPAN) -> None:
        self._recent = np.full(max_period, -1, dtype=np.int64)  # latest first
        self._matches = np.zeros(max_period, dtype=np.int64)  # ids in a row that equal the one a period before
        periods = np.arange(1, max_period + 1)
        self._enough = np.maximum((min_repeats - 1) * periods, min_span - periods)

    def loops(self, token_id: int) -> bool:
        """Take the next id; whether the stream has become a loop."""
        self._matches = np.where(self._recent == token_id, self._matches + 1, 0)
        self._recent = np.concatenate([[token_id], self._recent[:-1]])
        return bool((self._matches >= self._enough).any())
