"""These tests talk to hubs of their own, through a library that everywhere else is kept offline."""

import huggingface_hub
import pytest


@pytest.fixture(autouse=True)
def asking(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()
