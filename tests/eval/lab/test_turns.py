"""A turn of which a lab keeps the record: one that the model failed in is no answer to score."""

import pytest

from vivavoce.agent.testing import ScriptedLM
from vivavoce.app import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.eval.lab.turns import ask

pytestmark = pytest.mark.unit


def script(messages, tools):
    if messages[-1].text == "fail":
        raise ModelError("the model is down; start it")
    yield "Well."


async def test_an_apology_is_not_kept_as_an_answer(own_home, tmp_path):
    async with open_agent(model="scripted", lm=ScriptedLM(script), grounding="off", warm=False) as agent:
        with pytest.raises(ModelError, match="the model is down; start it"):
            await ask(agent, "fail", session="a", folder=tmp_path, name="one")
        turn, record = await ask(agent, "go", session="a", folder=tmp_path, name="two/2")
    assert (turn.answer_text, record["error"]) == ("Well.", None)
    assert record["answer_audio"] == "audio/two_2.flac"
    assert [path.name for path in (tmp_path / "audio").iterdir()] == ["two_2.flac"]
    assert AudioClip.load(tmp_path / record["answer_audio"]).duration_s > 0
