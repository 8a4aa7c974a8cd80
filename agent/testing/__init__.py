"""Doubles to test an agent of your own with: a model that follows a script, a decoder and voices of tones.

They need no weights, answer in milliseconds, and stand where `vivavoce.app.open_agent` takes parts. With
``pytest_plugins = ["vivavoce.agent.testing.fixtures"]`` in your ``conftest.py``::

    async def test_it_books_a_table(doubles):
        script = in_turn(call("book_table", people=4), "A table for four, with pleasure.")
        async with open_agent(tools=[book_table], **doubles(script)) as agent:
            turn = await agent.ask("A table for four, please.")
        assert turn.tool_calls[0].status == "done"
"""

from vivavoce.agent.testing.scripted_lm import Script, ScriptedLM, call, echo, in_turn
from vivavoce.agent.testing.tone_bank import ToneBank
from vivavoce.agent.testing.tone_decoder import ToneDecoder

__all__ = ["Script", "ScriptedLM", "ToneBank", "ToneDecoder", "call", "echo", "in_turn"]
