"""One language model for several minds: whose prompt its tool slot holds, and when it stops."""

import httpx
import pytest

from vivavoce.core.errors import ModelError
from vivavoce.model.embedded.llama import TOOL_SLOT, LlamaServer

pytestmark = pytest.mark.unit


class Recorded(LlamaServer):
    """Writes down what the server would be asked; it can refuse to restore."""

    def __init__(self, folder):
        weights = folder / "tiny.gguf"
        weights.write_bytes(b"weights")
        super().__init__(weights, 1, folder / "prompts")
        (folder / "prompts").mkdir()
        self.asked, self.restores, self.starts = [], True, 0

    def _start(self):
        self.starts += 1
        return "http://127.0.0.1:9"

    async def _post(self, path, body, *, check=True):
        await self.start()
        action = path.rpartition("=")[2] if "action" in path else "complete"
        if action == "save":
            (self._state_dir / body["filename"]).write_bytes(b"state")
        self.asked.append((action, body.get("prompt") or body["filename"]))
        status = 200 if self.restores or action != "restore" else 500
        return httpx.Response(status, json={"content": "{}"}, request=httpx.Request("POST", "http://127.0.0.1:9"))

    @property
    def actions(self):
        done = [action for action, _ in self.asked]
        self.asked.clear()
        return done


@pytest.fixture
def llama(tmp_path):
    return Recorded(tmp_path)


async def test_a_prefix_is_read_once_and_then_kept(llama):
    await llama.hold("clock: ")
    assert llama.actions == ["complete", "save"]
    await llama.continued("clock: ", "what time?", max_tokens=5)
    await llama.continued("clock: ", "and now?", max_tokens=5)
    assert llama.asked == [("complete", "clock: what time?"), ("complete", "clock: and now?")]


async def test_whoever_asks_finds_the_prefix_of_its_own_tools(llama):
    for prefix in ("clock: ", "dice: "):
        await llama.continued(prefix, "go", max_tokens=5)
        assert llama.actions == ["complete", "save", "complete"], "read, as it is new"
    for prefix in ("clock: ", "dice: ", "clock: "):
        await llama.continued(prefix, "go", max_tokens=5)
        assert [action for action, _ in llama.asked] == ["restore", "complete"], "restored, as another was asked last"
        assert llama.asked[-1][1] == f"{prefix}go"
        llama.asked.clear()


async def test_a_state_that_cannot_be_restored_is_read_again(llama):
    await llama.hold("clock: ")
    await llama.hold("dice: ")
    llama.restores = False
    llama.asked.clear()
    await llama.hold("clock: ")
    assert llama.actions == ["restore", "complete", "save"]


async def test_it_stops_with_the_last_that_uses_it(llama):
    class Mind:
        pass

    one, two = Mind(), Mind()
    llama.join(one)
    llama.join(two)
    await llama.hold("clock: ")
    await llama.leave(one)
    await llama.leave(one)
    await llama.continued("clock: ", "go", max_tokens=5)
    assert llama.starts == 1, "the other one still uses it"
    await llama.leave(two)
    llama.asked.clear()
    await llama.hold("clock: ")
    assert (llama.starts, llama.actions) == (2, ["restore"]), "what a stopped server held is gone"
    await llama.leave(two)


async def test_weights_that_are_missing_are_one_line(tmp_path):
    server = LlamaServer(tmp_path / "absent.gguf", 1, tmp_path)
    with pytest.raises(ModelError, match=r"absent.gguf: no such weights; run `vivavoce models pull`"):
        await server.complete("x", TOOL_SLOT, max_tokens=1)
