"""A session while a turn holds it: what one write could not keep, the next one keeps."""

import sqlite3

import pytest

from vivavoce.agent import AudioChunk
from vivavoce.core.errors import SessionError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("refused", range(1, 7))
async def test_a_write_that_is_refused_once_loses_nothing_that_was_heard(open_one, monkeypatch, refused):
    async with open_one() as agent:
        log = agent.services.sessions.log
        write, count, heard = log._put, 0, ""

        def refusing_once(*arguments):
            nonlocal count
            count += 1
            if count == refused:
                raise sqlite3.OperationalError("database is locked")
            write(*arguments)

        monkeypatch.setattr(log, "_put", refusing_once)
        stream = agent.stream("tool voice {}", session="a")
        with pytest.raises(SessionError, match="locked"):
            async for event in stream:
                if isinstance(event, AudioChunk):
                    heard += event.text
        history = await agent.history("a")
        if refused == 1:
            assert history == ()
        else:
            (turn,) = history
            assert (turn.heard, turn.answer, len(turn.tool_calls)) == ("tool voice {}", heard.strip(), 1)
        turn = await agent.ask("and now?", session="a")
        assert turn.answer_text.endswith("You said: and now?.")
