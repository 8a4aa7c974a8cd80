"""The audio search as the agent uses it: what it says, what it sets, and what it leaves alone."""

import json

import pytest
from support.voices import voice

from vivavoce.core.calls import RunningCall, running
from vivavoce.core.errors import ToolFailed
from vivavoce.core.language.sentences import NO_MANNER
from vivavoce.core.messages import SessionFacts
from vivavoce.core.voice import VoiceFacts
from vivavoce.tools.voices.requests import action_of, compared, wants_any_other
from vivavoce.tools.voices.tool import VoiceSearchTool
from vivavoce.voicebank.bank import FolderVoiceBank

pytestmark = pytest.mark.unit
MADE = (
    voice(
        "default", 197.0, name="Heart", facts=VoiceFacts("female", "adult"), description="A friendly woman.", synthetic=True
    ),
    voice(
        "giant", 60.0, name="Giant", facts=VoiceFacts("male", "adult", style="giant, slow"), description="A huge monster."
    ),
    voice("elias", 90.0, name="Elias", facts=VoiceFacts("male", "old"), description="A grandfather.", synthetic=True),
    voice("stage-man", 150.0, name="Stage Man", facts=VoiceFacts("male", "old", style="theatre"), description="An actor."),
    voice("girl", 310.0, name="Little Girl", facts=VoiceFacts("female", "child"), description="A small girl."),
    voice(
        "private", 118.0, name="Private", facts=VoiceFacts("male", "young"), description="A young man.", do_not_clone=True
    ),
)


@pytest.fixture
def tool(tmp_path):
    bank = FolderVoiceBank(tmp_path / "voices", None)
    for made in MADE:
        bank.add(made)
    return VoiceSearchTool(bank)


def request(text, **more):
    return json.dumps({"description": text} | more)


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ("Speak like an old man.", "switch"),
        ("Use a faster male voice.", "switch"),
        ("Do you have a voice that sounds like an elf?", "switch"),
        ("Talk to me like someone who is speaking on the radio.", "switch"),
        ("Please speak in a different voice.", "switch"),
        ("换一个声音", "switch"),
        ("Go back to your normal voice, please.", "default"),
        ("恢复默认音色。", "default"),
        ("Who is speaking?", "who"),
        ("Which voice is this?", "who"),
        ("Whose voice are you using?", "who"),
        ("这是谁的声音？", "who"),
        ("Why did you choose this voice?", "explain"),
        ("为什么选这个声音？", "explain"),
        ("Compare the giant and the girl.", "compare"),
        ("How is this voice different from the giant?", "compare"),
        ("What voices do you have?", "list"),
        ("Give me some alternatives.", "list"),
        ("有哪些女声的声音？", "list"),
        ("Speak louder, please.", "manner"),
        ("Could you speak more slowly?", "manner"),
        ("大声一点。", "manner"),
    ],
)
def test_what_a_request_wants(said, action):
    assert action_of(said) == action


@pytest.mark.parametrize(
    ("said", "two"),
    [
        ("Compare the giant and the girl.", ("giant", "girl")),
        ("What's the difference between Little Girl and the elf?", ("Little Girl", "elf")),
        ("How is this voice different from the robot?", ("", "robot")),
        ("Compare the robot.", ("robot", "")),
        ("Compare.", None),
    ],
)
def test_which_voices_are_compared(said, two):
    assert compared(said) == two


def test_any_other_voice_is_told_from_another_described_one():
    assert wants_any_other("Please speak in a different voice.")
    assert wants_any_other("请换一个声音")
    assert wants_any_other("another one, please")
    assert not wants_any_other("a different voice, an old lady")
    assert not wants_any_other("x" * 400 + "into" * 25)


async def in_session(tool, arguments, session):
    with running(RunningCall(session=session)):
        return await tool.call(arguments)


async def test_it_names_the_voice_and_tells_the_model_why_and_what_else_fits(tool):
    found = await tool.call(request("a deep old man"))
    assert (found.voice_id, found.asked) == ("elias", "a deep old man")
    assert found.spoken == "All right, I am now speaking as Elias."
    assert "Why: old, male, low pitch" in found.content
    assert "Alternatives: Stage Man" in found.content


async def test_nothing_fitting_is_refused_without_a_switch(tool):
    found = await tool.call(request("the price of copper"))
    assert found.voice_id is None
    assert found.spoken.startswith("I am sorry, I have no voice like that.")


async def test_a_voice_that_may_not_be_cloned_is_never_taken(tool):
    assert (await tool.call(request("a young man"))).voice_id != "private"


@pytest.mark.parametrize("said", ["Speak louder.", "Who is speaking?", "Why this voice?", "What voices do you have?"])
async def test_talk_about_voices_sets_none(tool, said):
    found = await tool.call(request(said))
    assert (found.voice_id, bool(found.spoken)) == (None, True)


async def test_it_says_who_speaks_and_by_what_right(tool):
    found = await in_session(tool, request("Who is speaking?"), SessionFacts("giant", "a giant"))
    assert found.spoken == "You are hearing Giant. A huge monster. It was recorded from a person; licence: MIT."
    assert (await tool.call(request("speak up"))).spoken == NO_MANNER("en")


async def test_it_says_why(tool):
    found = await in_session(tool, request("Why did you choose that voice?"), SessionFacts("elias", "a deep old man"))
    assert found.spoken.startswith('You asked: "a deep old man" Elias fits best: old, male, low pitch')
    assert "Nobody asked" in (await tool.call(request("Why this voice?"))).spoken


async def test_it_compares_two_voices(tool):
    found = await tool.call(request("Compare the giant and Little Girl."))
    assert found.spoken.startswith("Compared with Little Girl, Giant is male, not female")
    assert "much deeper, 60 against 310 hertz" in found.spoken
    assert "the same voice" in (await tool.call(request("Compare this voice and this voice."))).spoken
    with pytest.raises(ToolFailed, match="know no voice like"):
        await tool.call(request("Compare the giant and the price of copper."))
    with pytest.raises(ToolFailed, match="which two"):
        await tool.call(request("Compare."))


async def test_it_lists_what_fits_and_alternatives_to_the_last_request(tool):
    assert "Elias" in (await tool.call(request("Which old men voices do you have?"))).spoken
    found = await in_session(tool, request("Any alternatives?"), SessionFacts("elias", "an old man"))
    assert "Stage Man" in found.spoken
    assert "Elias" not in found.spoken


async def test_another_voice_is_not_the_one_that_speaks(tool):
    for current in ("giant", "elias"):
        found = await in_session(tool, request("Use another voice."), SessionFacts(current))
        assert found.voice_id not in (None, current)
    other = await in_session(tool, request("another old man"), SessionFacts("elias"))
    assert other.voice_id == "stage-man"


@pytest.mark.parametrize(
    ("said", "now", "then"),
    [
        ("another one", "elias", "stage-man"),
        ("Another one, please.", "stage-man", "elias"),
        ("换一个", "elias", "stage-man"),
        ("the second one", "elias", "stage-man"),
        ("第二个", "elias", "stage-man"),
        ("a bit deeper, please", "stage-man", "elias"),
        ("再低一点", "stage-man", "elias"),
        ("Deeper than that.", "stage-man", "elias"),
    ],
)
async def test_what_leans_on_the_request_before_is_understood_with_it(tool, said, now, then):
    found = await in_session(tool, request(said), SessionFacts(now, "an old man"))
    assert found.voice_id == then
    assert "old man" in found.asked


async def test_nothing_deeper_than_the_deepest_is_found(tool):
    found = await in_session(tool, request("a bit deeper"), SessionFacts("giant", "a huge man"))
    assert found.voice_id is None
    assert found.spoken.startswith("I am sorry, I have no voice like that.")


async def test_a_model_may_say_what_it_wants_done(tool):
    assert (await tool.call(request("an old man", action="list"))).voice_id is None
    assert (await tool.call(request("x", action="default"))).voice_id == "default"


async def test_it_speaks_the_language_of_the_dialogue(tool):
    session = SessionFacts("elias", "a deep old man", language="zh")
    for said, spoken in (
        ("a deep old man", "好的，我现在用Elias的声音说话。"),
        ("the price of copper", "抱歉，我没有那样的声音。您可以问我有哪些声音。"),
        ("恢复默认音色。", "好的，我恢复平常的声音了。"),
        (
            "Compare the giant and Little Girl.",
            "和Little Girl相比，Giant是男声，不是女声，而且音调低得多，60赫兹对310赫兹。 Giant的风格是giant, slow。",
        ),
        ("Who is speaking?", "您听到的是Elias。A grandfather.这是合成的声音；许可证：MIT。"),
    ):
        assert (await in_session(tool, request(said), session)).spoken == spoken
