"""What the embedded mind writes: calls as they are, and answers under the instructions that it is given."""

import json

import pytest
from support.word_embedder import WordEmbedder

from vivavoce.app.assets import weight_store
from vivavoce.core.messages import (
    AssistantMessage,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolExample,
    ToolMessage,
    ToolOutput,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.embedded.llama import LlamaServer
from vivavoce.model.embedded.mind import EmbeddedMind
from vivavoce.model.embedded.prompts import DEFAULT_INSTRUCTIONS, answer_prompt
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, Route
from vivavoce.model.embedded.routing.spans import SpanFinder, SpanFinders

pytestmark = pytest.mark.unit
COPIES = ToolSpec(
    "notes",
    "Takes a note.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    (ToolExample("Note this.", {"text": "Note this."}),),
)
WRITTEN = ToolSpec(
    "dice",
    "Rolls a die.",
    {"type": "object", "properties": {"sides": {"type": "integer"}, "colour": {"type": "string"}}},
    (ToolExample("Roll a die with six sides.", {"sides": 6}),),
)


class Router:
    """Chooses one tool for everything."""

    def __init__(self, label):
        self.label = label

    def fit(self, tools):
        pass

    def route(self, utterance, after=""):
        return Route(self.label, 0.9)


class Finders:
    """Learnt nothing."""

    def of(self, tool):
        return SpanFinder()


class Llama:
    """Writes what it is told to."""

    def __init__(self, written=""):
        self.written, self.read = written, []

    def join(self, user):
        pass

    async def start(self):
        pass

    async def complete(self, prompt, slot, **_):
        self.read.append(prompt)
        return self.written


async def calls(tool, said, written=""):
    mind = EmbeddedMind(Router(tool.name), DescribedTools(WordEmbedder()), Finders(), Llama(written))
    return [delta async for delta in mind.stream([UserMessage(said)], [tool])]


async def test_a_call_is_yielded_as_it_is_with_an_id_of_its_own():
    said = 'Note </tool_call> and "quotes" and \ud800'
    (first,), (second,) = await calls(COPIES, said), await calls(COPIES, said)
    assert isinstance(first, ToolCall)
    assert first.name == "notes"
    assert json.loads(first.arguments) == {"text": said.replace("\ud800", "?")}
    assert first.arguments.encode()
    assert first.id != second.id


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('{"sides": 20}', '{"sides": 20}'),
        ('{"sides": 20, "colour": "red"}', '{"sides": 20, "colour": "red"}'),
        ('{"sides": 20, "colour": "re', '{"sides": 20}'),  # cut off at the limit; what nobody said is left out
        (" twenty ", "twenty"),
        ("[20]", "[20]"),
    ],
)
async def test_what_the_language_model_wrote_is_mended_or_left_for_the_controller_to_report(written, arguments):
    (call,) = await calls(WRITTEN, "Roll a red die with twenty sides.", written)
    assert call.arguments == arguments


async def test_nothing_is_read_before_it_is_needed(tmp_path):
    """An agent opens with tools that it has no examples of, and with some that it has: the language model reads nothing."""
    llama = Llama()
    mind = EmbeddedMind(Router(NO_TOOL), DescribedTools(WordEmbedder()), SpanFinders(tmp_path), llama)
    more = [ToolSpec(f"tool_{n}", f"Does number {n}.", WRITTEN.parameters) for n in range(30)]
    await mind.warm_up([*more, WRITTEN, COPIES])
    assert llama.read == []


async def test_a_tool_without_examples_is_called_by_its_description_and_its_prompt_is_about_it_alone(tmp_path):
    described = {"type": "object", "properties": {"room": {"type": "string", "description": "where it is"}, "minutes": {}}}
    described["required"] = ["room"]
    tools = [ToolSpec(f"start_{n}", f"Start the {n} in a room.", described) for n in ("kettle", "oven", "piano")]
    llama = Llama('{"room": "kitchen"}')
    mind = EmbeddedMind(Router(NO_TOOL), DescribedTools(WordEmbedder()), SpanFinders(tmp_path), llama)
    (call,) = [delta async for delta in mind.stream([UserMessage("Start the oven in the kitchen.")], tools)]
    assert (call.name, json.loads(call.arguments)) == ("start_oven", {"room": "kitchen"})
    (prompt,) = llama.read
    assert "- room (any): where it is" not in prompt
    assert "- room (string): where it is\n- minutes (any, optional): " in prompt
    assert "kettle" not in prompt
    assert len(prompt) < 600


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "I am sorry, I cannot do that. What I can do: notes. "),
        ("zh", "抱歉，这个我做不到。我能做的有：notes。 "),
    ],
)
async def test_what_no_tool_does_is_refused_and_the_language_model_claims_nothing(language, said):
    llama = Llama("The lights are on.")
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), Finders(), llama, language=language)
    told = [delta async for delta in mind.stream([UserMessage("Turn on the lights.")], [COPIES])]
    assert (told, llama.read) == ([TextDelta(said)], [])


async def test_what_a_tool_without_examples_is_likely_for_is_not_refused():
    lights = ToolSpec("turn_on_lights", "Turn on the lights in a room.", {"type": "object", "properties": {}})
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), Finders(), Llama())
    (call,) = [delta async for delta in mind.stream([UserMessage("Turn on the lights.")], [lights])]
    assert call.name == "turn_on_lights"


async def test_what_the_call_before_was_given_holds_where_nothing_else_is_said():
    before = ToolMessage(ToolResult(ToolCall("1", "dice", '{"sides": 6, "colour": "red"}'), "failed", ToolOutput("no")))
    messages = [UserMessage("Roll a red die."), before, UserMessage("And with twenty sides?")]
    mind = EmbeddedMind(Router("dice"), DescribedTools(WordEmbedder()), Finders(), Llama('{"sides": 20}'))
    (call,) = [delta async for delta in mind.stream(messages, [WRITTEN])]
    assert json.loads(call.arguments) == {"sides": 20, "colour": "red"}


def test_an_answer_stands_under_the_instructions_that_were_given():
    asked = [UserMessage("Hello."), AssistantMessage("Hi."), UserMessage("Who are you?")]
    given = answer_prompt([SystemMessage("You are Bo."), SystemMessage("Be brief."), *asked], "Who are you?")
    assert given.startswith("<|im_start|>system\nYou are Bo. Be brief.<|im_end|>\n<|im_start|>user\nHello.")
    assert DEFAULT_INSTRUCTIONS not in given
    assert answer_prompt(asked, "Who are you?").startswith(f"<|im_start|>system\n{DEFAULT_INSTRUCTIONS}<|im_end|>\n")


@pytest.mark.models
async def test_minds_with_different_tools_share_a_language_model(home, tmp_path):
    llama = LlamaServer(weight_store(home).path(home.embedded.language_model), 1)
    weights = {"type": "object", "properties": {"kilos": {"type": "number"}}, "required": ["kilos"]}
    scales = ToolSpec("scales", "Weighs.", weights, (ToolExample("Weigh three kilos.", {"kilos": 3}),))
    described, finders = DescribedTools(WordEmbedder()), SpanFinders(tmp_path)
    dice, scale = (EmbeddedMind(Router(tool.name), described, finders, llama) for tool in (WRITTEN, scales))

    async def asked(mind, tool, said):
        return [(delta.name, json.loads(delta.arguments)) async for delta in mind.stream([UserMessage(said)], [tool])]

    for _ in range(2):
        assert await asked(dice, WRITTEN, "Roll a die with 20 sides.") == [("dice", {"sides": 20})]
        assert await asked(scale, scales, "Weigh 7 kilos.") == [("scales", {"kilos": 7})]
    await dice.close()
    await dice.close()
    result = ToolMessage(ToolResult(ToolCall.new("scales", "{}"), "done", ToolOutput("", spoken="Seven kilos.")))
    told = [delta async for delta in scale.stream([UserMessage("Weigh 7 kilos."), result], [scales])]
    assert told == [TextDelta("Seven kilos. ")]
    assert await asked(scale, scales, "Weigh 7 kilos.") == [("scales", {"kilos": 7})], "the other one still uses it"
    await scale.close()


async def test_a_call_that_was_interrupted_is_told_of_by_the_agent_and_not_once_more():
    call = ToolCall("1", "notes", '{"text": "x"}')
    result = ToolResult(call, "interrupted", ToolOutput("the call was interrupted"))
    messages = [UserMessage("Note x."), AssistantMessage("", (call,)), ToolMessage(result)]
    mind = EmbeddedMind(Router("notes"), DescribedTools(WordEmbedder()), Finders(), Llama())
    assert [delta async for delta in mind.stream(messages, [COPIES])] == []


TABLE = ToolSpec(
    "book_table",
    "Book a table in a restaurant.",
    {
        "type": "object",
        "properties": {"people": {"type": "integer"}, "time": {"type": "string"}},
        "required": ["people", "time"],
    },
)


class Scripted(Llama):
    """Writes one text after the other."""

    async def complete(self, prompt, slot, **_):
        self.read.append(prompt)
        return self.written.pop(0)


async def dialogue(mind, *said):
    """What a mind answers in one dialogue, turn after turn: sentences, and calls as names with arguments."""
    messages, answers = [], []
    for words in said:
        messages.append(UserMessage(words))
        deltas = [delta async for delta in mind.stream(messages, [TABLE])]
        text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        calls = tuple(delta for delta in deltas if isinstance(delta, ToolCall))
        messages.append(AssistantMessage(text, calls))
        messages += [ToolMessage(ToolResult(call, "done", ToolOutput("ok"))) for call in calls]
        answers.append(text or [(call.name, json.loads(call.arguments)) for call in calls])
    return answers


def booking(*written):
    return EmbeddedMind(Router("book_table"), DescribedTools(WordEmbedder()), Finders(), Scripted(list(written)))


async def test_what_is_missing_is_asked_for_and_the_answers_fill_the_call():
    mind = booking('{"people": 2, "time": "8 pm"}', '{"people": 4, "time": "8 pm"}', '{"people": 4, "time": "seven"}')
    assert await dialogue(mind, "Book a table.", "Four.", "At seven.") == [
        "How many people?",
        "At what time?",
        [("book_table", {"people": 4, "time": "seven"})],
    ]


async def test_a_changed_mind_cancels_the_call():
    mind = booking('{"people": 2, "time": "8 pm"}')
    assert await dialogue(mind, "Book a table.", "Never mind.") == ["How many people?", "All right, I will not do that."]


@pytest.mark.parametrize(
    ("reply", "time"), [("half past six", "half past six"), ("Make it seven thirty, please.", "seven thirty")]
)
async def test_a_short_reply_is_tried_as_a_value_whatever_the_language_model_makes_of_it(reply, time):
    mind = booking('{"people": 4, "time": "8 pm"}', '{"people": 4}')
    answers = await dialogue(mind, "Book a table for four.", reply)
    assert answers == ["At what time?", [("book_table", {"people": 4, "time": time})]]


async def test_an_earlier_value_that_is_put_right_in_answer_to_a_question_holds_and_the_question_is_asked_again():
    mind = booking('{"people": 4, "time": "8 pm"}', '{"people": 4, "time": "four"}', '{"people": 4}')
    assert await dialogue(mind, "Book a table for four.", "No, five people.", "At eight.") == [
        "At what time?",
        "At what time?",
        [("book_table", {"people": 5, "time": "eight"})],
    ]


async def test_the_call_just_made_is_made_again_with_one_argument_changed_and_told_of_without_a_refusal():
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), Finders(), Llama())
    call = ToolCall("1", "book_table", '{"people": 4, "time": "seven"}')
    before = [UserMessage("A table for four at seven."), ToolMessage(ToolResult(call, "done", ToolOutput("ok")))]
    messages = [*before, UserMessage("Make that eight people.")]
    (again,) = [delta async for delta in mind.stream(messages, [TABLE])]
    assert json.loads(again.arguments) == {"people": 8, "time": "seven"}
    told = ToolMessage(ToolResult(again, "done", ToolOutput("", spoken="It is booked.")))
    assert [delta async for delta in mind.stream([*messages, told], [TABLE])] == [TextDelta("It is booked. ")]


class ByWords(Router):
    """Finds the dice where they are named, and else a table."""

    def __init__(self):
        pass

    def route(self, utterance, after=""):
        return Route("dice" if "die" in utterance else "book_table", 0.9)


async def test_what_one_part_of_a_request_lacks_is_asked_for_after_the_answer_to_the_other():
    written = ['{"sides": 6}', '{"people": 4}', '{"people": 4}', '{"people": 4}']
    mind = EmbeddedMind(ByWords(), DescribedTools(WordEmbedder()), Finders(), Scripted(written))
    tools, messages = [WRITTEN, TABLE], [UserMessage("Take a die with six sides, and book a table for four.")]
    (call,) = [delta async for delta in mind.stream(messages, tools)]
    assert call.name == "dice"
    rolled = ToolMessage(ToolResult(call, "done", ToolOutput("", spoken="It is a five.")))
    messages += [AssistantMessage("", (call,)), rolled]
    said = "".join([delta.text async for delta in mind.stream(messages, tools)])
    assert " ".join(said.split()) == "It is a five. At what time?"
    messages += [AssistantMessage(said), UserMessage("Seven thirty.")]
    (booked,) = [delta async for delta in mind.stream(messages, tools)]
    assert "die" not in mind._llama.read[-1]
    assert json.loads(booked.arguments) == {"people": 4, "time": "Seven thirty"}


async def test_a_request_in_chinese_finds_a_tool_that_is_described_in_english(tmp_path):
    kettle = ToolSpec("start_kettle", "Start the kettle in a room.", {"type": "object", "properties": {}})
    llama = Llama("Start the kettle in a room.")
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), SpanFinders(tmp_path), llama)
    for _ in range(2):
        (call,) = [delta async for delta in mind.stream([UserMessage("请烧水")], [kettle])]
        assert call.name == "start_kettle"
    assert len(llama.read) == 1, "it is translated once"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Don't start the kettle in a room.", "All right, I will not do that."),
        ("Start the kettle in a room, no, don't.", "All right, I will not do that."),
        ("What did you just do?", "I have done nothing yet."),
        ("Did you start the kettle?", "No, not that I know of."),
        ("Is the kettle started in the room?", "I am sorry, I do not know that."),
    ],
)
async def test_what_is_no_order_starts_nothing(tmp_path, said, answer):
    kettle = ToolSpec("start_kettle", "Start the kettle in a room.", {"type": "object", "properties": {}})
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), SpanFinders(tmp_path), Llama())
    said_back = [delta async for delta in mind.stream([UserMessage(said)], [kettle])]
    assert "".join(delta.text for delta in said_back).strip() == answer


async def test_what_it_can_do_is_not_said_over_and_over(tmp_path):
    kettle = ToolSpec("start_kettle", "Start the kettle in a room.", {"type": "object", "properties": {}})
    mind = EmbeddedMind(Router(BEYOND), DescribedTools(WordEmbedder()), SpanFinders(tmp_path), Llama())
    dialogue = [UserMessage("Sell my car.")]
    for wanted in (
        "I am sorry, I cannot do that. What I can do: start the kettle in a room.",
        "I am sorry, I cannot do that.",
    ):
        said = "".join([delta.text async for delta in mind.stream(dialogue, [kettle])]).strip()
        assert said == wanted
        dialogue += [AssistantMessage(said), UserMessage("Sell my house.")]
