"""An agent whose tools are those of a question; they do nothing."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vivavoce.agent import Agent
from vivavoce.agent.testing import ToneDecoder
from vivavoce.app.wiring import open_agent
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.core.settings import Settings
from vivavoce.eval.toolcall.brought.questions import BroughtQuestion


@dataclass(frozen=True, slots=True)
class IdleTool:
    """Implements `Tool`: described by somebody, and without any effect."""

    spec: ToolSpec

    async def call(self, arguments: str) -> ToolOutput:
        """Say that all is well."""
        return ToolOutput("ok")


@asynccontextmanager
async def agent_for(question: BroughtQuestion, settings: Settings, holder: Agent) -> AsyncGenerator[Agent]:
    """An agent with the tools of a question, and those of the product only where the question wants them.

    holder: an agent that is open; its model, which is loaded already, thinks here too. Nothing that is said is judged by its
    sound, so it is spoken in tones.
    """
    tools = [IdleTool(ToolSpec(**function)) for function in question.tools]
    taken = {tool.spec.name for tool in tools}
    others = [spec.name for spec in holder.services.tools.specs if spec.name not in taken]
    async with open_agent(
        settings,
        tools=tools,
        only=others if question.beside else [],
        lm=holder.services.lm,
        decoder=ToneDecoder(),
        bank=holder.bank,
    ) as agent:
        yield agent
