"""What an answer is worth: word and character errors, BLEU and chrF, choices and short answers, judged by rules.

Normaliser of errors: English by Whisper's English normaliser (Radford et al. 2022, appendix C: spelling, numbers,
contractions), languages without spaces by characters alone, all others by Whisper's basic normaliser (case, punctuation).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import jiwer
import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from vivavoce.eval.lab.statistics import Estimate, bootstrap

BY_CHARACTER = ("zh", "yue", "ja", "th", "lo", "my", "km")
NORMALISERS = (
    f"whisper-normalizer {version('whisper-normalizer')} (English for en, basic elsewhere), characters without punctuation "
    f"for {', '.join(BY_CHARACTER)}; edits by jiwer {version('jiwer')}"
)
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Errors:
    """Of a hypothesis against a reference of ``length`` words or characters."""

    substitutions: int
    deletions: int
    insertions: int
    length: int

    @property
    def rate(self) -> float:
        """Errors by length; above 1 where more was made up than was said."""
        return (self.substitutions + self.deletions + self.insertions) / max(1, self.length)


def error_unit(language: str) -> str:
    """The name of the error rate: "cer" for languages that are counted by characters, else "wer"."""
    return "cer" if language.split("-")[0].lower() in BY_CHARACTER else "wer"


def normalised(text: str, language: str) -> str:
    """As it is compared: tokens divided by spaces."""
    if error_unit(language) == "cer":
        kept = (c for c in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(c)[0] in "LNM")
        return " ".join(kept)
    tokens = _normaliser(language.split("-")[0].lower())(text).split()
    return " ".join(token.strip(".") for token in tokens if WORD.search(token))  # it leaves dots of an ellipsis behind


@cache
def _normaliser(language: str) -> Any:  # noqa: ANN401 - two classes without a common one
    return EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()


def errors(reference: str, hypothesis: str, language: str) -> Errors:
    """Fewest edits between the two after normalising (Levenshtein 1966)."""
    said, heard = normalised(reference, language), normalised(hypothesis, language)
    if not said:
        return Errors(0, 0, len(heard.split()), 0)
    found = jiwer.process_words(said, heard)
    return Errors(found.substitutions, found.deletions, found.insertions, len(said.split()))


def pooled_rate(counted: Sequence[Errors], clusters: Sequence[str]) -> Estimate:
    """Errors by length over all; the interval resamples clusters.

    Raises:
        ValueError: there is nothing to count.
    """
    wrong = np.array([one.substitutions + one.deletions + one.insertions for one in counted], np.float64)
    length = np.array([one.length for one in counted], np.float64)
    return bootstrap(len(counted), lambda picked: float(wrong[picked].sum() / max(1.0, length[picked].sum())), clusters)


def _tokenizer(language: str) -> str:
    return {"zh": "zh", "ko": "char"}.get(language.split("-")[0], "char" if error_unit(language) == "cer" else "13a")


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], language: str, clusters: Sequence[str]
) -> tuple[Estimate, str]:
    """Corpus BLEU (Papineni et al. 2002), 0 to 100, and sacrebleu's signature (Post 2018). language: of the references.

    Raises:
        ValueError: there is nothing to compare.
    """
    metric = BLEU(tokenize=_tokenizer(language), effective_order=True)
    found = [metric.sentence_score(one, [other]) for one, other in zip(hypotheses, references, strict=True)]
    sums = np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found]).reshape(-1, 10)

    def score(picked: Any) -> float:  # noqa: ANN401 - positions
        total: list[int] = sums[picked].sum(axis=0).astype(int).tolist()
        return BLEU.compute_bleu(total[:4], total[4:8], total[8], total[9], smooth_method="exp").score

    of_corpus = BLEU(tokenize=_tokenizer(language))
    of_corpus.corpus_score(list(hypotheses), [list(references)])
    return bootstrap(len(found), score, clusters), str(of_corpus.get_signature())


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """Corpus chrF (Popovic 2015), 0 to 100, and sacrebleu's signature."""
    metric = CHRF()
    return metric.corpus_score(list(hypotheses), [list(references)]).score, str(metric.get_signature())


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """Of one sentence, 0 to 100."""
    return CHRF().sentence_score(hypothesis, [reference]).score


def chose(answer: str, right: str, choices: Sequence[str]) -> bool:
    """Whether the answer names the right choice and no other (the rule of MMAU, Sakshi et al. 2024).

    All words of the right choice are said, and no word that only wrong choices have. A single letter names a choice too.
    """
    letter = re.fullmatch(r"\W*([A-Za-z])\W*", answer)
    if letter is not None and len(choices) > 1:
        place = ord(letter[1].lower()) - ord("a")
        return place < len(choices) and choices[place] == right
    said, wanted = _words(answer), _words(right)
    others = {word for choice in choices if choice != right for word in _words(choice)} - wanted
    return bool(wanted) and wanted <= said and not said & others


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.casefold()))


def says_one_of(answer: str, accepted: Sequence[str], language: str) -> bool:
    """Whether the answer holds one of these in a row, after normalising; in languages without spaces as characters."""
    said = f" {normalised(answer, language)} "
    return any(wanted and f" {wanted} " in said for wanted in (normalised(one, language) for one in accepted))
