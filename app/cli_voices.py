"""``vivavoce voices``: the voice bank."""

import asyncio
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vivavoce.app.console import JsonFlag, counting, out, print_json, print_table, working
from vivavoce.core.settings import load_settings
from vivavoce.core.voice import Voice, VoiceFacts, VoiceFilters

app = typer.Typer(help="The voice bank: voices to speak in.", no_args_is_help=True)
VoiceId = Annotated[str, typer.Argument(help="Id of a voice.")]


def _bank(*, with_embedder: bool = False) -> Any:  # noqa: ANN401 - imported lazily
    settings = load_settings()
    if with_embedder:
        from vivavoce.app.wiring import open_parts

        return open_parts(settings).bank
    from vivavoce.voicebank.bank import FolderVoiceBank

    return FolderVoiceBank(settings.voices_dir, None)


@app.command("list")
def list_(json_: JsonFlag = False) -> None:
    """All voices."""
    records = _bank().list()
    if json_:
        print_json([asdict(record) for record in records])
        return
    rows = [
        (r.id, r.name, r.facts.gender, r.facts.age, f"{r.facts.f0_hz or 0:.0f} Hz", "synthetic" if r.synthetic else "human")
        for r in records
    ]
    print_table(("id", "name", "gender", "age", "pitch", "kind"), rows)


@app.command()
def show(voice: VoiceId, json_: JsonFlag = False) -> None:
    """One voice with licence and source."""
    record = asdict(_bank().record(voice))
    if json_:
        print_json(record)
        return
    for key, value in record.items():
        out.print(f"[bold]{key}[/]  {value}", highlight=False)


@app.command()
def prepare(
    voices: Annotated[list[str] | None, typer.Argument(help="Ids; none means all.")] = None,
    decoder: Annotated[str, typer.Option("--decoder", help="embedded or token2wav.")] = "token2wav",
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="Folder of a Step-Audio 2 checkpoint.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Let the decoder read reference clips now, so that switching to them later costs nothing."""
    from vivavoce.app.voices import prepare_voices

    chosen = {"decoder": decoder} | ({"checkpoint": checkpoint} if checkpoint else {})
    bank = _bank()
    ids = voices or [record.id for record in bank.list()]
    with counting("voices", len(ids)) as bar:
        done = asyncio.run(prepare_voices(bank, ids, load_settings(**chosen), lambda: bar.advance(bar.task_ids[0])))
    if json_:
        print_json(done)
        return
    for voice, state in done.items():
        out.print(f"{voice}: {state}", highlight=False)


@app.command()
def search(
    description: Annotated[str | None, typer.Argument(help="A voice in words.")] = None,
    clip: Annotated[Path | None, typer.Option("--clip", help="A recording of a similar voice instead.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many.", min=1)] = 5,
    gender: Annotated[str, typer.Option(help="female or male.")] = "",
    language: Annotated[str, typer.Option(help="Language tag, such as en.")] = "",
    json_: JsonFlag = False,
) -> None:
    """Audio search: find voices by description or by example."""
    from vivavoce.core.audio import AudioClip
    from vivavoce.core.errors import ConfigError

    if (description is None) == (clip is None):
        raise ConfigError("give either a description or --clip")
    query = AudioClip.load(clip) if clip is not None else description
    with working("searching"):
        found = asyncio.run(_bank(with_embedder=True).search(query, k, VoiceFilters(gender=gender, language=language)))
    if json_:
        print_json([{"id": h.voice.id, "name": h.voice.name, "score": h.score, "reason": h.reason} for h in found])
    else:
        print_table(("id", "name", "score", "why"), [(h.voice.id, h.voice.name, f"{h.score:.2f}", h.reason) for h in found])


@app.command()
def add(
    clip: Annotated[Path, typer.Argument(help="1 to 60 s of one speaker: WAV, FLAC, OGG or MP3.")],
    name: Annotated[str, typer.Option(help="A short name that can be spoken.")],
    description: Annotated[str, typer.Option(help="What the voice sounds like.")],
    licence: Annotated[str, typer.Option(help="Licence or consent under which the clip may be used.")],
    voice_id: Annotated[str, typer.Option("--id", help="Id; made from the name when not given.")] = "",
    gender: Annotated[str, typer.Option(help="female or male.")] = "",
    age: Annotated[str, typer.Option(help="child, young, adult or old.")] = "",
    language: Annotated[str, typer.Option(help="Language tag.")] = "en",
    source: Annotated[str, typer.Option(help="Where the clip came from; its file name when not given.")] = "",
    json_: JsonFlag = False,
) -> None:
    """Add a voice from a recording."""
    from vivavoce.core.audio import AudioClip

    voice = Voice(
        id=voice_id or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        name=name,
        description=description,
        reference=AudioClip.load(clip),
        facts=VoiceFacts(gender=gender, age=age, language=language),
        licence=licence,
        source=source or clip.name,
    )
    with working("adding"):
        record = _bank().add(voice)
    if json_:
        print_json(asdict(record))
    else:
        out.print(f"added {record.id}", highlight=False)


@app.command()
def remove(voice: VoiceId, json_: JsonFlag = False) -> None:
    """Forget a voice and delete its clip."""
    _bank().remove(voice)
    if json_:
        print_json({"removed": voice})
    else:
        out.print(f"removed {voice}", highlight=False)


@app.command()
def build(json_: JsonFlag = False) -> None:
    """Make the built-in voices: clips from packages, the rest synthesised."""
    from vivavoce.app.voices import build_voices
    from vivavoce.voicebank.builtin import BUILTIN

    with counting("voices", len(BUILTIN)) as bar:
        report = build_voices(
            _bank(),
            load_settings(),
            lambda done, total, name: bar.update(bar.task_ids[0], completed=done, total=total, description=name or "voices"),
        )
    if json_:
        print_json(asdict(report))
        return
    out.print(f"{len(report.added)} voices made, {len(report.kept)} were there", highlight=False)
    for voice, why in report.skipped:
        out.print(f"skipped {voice}: {why}", style="yellow", highlight=False, markup=False)
