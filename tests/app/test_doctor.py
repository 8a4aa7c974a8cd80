"""What `vivavoce doctor` looks at, and that its hints can be copied."""

import pytest
import typer

from vivavoce.app import console, doctor
from vivavoce.app.cli.main import doctor as command
from vivavoce.app.doctor import GIB, Finding, examine
from vivavoce.core.settings import load_settings

pytestmark = pytest.mark.unit
HINT = "not installed; pip install 'vivavoce[microphone]', then say where it is: /a/long/path/of/somebody/with/many/folders"


def test_hints_are_whole_at_any_width(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda settings: [Finding("package sounddevice", False, HINT, required=False)])
    monkeypatch.setattr(console.out, "_width", 40)
    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 0
    assert f"optional package sounddevice: {HINT}\nready\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("available", "ok", "detail"),
    [
        (20 * GIB, True, "20.0 GiB available, 1.5 GiB needed"),
        (GIB, False, "1.0 GiB available, 1.5 GiB needed; end other programs, or give the container more"),
        (None, True, "cannot be read on this system"),
    ],
)
def test_memory_that_is_available_counts(monkeypatch, own_home, available, ok, detail):
    monkeypatch.setattr(doctor, "available_bytes", lambda: available)
    (memory,) = [finding for finding in examine(load_settings()) if finding.what == "memory"]
    assert (memory.ok, memory.detail, memory.required) == (ok, detail, False)
