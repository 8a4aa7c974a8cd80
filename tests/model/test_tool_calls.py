import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.messages import TextDelta, ToolCall
from vivavoce.model.step_audio2.tool_calls import ToolCallParser, render_tool_call

GOLDEN = Path(os.environ.get("VIVAVOCE_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))


def read(text_pieces, known=(), **options):
    parser = ToolCallParser(known, **options)
    deltas = [delta for piece in text_pieces for delta in parser.push(piece)] + parser.finish()
    text = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    return text, [(d.name, d.arguments) for d in deltas if isinstance(d, ToolCall)]


def golden_cases():
    path = GOLDEN / "g_tool_parser.json"
    return json.loads(path.read_text())["cases"] if path.is_file() else []


@pytest.mark.skipif(not golden_cases(), reason="no golden folder; set VIVAVOCE_GOLDEN")
def test_every_golden_case_in_every_split_in_two():
    for case in golden_cases():
        want = case["nonstreaming"]
        calls = [(c["function"]["name"], c["function"]["arguments"]) for c in want["tool_calls"]]
        text = case["text"]
        splits = [case["deltas"], [text], list(text), *([text[:i], text[i:]] for i in range(len(text)))]
        for pieces in splits:
            assert read(pieces, case["known_tools"] or ()) == (want["content"] or "", calls), case["name"]


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
    for keep in (False, True):
        assert read(parts, keep_malformed=keep) == read([text], keep_malformed=keep)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3), st.text(alphabet="abc \n", max_size=10))
def test_what_is_rendered_is_read_back(arguments, before):
    raw = json.dumps(arguments, ensure_ascii=False)
    if "</tool_call>" in raw:
        return
    assert read([before, render_tool_call("search", raw)]) == (before, [("search", raw)])


def test_spaces_around_the_line_breaks_of_real_transcripts():
    assert read(["好的<tool_call>function  \nget_date_time  \n{}</tool_call>"]) == ("好的", [("get_date_time", "{}")])


def test_malformed_arguments_reach_the_controller_when_asked():
    broken = '<tool_call>function\nsearch\n{"q": oops</tool_call>'
    assert read([broken]) == (broken, [])
    assert read([broken], keep_malformed=True) == ("", [("search", '{"q": oops')])
