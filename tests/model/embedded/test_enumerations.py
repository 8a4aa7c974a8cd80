"""Values that stand side by side, and the calls that follow from them."""

import pytest

from vivavoce.model.embedded.calling.enumerations import distributed, enumerations

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A loan of $9,000 for 15, 20 and 30 years.", [("15", "20", "30")]),
        ("How far is it to Oslo, Bergen or Stavanger?", [("Oslo", "Bergen", "Stavanger")]),
        ("The time in 'new york' and 'lima'?", [("new york", "lima")]),
        ("A table between 5 and 7.", []),
        ("Restaurants in Boston, MA and Austin, TX.", [("Boston, MA", "Austin, TX")]),
        ("Tell Anna the news.", []),
    ],
)
def test_what_stands_side_by_side(text, values):
    assert [one.values for one in enumerations(text)] == values


@pytest.mark.parametrize(
    ("text", "written", "all_calls"),
    [
        ("For 15, 20 and 30 years.", [{"years": 30}], [{"years": 30}, {"years": 15}, {"years": 20}]),
        (
            "Microsoft and Apple on 2022-01-01 and 2022-02-01?",
            [{"of": "Microsoft", "on": "2022-01-01"}, {"of": "Apple", "on": "2022-02-01"}],
            [
                {"of": "Microsoft", "on": "2022-01-01"},
                {"of": "Apple", "on": "2022-02-01"},
                {"of": "Apple", "on": "2022-01-01"},
                {"of": "Microsoft", "on": "2022-02-01"},
            ],
        ),
        ("The common divisor of 96 and 128.", [{"a": 96, "b": 128}], [{"a": 96, "b": 128}]),
        ("Add 3 and 5.", [{"numbers": [3, 5]}], [{"numbers": [3, 5]}]),
        (
            "Oslo and Bergen at 5 and 6, respectively.",
            [{"city": "Oslo", "at": 5}, {"city": "Bergen", "at": 6}],
            [{"city": "Oslo", "at": 5}, {"city": "Bergen", "at": 6}],
        ),
        ("Send it to Anna and Ben.", [{"to": "Anna and Ben"}], [{"to": "Anna and Ben"}]),
        ("Book it for 2 and 2.5 hours.", [{"hours": 2}], [{"hours": 2}]),  # a whole number is wanted
    ],
)
def test_calls_for_what_stands_beside_a_written_value(text, written, all_calls):
    assert distributed(written, text) == all_calls
