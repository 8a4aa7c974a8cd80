"""Clips of recorded and synthesised voices, made from Debian packages and installed synthesizers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from vivavoce.app.voices.debian import DebianPackages
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, WeightsError, reason
from vivavoce.voicebank.imports.audio_files import read_clip
from vivavoce.voicebank.recipes.joining import joined
from vivavoce.voicebank.recipes.recipe import Recorded, Synthesised

SPEAK_S = 120.0
ENGINES = {
    "espeak-ng": ("espeak-ng", "espeak-ng-data"),
    "flite": ("flite",),
    "festival": ("festival",),
}


class PackAudio:
    """Makes the clips of recipes; packages are fetched when the first recipe needs them.

    which: where an installed engine of this name lies, None where it is not installed.
    """

    def __init__(self, packages: DebianPackages, which: Callable[[str], str | None] = shutil.which) -> None:
        self._packages = packages
        self._which = which

    def recorded(self, recipe: Recorded) -> AudioClip:
        """The recordings, joined.

        Raises:
            WeightsError: the package cannot be had. AudioError: it lacks a recording, or one cannot be read.
        """
        folder = self._packages.root(recipe.package) / recipe.folder
        clips = [read_clip(folder / file) for file in recipe.files]
        return joined([clip.resampled(clips[0].sample_rate) for clip in clips])

    def synthesised(self, recipe: Synthesised) -> AudioClip:
        """The text as the engine speaks it.

        Raises:
            WeightsError: the engine cannot be had, or does not run here. AudioError: it spoke nothing.
        """
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "spoken.wav"
            command, environment = self._command(recipe, out)
            try:
                done = subprocess.run(
                    command, env=environment, capture_output=True, timeout=SPEAK_S, stdin=subprocess.DEVNULL, check=False
                )
            except (subprocess.TimeoutExpired, OSError) as error:
                raise WeightsError(f"{recipe.engine} does not run here: {reason(error)}") from error
            if not out.is_file():
                lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
                raise AudioError(f"{recipe.engine} did not speak with {recipe.voice}: {lines[-1][:200]}")
            return read_clip(out)

    def _command(self, recipe: Synthesised, out: Path) -> tuple[list[bytes | str], dict[str, str]]:
        """What to run, in which environment."""
        program, root = self._program(recipe)
        environment = dict(os.environ)
        if root is not None:
            libraries = sorted({str(path.parent) for lib in ("usr/lib", "lib") for path in (root / lib).rglob("*.so*")})
            environment["LD_LIBRARY_PATH"] = ":".join([*libraries, environment.get("LD_LIBRARY_PATH", "")]).strip(":")
        match recipe.engine:
            case "espeak-ng":
                if root is not None:
                    sounds = next((root / "usr").rglob("espeak-ng-data/phontab"), root / "absent")
                    environment |= {"ESPEAK_DATA_PATH": str(sounds.parent)}
                return [program, "-v", recipe.voice, *recipe.options, "-w", str(out), recipe.text], environment
            case "flite":
                return [program, "-voice", recipe.voice, "-t", recipe.text, "-o", str(out)], environment
            case _:
                share = str((root or Path("/")) / "usr/share/festival")
                said = recipe.text.replace("\\", " ").replace('"', " ").encode(recipe.encoding, "replace")
                scheme = b'(begin (voice_%s) (utt.save.wave (utt.synth (Utterance Text "%s")) "%s" \'riff))' % (
                    recipe.voice.encode(),
                    said,
                    str(out).encode(),
                )
                return [program, "--datadir", share, "--libdir", share, "-b", scheme], environment

    def _program(self, recipe: Synthesised) -> tuple[str, Path | None]:
        """An installed engine, or one from packages with the folder they lie in. Voices of packages need theirs."""
        installed = self._which(recipe.engine)
        if installed is not None and not recipe.packages:
            return installed, None
        root = self._packages.runnable_root(*ENGINES[recipe.engine], *recipe.packages)
        return str(root / "usr/bin" / recipe.engine), root
