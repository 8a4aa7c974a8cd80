"""Which assets the settings need, and the store that keeps them."""

import os
from pathlib import Path
from typing import Any

from vivavoce.core.errors import WeightsError
from vivavoce.core.settings import Settings
from vivavoce.model.weights.catalogue import CATALOGUE
from vivavoce.model.weights.checkpoints import CHECKPOINT_BYTES, CHECKPOINTS, LICENCE, CheckpointStore
from vivavoce.model.weights.hub import HUB, ModelHub
from vivavoce.model.weights.store import WeightStore

DEFAULT_CHECKPOINT = "step-audio-2-mini"
RECOGNISER_FILES = ("whisper-base", "whisper-base-config", "whisper-base-tokenizer", "whisper-base-vocabulary")


def weight_store(settings: Settings) -> WeightStore:
    """The store in the settings' folder; a language model file of the user's own goes first."""
    own = settings.embedded.language_model_path
    return WeightStore(
        settings.weights_dir, model_hub(settings), paths={settings.embedded.language_model: own} if own else None
    )


def checkpoint_store(settings: Settings) -> CheckpointStore:
    """The store of whole checkpoints, in the same folder."""
    return CheckpointStore(settings.weights_dir, model_hub(settings))


def model_hub(settings: Settings) -> ModelHub | None:
    """The hub that may be asked, if any; HF_ENDPOINT names a mirror of it."""
    return ModelHub(os.environ.get("HF_ENDPOINT") or HUB) if settings.hub else None


def store_of(name: str, settings: Settings) -> WeightStore | CheckpointStore:
    """The store that keeps what has this name."""
    return checkpoint_store(settings) if name in CHECKPOINTS else weight_store(settings)


def recogniser_assets(settings: Settings) -> tuple[str, ...]:
    """The assets that make up the speech recogniser."""
    return RECOGNISER_FILES if settings.embedded.recogniser == "whisper-base" else (settings.embedded.recogniser,)


def checkpoint_folder(settings: Settings) -> Path:
    """The checkpoint that the settings name, or the one that was pulled.

    Raises:
        WeightsError: none is named, and none was pulled.
    """
    if settings.step_audio2.checkpoint is not None:
        return settings.step_audio2.checkpoint
    pulled = checkpoint_store(settings).status(DEFAULT_CHECKPOINT).path
    if pulled is None:
        raise WeightsError(
            f"{DEFAULT_CHECKPOINT} is not here; run `vivavoce models pull {DEFAULT_CHECKPOINT}` or give --checkpoint"
        )
    return pulled


def needed_assets(settings: Settings) -> list[str]:
    """The assets that the embedded default cannot do without, then the clips of the voice bank. A mind writes by itself."""
    writing = [] if settings.mind else [settings.embedded.language_model]
    clips = [name for name, asset in CATALOGUE.items() if asset.kind == "clip"]
    return [*writing, *recogniser_assets(settings), *clips]


def asset_rows(settings: Settings) -> list[dict[str, Any]]:
    """Every asset of the catalogue, and every checkpoint, with its state here."""
    known = [(name, asset.kind, asset.size, asset.licence) for name, asset in CATALOGUE.items()]
    known += [(name, "checkpoint", CHECKPOINT_BYTES, LICENCE) for name in CHECKPOINTS]
    rows: list[dict[str, Any]] = []
    for name, kind, size, licence in known:
        status = store_of(name, settings).status(name)
        rows.append(
            {
                "name": name,
                "kind": kind,
                "state": status.state,
                "megabytes": round(size / 1e6, 1),
                "licence": licence,
                "path": str(status.path) if status.path else None,
                "source": status.source,
            }
        )
    return rows
