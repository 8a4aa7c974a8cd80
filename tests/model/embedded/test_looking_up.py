"""When the embedded model looks facts up, and what it makes of what was found."""

import pytest
from support.word_embedder import WordEmbedder

from vivavoce.core.messages import (
    TextDelta,
    ToolCall,
    ToolExample,
    ToolMessage,
    ToolOutput,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.core.passage import Passage
from vivavoce.model.embedded.mind import EmbeddedMind
from vivavoce.model.embedded.routing.changing_facts import changing_kind
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.looking_up import LookUp, asks_for_facts
from vivavoce.model.embedded.routing.planning import Planner
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, Route
from vivavoce.model.embedded.routing.spans import SpanFinder

pytestmark = pytest.mark.unit
DOCUMENTS, WEB = "documents", "web"
TOOLS = [ToolSpec(name, name, {}) for name in (DOCUMENTS, WEB, "clock")]
FACT, CHAT = "Who painted the harbour of Lund?", "How are you today?"


def came(name, *, found, status="done"):
    passages = (Passage("text", "a", "A"),) if found else ()
    return ToolMessage(ToolResult(ToolCall(f"call-{name}", name, "{}"), status, ToolOutput("content", passages=passages)))


def look_up(mode):
    return LookUp(mode, (DOCUMENTS, WEB))


@pytest.mark.parametrize("mode", ["first", "only"])
def test_a_question_of_fact_goes_to_the_documents_then_to_the_web_then_nowhere(mode):
    chosen = look_up(mode)
    assert chosen.next_source(FACT, NO_TOOL, [], TOOLS) == DOCUMENTS
    assert chosen.next_source(FACT, NO_TOOL, [came(DOCUMENTS, found=False)], TOOLS) == WEB
    assert chosen.next_source(FACT, NO_TOOL, [came(DOCUMENTS, found=False), came(WEB, found=False)], TOOLS) == ""
    assert chosen.next_source(FACT, NO_TOOL, [came(DOCUMENTS, found=True)], TOOLS) == ""


def test_the_source_that_was_asked_for_comes_first():
    assert look_up("first").next_source(FACT, WEB, [], TOOLS) == WEB
    assert look_up("first").next_source(FACT, WEB, [came(WEB, found=False, status="failed")], TOOLS) == DOCUMENTS


def test_only_what_is_registered_is_asked():
    assert look_up("only").next_source(FACT, NO_TOOL, [], [TOOLS[2]]) == ""
    assert look_up("only").next_source(FACT, NO_TOOL, [], TOOLS[1:]) == WEB


@pytest.mark.parametrize(("request_", "label"), [(CHAT, NO_TOOL), (FACT, "clock"), (FACT, "")])
def test_small_talk_other_tools_and_compound_requests_are_left_alone(request_, label):
    results = [came("clock", found=False)]
    assert look_up("only").next_source(request_, label, [], TOOLS) == ""
    assert look_up("only").telling(request_, label, results) == results


def test_by_default_nothing_is_looked_up_that_was_not_asked_for():
    assert look_up("asked").next_source(FACT, NO_TOOL, [], TOOLS) == ""
    assert LookUp().telling(FACT, DOCUMENTS, [came(DOCUMENTS, found=False)])


def test_what_is_not_found_is_answered_from_memory_or_not_at_all():
    nothing = [came(DOCUMENTS, found=False), came(WEB, found=False)]
    assert look_up("first").telling(FACT, NO_TOOL, nothing) == []
    assert look_up("first").telling(FACT, DOCUMENTS, nothing) == nothing, "the user asked for the documents"
    assert look_up("only").telling(FACT, NO_TOOL, nothing) == nothing


def test_a_source_that_found_nothing_is_not_spoken_about_where_another_did():
    results = [came(DOCUMENTS, found=False), came(WEB, found=True)]
    assert look_up("only").telling(FACT, NO_TOOL, results) == results[1:]


@pytest.mark.parametrize(
    "request_", ["Who sang in My Fair Lady?", "Is the harbour older than the church?", "法国的首都是哪里？"]
)
def test_facts(request_):
    assert asks_for_facts(request_)


@pytest.mark.parametrize("request_", ["Hello there!", "What can you do?", "Tell me a joke.", "你好！", "你是谁做的呢？"])
def test_talk(request_):
    assert not asks_for_facts(request_)


class Router:
    """Finds small talk in everything."""

    def fit(self, tools):
        pass

    def route(self, utterance, after=""):
        return Route(NO_TOOL, 0.9)


class Finders:
    """Learnt nothing."""

    def of(self, tool):
        return SpanFinder()


class Llama:
    """Writes the same for every prompt, and keeps the prompts."""

    def __init__(self):
        self.prompts = []

    def join(self, user):
        pass

    async def complete(self, prompt, slot, **_):
        return '{"query": "harbour painter"}'

    async def stream(self, prompt, slot, **_):
        self.prompts.append(prompt)
        yield "From memory."


QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
ASKING = [
    ToolSpec(DOCUMENTS, "documents", QUERY, (ToolExample("the whole question", {"query": "the whole question"}),)),
    ToolSpec(WEB, "web", QUERY, (ToolExample("search for boats", {"query": "boats"}),)),
]


async def stepped(mode, messages, tools=ASKING):
    llama = Llama()
    model = EmbeddedMind(Router(), DescribedTools(WordEmbedder()), Finders(), llama, look_up(mode))
    deltas = [delta async for delta in model.stream(messages, tools)]
    calls = [(delta.name, delta.arguments) for delta in deltas if isinstance(delta, ToolCall)]
    return calls, "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)).strip(), llama.prompts


def said(name, spoken, *, found):
    passages = (Passage("text", "a", "A"),) if found else ()
    return ToolMessage(
        ToolResult(ToolCall(f"call-{name}", name, "{}"), "done", ToolOutput(f"of {name}", spoken, passages=passages))
    )


async def test_the_model_looks_up_what_sounds_like_talk_and_reads_out_what_was_found_alone():
    asked = [UserMessage(FACT)]
    calls, _, _ = await stepped("only", asked)
    assert calls == [(DOCUMENTS, f'{{"query": "{FACT}"}}')]
    calls, text, prompts = await stepped("only", [*asked, said(DOCUMENTS, "Bo painted it.", found=True)])
    assert (calls, text, prompts) == ([], "Bo painted it.", [])


async def test_the_model_goes_on_to_the_web_and_its_prompt_lacks_what_found_nothing():
    asked = [UserMessage(FACT), said(DOCUMENTS, "I don't know.", found=False)]
    calls, _, _ = await stepped("only", asked)
    assert calls == [(WEB, '{"query": "harbour painter"}')]
    calls, text, prompts = await stepped("only", [*asked, said(WEB, None, found=True)])
    assert (calls, text) == ([], "From memory.")
    assert f"of {WEB}" in prompts[0]
    assert f"of {DOCUMENTS}" not in prompts[0]


@pytest.mark.parametrize(("mode", "answer"), [("only", "I don't know."), ("first", "From memory.")])
async def test_the_model_answers_what_is_not_found_from_memory_only_where_it_may(mode, answer):
    messages = [UserMessage(FACT), said(DOCUMENTS, "I don't know.", found=False)]
    calls, text, _ = await stepped(mode, messages, ASKING[:1])
    assert (calls, text) == ([], answer)


async def test_by_default_the_model_answers_talk_without_a_tool():
    assert (await stepped("asked", [UserMessage(FACT)]))[:2] == ([], "From memory.")


@pytest.mark.parametrize(
    ("request_", "label", "chance", "wanted"),
    [
        ("What about Athens?", NO_TOOL, 0.8, "weather"),
        ("And who are you?", NO_TOOL, 0.97, NO_TOOL),
        ("How about the time in Toronto?", "clock", 0.9, "clock"),
        ("And now?", "clock", 0.4, "weather"),
    ],
)
async def test_a_follow_up_is_of_the_tool_before_unless_the_router_knows_better(request_, label, chance, wanted):
    class Sure(Router):
        def route(self, utterance, after=""):
            assert after == "weather"
            return Route(label, chance)

    tools = [ToolSpec(name, "", {}, (ToolExample("x"),)) for name in ("weather", "clock")]
    before = [
        UserMessage(text="Is it dry in Rome?"),
        ToolMessage(ToolResult(ToolCall("1", "weather", "{}"), "done", ToolOutput("dry"))),
        UserMessage(text=request_),
    ]
    planner = Planner(Sure(), DescribedTools(WordEmbedder()), Finders())
    (step,) = await planner.plan(request_, before, tools)
    assert step.label == wanted
    planner = Planner(Router(), DescribedTools(WordEmbedder()), Finders())
    (alone,) = await planner.plan(request_, before, tools[1:])
    assert alone.label == NO_TOOL, "a tool that is gone is not asked"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("What's Volvo trading at?", "price"),
        ("What is a share of Volvo going for?", "price"),
        ("How much does an ounce of silver cost?", "price"),
        ("沃尔沃的股价是多少？", "price"),
        ("How did Celtic do last night?", "score"),
        ("Who won the match?", "score"),
        ("How is the traffic on the bridge?", "traffic"),
        ("Is the train to York delayed?", "status"),
        ("When does the next tram leave?", "status"),
        ("What's the balance of my account?", "balance"),
        ("What's the latest from Lund?", "news"),
        ("What is a stock?", ""),
        ("Why do prices rise?", ""),
        ("What does trading at a premium mean?", ""),
        ("Who won the cup in 1998?", ""),
        ("Who won the war?", ""),
        ("How are you today?", ""),
        ("I sell for a living.", ""),
    ],
)
def test_what_changes_by_the_day(said, kind):
    assert changing_kind(said) == kind


@pytest.mark.parametrize(
    ("tools", "sources", "label"),
    [
        ([], (), BEYOND),
        ([ToolSpec("share", "Tell the price of a share of a company.", {})], (), "share"),
        (TOOLS, (DOCUMENTS, WEB), WEB),
    ],
)
async def test_what_changes_by_the_day_is_not_answered_from_memory(tools, sources, label):
    planner = Planner(Router(), DescribedTools(WordEmbedder()), Finders(), sources)
    planner.fit([ToolSpec(tool.name, tool.description, {}, (ToolExample("x"),)) if sources else tool for tool in tools])
    (step,) = await planner.plan("What is Volvo trading at?", [], tools)
    assert step.label == label
