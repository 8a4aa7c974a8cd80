"""One question, a dialogue in the terminal, or a text spoken: what the commands of the same names do."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent, AudioChunk, SpokenText, ToolStarted, TurnDone, VoiceChanged
from vivavoce.agent.turn_stream import TurnStream
from vivavoce.app.backends import at_home, open_decoder
from vivavoce.app.console import err, out, print_error, print_json, working
from vivavoce.app.model_choice import ModelChoice
from vivavoce.app.parts import Parts
from vivavoce.app.turn_json import turn_json
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, VivavoceError, VoiceNotFound, reason
from vivavoce.core.messages import AUDIO_TOKEN_COUNT, AudioTokens, TextDelta
from vivavoce.core.settings import Settings
from vivavoce.core.voice import DEFAULT_VOICE_ID, MIN_FIT, VoiceFilters
from vivavoce.tools.blocking import BlockingCalls

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".mp3")
RECORDING_S = 8.0
MAX_TOKEN_FILE_BYTES = 4 << 20


async def ask_once(
    question: Path | str, answer: Path, voice: str | None, describe: str | None, session: str | None, model: ModelChoice
) -> dict[str, Any]:
    """Run one turn and write the answer's sound; a model that fails is told of under ``error``.

    Raises:
        VivavoceError: whatever stops it, as one line.
    """
    _check_ending(answer)
    settings = model.settings()
    asked = question if isinstance(question, str) else AudioClip.load(question, settings.max_question_s)
    async with open_agent(settings, warm=False) as agent:
        voice_id = await choose_voice(Parts(at_home(settings)), voice, describe)
        loading = asyncio.create_task(agent.services.decoder.warm_up())
        turn = await agent.ask(asked, session=session, voice=voice_id)
        await loading
    if turn.answer_audio is not None:
        turn.answer_audio.save(answer)
    return turn_json(turn, answer if turn.answer_audio is not None else None)


async def say_once(
    said: str | Path, answer: Path, voice: str | None, describe: str | None, settings: Settings
) -> dict[str, Any]:
    """Speak a text, or a file of audio tokens, with the decoder alone.

    Raises:
        VivavoceError: whatever stops it, as one line.
    """
    _check_ending(answer)
    delta = TextDelta(said) if isinstance(said, str) else _read_tokens(said)
    if isinstance(delta, TextDelta) and not delta.text.strip():
        raise ConfigError("there is nothing to say; give a text")
    settings = at_home(settings)
    parts = Parts(settings)
    spoken = parts.bank.get(await choose_voice(parts, voice, describe) or DEFAULT_VOICE_ID)
    decoder = open_decoder(settings)
    conditioning = await decoder.prepare(spoken)
    clips = [clip.audio async for clip in decoder.decode(_one(delta), conditioning)]
    await decoder.close()
    if not clips:
        raise ConfigError("there is nothing in it that can be spoken")
    audio = AudioClip.joined(clips)
    audio.save(answer)
    voice_json = {"id": spoken.id, "name": spoken.name}
    return {"audio": str(answer), "duration_s": round(audio.duration_s, 3), "voice": voice_json}


async def choose_voice(parts: Parts, voice: str | None, describe: str | None) -> str | None:
    """A voice by id or by description; None when neither is given.

    Raises:
        ConfigError: both are given. VoiceNotFound: there is no such voice, or nothing fits the description.
        VoiceRefused: it is marked as not to be cloned.
    """
    if voice is not None and describe is not None:
        raise ConfigError("give either --voice or --describe, not both")
    if voice is not None:
        return parts.bank.entry(voice).check_may_be_spoken().id
    if describe is None:
        return None
    hits = await parts.bank.search(describe, 1, VoiceFilters(may_be_spoken=True))
    if not hits or hits[0].score < MIN_FIT:
        raise VoiceNotFound(f"no voice fits {describe!r}; `vivavoce voices list` shows what there is")
    return hits[0].voice.id


async def chat_loop(voice: str | None, session: str | None, model: ModelChoice, *, as_json: bool) -> None:
    """Turns until the input ends. A turn that fails says so and the dialogue goes on.

    A turn that a process died in is gone on with first.
    """
    settings = model.settings()
    name = session or "chat"
    keyboard = BlockingCalls()  # whose thread does not keep the process when somebody leaves without a line
    _be_woken_by_ctrl_c()
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a byte that is no text costs nobody the dialogue
    with working("loading models"):
        opened = open_agent(settings)
        agent = await opened.__aenter__()
    try:
        err.print("[dim]type, name a recording, /mic to speak, /quit to leave[/]")
        await _pick_up(agent, name, as_json=as_json)
        number = 0
        while (line := await _read_line(keyboard, "" if as_json else "> ")) is not None:
            number += 1
            try:
                question = await _question(line, settings)
                turn = agent.stream(question, session=name, voice=voice)
                await _play_turn(turn, Path(f"answer-{number}.wav"), as_json=as_json)
                voice = None  # it was for the first turn; later ones keep what the dialogue chose
            except VivavoceError as error:
                _complain(error, as_json=as_json)
    finally:
        await opened.__aexit__(None, None, None)


def _be_woken_by_ctrl_c() -> None:
    """Ctrl-C leaves at once. Without a handler of the loop's own it is lost when it comes just as the loop falls asleep."""
    handler = signal.getsignal(signal.SIGINT)  # asyncio's, which cancels this task
    if callable(handler):  # and not where the parent process ignores it
        with suppress(NotImplementedError):  # Windows, whose loop is woken anyway
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, handler, signal.SIGINT, None)


async def _pick_up(agent: Agent, session: str, *, as_json: bool) -> None:
    """Go on with the turn that a process died in, or repeat the question that the session waits for a reply to."""
    try:
        left = await agent.unfinished(session)
        if left is None:
            return
        if not left.awaiting:
            err.print("[dim]going on with the turn that was cut off[/]")
            await _play_turn(agent.resume(session), Path("answer-0.wav"), as_json=as_json)
        elif as_json:
            print_json({"session": session, "question": left.question})
        else:
            out.print(left.question, markup=False, highlight=False)
    except VivavoceError as error:
        _complain(error, as_json=as_json)


def _complain(error: VivavoceError, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": reason(error)})
    else:
        print_error(reason(error))


async def _play_turn(stream: TurnStream, answer: Path, *, as_json: bool) -> None:
    async with aclosing(stream) as events:
        async for event in events:
            match event:
                case ToolStarted(call) if not as_json:
                    out.print(f"… {call.name} {call.arguments}", style="dim", markup=False, highlight=False)
                case VoiceChanged(changed) if not as_json:
                    out.print(f"… voice: {changed.name}", style="dim", markup=False, highlight=False)
                case SpokenText(text) if not as_json:
                    out.print(text, end="", markup=False, highlight=False)
                case AudioChunk(audio):
                    await asyncio.to_thread(_play, audio)
                case TurnDone(turn):
                    if turn.answer_audio is not None:
                        turn.answer_audio.save(answer)
                    if as_json:
                        print_json(turn_json(turn, answer))
                    else:
                        out.print(f"\n[dim]{answer}[/]", highlight=False)
                        if turn.error:
                            print_error(turn.error)
                case _:
                    pass


async def _read_line(keyboard: BlockingCalls, prompt: str) -> str | None:
    try:
        line = (await keyboard.run(lambda: input(prompt))).strip()
    except EOFError:
        return None
    return None if line in ("/quit", "/exit") else line


async def _question(line: str, settings: Settings) -> AudioClip | str:
    if line == "/mic":
        return await asyncio.to_thread(_record)
    if line.lower().endswith(AUDIO_ENDINGS):
        try:
            return await asyncio.to_thread(AudioClip.load, line, settings.max_question_s)
        except OSError as error:
            raise AudioError(f"{line:.80} cannot be read ({reason(error)})") from error
    return line


def _sounddevice() -> Any:  # noqa: ANN401 - an optional module without types
    try:
        import sounddevice  # pyright: ignore[reportMissingImports] - an extra
    except (ImportError, OSError) as error:
        raise AudioError(f"no microphone or loudspeaker here ({reason(error)}); install vivavoce[microphone]") from error
    return sounddevice


def _record() -> AudioClip:
    device = _sounddevice()
    try:
        with working(f"recording {RECORDING_S:.0f} s"):
            samples = device.rec(int(RECORDING_S * 16_000), samplerate=16_000, channels=1, dtype="float32", blocking=True)
    except device.PortAudioError as error:
        raise AudioError(f"the microphone cannot be used ({reason(error)}); type or name a recording") from error
    return AudioClip(samples[:, 0], 16_000)


def _play(audio: AudioClip) -> None:
    try:
        device = _sounddevice()
    except AudioError:
        return  # the answer is in the file
    try:
        device.play(audio.samples, audio.sample_rate, blocking=True)
    except device.PortAudioError:
        return


def _check_ending(answer: Path) -> None:
    if answer.suffix.lower() not in (".wav", ".flac"):
        raise ConfigError(f"{answer}: answers are written as .wav or .flac; change the ending")


async def _one(delta: TextDelta | AudioTokens) -> AsyncIterator[TextDelta | AudioTokens]:
    yield delta


def _read_tokens(path: Path) -> AudioTokens:
    """Audio tokens of a file: numbers, with or without ``<audio_...>`` around them."""
    try:
        if path.stat().st_size > MAX_TOKEN_FILE_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_TOKEN_FILE_BYTES >> 20} MiB; speak it in parts")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as a file of audio tokens; give one with numbers in it") from error
    ids = tuple(int(number) for number in re.findall(r"\d{1,6}", text))
    if not any(token_id < AUDIO_TOKEN_COUNT for token_id in ids):
        raise ConfigError(f"{path} holds no audio tokens; they are numbers below {AUDIO_TOKEN_COUNT}")
    return AudioTokens(ids)
