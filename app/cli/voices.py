"""``vivavoce voices``: find voices, look at them, add and remove them."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.console import JsonFlag, counting, out, print_json, print_table, working
from vivavoce.core.errors import ConfigError

if TYPE_CHECKING:
    from vivavoce.core.voice import VoiceEntry, VoiceHit
    from vivavoce.voicebank.bank import FolderVoiceBank

app = typer.Typer(help="The voice bank: voices to speak in.", no_args_is_help=True)
VoiceId = Annotated[str, typer.Argument(help="Id of a voice.")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", help="FACT=VALUE, such as accent=scottish or f0_hz=80..140; may be given several times."),
]


def the_bank() -> "FolderVoiceBank":
    """The voice bank of the settings."""
    from vivavoce.app.parts import open_bank
    from vivavoce.core.settings import load_settings

    return open_bank(load_settings())


@app.command("list")
def list_(where: WhereOption = None, json_: JsonFlag = False) -> None:
    """All voices, or those that meet conditions."""
    from vivavoce.app.cli.voice_filters import parse_filters
    from vivavoce.voicebank.store.columns import passes

    filters = parse_filters(where or ())
    entries = (entry for entry in the_bank().entries() if passes(entry, filters))
    if json_:
        print_json([asdict(entry) for entry in entries])
        return
    print_table(("id", "name", "gender", "age", "language", "pitch", "kind"), [_row(entry) for entry in entries])


def _row(entry: "VoiceEntry") -> tuple[str, ...]:
    pitch = f"{entry.acoustics.f0_hz:.0f} Hz" if entry.acoustics.f0_hz is not None else ""
    kind = ("synthetic" if entry.synthetic else "human") + (", do not clone" if entry.do_not_clone else "")
    return (entry.id, entry.name, entry.facts.gender, entry.facts.age, entry.facts.language, pitch, kind)


@app.command()
def show(voice: VoiceId, json_: JsonFlag = False) -> None:
    """All that is known of one voice: facts, measurements, licence, and which decoders have prepared it."""
    from vivavoce.app.voices.building import decoders_prepared
    from vivavoce.core.settings import load_settings

    entry = the_bank().entry(voice)
    known = asdict(entry) | {"prepared_for": decoders_prepared(load_settings(), entry.clip)}
    if json_:
        print_json(known)
        return
    facts, acoustics = asdict(entry.facts), asdict(entry.acoustics)
    for key, value in [*known.items(), *facts.items(), *acoustics.items()]:
        if key not in ("facts", "acoustics") and value not in ("", None, []):
            out.print(f"[bold]{key}[/]  ", end="", highlight=False)
            out.print(", ".join(value) if isinstance(value, list) else str(value), highlight=False, markup=False)


@app.command()
def search(
    description: Annotated[str | None, typer.Argument(help="A voice in words.")] = None,
    clip: Annotated[Path | None, typer.Option("--clip", help="A recording of this or a similar voice.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many.", min=1)] = 5,
    gender: Annotated[str, typer.Option(help="female or male.")] = "",
    language: Annotated[str, typer.Option(help="Language tag, such as en.")] = "",
    where: WhereOption = None,
    json_: JsonFlag = False,
) -> None:
    """Audio search: by description, by an example clip, or by both, under exact conditions."""
    from vivavoce.app.cli.voice_filters import parse_filters
    from vivavoce.voicebank.imports.audio_files import read_clip

    example = read_clip(clip) if clip is not None else None
    query = description if description is not None else example
    if query is None:
        raise ConfigError("give a description, --clip, or both")
    filters = parse_filters(where or (), gender=gender, language=language)
    like = example if description is not None else None
    with working("searching"):
        found = asyncio.run(the_bank().search(query, k, filters, like=like))
    if json_:
        print_json([_hit(hit) for hit in found])
    else:
        print_table(("id", "name", "score", "why"), [(h.voice.id, h.voice.name, f"{h.score:.2f}", h.reason) for h in found])


def _hit(hit: "VoiceHit") -> dict[str, object]:
    voice = hit.voice
    return {
        "id": voice.id,
        "name": voice.name,
        "score": hit.score,
        "reason": hit.reason,
        "scores": dict(hit.scores),
        "description": voice.description,
        "licence": voice.licence,
    }


@app.command()
def add(
    clip: Annotated[Path, typer.Argument(help="1 to 60 s of one speaker: WAV, FLAC, OGG, MP3, M4A, G.722...")],
    name: Annotated[str, typer.Option(help="A short name that can be spoken.")],
    description: Annotated[str, typer.Option(help="What the voice sounds like.")] = "",
    licence: Annotated[str, typer.Option(help="Licence under which the clip may be used.")] = "",
    consent: Annotated[str, typer.Option(help="Under what consent of the speaker it may be used.")] = "",
    voice_id: Annotated[str, typer.Option("--id", help="Id; made from the name when not given.")] = "",
    gender: Annotated[str, typer.Option(help="female or male.")] = "",
    age: Annotated[str, typer.Option(help="child, young, adult or old.")] = "",
    accent: Annotated[str, typer.Option(help="Such as scottish.")] = "",
    style: Annotated[str, typer.Option(help="Such as 'calm, narrator'.")] = "",
    language: Annotated[str, typer.Option(help="Language tag.")] = "en",
    transcript: Annotated[str, typer.Option(help="What is said in the clip.")] = "",
    speaker: Annotated[str, typer.Option(help="Who speaks, the same for all clips of one person.")] = "",
    source: Annotated[str, typer.Option(help="Where the clip came from; its file name when not given.")] = "",
    do_not_clone: Annotated[bool, typer.Option("--do-not-clone", help="May be found and heard, never spoken in.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Add a voice from a recording."""
    from vivavoce.core.voice import Voice, VoiceFacts
    from vivavoce.voicebank.imports.audio_files import read_clip
    from vivavoce.voicebank.imports.importing import described_voice
    from vivavoce.voicebank.store.records import slug

    voice = Voice(
        id=voice_id or slug(name),
        name=name,
        description=description,
        reference=read_clip(clip),
        facts=VoiceFacts(gender=gender, age=age, accent=accent, style=style, language=language),
        transcript=transcript,
        speaker=speaker,
        licence=licence,
        consent=consent,
        source=source or clip.name,
        do_not_clone=do_not_clone,
    )
    with working("adding"):
        bank = the_bank()
        entry = bank.add_all([described_voice(bank.analyse(voice))])[0]
    if json_:
        print_json(asdict(entry))
        return
    out.print(f"added {entry.id}: {entry.description}", highlight=False, markup=False)
    if not entry.has_permission:
        out.print(
            "no licence and no consent is on record: searches pass it over until VIVAVOCE_UNLICENSED_VOICES=true",
            style="yellow",
            highlight=False,
        )


@app.command()
def remove(
    voices: Annotated[list[str], typer.Argument(help="Ids of voices.")],
    json_: JsonFlag = False,
) -> None:
    """Forget voices, with their clips and what decoders made of them."""
    from vivavoce.app.voices.building import forget_voices
    from vivavoce.core.settings import load_settings

    forget_voices(the_bank(), load_settings(), voices)
    if json_:
        print_json({"removed": voices})
    else:
        out.print(f"removed {', '.join(voices)}", highlight=False)


@app.command()
def prepare(
    voices: Annotated[list[str] | None, typer.Argument(help="Ids; none means all that may be spoken in.")] = None,
    decoder: Annotated[str, typer.Option("--decoder", help="embedded or token2wav.")] = "token2wav",
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="Folder of a Step-Audio 2 checkpoint.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Let the decoder read reference clips now, so that switching to them later costs nothing."""
    from vivavoce.app.voices.building import prepare_voices
    from vivavoce.core.settings import load_settings

    chosen = {"decoder": decoder} | ({"checkpoint": checkpoint} if checkpoint else {})
    bank = the_bank()
    ids = voices or [entry.id for entry in bank.entries() if not entry.do_not_clone]
    with counting("voices", len(ids)) as bar:
        done = asyncio.run(prepare_voices(bank, ids, load_settings(**chosen), lambda: bar.advance(bar.task_ids[0])))
    if json_:
        print_json(done)
        return
    for voice, state in done.items():
        out.print(f"{voice}: {state}", highlight=False)
