"""Tools without examples, found by what they say of themselves: their name, description and parameters.

Likeness of meaning tells which one a request is for, and that talk is for none, better than a language model that is small
enough to be asked each time, and nothing need be read for it when an agent is opened. The embedder reads English; in other
scripts the runs of words and characters count that request and description have in common.
"""

import re
from collections.abc import Sequence
from threading import Lock

import numpy as np

from vivavoce.core.language.stems import are_alike, stem
from vivavoce.core.language.words import is_in_pairs, words
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import FloatMatrix, TextEmbedder
from vivavoce.model.embedded.routing.router import NO_TOOL, Route, hashed_runs
from vivavoce.model.embedded.routing.sparse import SparseRows
from vivavoce.model.embedded.schemas import first_line, words_of_name
from vivavoce.model.embedded.wording.plain import plain

RUNS_SCALE = 2.0  # likeness by runs lies lower
EMBEDDED = 64  # so many are compared by meaning: those that have the most runs in common
PARTS = re.compile(
    r"(?<=[.?!;])\s+|[。？！；]|,?\s+(?:and|then|also|as well as|plus|or)\s+|,\s+|[，、]|然后|还有|以及", re.IGNORECASE
)
MOST_PARTS, MOST_JOINED = 12, 4
UNDOES = re.compile(
    r"(?:cancel|delete|remove|undo|revoke|withdraw|clear|stop|pause|call off|get rid|take .+ off\b)|取消|删|停|暂停",
    re.IGNORECASE,
)
NAMED = 0.15  # so much more likely is a tool of whose name a word was said
# Stems of words that names of many tools begin with, and that say little by themselves.
COMMON = frozenset(
    (
        "get",
        "set",
        "make",
        "send",
        "find",
        "search",
        "do",
        "add",
        "creat",
        "updat",
        "check",
        "list",
        "show",
        "tell",
        "give",
        "start",
    )
)
