"""A chat model by its name, through LangChain's `init_chat_model`."""

from typing import TYPE_CHECKING, Any

import httpx

from vivavoce.core.errors import ConfigError
from vivavoce.model.mind.failures import quoted

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EXTRAS = ("openai", "anthropic", "google-genai", "ollama")  # of this package; each brings a provider
COMPATIBLE = "openai"  # what a server of one's own speaks, unless the name says otherwise
NO_ADDRESS = "the mind's address does not begin with http:// and a host; give one such as http://localhost:11434/v1"
NO_KEY = "none"  # servers of one's own want no key, their clients want one


def open_chat_model(
    name: str, url: str | None = None, key: str | None = None, temperature: float | None = None
) -> "BaseChatModel":
    """The chat model ``provider:model``, its key from the provider's own variable where none is given. Close it in its mind.

    url: of a server in the provider's place. It never gets the provider's key: only the one that is given.

    Raises:
        ConfigError: there is no such provider or its package is not installed; the address or the key is wrong.
    """
    if name.endswith(":"):
        raise ConfigError(f"the mind {name!r:.80} names no model; give provider:model, such as openai:gpt-5")
    given: dict[str, Any] = {"temperature": temperature, "api_key": key}
    if url is not None:
        given |= {"base_url": _checked(url), "api_key": key or NO_KEY}
    options = {option: value for option, value in given.items() if value is not None}
    try:
        try:
            return _opened(name, **options)
        except ValueError:
            if url is None or name.startswith(COMPATIBLE):
                raise
            return _opened(name, model_provider=COMPATIBLE, **options)
    except ImportError as error:
        raise ConfigError(f"the mind {name} needs a package that is not installed; {_advice(name)}") from error
    except Exception as error:
        why = quoted(error, [key] if key else [])
        raise ConfigError(
            f"the mind {name} cannot be opened ({why}); give provider:model, such as openai:gpt-5, and its key as "
            "VIVAVOCE_MIND_API_KEY"
        ) from error


def _opened(name: str, **options: Any) -> "BaseChatModel":  # noqa: ANN401 - whatever a provider takes
    from langchain.chat_models import init_chat_model

    model = init_chat_model(name, **options)
    if "http_async_client" in type(model).model_fields:
        # Connections that all models of a process share outlive the loop that they belong to, and fail in the next.
        from openai import DefaultAsyncHttpxClient

        model = init_chat_model(name, http_async_client=DefaultAsyncHttpxClient(), **options)
    return model


def _advice(name: str) -> str:
    provider = name.partition(":")[0].replace("_", "-").lower()
    if ":" in name and provider not in EXTRAS:
        return f"pip install langchain langchain-{provider}"
    return f"pip install 'vivavoce[{provider if provider in EXTRAS else COMPATIBLE}]'"


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise ConfigError(NO_ADDRESS) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(NO_ADDRESS)
    if parsed.userinfo or parsed.query:
        raise ConfigError("the mind's address holds more than a place; give the key as VIVAVOCE_MIND_API_KEY instead")
    return str(parsed)
