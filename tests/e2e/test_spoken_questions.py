"""Real speech in, real speech out: the right tool, the fact in the answer, the answer understood when listened to."""

from datetime import datetime, timedelta
from pathlib import Path

import jiwer
import pytest

from vivavoce.app import open_agent
from vivavoce.app.assets import recogniser_assets, weight_store
from vivavoce.app.parts import open_bank
from vivavoce.core.audio import AudioClip
from vivavoce.model.embedded.hearing.recogniser import WhisperRecogniser
from vivavoce.voicebank.embedders import ResemblyzerEmbedder

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
VOICES = ("old-man", "girl", "robot")
PLAIN = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.SubstituteRegexes({r"\b([ap])\.?m\b": r" \1m ", r"(\d)(st|nd|rd|th)\b": r"\1", r"[^\w\s]": " "}),
        jiwer.SubstituteRegexes({r"(\d)([ap]m)\b": r"\1 \2"}),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
    ]
)


def questions():
    for line in (HERE / "questions.tsv").read_text().splitlines():
        name, _, _, tool, fact = line.split("\t")
        yield name, tool, fact


def tells(answer, fact, *days):
    """Whether the fact is in the answer on one of these days: it may be asked before midnight and answered after."""
    for day in days:
        words = {"year": str(day.year), "weekday": f"{day:%A}", "tomorrow": f"{day + timedelta(days=1):%A}"}
        if any(option.lower() in answer.lower() for option in fact.format(**words).split("|")):
            return True
    return False


def word_errors(said: str, recogniser: WhisperRecogniser, audio: AudioClip) -> tuple[float, str]:
    heard = recogniser.listen(audio)
    return jiwer.wer(spelled(said), spelled(heard)), heard


def spelled(text: str) -> str:
    """Words as a recogniser writes them: figures for numbers, one spelling for each."""
    text = PLAIN(text)
    for word, figure in NUMBERS.items():
        text = f" {text} ".replace(f" {word} ", f" {figure} ").strip()
    for written, plain in SPELLINGS.items():
        text = text.replace(written, plain)
    return text


NUMBERS = {"two": "2", "three": "3", "five": "5", "eight": "8", "twelve": "12", "fifty": "50", "one": "1", "four": "4"}
SPELLINGS = {
    "harbour": "harbor",
    "wi fi": "wifi",
    "litre": "liter",
    "o clock": "oclock",
    "all right": "alright",
    "i am": "im",
    "i m": "im",
}


@pytest.fixture(scope="module")
def recogniser(learnt_home):
    files = [weight_store(learnt_home).path(name) for name in recogniser_assets(learnt_home)]
    return WhisperRecogniser(files[0].parent, 1)


async def test_spoken_questions_are_answered_aloud(learnt_home, recogniser):
    problems, rates = [], []
    bank, speakers = open_bank(learnt_home), ResemblyzerEmbedder()
    default = speakers.embed(bank.get("default").reference)
    async with open_agent(learnt_home) as agent:
        for name, tool, fact in questions():
            asked = datetime.now()
            turn = await agent.ask(AudioClip.load(HERE / "questions" / f"{name}.flac"), session=f"q-{name}")
            tools = [result.call.name for result in turn.tool_calls]
            if tools != ([tool] if tool else []):
                problems.append(f"{name}: called {tools} for {turn.heard!r}")
            if not tells(turn.answer_text, fact, asked, datetime.now()):
                problems.append(f"{name}: {turn.answer_text!r} lacks {fact!r}")
            rate, heard = word_errors(turn.answer_text, recogniser, turn.answer_audio)
            rates.append(rate)
            if rate > 0.4:
                problems.append(f"{name}: said {turn.answer_text!r}, understood as {heard!r}")
            if name in VOICES:
                later = await agent.ask("What is the capital of Italy?", session=f"q-{name}")
                for answer in (turn, later):
                    vector = speakers.embed(answer.answer_audio)
                    target = speakers.embed(bank.get(answer.voice.id).reference)
                    if not (answer.voice.id != "default" and vector @ target > vector @ default):
                        problems.append(f"{name}: {answer.voice.id} sounds like the default voice")
    assert not problems, "\n".join(problems)
    assert sum(rates) / len(rates) <= 0.15


async def test_a_dialogue_remembers_its_voice_after_a_restart(learnt_home):
    async with open_agent(learnt_home) as agent:
        turn = await agent.ask(AudioClip.load(HERE / "questions" / "robot.flac"), session="restart")
        assert turn.voice.id == "robot"
    async with open_agent(learnt_home) as again:
        assert (await again.ask("Thank you.", session="restart")).voice.id == "robot"


async def test_noise_is_not_speech(learnt_home):
    import numpy as np

    noise = AudioClip(np.random.default_rng(0).normal(0, 0.05, 32_000).astype(np.float32), 16_000)
    click = AudioClip(np.array([0.5], np.float32), 16_000)
    async with open_agent(learnt_home) as agent:
        for clip in (noise, click):
            turn = await agent.ask(clip)
            assert (turn.heard, turn.answer_text) == ("", "I did not hear anything.")


async def test_a_users_own_tool_is_called_by_voice_and_its_arguments_are_filled(learnt_home):
    async def roll_dice(sides: int) -> str:
        """Roll a die with a number of sides and tell the result."""
        return f"a die with {sides} sides shows 4"

    async with open_agent(learnt_home, tools=[roll_dice]) as agent:
        turn = await agent.ask("Please roll a die with twenty sides.")
    assert [result.call.name for result in turn.tool_calls] == ["roll_dice"]
    assert turn.tool_calls[0].status == "done"
    assert "20" in turn.tool_calls[0].output.content
