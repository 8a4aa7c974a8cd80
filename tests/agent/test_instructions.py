"""Who the agent is, is what every model reads first."""

import pytest

from vivavoce.agent.prompts import IDENTITY, MANNER, system_message
from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import SystemMessage

pytestmark = pytest.mark.unit


async def test_instructions_stand_before_the_dialogue_at_every_step(open_one):
    seen = []

    def script(messages, tools):
        seen.append([message for message in messages if isinstance(message, SystemMessage)])
        yield ("tool" in str(messages[-1]) and len(seen) == 1 and "<tool_call>function\nvoice\n{}</tool_call>") or "Done."

    async with open_one(script, instructions="You are the concierge of the Lighthouse Hotel.", language="zh") as agent:
        await agent.ask("tool", session="a")
    assert len(seen) == 2
    assert {tuple(found) for found in map(tuple, seen)} == {
        (SystemMessage(f"You are the concierge of the Lighthouse Hotel. {MANNER} Always answer in Chinese."),)
    }


def test_without_instructions_it_is_itself():
    assert system_message().text == f"{IDENTITY} {MANNER}"
    assert system_message("  ").text == f"{IDENTITY} {MANNER}"


@pytest.mark.parametrize("wrong", [{"language": "klingon"}, {"language": ""}, {"instructions": "x" * 20_001}])
def test_wrong_instructions_are_told_at_once(wrong):
    with pytest.raises(ConfigError) as error:
        system_message(**wrong)
    assert "\n" not in str(error.value)
