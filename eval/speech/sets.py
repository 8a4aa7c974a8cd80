"""What can be asked of speech: recordings with what should come of them, from packages or from folders of the user's."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from vivavoce.app.voices.debian import DebianPackages
from vivavoce.core.errors import ConfigError, reason
from vivavoce.eval.speech.layouts import LAYOUTS
from vivavoce.eval.speech.recordings import Recording
from vivavoce.eval.speech.scores import WORD
from vivavoce.eval.toolcall.questions import own_questions

MIN_WORDS = 3
G722_BYTES_A_S = 8_000
MAX_S = 30.0
WRITTEN_ONLY = re.compile(r"[\[\](){}<>*#@$/=&%]")  # stage directions, and signs that are read as words
MAX_TRANSCRIPT_BYTES = 1 << 20
ALLISON = ("asterisk-core-sounds-en-g722", "asterisk-core-sounds-en")
LIBRIVOX = "pocketsphinx-testdata"


def telephone(cache: Path) -> Iterator[Recording]:
    """Telephone prompts that a voice actress reads, as a Debian package has them, with their texts.

    Left out are texts of less than three words, texts with signs that are read as words, and the one longer than 30 s.

    Raises:
        WeightsError: the package cannot be downloaded. ConfigError: it is of another release.
    """
    root = DebianPackages(cache / "debian").root(*ALLISON)
    texts = root / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    try:
        with gzip.open(texts, "rt", encoding="utf-8", errors="replace") as file:
            lines = file.read(MAX_TRANSCRIPT_BYTES).splitlines()
    except (OSError, EOFError) as error:
        raise ConfigError(f"{ALLISON[1]} holds no {texts.name} ({reason(error)}); is it of another release?") from error
    for line in lines:
        name, _, text = line.partition(":")
        audio = root / "usr/share/asterisk/sounds/en_US_f_Allison" / f"{name.strip()}.g722"
        said = " ".join(re.sub(r"\.{2,}", " ", text).split())  # dots stand where a number would be read out
        if len(WORD.findall(said)) < MIN_WORDS or WRITTEN_ONLY.search(said):
            continue
        if audio.is_file() and audio.stat().st_size <= MAX_S * G722_BYTES_A_S:
            yield Recording(name.strip(), audio, "transcription", (said,), name.strip(), topic=_length(said))


def _length(said: str) -> str:
    return "up to 6 words" if len(WORD.findall(said)) <= 6 else "7 words or more"


def librivox(cache: Path) -> Iterator[Recording]:
    """Five sentences of Sense and Sensibility, read by a volunteer; as a Debian package has them.

    Raises:
        WeightsError: the package cannot be downloaded. ConfigError: it is of another release.
    """
    folder = DebianPackages(cache / "debian").root(LIBRIVOX) / "usr/share/pocketsphinx/test/data/librivox"
    try:
        lines = (folder / "transcription").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{LIBRIVOX} holds no transcription ({reason(error)}); is it of another release?") from error
    for line in lines:
        found = re.fullmatch(r"(?:<s>)?\s*(.+?)\s*(?:</s>)?\s*\((\S+)\)", line)
        if found is not None and (folder / f"{found[2]}.wav").is_file():
            yield Recording(found[2], folder / f"{found[2]}.wav", "transcription", (found[1],), found[2])


def requests(cache: Path) -> Iterator[Recording]:
    """The spoken requests that come with the tool-calling lab, English and Chinese.

    Raises:
        ConfigError: a recording is missing.
    """
    for question in own_questions(spoken=True):
        audio, said = Path(question.audio), (question.text,)
        yield Recording(question.id, audio, "transcription", said, question.id, question.language, topic=question.language)


OWN = {"telephone": telephone, "librivox": librivox, "requests": requests}


def read_set(name: str, cache: Path) -> list[Recording]:
    """A set of its own, or one of the user's, named ``<layout>:<path>``.

    Raises:
        ConfigError: there is no such set or layout, or a file of it is not as the layout has it.
        WeightsError: a package cannot be downloaded.
    """
    layout, colon, path = name.partition(":")
    if name in OWN:
        found = list(OWN[name](cache))
    elif colon and layout in LAYOUTS:
        if not Path(path).exists():
            raise ConfigError(f"{path} does not exist; give the folder of {layout} as --set {layout}:PATH")
        found = list(LAYOUTS[layout](Path(path)))
    else:
        raise ConfigError(f"there is no set {name!r}; give {', '.join(OWN)}, or LAYOUT:PATH with {', '.join(LAYOUTS)}")
    if not found:
        raise ConfigError(f"{name} holds no recording that can be judged")
    return found
