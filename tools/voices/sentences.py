"""How voices are talked about, in sentences that can be spoken."""

from collections.abc import Sequence
from math import log2

from vivavoce.core.language import sentences
from vivavoce.core.language.sentences import Sentence
from vivavoce.core.voice import VoiceEntry
from vivavoce.tools.saying import say

CLEARLY_ST = 2.0  # semitones between two pitches that anybody hears
CLEARLY_FASTER = 1.15


def listed(names: Sequence[str], comma: Sentence = sentences.LIST_COMMA, last: Sentence = sentences.LIST_AND) -> str:
    """Names as one says them: commas, and a word before the last."""
    if len(names) < 2:
        return "".join(names)
    return f"{say(comma).join(names[:-1])}{say(last)}{names[-1]}"


def difference(one: VoiceEntry, other: VoiceEntry) -> str:
    """What tells two voices apart, the first seen from the second, from what is said and measured."""
    clauses = [_who(one, other), _pitch(one, other), _rate(one, other), _kind(one, other)]
    known = listed([clause for clause in clauses if clause], sentences.CLAUSE_COMMA, sentences.CLAUSE_AND)
    styles = [say(sentences.VOICE_STYLE, name=e.name, style=e.facts.style) for e in (one, other) if e.facts.style]
    said = [say(sentences.VOICES_COMPARED, one=one.name, other=other.name, clauses=known)] if known else []
    said += [say(sentences.VOICE_STYLES, styles=say(sentences.STYLE_COMMA).join(styles))] if styles else []
    return " ".join(said) or say(sentences.VOICES_ALIKE, one=one.name, other=other.name)


def provenance(entry: VoiceEntry) -> str:
    """Whose voice it is and by what right it is used."""
    right = ""
    if entry.licence:
        right = say(sentences.BY_LICENCE, licence=entry.licence)
    elif entry.consent:
        right = say(sentences.BY_CONSENT, consent=entry.consent)
    return say(sentences.SYNTHETIC_VOICE if entry.synthetic else sentences.RECORDED_VOICE, right=right)


def _who(one: VoiceEntry, other: VoiceEntry) -> str:
    facts, others = one.facts, other.facts
    if facts.gender and others.gender and facts.gender != others.gender:
        return say(sentences.VOICE_IS, one=_speaker(facts.gender), other=_speaker(others.gender))
    if facts.age and others.age and facts.age != others.age:
        return say(sentences.VOICE_IS, one=_speaker(facts.age), other=_speaker(others.age))
    if facts.language != others.language and facts.language and others.language:
        return say(sentences.OTHER_LANGUAGE)
    return ""


def _speaker(fact: str) -> str:
    return say(sentences.SPEAKERS[fact]) if fact in sentences.SPEAKERS else fact


def _pitch(one: VoiceEntry, other: VoiceEntry) -> str:
    low, high = one.acoustics.f0_hz, other.acoustics.f0_hz
    if low is None or high is None:
        return ""
    semitones = 12 * log2(low / high)
    if abs(semitones) < CLEARLY_ST:
        return say(sentences.SAME_PITCH)
    higher, deeper = sentences.HIGHER, sentences.DEEPER
    if abs(semitones) >= 3 * CLEARLY_ST:
        higher, deeper = sentences.MUCH_HIGHER, sentences.MUCH_DEEPER
    return say(sentences.PITCHES, how=say(higher if semitones > 0 else deeper), one=low, other=high)


def _rate(one: VoiceEntry, other: VoiceEntry) -> str:
    rate, others = one.acoustics.rate_hz, other.acoustics.rate_hz
    if not rate or not others:
        return ""
    if rate > CLEARLY_FASTER * others:
        return say(sentences.FASTER)
    return say(sentences.SLOWER) if others > CLEARLY_FASTER * rate else ""


def _kind(one: VoiceEntry, other: VoiceEntry) -> str:
    if one.synthetic == other.synthetic:
        return ""
    return say(sentences.IS_SYNTHETIC if one.synthetic else sentences.IS_A_PERSON)
