"""What a strict server accepts as a prompt."""

from vivavoce.agent.state import to_messages
from vivavoce.core.messages import AssistantMessage, ToolMessage


def assert_valid(records):
    """Every call has an id of its own, and one result right behind the message that made it."""
    waiting, known = [], set()
    for message in to_messages(records, lambda _: None):
        if isinstance(message, ToolMessage):
            assert message.result.call in waiting, "a result without a call"
            waiting.remove(message.result.call)
            continue
        assert not waiting, "a call without a result"
        if isinstance(message, AssistantMessage):
            assert message.text.strip() or message.tool_calls or message.audio_tokens, "an empty answer"
            waiting = list(message.tool_calls)
            ids = {call.id for call in waiting}
            assert len(ids) == len(waiting) and not ids & known, "an id that is known"
            known |= ids
    assert not waiting, "a call without a result"
