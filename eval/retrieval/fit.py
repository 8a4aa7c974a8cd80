"""Fits the score of passages (`retrieval.answerability`) on the how-to questions that are not held out.

    python -m vivavoce.eval.retrieval.fit

Prints the constants that stand in `retrieval/answerability.py`.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.app.parts import open_embedder, open_index
from vivavoce.core.settings import load_settings
from vivavoce.eval.retrieval.corpora import Corpus, howto
from vivavoce.eval.retrieval.embeddings import RememberingEmbedder
from vivavoce.eval.retrieval.questions import Question
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import Query, SearchOptions, find_with_evidence
from vivavoce.tools.text_search import PASSAGES

ANSWERED = 0.9  # share of the answerable questions whose best passage gets 0.5 or more
REGULARISATION = 10.0  # scikit-learn's C

Features = NDArray[np.float64]  # (passages, 3)


def main() -> None:
    """Entry point."""
    settings = load_settings()
    cache = settings.home / "cache" / "eval"
    embedder = RememberingEmbedder(open_embedder(settings), cache / "embeddings.sqlite3")
    rows: list[tuple[Question, Features, list[bool]]] = []
    with tempfile.TemporaryDirectory() as folder:
        own = settings.changed(home=Path(folder))
        rows += _looked_at(howto(cache), open_index(own, embedder, "howto"))
    bias, weights = fit(rows)
    sys.stdout.write(f"BIAS = {bias:.2f}\nWEIGHTS = ({', '.join(f'{weight:.2f}' for weight in weights)})\n")


def _looked_at(corpus: Corpus, index: DocumentIndex) -> list[tuple[Question, Features, list[bool]]]:
    """Each question with what its first passages show and which of them answer."""
    index.add(corpus.files)
    view = index.store.view()
    assert view is not None
    rows: list[tuple[Question, Features, list[bool]]] = []
    for question in corpus.questions:
        if question.held_out:
            continue
        query = Query(question.text, index.meaning_of(question.text), PASSAGES, SearchOptions())
        found = find_with_evidence(view, query)
        features = np.array([(e.cosine, e.coverage, e.absent) for _, e in found], np.float64)
        rows.append((question, features, [any(place.is_in(p) for place in question.places) for p, _ in found]))
    return rows


def fit(rows: list[tuple[Question, Features, list[bool]]]) -> tuple[float, tuple[float, ...]]:
    """Bias and weights. The bias is moved to where 0.5 accepts nearly all that can be answered."""
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([some for _, some, _ in rows])
    labels = np.concatenate([answers for _, _, answers in rows])
    weights: Features = LogisticRegression(C=REGULARISATION, max_iter=1_000).fit(features, labels).coef_[0]
    best = [float((some @ weights).max()) for question, some, answers in rows if question.has_answer and any(answers)]
    return -float(np.quantile(best, 1.0 - ANSWERED)), tuple(float(weight) for weight in weights)


if __name__ == "__main__":
    main()
