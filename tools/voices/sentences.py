"""How voices are talked about, in sentences that can be spoken."""

from collections.abc import Sequence
from math import log2

from vivavoce.core.voice import VoiceEntry

CLEARLY_ST = 2.0  # semitones between two pitches that anybody hears
CLEARLY_FASTER = 1.15


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names as one says them: commas, and a word before the last."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def difference(one: VoiceEntry, other: VoiceEntry) -> str:
    """What tells two voices apart, the first seen from the second, from what is said and measured."""
    clauses = [_who(one, other), _pitch(one, other), _rate(one, other), _kind(one, other)]
    known = [clause for clause in clauses if clause]
    styles = [f"{e.name} is {e.facts.style}" for e in (one, other) if e.facts.style]
    sentences = [f"Compared with {other.name}, {one.name} {listed(known)}."] if known else []
    sentences += [f"{'; '.join(styles)}."] if styles else []
    return " ".join(sentences) or f"{one.name} and {other.name} differ in nothing that I know of."


def provenance(entry: VoiceEntry) -> str:
    """Whose voice it is and by what right it is used."""
    whose = "It is synthetic" if entry.synthetic else "It was recorded from a person"
    right = f"licence: {entry.licence}" if entry.licence else entry.consent and f"consent: {entry.consent}"
    return f"{whose}; {right}." if right else f"{whose}."


def _who(one: VoiceEntry, other: VoiceEntry) -> str:
    facts, others = one.facts, other.facts
    if facts.gender and others.gender and facts.gender != others.gender:
        return f"is {facts.gender}, not {others.gender}"
    if facts.age and others.age and facts.age != others.age:
        return f"is {_age(facts.age)}, not {_age(others.age)}"
    if facts.language != others.language and facts.language and others.language:
        return "speaks another language"
    return ""


def _age(age: str) -> str:
    return {"child": "a child", "adult": "an adult"}.get(age, age)


def _pitch(one: VoiceEntry, other: VoiceEntry) -> str:
    low, high = one.acoustics.f0_hz, other.acoustics.f0_hz
    if low is None or high is None:
        return ""
    semitones = 12 * log2(low / high)
    if abs(semitones) < CLEARLY_ST:
        return "has about the same pitch"
    much = "much " if abs(semitones) >= 3 * CLEARLY_ST else ""
    return f"is {much}{'higher' if semitones > 0 else 'deeper'}, {low:.0f} against {high:.0f} hertz"


def _rate(one: VoiceEntry, other: VoiceEntry) -> str:
    rate, others = one.acoustics.rate_hz, other.acoustics.rate_hz
    if not rate or not others:
        return ""
    if rate > CLEARLY_FASTER * others:
        return "speaks faster"
    return "speaks slower" if others > CLEARLY_FASTER * rate else ""


def _kind(one: VoiceEntry, other: VoiceEntry) -> str:
    if one.synthetic == other.synthetic:
        return ""
    return "is synthetic" if one.synthetic else "is a real person"
