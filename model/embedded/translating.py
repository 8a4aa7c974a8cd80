"""A Chinese request in English, so that it finds tools that are described in English: the embedder reads no Chinese."""

from vivavoce.model.embedded.llama import ARGUMENT_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import as_chat

TASK = ("system", "Translate what the user says into English. Write only the translation.")
EXAMPLES = (
    ("user", "把窗户打开。"),
    ("assistant", "Open the window."),
    ("user", "帮我订一张去上海的火车票。"),
    ("assistant", "Book me a train ticket to Shanghai."),
)
MOST_TOKENS = 60


async def in_english(llama: LlamaServer, request: str) -> str:
    """The translation as a small model writes it: good enough to compare, not to take values from.

    Raises:
        ModelError: the language model failed.
    """
    prompt = as_chat([TASK, *EXAMPLES, ("user", request)])
    return (await llama.complete(prompt, ARGUMENT_SLOT, max_tokens=MOST_TOKENS, stop=("\n",))).strip()
