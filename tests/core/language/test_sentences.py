"""What is said by itself, by language."""

from string import Formatter

import pytest

from vivavoce.core.language import sentences
from vivavoce.core.language.sentences import Sentence

pytestmark = pytest.mark.unit
GREETING = Sentence({"en": "Hello, {name}.", "zh": "你好，{name}。"})


def every_sentence():
    yield from ((name, getattr(sentences, name)) for name in sentences.NAMES)
    for table in ("SKY", "SPEAKERS"):
        yield from ((f"{table} {key}", one) for key, one in getattr(sentences, table).items())


def test_it_is_said_in_the_language_or_in_english():
    assert GREETING("zh", name="小明") == "你好，小明。"
    assert GREETING("en", name="{name}") == "Hello, {name}."
    assert GREETING("fr", name="Ada") == GREETING("", name="Ada") == "Hello, Ada."
    assert GREETING(name="Ada") == GREETING("en", name="Ada")
    with pytest.raises(KeyError, match="name"):
        GREETING("en")


def test_every_sentence_is_there_in_both_languages_with_the_same_fields():
    for name, sentence in every_sentence():
        fields = {
            code: {(field, form) for _, field, form, _ in Formatter().parse(text) if field}
            for code, text in sentence.texts.items()
        }
        assert fields.keys() == {"en", "zh"}, name
        assert fields["en"] == fields["zh"], name
        assert all(text.strip() for text in sentence.texts.values()), name


def test_a_name_that_is_no_sentence_is_told():
    with pytest.raises(AttributeError, match="NOTHING_HERD"):
        _ = sentences.NOTHING_HERD
    with pytest.raises(ImportError):
        from vivavoce.core.language.sentences import NOTHING_HERD  # noqa: F401
