"""Settings in sections, from the environment and by name; names of before are still read."""

from pathlib import Path

import pytest

from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import EARLIER_NAMES, Settings, load_settings

pytestmark = pytest.mark.unit


def test_a_field_of_a_section_has_a_variable(monkeypatch):
    monkeypatch.setenv("VIVAVOCE_STEP_AUDIO2__DEVICE", "cpu")
    monkeypatch.setenv("VIVAVOCE_TOKEN2WAV__FLOW_STEPS", "4")
    settings = load_settings(step_audio2__checkpoint="/x")
    assert (settings.step_audio2.device, settings.step_audio2.checkpoint) == ("cpu", Path("/x"))
    assert settings.token2wav.flow_steps == 4


def test_names_of_before_the_sections_are_read_and_the_new_one_wins(monkeypatch, caplog):
    monkeypatch.setenv("VIVAVOCE_PRODUCTS", "int8")
    monkeypatch.setenv("VIVAVOCE_GUIDED_EVERY", "3")
    monkeypatch.setenv("VIVAVOCE_TOKEN2WAV__GUIDANCE_INTERVAL", "2")
    settings = load_settings()
    assert (settings.token2wav.compute_dtype, settings.token2wav.guidance_interval) == ("int8", 2)
    assert load_settings(look_up="first").embedded.look_up == "first"


def test_every_earlier_name_is_a_field_of_today():
    for today in EARLIER_NAMES.values():
        section, _, field = today.partition("__")
        assert field in type(getattr(Settings(), section)).model_fields


def test_changed_settings_leave_the_first_ones_as_they_were():
    first = load_settings(remote__model="one")
    second = first.changed(remote__base_url="http://localhost/v1", temperature=0)
    assert (second.remote.model, second.remote.base_url, second.temperature) == ("one", "http://localhost/v1", 0)
    assert (first.remote.base_url, first.temperature) == (None, 0.7)


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"token2wav__flow_steps": 0}, "VIVAVOCE_TOKEN2WAV__FLOW_STEPS=0"),
        ({"weights": "int3"}, "VIVAVOCE_STEP_AUDIO2__WEIGHTS='int3'"),
        ({"step_audio2__nonsense": 1}, "VIVAVOCE_STEP_AUDIO2__NONSENSE=1"),
        ({"threads": "many"}, "VIVAVOCE_THREADS='many'"),
    ],
)
def test_a_wrong_value_names_its_variable(wrong, variable):
    with pytest.raises(ConfigError) as error:
        load_settings(**wrong)
    assert str(error.value).startswith(variable)
    assert "\n" not in str(error.value)


def test_a_setting_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(ConfigError, match="no setting 'langauge'; did you mean language"):
        load_settings(langauge="zh")
    with pytest.raises(ConfigError, match="no setting 'nosuch'"):
        load_settings().changed(nosuch=1)
