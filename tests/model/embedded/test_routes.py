"""Routes of utterances that were not learnt from, in every form that the same thing is said in."""

import re
from collections import Counter
from pathlib import Path

import pytest

from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_tools
from vivavoce.core.language.words import is_in_pairs, words
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, IntentRouter
from vivavoce.tools.examples import BEYOND_EXAMPLES, CHAT_EXAMPLES, LACKING

pytestmark = pytest.mark.models
LINES = Path(__file__).with_name("routes.tsv").read_text("utf-8").splitlines()
ROUTES = [(label, said) for label, said in (line.split("\t") for line in LINES if not line.startswith("#"))]
LABELS = sorted({label for label, _ in ROUTES})
FOUND = {BEYOND: 0.8, NO_TOOL: 0.85}  # at least so many, in English and Chinese together; of each tool all
ENGLISH = (
    "{}!",
    "{}...",
    "{}, please.",
    "Please {}",
    "Hey, {}.",
    "Um, well, {}",
    "Okay so, {}",
    "You know, {}",
    "{}, thanks.",
)
REQUEST = (
    "Could you {}?",
    "Can you please {}?",
    "I'd like you to {}.",
    "I was wondering if you could {}.",
    "Would you please {}",
)
CHINESE = ("{}！", "请{}", "嗯，{}", "麻烦你{}，谢谢", "帮我{}吧", "那个，{}", "请帮我{}，好吗？")
QUESTIONS = re.compile(
    r"(what|who|why|which|how|do|is|are|has|have|did|am|was|were|where|when|could|would|can)\b", re.IGNORECASE
)


@pytest.fixture(scope="module")
def tools(home):
    return open_tools(Parts(home)).specs


@pytest.fixture(scope="module")
def router(home, tools):
    router = IntentRouter(Parts(home).embedder, CHAT_EXAMPLES, home.home / "cache", BEYOND_EXAMPLES, LACKING)
    router.fit(tools)
    return router


def forms(said):
    """Other ways to say the same."""
    bare = said.rstrip(".?!。？！")
    yield from (bare, bare.lower(), bare.upper())
    templates = CHINESE if is_in_pairs(said) else ENGLISH
    if not is_in_pairs(said) and not QUESTIONS.match(said):
        templates = (*ENGLISH, *REQUEST)
    for template in templates:
        yield template.format(bare)


def test_nothing_of_them_is_learnt(tools):
    learnt = [*CHAT_EXAMPLES, *BEYOND_EXAMPLES, *(example.utterance for tool in tools for example in tool.examples)]
    assert {tuple(words(said)) for said in learnt}.isdisjoint(tuple(words(said)) for _, said in ROUTES)


@pytest.mark.parametrize("label", LABELS)
def test_they_are_found(router, label):
    found = Counter(router.route(said).label for wanted, said in ROUTES if wanted == label)
    assert found[label] >= FOUND.get(label, 1.0) * found.total(), found


@pytest.mark.parametrize("label", LABELS)
def test_form_does_not_change_a_route(router, label):
    changed = [
        (form, router.route(form), router.route(said))
        for wanted, said in ROUTES
        if wanted == label
        for form in forms(said)
        if router.route(form).label != router.route(said).label
    ]
    assert not changed


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("Speak like a robot.", "voice_search"),
        ("speak like a robot", "voice_search"),
        ("Why this voice?", "voice_search"),
        ("Compare it with the little girl.", "voice_search"),
        ("Send Anna fifty euros", BEYOND),
        ("Who are you?", NO_TOOL),
    ],
)
def test_what_was_routed_wrongly_once(router, said, label):
    assert router.route(said).label == label


def test_an_agent_without_the_product_tools_tells_talk_from_what_it_cannot_do(home):
    router = IntentRouter(Parts(home).embedder, CHAT_EXAMPLES, home.home / "cache", BEYOND_EXAMPLES, LACKING)
    router.fit([])
    right = [router.route(said).label == (label if label in (NO_TOOL, BEYOND) else BEYOND) for label, said in ROUTES]
    assert sum(right) >= 0.85 * len(right)
    assert router.route("What is the price of gold right now?").label == BEYOND
    assert router.route("Tell me a joke.").label == NO_TOOL
