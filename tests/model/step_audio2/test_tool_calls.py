import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parity.strict_parser import StrictParser

from vivavoce.core.messages import TextDelta, ToolCall
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser, render_tool_call

pytestmark = pytest.mark.unit


def read(text_pieces, parser_of=ToolCallParser):
    parser = parser_of()
    deltas = [delta for piece in text_pieces for delta in parser.push(piece)] + parser.finish()
    text = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    return text, [(d.name, d.arguments) for d in deltas if isinstance(d, ToolCall)]


PIECES = st.lists(
    st.sampled_from(
        [
            "<tool_call>",
            "</tool_call>",
            "function\n",
            "search\n",
            '{"q": "a"}',
            "hello ",
            "<",
            "<tool",
            "\n",
            "{",
            "é上",
            "  ",
        ]
    ),
    max_size=12,
)


@given(PIECES, st.data())
def test_any_split_reads_the_same(pieces, data):
    text = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    bounds = [0, *cuts, len(text)]
    parts = [text[a:b] for a, b in pairwise(bounds)]
    for parser_of in (ToolCallParser, StrictParser):
        assert read(parts, parser_of) == read([text], parser_of)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3), st.text(alphabet="abc \n", max_size=10))
def test_what_is_rendered_is_read_back(arguments, before):
    raw = json.dumps(arguments, ensure_ascii=False)
    if "</tool_call>" in raw:
        return
    for parser_of in (ToolCallParser, StrictParser):
        assert read([before, render_tool_call("search", raw)], parser_of) == (before, [("search", raw)])


def test_spaces_around_the_line_breaks_of_real_transcripts():
    for parser_of in (ToolCallParser, StrictParser):
        said = read(["好的<tool_call>function  \nget_date_time  \n{}</tool_call>"], parser_of)
        assert said == ("好的", [("get_date_time", "{}")])


BROKEN = "<tool_call>function\nsearch\n%s</tool_call>"


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ('{"q": "a"', '{"q": "a"}'),
        ("{'q': 'a',}", '{"q": "a"}'),
        ('{"q": "a"} and so on', '{"q": "a"}'),
        ("no object at all", "no object at all"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_broken_arguments_are_repaired_once_or_passed_on_raw(raw, arguments):
    text = BROKEN % raw
    assert read([text], StrictParser) == (text, [])
    assert read([text]) == ("", [("search", arguments)])


def test_a_call_that_the_end_cut_off():
    whole = 'one moment<tool_call>function\nsearch\n{"q": "a"}'
    assert read([whole]) == ("one moment", [("search", '{"q": "a"}')])
    assert read([whole[:-3]]) == ("one moment", [("search", '{"q": "')])
    assert read(["<tool_call>function"]) == ("function", [])
