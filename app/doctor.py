"""What is installed, what is missing, and what to do about it."""

import importlib.util
import os
from dataclasses import asdict, dataclass
from typing import Any

from vivavoce.app.assets import needed_assets, weight_store
from vivavoce.core.errors import StoreError, VivavoceError
from vivavoce.core.settings import Settings, load_settings

PACKAGES = ("faster_whisper", "xllamacpp", "hibari", "pyworld", "faiss", "langgraph", "ddgs", "trafilatura")
MIN_FREE_GIB = 1.5
MIN_VOICES = 12


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


def examine() -> list[Finding]:
    """Look at everything the embedded default needs."""
    settings = load_settings()
    findings = [_package(name) for name in PACKAGES]
    findings.append(_package("sounddevice", required=False, advice="pip install 'vivavoce[microphone]'"))
    findings += [_asset(settings, name) for name in needed_assets(settings)]
    findings += [_voices(settings), _home(settings), _memory()]
    findings.append(Finding("threads", True, f"{settings.threads} for each model (VIVAVOCE_THREADS)"))
    return findings


def _package(name: str, *, required: bool = True, advice: str = "run `make install`") -> Finding:
    found = importlib.util.find_spec(name) is not None
    return Finding(f"package {name}", found, "installed" if found else f"not installed; {advice}", required)


def _asset(settings: Settings, name: str) -> Finding:
    status = weight_store(settings).status(name)
    clip = name.startswith("clip-")
    detail = status.source or "there" if status.path else f"{status.state}; run `vivavoce models pull {name}`"
    return Finding(f"asset {name}", status.path is not None, detail, required=not clip)


def _voices(settings: Settings) -> Finding:
    from vivavoce.voicebank.bank import FolderVoiceBank

    try:
        count = len(FolderVoiceBank(settings.voices_dir, None).list())
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
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (ValueError, OSError, AttributeError):
        return Finding("memory", True, "cannot be read on this system", required=False)
    return Finding("memory", free >= MIN_FREE_GIB, f"{free:.1f} GiB free, {MIN_FREE_GIB} GiB needed", required=False)
