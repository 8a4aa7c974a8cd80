"""``vivavoce voices``: fill the voice bank, hand it on, and keep it whole."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vivavoce.app.cli.voices import the_bank
from vivavoce.app.console import JsonFlag, counting, out, print_json, working
from vivavoce.core.errors import AudioError, StoreCorrupt

if TYPE_CHECKING:
    from vivavoce.core.audio import AudioClip

commands = typer.Typer()
SHOWN_LINES = 20  # of each part of a report; --json prints all
ImportPath = Annotated[Path, typer.Argument(help="A recording, a manifest, a folder, or an archive that `export` wrote.")]


@commands.command("import")
def import_(
    path: ImportPath,
    licence: Annotated[str, typer.Option(help="Where the source names none.")] = "",
    consent: Annotated[str, typer.Option(help="Where the source names none.")] = "",
    source: Annotated[str, typer.Option(help="Where the source names none.")] = "",
    language: Annotated[str, typer.Option(help="Language tag where the source names none.")] = "",
    gender: Annotated[str, typer.Option(help="female or male, where the source does not say.")] = "",
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Nobody's real voices.")] = False,
    do_not_clone: Annotated[bool, typer.Option("--do-not-clone", help="May be found and heard, never spoken in.")] = False,
    per_speaker: Annotated[int, typer.Option(help="Clips taken of each speaker of a corpus.", min=1)] = 3,
    transcribe: Annotated[bool, typer.Option(help="Let the recogniser write missing transcripts (English).")] = True,
    jobs: Annotated[int, typer.Option(help="Threads; 0 takes as many as there are processors.", min=0)] = 0,
    json_: JsonFlag = False,
) -> None:
    """Bring recordings into the bank. Cut off, it goes on where it was when it is run again."""
    from vivavoce.core.voice import VoiceFacts
    from vivavoce.voicebank.imports.archive import import_archive
    from vivavoce.voicebank.imports.importing import import_voices
    from vivavoce.voicebank.imports.layouts import Candidate, find_candidates

    bank = the_bank()
    if path.suffix.lower() == ".zip":
        with counting("voices", None) as bar:
            report = import_archive(bank, path, _on(bar))
    else:
        defaults = Candidate(
            (),
            "",
            facts=VoiceFacts(gender=gender, language=language),
            licence=licence,
            source=source,
            consent=consent,
            synthetic=synthetic,
            do_not_clone=do_not_clone,
        )
        with counting("recordings", None) as bar:
            report = import_voices(
                bank,
                find_candidates(path, per_speaker),
                defaults,
                jobs=jobs or os.cpu_count() or 1,
                transcribe=_transcriber() if transcribe else None,
                progress=lambda done: bar.update(bar.task_ids[0], completed=done),
            )
    _print_report(asdict(report), json_)
    if report.refused and not report.added and not report.kept:
        raise AudioError(f"nothing of {path} could be imported; the reasons stand above")


def _on(bar: Any) -> Callable[[int, int], None]:  # noqa: ANN401 - rich's Progress
    return lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)


def _transcriber() -> "Callable[[AudioClip, str], str]":
    from vivavoce.app.voices.building import transcriber
    from vivavoce.core.settings import load_settings

    return transcriber(load_settings())


def _print_report(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    added, kept = len(report["added"]), report["kept"]
    rate = f" in {report['seconds']:.1f} s, {added / report['seconds']:.1f} a second" if report["seconds"] > 0 else ""
    out.print(f"{added} voices added{rate}; {kept} were there", highlight=False)
    parts = {
        "refused": [f"refused {what}: {why}" for what, why in report["refused"]],
        "duplicates": [f"left out {what}: the same recording as {same}" for what, same in report["duplicates"]],
        "alike": [f"{one} sounds like {other} (similarity {cosine:.3f})" for one, other, cosine in report["alike"]],
    }
    for name, lines in parts.items():
        for line in lines[:SHOWN_LINES]:
            out.print(line, style="yellow", highlight=False, markup=False)
        if len(lines) > SHOWN_LINES:
            out.print(f"... and {len(lines) - SHOWN_LINES} more {name}; --json prints all", style="yellow", highlight=False)


@commands.command("export")
def export_(
    path: Annotated[Path, typer.Argument(help="The archive to write, a .zip.")],
    voices: Annotated[list[str] | None, typer.Argument(help="Ids; none means all.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Write voices with their clips, licences and consent notes into one file that `import` reads."""
    from vivavoce.voicebank.imports.archive import export_bank

    with counting("voices", None) as bar:
        count = export_bank(the_bank(), path, voices or (), _on(bar))
    if json_:
        print_json({"archive": str(path), "voices": count})
    else:
        out.print(f"{count} voices in {path} ({path.stat().st_size / 2**20:.1f} MiB)", highlight=False)


@commands.command()
def verify(json_: JsonFlag = False) -> None:
    """Read everything in the bank and compare it with its checksums."""
    from vivavoce.voicebank.upkeep.verify import verify as findings_of

    bank = the_bank()
    with counting("clips", None) as bar:
        findings = findings_of(bank, _on(bar))
    damaged = [finding for finding in findings if finding.damage]
    if json_:
        print_json({"whole": not damaged, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            out.print(finding.text, style="red" if finding.damage else "yellow", highlight=False, markup=False)
        if not damaged:
            out.print(f"{len(bank)} voices, all whole", highlight=False)
    if damaged:
        raise StoreCorrupt(f"the voice bank is damaged in {len(damaged)} places; run `vivavoce voices repair`")


@commands.command()
def repair(json_: JsonFlag = False) -> None:
    """Bring back what can be brought back of a damaged bank, and say what was lost."""
    from vivavoce.voicebank.upkeep.repair import repair as repaired

    with working("repairing"):
        report = repaired(the_bank())
    if json_:
        print_json(asdict(report))
        return
    out.print(f"{report.kept} voices are there; {report.made_again} vectors were made again", highlight=False)
    for voice, why in report.lost:
        out.print(f"lost {voice}: {why}", style="red", highlight=False, markup=False)


@commands.command()
def compact(json_: JsonFlag = False) -> None:
    """Free the space of removed voices and learn the indexes again."""
    from vivavoce.voicebank.upkeep.compaction import compact as compacted

    with counting("voices", None) as bar:
        rows, clips = compacted(the_bank(), _on(bar))
    if json_:
        print_json({"rows": rows, "clips": clips})
    else:
        out.print(f"dropped {rows} removed rows and {clips} stray clips", highlight=False)


@commands.command()
def reembed(json_: JsonFlag = False) -> None:
    """Make the vectors of a bank again that was made with other embedders."""
    from vivavoce.voicebank.upkeep.compaction import reembed as reembedded

    with counting("voices", None) as bar:
        count = reembedded(the_bank(), _on(bar))
    if json_:
        print_json({"voices": count})
    else:
        out.print(f"{count} voices embedded again" if count else "nothing to do: the embedders are the same")


@commands.command("map")
def map_(
    folder: Annotated[Path, typer.Option("--out", help="Folder for map.png, index.html and the clips.")] = Path(
        "voices-map"
    ),
    json_: JsonFlag = False,
) -> None:
    """Draw who sounds like whom: a picture, and a page with players and search."""
    from vivavoce.app.voices.map import draw_map

    with counting("voices", None) as bar:
        drawn = draw_map(the_bank(), folder, _on(bar))
    if json_:
        print_json(asdict(drawn))
    else:
        out.print(f"open {folder / 'index.html'}", highlight=False)


@commands.command()
def build(
    demo: Annotated[bool, typer.Option("--demo", help="Also those of Debian packages and installed synthesizers.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Make the built-in voices: clips from packages, the rest synthesised."""
    from vivavoce.app.voices.building import build_voices
    from vivavoce.core.settings import load_settings

    settings, bank = load_settings(), the_bank()
    with counting("voices", None) as bar:
        report = build_voices(
            bank,
            settings,
            lambda done, total, name: bar.update(bar.task_ids[0], completed=done, total=total, description=name or "voices"),
            demo=demo,
        )
    if json_:
        print_json(asdict(report))
        return
    out.print(f"{len(report.added)} voices made, {len(report.kept)} were there", highlight=False)
    for voice, why in report.skipped:
        out.print(f"skipped {voice}: {why}", style="yellow", highlight=False, markup=False)
