"""Bring candidates into a bank: read, measured and embedded in parallel, stored in steps that each happen wholly.

What is in the bank already is passed over by its id, before anything is read: an import that was cut off goes on.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, VivavoceError
from vivavoce.core.voice import Acoustics, Voice, VoiceFacts
from vivavoce.voicebank.bank import Analysed, FolderVoiceBank
from vivavoce.voicebank.imports.audio_files import read_clip
from vivavoce.voicebank.imports.layouts import Candidate, Found, Refused
from vivavoce.voicebank.recipes.joining import joined
from vivavoce.voicebank.search.ranking import pitch_word

BATCH = 64  # voices stored in one step; what is lost when an import is cut off
ENOUGH_S = 10.0  # of joined recordings
NEAR_EQUAL = 0.998  # cosine of two copies of one recording in different codecs: see `tests/voicebank/test_importing.py`

Transcribe = Callable[[AudioClip, str], str]  # clip and language to text; "" where it cannot tell


@dataclass(slots=True)
class ImportReport:
    """What became of the candidates.

    refused: (what, why). duplicates: (what, id of the voice it repeats), left out. alike: (id, id, cosine) of voices that
    were added though another sounds almost the same.
    """

    added: list[str] = field(default_factory=list[str])
    kept: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    duplicates: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    alike: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])
    seconds: float = 0.0


def import_voices(
    bank: FolderVoiceBank,
    candidates: Iterable[Found],
    defaults: Candidate | None = None,
    *,
    jobs: int = 1,
    transcribe: Transcribe | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Store every candidate that is a usable voice. Blocking.

    defaults: its licence, source, consent, language, gender... stand where a candidate says nothing. jobs: threads.
    transcribe: hears what was said where no transcript is given. progress: called with the candidates done.

    Raises:
        StoreError: the bank cannot be written, or was made with other embedders; what was stored stays.
        ModelError: an embedder cannot be loaded.
    """
    started, report, done = time.perf_counter(), ImportReport(), 0
    seen: set[str] = set()
    iterator = iter(candidates)
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        while part := list(islice(iterator, BATCH)):
            report.refused += [(found.what, found.why) for found in part if isinstance(found, Refused)]
            fresh = list(_fresh(bank, [found for found in part if isinstance(found, Candidate)], seen, report))
            read = pool.map(partial(_analysed, bank, defaults), fresh)
            _store(bank, _usable(fresh, read, report), report, transcribe)
            done += len(part)
            if progress is not None:
                progress(done)
    with bank.store.writing():
        bank.store.seal_if_due()
    report.seconds = time.perf_counter() - started
    return report


def _fresh(
    bank: FolderVoiceBank, candidates: Sequence[Candidate], seen: set[str], report: ImportReport
) -> Iterator[Candidate]:
    """Those whose id is neither in the bank nor twice in this import."""
    for candidate in candidates:
        if candidate.voice_id in seen:
            report.refused.append((candidate.key, f"the id {candidate.voice_id} stands twice in this import"))
        elif bank.has(candidate.voice_id):
            report.kept += 1
        else:
            yield candidate
        seen.add(candidate.voice_id)


def _analysed(bank: FolderVoiceBank, defaults: Candidate | None, candidate: Candidate) -> Analysed | VivavoceError:
    try:
        return bank.analyse(_voice(candidate, _clip(candidate), defaults))
    except (AudioError, ConfigError) as error:
        return error


def _usable(
    candidates: Sequence[Candidate], read: Iterable[Analysed | VivavoceError], report: ImportReport
) -> Iterator[Analysed]:
    for candidate, result in zip(candidates, read, strict=True):
        if isinstance(result, VivavoceError):
            report.refused.append((candidate.key, str(result)))
        else:
            yield result


def _store(bank: FolderVoiceBank, voices: Iterable[Analysed], report: ImportReport, transcribe: Transcribe | None) -> None:
    """Store one batch, without what repeats a clip."""
    batch: list[Analysed] = []
    clips: dict[str, str] = {}
    for analysed in voices:
        voice, clip = analysed.voice, analysed.voice.reference.content_hash
        if same := clips.get(clip) or next(iter(bank.ids_of_clip(clip)), None):
            report.duplicates.append((voice.id, same))
            continue
        clips[clip] = voice.id
        report.alike += _alike(bank, analysed, batch)
        if transcribe is not None and not voice.transcript:
            voice = replace(voice, transcript=transcribe(voice.reference, voice.facts.language))
        batch.append(described_voice(Analysed(voice, analysed.speaker)))
    if batch:
        bank.add_all(batch)
        report.added += [analysed.voice.id for analysed in batch]


def _alike(bank: FolderVoiceBank, new: Analysed, batch: Sequence[Analysed]) -> Iterator[tuple[str, str, float]]:
    """Voices of the bank and the batch that sound almost the same."""
    if new.speaker is None:
        return
    for other_id, cosine in bank.nearest_speakers(new.speaker, 1):
        if cosine >= NEAR_EQUAL:
            yield new.voice.id, other_id, round(cosine, 4)
    for other in batch:
        if other.speaker is not None and (cosine := float(new.speaker @ other.speaker)) >= NEAR_EQUAL:
            yield new.voice.id, other.voice.id, round(cosine, 4)


def _clip(candidate: Candidate) -> AudioClip:
    """The candidate's recording, or its recordings joined until they are long enough."""
    if len(candidate.files) == 1:
        return read_clip(candidate.files[0])
    clips: list[AudioClip] = []
    for file in candidate.files:
        clip = read_clip(file)
        clips.append(clip.resampled(clips[0].sample_rate) if clips else clip)
        if sum(clip.duration_s for clip in clips) >= ENOUGH_S:
            break
    return joined(clips)


def _voice(candidate: Candidate, clip: AudioClip, defaults: Candidate | None) -> Voice:
    given: dict[str, Any] = {
        name: getattr(candidate, name) or (getattr(defaults, name) if defaults else "")
        for name in ("licence", "source", "consent", "speaker", "description", "transcript")
    }
    facts: dict[str, str] = {
        name: getattr(candidate.facts, name) or (getattr(defaults.facts, name) if defaults else "")
        for name in VoiceFacts.__dataclass_fields__
    }
    return Voice(
        id=candidate.voice_id,
        name=candidate.name or candidate.voice_id,
        reference=clip,
        facts=VoiceFacts(**facts),
        synthetic=candidate.synthetic or bool(defaults and defaults.synthetic),
        do_not_clone=candidate.do_not_clone or bool(defaults and defaults.do_not_clone),
        **given,
    )


def described_voice(analysed: Analysed) -> Analysed:
    """The same voice, with a description where nobody gave one."""
    voice = analysed.voice
    return analysed if voice.description else replace(analysed, voice=replace(voice, description=_describe(voice)))


def _describe(voice: Voice) -> str:
    """From what is said and measured."""
    facts, sound = voice.facts, voice.acoustics or Acoustics()
    who = {"female": "woman", "male": "man"}.get(facts.gender, "voice")
    words = [facts.age if facts.age != "adult" else "", facts.accent, who]
    said = " ".join(word for word in words if word)
    known = [pitch_word(sound.f0_hz), facts.style, facts.emotion, _pace(sound.rate_hz)]
    more = ", ".join(word for word in known if word)
    return f"{'An' if said[0] in 'aeiou' else 'A'} {said}{': ' + more if more else ''}."


def _pace(rate_hz: float | None) -> str:
    if rate_hz is None or np.isnan(rate_hz):
        return ""
    return "speaks slowly" if rate_hz < 3.8 else "speaks fast" if rate_hz > 5.4 else ""
