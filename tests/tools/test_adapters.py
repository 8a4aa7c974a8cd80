"""Any function becomes a tool or is refused in one line, and whatever it gives back is something that can be said."""

import asyncio
import dataclasses
import decimal
import enum
import functools
import json
import threading
import warnings
from collections.abc import Awaitable
from typing import Annotated

import pytest
from langchain_core.tools import tool as langchain_tool
from pydantic import BaseModel, Field

from vivavoce.core.calls import RunningCall, current_call, running
from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.core.messages import SessionFacts, ToolExample, ToolOutput, ToolSpec
from vivavoce.core.protocols import Tool
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


async def lamp(colour: str, bright: int = 3) -> str:
    """Set the lamp."""
    return f"{colour} {bright}"


def blocking(colour: str, bright: int = 3) -> str:
    """Set the lamp."""
    assert threading.current_thread() is not threading.main_thread()
    return f"{colour} {bright}"


def coroutine_made(colour: str, bright: int = 3):
    """Set the lamp."""
    return lamp(colour, bright)


def task_made(colour: str, bright: int = 3) -> Awaitable[str]:
    """Set the lamp."""
    return asyncio.ensure_future(lamp(colour, bright))


async def coroutine_of_a_coroutine(colour: str, bright: int = 3):
    """Set the lamp."""
    return lamp(colour, bright)


class Lamp:
    """A lamp."""

    async def method(self, colour: str, bright: int = 3) -> str:
        """Set the lamp."""
        return f"{colour} {bright}"

    @logged
    async def decorated(self, colour: str, bright: int = 3) -> str:
        """Set the lamp."""
        return f"{colour} {bright}"

    @classmethod
    def of_the_class(cls, colour: str, bright: int = 3) -> str:
        """Set the lamp."""
        return f"{colour} {bright}"

    @staticmethod
    async def of_nobody(colour: str, bright: int = 3) -> str:
        """Set the lamp."""
        return f"{colour} {bright}"


class SetLamp:
    """Set the lamp."""

    async def __call__(self, colour: str, bright: int = 3) -> str:
        return f"{colour} {bright}"


class SetLampHTTP:
    def __call__(self, colour: str, bright: int = 3) -> str:
        """Set the lamp."""
        return f"{colour} {bright}"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lamp, "lamp"),
        (blocking, "blocking"),
        (logged(lamp), "lamp"),
        (logged(logged(blocking)), "blocking"),
        (coroutine_made, "coroutine_made"),
        (task_made, "task_made"),
        (coroutine_of_a_coroutine, "coroutine_of_a_coroutine"),
        (functools.partial(lamp), "lamp"),
        (functools.partial(functools.partial(blocking)), "blocking"),
        (functools.lru_cache(blocking), "blocking"),
        (Lamp().method, "method"),
        (Lamp().decorated, "decorated"),
        (Lamp.of_the_class, "of_the_class"),
        (Lamp.of_nobody, "of_nobody"),
        (SetLamp(), "set_lamp"),
        (SetLampHTTP(), "set_lamp_http"),
        (functools.partial(SetLamp()), "set_lamp"),
    ],
)
async def test_whatever_can_be_called_is_a_tool_and_is_awaited(function, name):
    made = tool(function)
    assert isinstance(made, Tool)
    assert (made.spec.name, made.spec.description) == (name, "Set the lamp.")
    assert made.spec.parameters["required"] == ["colour"]
    assert await made.call('{"colour": "red"}') == ToolOutput("red 3", spoken="red 3")
    with pytest.raises(ToolFailed, match="bright"):
        await made.call('{"colour": "red", "bright": "very"}')


async def test_what_a_partial_has_set_is_hidden_from_the_model():
    def book(hotel: str, nights: int, key: str = "") -> str:
        """Book."""
        return f"{hotel} {nights} {key}"

    made = tool(functools.partial(book, "Lighthouse", key="secret"))
    assert list(made.spec.parameters["properties"]) == ["nights"]
    assert (await made.call('{"nights": 2}')).content == "Lighthouse 2 secret"


async def test_a_thread_knows_the_call_and_its_exceptions_come_through():
    def whose() -> str:
        """Tell."""
        return f"{current_call().id} {current_call().session.language}"

    def exhausted() -> str:
        """Ask an empty iterator."""
        return next(iter(()))

    def refusing() -> str:
        """Refuse."""
        raise ToolFailed("the hotel is full")

    with running(RunningCall("7", SessionFacts(language="zh"))):
        assert (await tool(whose).call("")).content == "7 zh"
    with pytest.raises(RuntimeError, match="StopIteration"):
        await tool(exhausted).call("")
    with pytest.raises(ToolFailed, match="the hotel is full"):
        await tool(refusing).call("")


async def several():
    """Count."""
    yield "one"
    yield 2
    yield {"three": 3}


def several_blocking():
    """Count."""
    yield "one"
    yield 2
    yield {"three": 3}


def returning():
    """Count."""
    yield "one"
    yield 2
    return {"three": 3}


@logged
def decorated():
    """Count."""
    return several()


async def awaited():
    """Count."""
    return several_blocking()


@pytest.mark.parametrize("function", [several, several_blocking, returning, decorated, awaited, logged(several)])
async def test_a_generator_gives_progress_and_then_a_result(function):
    heard = []
    with running(RunningCall(report=heard.append)):
        assert await tool(function).call("") == ToolOutput('{"three":3}')
    assert heard == ["one", "2"]


async def test_a_generator_that_yields_nothing_has_nothing_to_say():
    async def silent():
        """Say nothing."""
        for word in ():
            yield word

    def silent_too():
        """Say nothing."""
        yield from ()

    for function in (silent, silent_too):
        assert await tool(function).call("") == ToolOutput("done")


async def test_progress_is_told_while_the_work_goes_on():
    told = asyncio.Event()

    async def slow():
        """Wait until the progress was heard."""
        yield "looking"
        await told.wait()
        yield "found"

    heard = []
    with running(RunningCall(report=lambda said: (heard.append(said), told.set()))):
        assert (await tool(slow).call("")).spoken == "found"
    assert heard == ["looking"]


async def test_progress_of_a_blocking_generator_is_told_while_the_work_goes_on():
    told = threading.Event()

    def slow():
        """Wait until the progress was heard."""
        yield "looking"
        told.wait()
        yield "found"

    heard = []
    with running(RunningCall(report=lambda said: (heard.append(said), told.set()))):
        assert (await tool(slow).call("")).spoken == "found"
    assert heard == ["looking"]


async def test_a_blocking_generator_ends_when_nobody_waits_for_it_any_more():
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def endless():
        """Go on."""
        try:
            while True:
                begun.set()
                yield "on"
                go_on.wait()
        finally:
            ended.set()

    heard = []
    with running(RunningCall(report=heard.append)):
        call = asyncio.create_task(tool(endless).call(""))
    await asyncio.to_thread(begun.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    before = list(heard)
    go_on.set()
    await asyncio.to_thread(ended.wait)
    await asyncio.sleep(0)
    assert heard == before


class Quote(BaseModel):
    price: float
    note: str = "ö"


@dataclasses.dataclass
class Room:
    beds: int


class Colour(enum.Enum):
    RED = "red"


class Unprintable:
    def __repr__(self):
        raise ValueError("no")


class Hostile:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def circle():
    made = [1]
    made.append(made)
    return made


def deep():
    made = []
    for _ in range(100_000):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "content", "spoken"),
    [
        ("It rains.", "It rains.", True),
        ("x" * 100_000, "x" * 100_000, True),
        ("[sic] it rains", "[sic] it rains", True),
        (19, "19", True),
        (-2.5, "-2.5", True),
        (decimal.Decimal("1.50"), "1.50", True),
        (Colour.RED, "red", True),
        (b"12:30\n", "12:30\n", True),
        (None, "done", False),
        ("", "done", False),
        (" \n", "done", False),
        (True, "true", False),
        (float("nan"), "nan", False),
        (float("-inf"), "-inf", False),
        (b"\xff\xfe", '{"bytes":2}', False),
        ({"price": float("nan")}, '{"price":"NaN"}', False),
        (["a", 1], '["a",1]', False),
        ({1}, "[1]", False),
        (Quote(price=2), '{"price":2.0,"note":"ö"}', False),
        (Room(2), '{"beds":2}', False),
        ([Room(2), Quote(price=1)], '[{"beds":2},{"price":1.0,"note":"ö"}]', False),
        ('{"temperature": 12}', '{"temperature": 12}', False),
        (ToolOutput("as it is"), "as it is", False),
    ],
)
async def test_a_text_or_number_is_said_as_it_is_and_the_rest_is_read(value, content, spoken):
    def give():
        """Give a value."""
        return value

    assert await tool(give).call("") == ToolOutput(content, spoken=content if spoken else None)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Unprintable(),
        Hostile(),
        circle(),
        deep(),
        {"half": "\ud800"},
        10**5000,
        {"when": object},
        lambda: 1,
        {b"\xff": 1},
    ],
    ids=lambda value: "value",
)
async def test_a_result_that_cannot_be_written_hides_nothing(value):
    def give():
        """Give a value."""
        return value

    output = await tool(give).call("")
    assert output.content
    assert output.spoken is None or output.spoken == output.content


async def test_parameters_may_have_any_name():
    def odd(
        _x: int,
        model_config: str,
        schema: str,
        copy: str,
        json: str,
        model_fields: str,
        self: str,
        argument_0: str,
        *,
        __y: str,
    ) -> str:
        """Take odd names."""
        return " ".join([str(_x), model_config, schema, copy, json, model_fields, self, argument_0, __y])

    given = {name: name for name in odd.__annotations__ if name != "return"} | {"_x": 1}
    made = tool(odd)
    assert list(made.spec.parameters["properties"]) == list(given)
    assert (await made.call(json.dumps(given))).content == "1 model_config schema copy json model_fields self argument_0 __y"


async def test_parameters_may_be_of_any_kind_that_a_model_can_give():
    class Guest(BaseModel):
        name: str

    def book(
        day: str, /, guest: Guest, *, nights: Annotated[int, Field(ge=1)] = 1, title: str = Field("Ms", max_length=9)
    ) -> str:
        """Book a room."""
        return f"{day} {guest.name} {nights} {title}"

    made = tool(book)
    assert made.spec.parameters["properties"]["title"]["maxLength"] == 9
    assert (await made.call('{"day": "Monday", "guest": {"name": "Ada"}}')).content == "Monday Ada 1 Ms"
    with pytest.raises(ToolFailed, match="nights"):
        await made.call('{"day": "Monday", "guest": {"name": "Ada"}, "nights": 0}')
    with pytest.raises(ToolFailed, match="guests"):
        await made.call('{"day": "Monday", "guest": {"name": "Ada"}, "guests": 2}')


async def test_types_may_be_nested_and_defaults_may_have_no_json_form():
    def book(rooms: list[Room], quotes: dict[str, Quote], clerk: int = threading) -> str:
        """Book rooms."""
        return f"{rooms[0].beds} {quotes['a'].price} {clerk is threading}"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = tool(book)
    assert (await made.call('{"rooms": [{"beds": 2}], "quotes": {"a": {"price": 3}}}')).spoken == "2 3.0 True"
    assert made.spec.parameters["properties"]["clerk"] == {"type": "integer"}


async def test_an_infinite_default_is_no_trouble_to_those_who_write_the_schema():
    def wait(at_most: float = float("inf")) -> str:
        """Wait."""
        return str(at_most)

    for made in (tool(wait), tool(langchain_tool(wait))):
        json.dumps(made.spec.parameters, allow_nan=False)
        assert (await made.call("{}")).content == "inf"


def typed_as_text(day: "str", nights: "int" = 1) -> "NowhereDefined":  # noqa: F821
    """Book a room."""
    return f"{day} {nights}"


async def test_annotations_may_be_text_and_what_is_returned_does_not_matter():
    assert (await tool(typed_as_text).call('{"day": "Monday"}')).content == "Monday 1"


class NoForm:
    pass


def unresolved(hotel: "NowhereDefined") -> str:  # noqa: F821
    """Book."""
    return ""


def broken_type(hotel: "list[") -> str:  # noqa: F722
    """Book."""
    return ""


def no_form(hotel: NoForm) -> str:
    """Book."""
    return ""


def any_number(*hotels: str) -> str:
    """Book."""
    return ""


def anything(**hotels: str) -> str:
    """Book."""
    return ""


def untyped(hotel) -> str:
    """Book."""
    return ""


def colliding(hotel: str, inn: Annotated[str, Field(alias="hotel")]) -> str:
    """Book."""
    return ""


def without_docstring(hotel: str) -> str:
    return ""


class Untold:
    def __call__(self, hotel: str) -> str:
        return ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (unresolved, "unresolved: .*hotel.*NowhereDefined"),
        (broken_type, "broken_type: .*hotel"),
        (no_form, "no_form: .*hotel.*JSON"),
        (any_number, r"any_number: .*\*hotels"),
        (anything, r"anything: .*\*\*hotels"),
        (untyped, "untyped: .*hotel has no type"),
        (Lamp.method, "method: .*self has no type"),
        (colliding, "colliding: two parameters are called hotel"),
        (without_docstring, "without_docstring has neither a docstring"),
        (Untold(), "untold has neither a docstring"),
        (lambda x: x, "lambda.*docstring"),
        (SetLamp, "SetLamp is a class"),
        (dict.fromkeys, "fromkeys"),
        (min, "min"),
        (5, "5 is not a tool"),
        ("book", "'book' is not a tool"),
        (None.__class__, "is a class"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_in_one_line(given, said):
    with pytest.raises(ConfigError, match=said) as caught:
        tool(given)
    assert "\n" not in str(caught.value)


def test_everything_of_a_spec_can_be_set():
    def book_table(day: str) -> str:
        """Book a table."""
        return day

    made = tool(
        book_table,
        name="book",
        description="Book it.",
        examples=["a table, please", ToolExample("a table for Monday", {"day": "Monday"})],
        timeout_s=30,
        idempotent=True,
        confirm=True,
        background=True,
        filler="One moment.",
        on_interrupt="finish",
    )
    examples = (ToolExample("a table, please"), ToolExample("a table for Monday", {"day": "Monday"}))
    parameters = tool(book_table).spec.parameters
    filler = {"en": "One moment."}
    assert made.spec == ToolSpec("book", "Book it.", parameters, examples, True, 30, True, True, filler, "finish")
    assert tool(made, idempotent=False, filler={"zh": "请稍等。"}).spec.filler == {"zh": "请稍等。"}
    assert tool(made, idempotent=False).spec.examples == examples
    assert tool(without_docstring, description="Book.").spec.description == "Book."


async def test_a_tool_stays_itself_and_calls_reach_it():
    made = tool(lamp)
    assert tool(made) is made
    slower = tool(made, timeout_s=60)
    assert (made.spec.timeout_s, slower.spec.timeout_s) == (10.0, 60)
    assert (await slower.call('{"colour": "red"}')).content == "red 3"


async def test_it_is_a_decorator_with_and_without_options():
    @tool
    async def plain(colour: str) -> str:
        """Set the lamp."""
        return colour

    @tool(name="renamed", confirm=True)
    def other(colour: str) -> str:
        """Set the lamp."""
        return colour

    assert (plain.spec.name, other.spec.name, other.spec.confirm) == ("plain", "renamed", True)
    for made in (plain, other):
        assert (await made.call('{"colour": "red"}')).spoken == "red"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout_s": 0}, "lamp: timeout_s is 0"),
        ({"timeout_s": -1.5}, "timeout_s is -1.5"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"timeout_s": float("inf")}, "timeout_s"),
        ({"timeout_s": "10"}, "timeout_s is '10'"),
        ({"timeout_s": True}, "timeout_s"),
        ({"on_interrupt": "stop"}, "on_interrupt is 'stop'; choose cancel or finish"),
        ({"on_interrupt": ["cancel"]}, "on_interrupt"),
        ({"filler": 3}, "filler is 3"),
        ({"filler": " "}, "filler"),
        ({"filler": {"english": "One moment."}}, "filler"),
        ({"filler": {"en": 1}}, "filler"),
        ({"filler": ["One moment."]}, "filler"),
        ({"idempotent": "yes"}, "idempotent is 'yes'"),
        ({"confirm": 1}, "confirm"),
        ({"confirm": "Shall I book {animal}?"}, "names animal; its parameters are: "),
        ({"background": "no"}, "background"),
        ({"name": "set lamp"}, "tool name 'set lamp'"),
        ({"name": "x" * 65}, "tool name"),
        ({"name": ""}, "name"),
        ({"description": " "}, "description"),
        ({"examples": "make it red"}, "examples is 'make it red'; give a list"),
        ({"examples": [1]}, "1 is no example"),
        ({"examples": [""]}, "is no example"),
        (
            {"examples": [ToolExample("red", {"color": "red"})]},
            "lamp: the example 'red' gives color; its parameters are: colour, bright",
        ),
        ({"filer": "One moment."}, "lamp: a tool has no filer"),
    ],
)
def test_a_wrong_option_is_one_clear_line_at_once(options, said):
    with pytest.raises(ConfigError, match=said) as caught:
        tool(lamp, **options)
    assert "\n" not in str(caught.value)
