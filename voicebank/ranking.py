"""Order voices by a description or by likeness to a clip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.voice import VoiceFilters
from vivavoce.voicebank.manifest import VoiceRecord
from vivavoce.voicebank.query import Match, Wishes, match, parse_wishes

FACTS_SHARE = 0.75  # of the score, where the query states facts; the rest is likeness of meaning
NAMED = 1.0  # score of a voice whose name is said
SAME_SPEAKER = 0.95  # cosine of two clips of one voice
OTHER_SPEAKER = 0.55  # mean cosine of clips of different voices

Scored = tuple[float, VoiceRecord, str]


def described(record: VoiceRecord) -> str:
    """The text whose embedding stands for a voice."""
    facts = record.facts
    known = (facts.gender, facts.age, facts.accent, facts.style, pitch_word(facts.f0_hz))
    return f"{record.name}. {record.description} {', '.join(word for word in known if word)}"


def pitch_word(f0_hz: float | None) -> str:
    """How a listener would call a pitch."""
    if f0_hz is None:
        return ""
    bounds = ((95, "very deep"), (130, "deep"), (180, "medium pitch"), (240, "high"))
    return next((word for limit, word in bounds if f0_hz < limit), "very high")


def passes(record: VoiceRecord, filters: VoiceFilters | None) -> bool:
    """Whether a voice meets exact conditions."""
    if filters is None:
        return True
    facts = record.facts
    return (
        filters.gender in ("", facts.gender)
        and filters.age in ("", facts.age)
        and (not filters.language or facts.language.split("-")[0] == filters.language.split("-")[0])
        and filters.synthetic in (None, record.synthetic)
    )


def rank_by_description(query: str, records: Sequence[VoiceRecord], cosines: NDArray[np.float32]) -> list[Scored]:
    """Voices best first with scores in [0, 1]; cosines: (len(records),) of query and description."""
    wishes = parse_wishes(query)
    scored = [_score(query, wishes, record, float(cosine)) for record, cosine in zip(records, cosines, strict=True)]
    return sorted(scored, key=lambda item: (-item[0], item[1].id))


def rank_by_likeness(records: Sequence[VoiceRecord], cosines: NDArray[np.float32]) -> list[Scored]:
    """Voices best first; cosines of speaker embeddings, 0 and 1 at the measured means of other and same speakers."""
    span = SAME_SPEAKER - OTHER_SPEAKER
    scores = np.clip((cosines - OTHER_SPEAKER) / span, 0.0, 1.0)
    scored = [
        (float(score), record, f"speaker similarity {float(cosine):.2f}")
        for score, record, cosine in zip(scores, records, cosines, strict=True)
    ]
    return sorted(scored, key=lambda item: (-item[0], item[1].id))


def _score(query: str, wishes: Wishes, record: VoiceRecord, cosine: float) -> Scored:
    meaning = min(max(cosine, 0.0), 1.0)
    found = match(wishes, record.facts, record.synthetic)
    if _is_named(query, record) and not found.conflict:
        return NAMED, record, "named in the request"
    if not wishes.wanted and not wishes.unwanted:
        return meaning, record, f"description similarity {meaning:.2f}"
    return FACTS_SHARE * found.score + (1 - FACTS_SHARE) * meaning, record, _reason(found, record)


def _is_named(query: str, record: VoiceRecord) -> bool:
    said = f" {_plain(query)} "
    return any(f" {_plain(name)} " in said for name in (record.name, record.id) if name != "default")


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _reason(found: Match, record: VoiceRecord) -> str:
    def words(wishes: tuple[tuple[str, str], ...]) -> str:
        return ", ".join(f"{value} pitch" if kind == "pitch" else value for kind, value in wishes)

    clauses = [words(found.met) or "nothing stated is met"]
    if found.unmet:
        clauses.append(f"but not {words(found.unmet)}")
    if record.facts.f0_hz is not None:
        clauses.append(f"median pitch {record.facts.f0_hz:.0f} Hz")
    return "; ".join(clauses)
