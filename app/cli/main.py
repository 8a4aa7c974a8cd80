"""The command line. Heavy imports stay inside commands: ``vivavoce --help`` must answer at once."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from vivavoce.app.cli import index as cli_index
from vivavoce.app.cli import models as cli_models
from vivavoce.app.cli import sessions as cli_sessions
from vivavoce.app.cli import voice_store as cli_voice_store
from vivavoce.app.cli import voices as cli_voices
from vivavoce.app.cli.options import BaseUrlOption, CheckpointOption, MindHearsOption, MindOption, MindUrlOption, ModelOption
from vivavoce.app.console import JsonFlag, out, print_error, print_json, working
from vivavoce.core.errors import ConfigError, ModelError, VivavoceError, reason

app = typer.Typer(
    help="Speak, let it act, hear the answer in the voice you asked for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_models.app, name="models")
cli_voices.app.add_typer(cli_voice_store.commands)
app.add_typer(cli_voices.app, name="voices")
app.add_typer(cli_index.app, name="index")
app.add_typer(cli_sessions.app, name="sessions")

TRUE = ("1", "ON", "YES", "TRUE")  # of the hub's own variables

DecoderOption = Annotated[str | None, typer.Option("--decoder", help="embedded or token2wav.")]
SessionOption = Annotated[str | None, typer.Option("--session", help="Name of the dialogue; it survives restarts.")]
VoiceOption = Annotated[str | None, typer.Option("--voice", help="Id of a voice, see `vivavoce voices list`.")]
DescribeOption = Annotated[str | None, typer.Option("--describe", help="A voice in words, e.g. 'a deep old man'.")]


@app.command()
def ask(
    question: Annotated[Path | None, typer.Argument(help="A spoken question: WAV, FLAC, OGG or MP3.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="A typed question instead.")] = None,
    answer: Annotated[Path, typer.Option("--out", help="Where the spoken answer goes.")] = Path("answer.wav"),
    voice: VoiceOption = None,
    describe: DescribeOption = None,
    session: SessionOption = None,
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    base_url: BaseUrlOption = None,
    mind: MindOption = None,
    mind_url: MindUrlOption = None,
    mind_hears: MindHearsOption = False,
    json_: JsonFlag = False,
) -> None:
    """Ask one question, hear one answer."""
    from vivavoce.app.conversation import ask_once
    from vivavoce.app.model_choice import ModelChoice

    asked = question if text is None else text
    if asked is None or (question is not None and text is not None):
        raise ConfigError("give either a recording or --text, and not both")
    with working("thinking"):
        chosen = ModelChoice(model, checkpoint, base_url, mind, mind_url, mind_hears)
        result = asyncio.run(ask_once(asked, answer, voice, describe, session, chosen))
    if json_:
        print_json(result)
    else:
        _print_turn(result)
    if result["error"]:
        print_error(f"vivavoce: {result['error']}")
        raise typer.Exit(ModelError.exit_code)


def _print_turn(result: dict[str, Any]) -> None:
    out.print(f"[bold]heard[/]   {escape(result['heard'] or '(not written down)')}", highlight=False)
    for call in result["tool_calls"]:
        made = escape(f"{call['name']} {call['arguments']}")
        out.print(f"[bold]tool[/]    {made} -> {call['status']}", highlight=False)
    out.print(f"[bold]answer[/]  {escape(result['answer_text'])}", highlight=False)
    timings = result["timings"]
    out.print(
        f"[dim]{result['answer_audio']}, voice {result['voice']['name']}, session {result['session']}, "
        f"first audio {timings['ttfa_s']:.2f} s, total {timings['total_s']:.2f} s[/]",
        highlight=False,
    )


@app.command()
def chat(
    voice: VoiceOption = None,
    session: SessionOption = None,
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    base_url: BaseUrlOption = None,
    mind: MindOption = None,
    mind_url: MindUrlOption = None,
    mind_hears: MindHearsOption = False,
    json_: JsonFlag = False,
) -> None:
    """Talk in the terminal: type, name a file, or use the microphone where there is one."""
    from vivavoce.app.conversation import chat_loop
    from vivavoce.app.model_choice import ModelChoice

    chosen = ModelChoice(model, checkpoint, base_url, mind, mind_url, mind_hears)
    asyncio.run(chat_loop(voice, session, chosen, as_json=json_))


@app.command()
def say(
    answer: Annotated[Path, typer.Option("--out", help="Where the speech goes.")],
    text: Annotated[str | None, typer.Argument(help="What to say.")] = None,
    tokens: Annotated[Path | None, typer.Option("--tokens", help="A file of audio tokens instead.")] = None,
    decoder: DecoderOption = None,
    checkpoint: CheckpointOption = None,
    voice: VoiceOption = None,
    describe: DescribeOption = None,
    model: ModelOption = None,
    json_: JsonFlag = False,
) -> None:
    """Speak a text or audio tokens: the decoder alone."""
    from vivavoce.app.conversation import say_once
    from vivavoce.core.settings import load_settings

    said = text if tokens is None else tokens
    if said is None or (text is not None and tokens is not None):
        raise ConfigError("give either a text or --tokens, and not both")
    chosen = {"model": model, "step_audio2__checkpoint": checkpoint, "decoder": decoder or ("token2wav" if tokens else None)}
    settings = load_settings(**{name: value for name, value in chosen.items() if value is not None})
    with working("speaking"):
        result = asyncio.run(say_once(said, answer, voice, describe, settings))
    if json_:
        print_json(result)
    else:
        out.print(f"{result['audio']}: {result['duration_s']} s, voice {result['voice']['name']}", highlight=False)


@app.command()
def doctor(
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    base_url: BaseUrlOption = None,
    mind: MindOption = None,
    mind_url: MindUrlOption = None,
    mind_hears: MindHearsOption = False,
    json_: JsonFlag = False,
) -> None:
    """Say what is installed, what is missing and what to do. Exits with 0 when ready, else with 1."""
    from vivavoce.app.doctor import examine
    from vivavoce.app.model_choice import ModelChoice

    with working("looking"):
        findings = examine(ModelChoice(model, checkpoint, base_url, mind, mind_url, mind_hears).settings())
    ready = all(finding.ok or not finding.required for finding in findings)
    if json_:
        print_json({"ready": ready, "checks": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            mark = "[green]ok[/]     " if finding.ok else "[red]missing[/]" if finding.required else "[yellow]optional[/]"
            # A hint is to be copied: neither wrapped at the terminal's width, nor `[extra]` taken for a colour.
            out.print(f"{mark} {escape(f'{finding.what}: {finding.detail}')}", highlight=False, soft_wrap=True)
        out.print("ready" if ready else "not ready", style="bold")
    raise typer.Exit(0 if ready else 1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where to write what happened.")] = Path("demo"),
    json_: JsonFlag = False,
) -> None:
    """Ask the spoken example questions and write question, answer, trace and a page with pictures."""
    from vivavoce.app.demo.run import run_demo

    report = asyncio.run(run_demo(folder))
    if json_:
        print_json(report)
    else:
        out.print(f"open {folder / 'index.html'}", highlight=False)


def main() -> None:
    """Entry point: errors of ours become one line and an exit code."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE:
        os.environ["VIVAVOCE_HUB"] = "false"
    os.environ["HF_HUB_OFFLINE"] = "1"  # libraries must not look for weights on their own
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except VivavoceError as error:
        if "--json" in sys.argv:
            print_json({"error": reason(error), "kind": type(error).__name__})
        print_error(f"vivavoce: {reason(error)}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
