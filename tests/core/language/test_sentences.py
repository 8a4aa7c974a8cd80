"""What the agent says by itself is there in each language, with the same fields."""

from string import Formatter

import pytest

from vivavoce.core.language import sentences
from vivavoce.core.language.sentences import Sentence

ALL = {name: value for name, value in vars(sentences).items() if isinstance(value, Sentence)}


@pytest.mark.parametrize("name", ALL)
def test_each_language_has_the_same_fields(name):
    texts = ALL[name].texts
    fields = {code: sorted({field for _, field, _, _ in Formatter().parse(text) if field}) for code, text in texts.items()}
    assert {"en", "zh"} <= texts.keys()
    assert len({tuple(found) for found in fields.values()}) == 1


def test_a_language_that_is_not_there_is_english():
    assert sentences.NOTHING_HEARD("sv") == sentences.NOTHING_HEARD("en") == sentences.NOTHING_HEARD()
    assert sentences.NOTHING_HEARD("zh") != sentences.NOTHING_HEARD("en")
