"""What is installed, what is missing, and what to do about it."""

import asyncio
import importlib.util
from dataclasses import asdict, dataclass
from typing import Any

from vivavoce.app.assets import checkpoint_folder, needed_assets, weight_store
from vivavoce.app.backends import backend_of, open_mind, open_remote
from vivavoce.core.errors import StoreError, VivavoceError
from vivavoce.core.settings import Settings
from vivavoce.model.memory import available_bytes

PACKAGES = ("faster_whisper", "xllamacpp", "hibari", "pyworld", "faiss", "langgraph", "ddgs", "trafilatura")
MIN_FREE_GIB = 1.5
GIB = 1 << 30
MIN_VOICES = 12
SHOWN_NAMES = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    required: bool = True

    def as_json(self) -> dict[str, Any]:
        """As ``doctor --json`` prints it."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything the chosen model and its tools and voices need."""
    runs_on = backend_of(settings).runs_on
    findings = [_package(name) for name in PACKAGES]
    findings.append(_package("sounddevice", required=False, advice="pip install 'vivavoce[microphone]'"))
    findings += [_asset(settings, name, needed=runs_on in ("packages", "mind")) for name in needed_assets(settings)]
    findings += [_voices(settings), _home(settings)]
    match runs_on:
        case "checkpoint":
            findings += _checkpoint(settings)
        case "server":
            findings.append(_server(settings))
        case "mind":
            findings.append(_mind(settings))
        case _:
            findings.append(_memory())
    findings.append(Finding("threads", True, f"{settings.threads} for each model (VIVAVOCE_THREADS)"))
    return findings


def _package(name: str, *, required: bool = True, advice: str = "run `make install`") -> Finding:
    found = importlib.util.find_spec(name) is not None
    return Finding(f"package {name}", found, "installed" if found else f"not installed; {advice}", required)


def _asset(settings: Settings, name: str, *, needed: bool) -> Finding:
    status = weight_store(settings).status(name)
    clip = name.startswith("clip-")
    detail = status.source or "there" if status.path else f"{status.state}; run `vivavoce models pull {name}`"
    return Finding(f"asset {name}", status.path is not None, detail, required=needed and not clip)


def _voices(settings: Settings) -> Finding:
    from vivavoce.voicebank.bank import FolderVoiceBank

    try:
        count = len(FolderVoiceBank(settings.voices_dir, None))
    except VivavoceError as error:
        return Finding("voice bank", False, str(error))
    enough = count >= MIN_VOICES
    return Finding("voice bank", enough, f"{count} voices" + ("" if enough else "; run `vivavoce voices build`"))


def _home(settings: Settings) -> Finding:
    from vivavoce.core.durable import discard, write_atomic

    probe = settings.home / ".doctor"
    try:
        write_atomic(probe, b"")
    except StoreError as error:
        return Finding("data folder", False, str(error))
    discard(probe)
    return Finding("data folder", True, str(settings.home))


def _memory() -> Finding:
    free = available_bytes()
    if free is None:
        return Finding("memory", True, "cannot be read on this system", required=False)
    enough = free >= MIN_FREE_GIB * GIB
    advice = "" if enough else "; end other programs, or give the container more"
    return Finding("memory", enough, f"{free / GIB:.1f} GiB available, {MIN_FREE_GIB} GiB needed{advice}", required=False)


def _checkpoint(settings: Settings) -> list[Finding]:
    """The checkpoint's files, and whether it fits into memory."""
    from vivavoce.model.step_audio2.network.checkpoint import choose_device, choose_dtype, read_checkpoint
    from vivavoce.model.step_audio2.network.memory import free_bytes, needed_bytes

    own = settings.step_audio2
    try:
        checkpoint = read_checkpoint(checkpoint_folder(settings), own.variant)
        device = choose_device(own.device)
        dtype = choose_dtype(own.dtype, checkpoint, own.weights)
    except VivavoceError as error:
        return [Finding("checkpoint", False, str(error))]
    millions = checkpoint.parameters / 1e6
    count = len(set(checkpoint.placed.values()))
    files = f"{checkpoint.folder}: {millions:.1f} million parameters in {count} files, {checkpoint.variant}"
    needed, free = needed_bytes(checkpoint.shapes, dtype, own.weights, own.cache_mib), free_bytes(device)
    kind = str(dtype).removeprefix("torch.") if own.weights == "full" else own.weights
    found = "an unknown amount" if free is None else f"{free / GIB:.1f} GiB"
    fits = free is None or free >= needed
    advice = "" if fits else "; try VIVAVOCE_STEP_AUDIO2__WEIGHTS=int8 or int4, or a remote server"
    memory = f"{needed / GIB:.1f} GiB needed as {kind}, {found} free on {device}{advice}"
    return [Finding("checkpoint", True, files), Finding("memory", fits, memory)]


def _mind(settings: Settings) -> Finding:
    """Whether it can be opened, and its server answers; it is asked nothing else, since an answer may cost something."""
    try:
        open_mind(settings)
        told = asyncio.run(_told_by_server(settings)) if settings.mind_url else "its provider, which was not asked"
    except VivavoceError as error:
        return Finding("mind", False, str(error))
    return Finding("mind", True, f"{settings.mind} at {told}")


async def _told_by_server(settings: Settings) -> str:
    """That a mind's server answers, and what is odd about it."""
    from vivavoce.model.mind.presence import models_at

    mind, url = settings.mind or "", settings.mind_url or ""
    key = settings.mind_api_key.get_secret_value() if settings.mind_api_key else None
    names = await models_at(url, key, f"the mind {mind} at {url}")
    if names is None:
        return f"{url}, which answers, but lists no models; should it fail, correct the address, most end in /v1"
    wanted = mind.partition(":")[2] or mind
    if any(name == wanted or name.startswith(f"{wanted}:") for name in names):
        return f"{url}, which answers"
    has = ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
    return f"{url}, which answers, but lists no {wanted}; should it fail, choose one that it has: {has or 'none so far'}"


def _server(settings: Settings) -> Finding:
    """Whether the server answers and which models it has."""
    try:
        names = asyncio.run(_served(settings))
    except VivavoceError as error:
        return Finding("server", False, str(error))
    return Finding("server", bool(names), f"{settings.remote.base_url} serves {', '.join(names) or 'no model'}")


async def _served(settings: Settings) -> list[str]:
    remote = open_remote(settings)
    try:
        return await remote.models()
    finally:
        await remote.close()
