"""A chat model by its name: what is missing or wrong is one line that says what to do."""

import builtins

import pytest

from vivavoce.core.errors import ConfigError
from vivavoce.model.mind.opening import open_chat_model

pytestmark = pytest.mark.unit
URL = "http://127.0.0.1:9/v1"


def held(model):
    return model.openai_api_key.get_secret_value()


def test_a_server_of_ones_own_never_gets_the_providers_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider")
    assert held(open_chat_model("openai:m")) == "sk-of-the-provider"
    assert held(open_chat_model("openai:m", URL)) == "none"
    assert held(open_chat_model("openai:m", URL, "sk-of-the-server")) == "sk-of-the-server"


@pytest.mark.parametrize(("name", "model"), [("openai:qwen2.5:7b", "qwen2.5:7b"), ("qwen2.5:7b", "qwen2.5:7b"), ("m", "m")])
def test_a_server_of_ones_own_has_models_of_any_name(name, model):
    assert open_chat_model(name, URL).model_name == model


def test_the_temperature_is_the_providers_unless_it_is_given():
    assert open_chat_model("openai:m", URL).temperature is None
    assert open_chat_model("openai:m", URL, None, 0.0).temperature == 0


def test_no_two_models_share_connections():
    assert open_chat_model("openai:m", URL).http_async_client is not open_chat_model("openai:m", URL).http_async_client


def line(*given):
    with pytest.raises(ConfigError) as error:
        open_chat_model(*given)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("url", ["localhost:11434/v1", "ftp://host/v1", "http://", "http://host:port/v1", ""])
def test_an_address_that_is_none(url):
    assert "give one such as http://localhost:11434/v1" in line("openai:m", url)


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "http://host/v1?key=secret"])
def test_an_address_with_a_password_is_not_shown(url):
    told = line("openai:m", url)
    assert "VIVAVOCE_MIND_API_KEY" in told
    assert "secret" not in told


def test_a_name_that_no_provider_is_known_for():
    assert "give provider:model" in line("m")
    assert "names no model" in line("openai:")


def test_a_missing_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "VIVAVOCE_MIND_API_KEY" in line("openai:m")


@pytest.mark.parametrize(
    ("missing", "name", "advice"),
    [
        ("langchain_anthropic", "anthropic:m", "pip install 'vivavoce[anthropic]'"),
        ("langchain_google_genai", "google_genai:m", "pip install 'vivavoce[google-genai]'"),
        ("langchain_mistralai", "mistralai:m", "pip install langchain langchain-mistralai"),
        ("langchain.", "openai:m", "pip install 'vivavoce[openai]'"),
        ("langchain.", "gpt-5", "pip install 'vivavoce[openai]'"),
    ],
)
def test_a_package_that_is_missing_is_named(monkeypatch, missing, name, advice):
    importing = builtins.__import__

    def without(module, *rest):
        if f"{module}.".startswith(missing):
            raise ImportError(f"No module named {module!r}")
        return importing(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert advice in line(name)
