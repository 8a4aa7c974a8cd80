"""What is said without a model having written it: the one place to change a sentence, and a file each for a language.

``en.toml`` has all of them; ``from vivavoce.core.language.sentences import NOTHING_HEARD`` brings one. Another language is
another file, named by its ISO 639-1 code; what it lacks is said in English.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to say. texts: by ISO 639-1 code, English among them, with fields in braces."""

    texts: Mapping[str, str]

    def __call__(self, language: str = ENGLISH, /, **fields: object) -> str:
        """In a language, or in English where it is missing.

        Raises:
            KeyError: a field was left out.
        """
        return self.texts.get(language, self.texts[ENGLISH]).format_map(fields)


_FILES: Mapping[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("*.toml"))
}


def _sentence(name: str, table: str | None = None) -> Sentence:
    files = {code: found.get(table, {}) if table else found for code, found in _FILES.items()}
    return Sentence({code: found[name] for code, found in files.items() if name in found})


SKY = {int(code): _sentence(code, "SKY") for code in _FILES[ENGLISH]["SKY"]}
SPEAKERS = {fact: _sentence(fact, "SPEAKERS") for fact in _FILES[ENGLISH]["SPEAKERS"]}
NAMES = tuple(name for name, text in _FILES[ENGLISH].items() if isinstance(text, str))


def __getattr__(name: str) -> Sentence:
    if name not in NAMES:
        raise AttributeError(f"no sentence is called {name}; en.toml has all of them")
    return _sentence(name)
