"""Real processes, killed while they are in a turn: no question, no call and no effect is lost, and none runs twice."""

import asyncio
import os

import pytest
from support.crash_worker import EXHAUSTIVE, deaths
from support.killed_turns import Killing, agent_in, talk_about

pytestmark = pytest.mark.process
KILLS = 200 if EXHAUSTIVE else 15


def test_processes_that_are_killed_at_any_moment(tmp_path):
    killing = Killing(tmp_path, f"{os.environ['VIVAVOCE_TEST_SEED']}")
    for _ in range(KILLS):
        killing.once()
        assert killing.counts.faults == 0, killing.counts
    assert killing.counts.kills == KILLS


@pytest.mark.parametrize("then", ["ask", "resume", "consent"])
def test_processes_that_are_killed_at_each_write(tmp_path, then):
    told = tmp_path / "told.txt"

    def work(folder):
        lines = os.open(told, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)

        async def talk():
            async with agent_in(folder) as agent:
                for n in range(3):
                    await talk_about(agent, n, lambda line: os.write(lines, f"{line}\n".encode()))

        asyncio.run(talk())

    (tmp_path / "template").mkdir()
    for number, _ in deaths(tmp_path, work):
        killing = Killing(tmp_path / "killed", number)
        asyncio.run(killing.survey(told.read_text().splitlines(), then))
        assert killing.counts.faults == 0, (number, killing.counts)
