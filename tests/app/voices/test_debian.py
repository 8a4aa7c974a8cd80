"""Debian packages without root: fetched, unpacked, refused and skipped, with stand-ins for apt and dpkg."""

import os
import shutil
import stat
from functools import partial

import pytest

from vivavoce.app.voices.debian import DebianPackages
from vivavoce.app.voices.pack_audio import PackAudio
from vivavoce.core.errors import AudioError, WeightsError
from vivavoce.voicebank.recipes.recipe import Recorded, Synthesised

pytestmark = pytest.mark.unit
APT = """echo "$@" >> "$LOG"
if test "$1" = install; then echo "Inst $5 (1.0)"; echo "Inst lib$5 (2.0)"; echo "Conf $5 (1.0)"; exit 0; fi
case "$3" in
  absent) echo "E: Unable to locate package absent" >&2; exit 100;;
  nothing) exit 0;;
esac
: > "$3_1.0_all.deb"
"""
DPKG = """case "$2" in *broken_*) echo "dpkg-deb: error: not a Debian format archive" >&2; exit 2;; esac
mkdir -p "$3/usr/share/sounds" "$3/usr/lib/libs" && cp "$CLIP" "$3/usr/share/sounds/one.wav" && : > "$3/usr/lib/libs/x.so.1"
mkdir -p "$3/usr/share/doc/espeak-ng-data" "$3/usr/lib/espeak-ng-data" && : > "$3/usr/lib/espeak-ng-data/phontab"
"""
FLITE = """test "$2" = mute && { echo "no voice mute" >&2; exit 1; }
cp "$CLIP" "$6"
"""


@pytest.fixture
def log(tmp_path):
    """What the stand-in for apt was asked for."""
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def which(tmp_path, tone, log):
    """Finds stand-ins for apt, dpkg and flite, and nothing that is installed on this machine."""
    folder, clip = tmp_path / "bin", tmp_path / "clip.wav"
    folder.mkdir()
    tone.save(clip)
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG), ("flite", FLITE)):
        (folder / name).write_text(f"#!/bin/sh\nLOG='{log}' CLIP='{clip}'\n{text}")
        (folder / name).chmod(stat.S_IRWXU)
    return partial(shutil.which, path=str(folder))


@pytest.fixture
def packages(tmp_path, which):
    return DebianPackages(tmp_path / "cache", which)


@pytest.fixture
def audio(packages, which):
    return PackAudio(packages, which)


def nothing_installed(program):
    return None


def test_packages_lie_together_and_are_fetched_once(packages, log, tmp_path):
    root = packages.root("one", "two")
    assert (root / "usr/share/sounds/one.wav").is_file()
    assert packages.root("two", "one") == root
    assert packages.root("one") != root
    assert log.read_text().count("download") == 2
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"downloads", root.name, packages.root("one").name}


def test_what_a_program_needs_and_is_not_installed_lies_beside_it(packages, audio, log, tmp_path):
    root = packages.runnable_root("espeak-ng")
    assert packages.root("espeak-ng", "libespeak-ng") == root
    assert "install --simulate --no-install-recommends -q espeak-ng" in log.read_text()
    command, environment = audio._command(Synthesised("espeak-ng", "de", "Hallo."), tmp_path / "out.wav")
    assert command[0] == str(packages.runnable_root("espeak-ng", "espeak-ng-data") / "usr/bin/espeak-ng")
    assert any(path.endswith("usr/lib/libs") for path in environment["LD_LIBRARY_PATH"].split(":"))
    assert environment["ESPEAK_DATA_PATH"].endswith("usr/lib/espeak-ng-data")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "absent cannot be downloaded: E: Unable to locate package absent"),
        ("nothing", "was not downloaded; run `apt-get update`"),
        ("broken", r"broken_1\.0_all\.deb cannot be unpacked: dpkg-deb: error"),
        ("--evil", "no name of a Debian package"),
        ("../up", "no name of a Debian package"),
        ("a/b", "no name of a Debian package"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_not_tried_again(packages, log, tmp_path, name, why):
    for _ in range(2):
        with pytest.raises(WeightsError, match=why) as caught:
            packages.root(name)
        assert "\n" not in str(caught.value)
    assert log.read_text().count("download") <= 1
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.name != "downloads"] == []


def test_a_machine_without_apt_says_so(tmp_path):
    with pytest.raises(WeightsError, match="there is no apt here"):
        DebianPackages(tmp_path / "cache", nothing_installed).root("one")


def test_recordings_of_a_package_become_one_clip(audio, tone):
    clip = audio.recorded(Recorded("one", "usr/share/sounds", ("one.wav", "one.wav")))
    assert clip.duration_s > 2 * tone.duration_s
    with pytest.raises(AudioError, match=r"two\.wav: no such file"):
        audio.recorded(Recorded("one", "usr/share/sounds", ("two.wav",)))


def test_an_installed_synthesizer_is_used_and_its_failure_is_one_line(audio, log):
    assert audio.synthesised(Synthesised("flite", "slt", "Good morning.")).duration_s == pytest.approx(1.0)
    assert log.read_text() == ""
    with pytest.raises(AudioError, match="flite did not speak with mute: no voice mute"):
        audio.synthesised(Synthesised("flite", "mute", "Good morning."))


def test_an_installed_synthesizer_has_its_own_data_and_voices_of_packages_have_theirs(packages, log, tmp_path):
    audio = PackAudio(packages, lambda program: f"/opt/{program}")
    command, environment = audio._command(Synthesised("espeak-ng", "de", "Hallo."), tmp_path / "out.wav")
    assert (command[0], log.read_text()) == ("/opt/espeak-ng", "")
    assert environment == dict(os.environ)
    command, _ = audio._command(Synthesised("festival", "x", "Hello.", packages=("festvox-x",)), tmp_path / "out.wav")
    assert command[0] == str(packages.runnable_root("festival", "festvox-x") / "usr/bin/festival")


def test_a_synthesizer_that_is_nowhere_is_skipped_with_its_reason(tmp_path):
    audio = PackAudio(DebianPackages(tmp_path / "cache", nothing_installed), nothing_installed)
    with pytest.raises(WeightsError, match="espeak-ng is needed, and there is no apt here"):
        audio.synthesised(Synthesised("espeak-ng", "de", "Guten Morgen."))


def test_quotes_in_a_text_cannot_end_festivals_command(audio, tmp_path):
    recipe = Synthesised("festival", "kal_diphone", 'a" (system "touch x") \\" b', packages=("festvox-x",))
    command, _ = audio._command(recipe, tmp_path / "out.wav")
    assert command[-1].count(b'"') == 4
