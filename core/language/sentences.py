"""What the agent says by itself, by language: the only place for such sentences."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in several languages, with ``{fields}``. texts: by ISO 639-1 code, "en" among them."""

    texts: Mapping[str, str]

    def __call__(self, language: str = "en", **fields: object) -> str:
        """The sentence in a language, in English where it is not there."""
        return self.texts.get(language, self.texts["en"]).format(**fields)


def _sentence(en: str, zh: str) -> Sentence:
    return Sentence({"en": en, "zh": zh})


# The controller
NOTHING_HEARD = _sentence("I did not hear anything.", "我什么也没有听到。")
NOTHING_SUPPORTED = _sentence(
    "I am sorry, I found nothing in the documents that answers this.", "抱歉，我在文档里没有找到能回答这个问题的内容。"
)
TOO_MANY_STEPS = _sentence(
    "I am sorry, I could not finish that in the steps I am allowed.", "抱歉，我没能在允许的步骤内完成。"
)
SHALL_I_GO_ON = _sentence("Shall I go on?", "要我继续吗？")
UNSURE = _sentence("I am not sure of this, but ", "我不太确定，不过")

# How a call ended; clauses that follow "I am sorry, "
NO_SUCH_TOOL = _sentence("there is no tool called {name}", "没有名为{name}的工具")
TIMED_OUT = _sentence("the {name} tool did not answer within {seconds:g} seconds", "{name}工具在{seconds:g}秒内没有回应")
BROKE = _sentence("the {name} tool failed with {error}", "{name}工具出错了：{error}")
INTERRUPTED = _sentence("the call was interrupted", "调用被打断了")
VOICE_GONE = _sentence("that voice is no longer in the voice bank", "音色库里已经没有这个音色了")

# The embedded model
NO_ANSWER = _sentence("I am sorry, I have no answer to that.", "抱歉，这个我答不上来。")
SORRY = _sentence("I am sorry, {why}.", "抱歉，{why}。")
ACCORDING_TO = _sentence("According to {source},", "根据{source}，")
