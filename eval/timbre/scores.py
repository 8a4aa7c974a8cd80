"""What a dialogue about a voice shows: of the session's voice, of the words, and of the sound by each embedder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.eval.lab.lab import Item, Result
from vivavoce.eval.speech.scores import errors
from vivavoce.eval.timbre.bank import Ear

CALIBRATION = "calibration"
STEPS = ("named", "carried", "back", "words")
STATES = ("switched", "voice kept", "went back", "found by words")  # whether the session's voice was right after each step
NEAREST, AMONG_FIVE, ABOVE = "nearest is the target", "target among the five nearest", "above the threshold"
NAMED_FIRST, CARRIED_FIRST = "target before default, named", "target before default, carried over"
DEFAULT_FIRST = "default before target, gone back"
WON = (NEAREST, AMONG_FIVE, ABOVE, NAMED_FIRST, CARRIED_FIRST, DEFAULT_FIRST)  # of each embedder, 0 or 1
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer of a dialogue about a voice.

    step: "named", "carried", "back" or "words". cosines: by embedder, to each voice. said: what the recogniser heard, None
    where there is none.
    """

    step: str
    asked: str
    voice_id: str
    wanted: str
    text: str
    cosines: Mapping[str, Mapping[str, float]]
    said: str | None
    turn: Mapping[str, Any]
    clip: AudioClip


def calibrated(item: Item, ears: Sequence[Ear]) -> Result:
    """What the embedders tell of clips alone, before anything is converted."""
    scores = {f"equal error rate ({ear.embedder.id})": ear.error for ear in ears}
    record = {
        ear.embedder.id: {
            "threshold": ear.threshold,
            "speakers": list(ear.speakers),
            "cosines": np.round(ear.cosines, DIGITS).tolist(),
        }
        for ear in ears
    }
    return Result(item.id, item.cluster, item.facts, scores, CALIBRATION, record={"embedders": record})


def judged(item: Item, heard: Sequence[Heard], ears: Sequence[Ear], decoder: str) -> Result:
    """A dialogue about one voice, with what it shows. Blocking."""
    by_step = {step: [one for one in heard if one.step == step] for step in STEPS}
    kept = {step: all(one.voice_id == one.wanted for one in found) for step, found in by_step.items()}
    scores = {state: float(ok) for state, ok in zip(STATES, kept.values(), strict=True)} | _word_errors(by_step)
    joined = AudioClip.joined([one.clip for one in (*by_step["named"], *by_step["carried"])])
    record: dict[str, Any] = {"decoder": decoder, "answers": [_as_record(one) for one in heard], "embedders": {}}
    for ear in ears:
        cosines = ear.similarities(joined)
        scores |= _of_sound(cosines, by_step, item.facts["voice"], ear)
        record["embedders"][ear.embedder.id] = _to_whom(cosines, item.facts["voice"], ear)
    missed = [state for state in STATES if not scores[state]]
    return Result(item.id, item.cluster, item.facts, scores, "wrong" if missed else "right", ", ".join(missed), record)


def _word_errors(by_step: Mapping[str, Sequence[Heard]]) -> dict[str, float]:
    """Of answers in the target's voice, and of those in the default's; by the voice they were really spoken in."""
    found: dict[str, float] = {}
    spoken = [one for answers in by_step.values() for one in answers if one.said is not None]
    for name, default in (("word error rate", False), ("word error rate, default voice", True)):
        counted = [errors(one.text, one.said or "", "en") for one in spoken if (one.voice_id == DEFAULT_VOICE_ID) is default]
        if counted:
            wrong = sum(one.substitutions + one.deletions + one.insertions for one in counted)
            found[name] = wrong / max(1, sum(one.length for one in counted))
    return found


def _of_sound(
    cosines: Mapping[str, float], by_step: Mapping[str, Sequence[Heard]], target: str, ear: Ear
) -> dict[str, float]:
    """What one embedder says; every name carries its id, so that figures of two never meet.

    cosines: of all answers in the target's voice as one recording, about as long as the halves of clips.
    """
    name, speaker = ear.embedder.id, ear.speaker(target)
    nearest = [ear.speaker(voice) for voice in sorted(cosines, key=cosines.__getitem__, reverse=True)]

    def beats(step: str, voice: str, rival: str) -> float:
        return float(all(one.cosines[name][voice] > one.cosines[name][rival] for one in by_step[step]))

    found = {
        "similarity to the target": cosines[target],
        "similarity to the default": cosines[DEFAULT_VOICE_ID],
        "similarity to impostors": float(np.mean(_impostors(cosines, speaker, ear) or [0.0])),
        NEAREST: float(nearest[0] == speaker),
        AMONG_FIVE: float(speaker in nearest[:5]),
        ABOVE: float(cosines[target] >= ear.threshold),
        NAMED_FIRST: beats("named", target, DEFAULT_VOICE_ID),
        CARRIED_FIRST: beats("carried", target, DEFAULT_VOICE_ID),
        DEFAULT_FIRST: beats("back", DEFAULT_VOICE_ID, target),
        "change of similarity over turns": by_step["carried"][-1].cosines[name][target]
        - by_step["named"][0].cosines[name][target],
    }
    return {f"{measure} ({name})": value for measure, value in found.items()}


def _impostors(cosines: Mapping[str, float], speaker: str, ear: Ear) -> list[float]:
    """To voices of other speakers, the default left out."""
    return [value for voice, value in cosines.items() if voice != DEFAULT_VOICE_ID and ear.speaker(voice) != speaker]


def _to_whom(cosines: Mapping[str, float], target: str, ear: Ear) -> dict[str, Any]:
    """For pictures: how alike the answers are to whom."""
    impostors = _impostors(cosines, ear.speaker(target), ear)
    return {
        "target": round(cosines[target], DIGITS),
        "default": round(cosines[DEFAULT_VOICE_ID], DIGITS),
        "impostors": [round(value, DIGITS) for value in impostors],
        "nearest": max(cosines, key=cosines.__getitem__),
    }


def _as_record(one: Heard) -> dict[str, Any]:
    """All but the sound, which lies beside, and cosines to voices that have no part in the dialogue."""
    shown = {DEFAULT_VOICE_ID, one.wanted, one.voice_id}
    return {
        "step": one.step,
        "asked": one.asked,
        "voice_id": one.voice_id,
        "said": one.said,
        "cosines": {
            name: {voice: round(cosines[voice], DIGITS) for voice in sorted(shown & cosines.keys())}
            for name, cosines in one.cosines.items()
        },
        "turn": one.turn,
    }
