"""Two agents of one process: one set of weights, tools and sessions of their own."""

import pytest

from vivavoce.app import open_agent
from vivavoce.app.backends import open_recogniser
from vivavoce.app.parts import open_embedder

pytestmark = pytest.mark.models


def ferry_times() -> str:
    """Tell when the ferry to the island leaves."""
    return "The ferry leaves at seven and at nine."


async def test_two_agents_share_weights_and_nothing_else(learnt_home):
    async with (
        open_agent(learnt_home) as one,
        open_agent(learnt_home, tools=[ferry_times], instructions="You sell tickets.") as other,
    ):
        ears, minds = {agent.services.lm.ears for agent in (one, other)}, {agent.services.lm.mind for agent in (one, other)}
        assert ears == {open_recogniser(learnt_home)}
        assert len(minds) == 2
        assert open_embedder(learnt_home) is open_embedder(learnt_home)
        assert "get_date_time" in {call.call.name for call in (await one.ask("What time is it in Tokyo?")).tool_calls}
        assert "get_date_time" in {call.call.name for call in (await other.ask("What time is it in Oslo?")).tool_calls}
    async with open_agent(learnt_home) as again:  # the first two are closed: their language model's server is started anew
        assert (await again.ask("Tell me, what is the capital of France?")).answer_text
