"""What the latency lab asks, and how long it may take: a JSON file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.set_files import read_json_set

OWN = "questions"
OWN_FILE = Path(__file__).parents[1] / "sets" / "latency.json"


class Budget(BaseModel):
    """measure: as the report names it. percentile: of the turns. at_most: seconds, or a factor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure: str
    percentile: float = Field(gt=0, lt=100)
    at_most: PositiveFloat


class LatencySet(BaseModel):
    """questions: recordings. documents: what the agent may answer from. rounds: how often each question is asked.

    Paths are relative to the file, or to the current folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: tuple[Path, ...] = Field(min_length=2)
    documents: tuple[Path, ...] = ()
    rounds: PositiveInt = 6
    budgets: tuple[Budget, ...] = ()


def read_latency_set(name: str) -> LatencySet:
    """The set of the lab's own ("questions"), or of a file; its paths as they are found.

    Raises:
        ConfigError: there is no such file, it is not of this form, or a path in it leads nowhere.
    """
    found, path = read_json_set(LatencySet, name, OWN, OWN_FILE)
    if len({question.stem for question in found.questions}) < len(found.questions):
        raise ConfigError(f"{name}: two questions have files of one name; rename one of them")
    placed = {field: tuple(_found(one, path) for one in getattr(found, field)) for field in ("questions", "documents")}
    return found.model_copy(update=placed)


def _found(path: Path, beside: Path) -> Path:
    for place in (beside.parent / path, path):
        if place.exists():
            return place
    raise ConfigError(f"{path} is neither beside {beside.name} nor here; run this from the project's folder or correct it")
