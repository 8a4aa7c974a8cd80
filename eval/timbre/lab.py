"""The timbre lab: whether answers sound like the voice that was asked for, stay so, and go back."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent, Turn
from vivavoce.app.backends import at_home, backend_of
from vivavoce.app.parts import ensure_default_voice, open_bank
from vivavoce.app.voices.building import transcriber
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError, ModelError, WeightsError
from vivavoce.core.settings import Settings
from vivavoce.core.voice import DEFAULT_VOICE_ID, VoiceEntry
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.home import own_home
from vivavoce.eval.lab.lab import Item, Measure, Options, Result, with_seed
from vivavoce.eval.lab.one_open import agents_by_seed
from vivavoce.eval.lab.page import Page
from vivavoce.eval.lab.turns import ask
from vivavoce.eval.timbre.bank import Ear, fill, is_divided, listen
from vivavoce.eval.timbre.embedders import open_embedder
from vivavoce.eval.timbre.report import timbre_page
from vivavoce.eval.timbre.scores import CALIBRATION, STATES, WON, Heard, calibrated, judged
from vivavoce.eval.timbre.set import OWN, TimbreSet, read_timbre_set
from vivavoce.voicebank.embedders import SpeakerEmbedder

Transcribe = Callable[[AudioClip, str], str]


class TimbreLab:
    """For each voice of the bank: named, carried over, back to the default, and asked for by words.

    embedder: how one is opened by its name, with so many threads.
    """

    name = "timbre"
    sets = (OWN,)
    parallel = True

    def __init__(self, embedder: Callable[[str, int], SpeakerEmbedder] = open_embedder) -> None:
        self._embedder = embedder

    def items(self, options: Options) -> Sequence[Item]:
        """A calibration of the embedders, then a dialogue for each voice. limit: of voices."""
        asked = _the_set(options)
        ids = [self._embedder(name, options.settings.threads).id for name in asked.embedders]
        entries = {entry.id: entry for entry in _entries(options.settings)}
        unknown = [voice for voice in asked.voices if voice not in entries]
        if unknown:
            raise ConfigError(f"the bank has no voice {unknown[0]!r}; `vivavoce voices list` shows what there is")
        chosen = [
            entries[voice]
            for voice in asked.voices or entries
            if voice != DEFAULT_VOICE_ID and not entries[voice].do_not_clone
        ]
        worst = dict.fromkeys(STATES, 0.0) | {f"{name} ({one})": 0.0 for one in ids for name in WON}
        calibration = Item(CALIBRATION, CALIBRATION, {"kind": CALIBRATION, "seed": options.seeds[0]}, {})
        voices = [_item(entry, worst) for entry in evenly(chosen, options.limit)]
        return [calibration, *(with_seed(item, seed, options) for seed in options.seeds for item in voices)]

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """An agent with a bank of half clips, ears that have heard the other halves, and a recogniser."""
        asked, entries = _the_set(options), _entries(options.settings)
        bank = open_bank(at_home(options.settings))
        ears = [
            await asyncio.to_thread(listen, bank, entries, self._embedder(name, options.settings.threads))
            for name in asked.embedders
        ]
        with own_home(options.settings, folder, ("weights", "cache")) as settings:
            own = open_bank(at_home(settings))
            await asyncio.to_thread(fill, own, bank, entries)
            transcribe = _transcriber(settings)
            async with agents_by_seed(settings, options.seeds) as agents:

                async def measure(item: Item) -> Result:
                    if item.id == CALIBRATION:
                        return calibrated(item, ears)
                    async with agents.using(item.facts["seed"]) as agent:
                        heard = await _dialogue(agent, asked, item, ears, transcribe, folder)
                        decoder = type(agent.services.decoder).__name__
                    return await asyncio.to_thread(judged, item, heard, ears, decoder)

                yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """The report."""
        return timbre_page(results)


def _the_set(options: Options) -> TimbreSet:
    if len(options.sets) != 1:
        raise ConfigError("the timbre lab takes one set at a time")
    return read_timbre_set(options.sets[0])


def _entries(settings: Settings) -> list[VoiceEntry]:
    bank = open_bank(at_home(settings))
    ensure_default_voice(bank, settings)
    return [entry for entry in bank.entries() if entry.has_permission or settings.unlicensed_voices]


def _item(entry: VoiceEntry, worst: Mapping[str, float]) -> Item:
    facts = {
        "kind": "synthetic" if entry.synthetic else "recorded",
        "voice": entry.id,
        "name": entry.name,
        "held_out": is_divided(entry),
    }
    return Item(entry.id, entry.speaker or entry.id, facts, worst)


def _transcriber(settings: Settings) -> Transcribe | None:
    """What hears the answers; without weights no word errors are counted."""
    if backend_of(settings).is_weightless:
        return None
    try:
        return transcriber(settings)
    except WeightsError:
        return None


async def _dialogue(
    agent: Agent, asked: TimbreSet, item: Item, ears: Sequence[Ear], transcribe: Transcribe | None, folder: Path
) -> list[Heard]:
    target, session = item.facts["voice"], f"timbre-{uuid.uuid4().hex[:12]}"
    steps = [("named", asked.questions[0], target)]
    steps += [("carried", question, target) for question in asked.questions[1:]]
    steps += [("back", asked.back, DEFAULT_VOICE_ID)]
    steps += [("words", asked.wish_for(target).replace("{name}", item.facts["name"]), target)]
    heard: list[Heard] = []
    for number, (step, question, wanted) in enumerate(steps):
        turn, record = await ask(
            agent,
            question,
            session=session,
            folder=folder,
            name=f"{item.id}-{number}-{step}",
            voice=target if step == "named" else None,
        )
        heard.append(await asyncio.to_thread(_listened, (step, question, wanted), turn, record, ears, transcribe))
    return heard


def _listened(
    asked: tuple[str, str, str],
    turn: Turn,
    record: dict[str, Any],
    ears: Sequence[Ear],
    transcribe: Transcribe | None,
) -> Heard:
    (step, question, wanted), clip = asked, turn.answer_audio
    if clip is None:
        raise ModelError(f"nothing was spoken in answer to the step {step!r}, so there is no timbre to measure")
    cosines = {ear.embedder.id: ear.similarities(clip) for ear in ears}
    said = transcribe(clip, "en") if transcribe is not None else None
    return Heard(step, question, turn.voice.id, wanted, turn.answer_text, cosines, said, record, clip)
