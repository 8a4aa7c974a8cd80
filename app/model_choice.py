"""The model that a command line asks for, as settings."""

from dataclasses import dataclass
from pathlib import Path

from vivavoce.app.backends import check_mind_hears, implied_by
from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model the command line asks for. A checkpoint, an address or a mind alone says which."""

    model: str | None = None
    checkpoint: Path | None = None
    base_url: str | None = None
    mind: str | None = None
    mind_url: str | None = None
    mind_hears: bool = False

    def settings(self) -> Settings:
        """Settings with the choice on top.

        Raises:
            ConfigError: the parts of the choice exclude each other.
        """
        settings = self._with_mind() if self.mind or self.mind_url or self.mind_hears else self._with_model()
        check_mind_hears(settings)
        return settings

    def _with_model(self) -> Settings:
        if self.checkpoint and self.base_url:
            raise ConfigError("give either --checkpoint or --base-url, not both")
        chosen: dict[str, object] = {"model": self.model} if self.model else {}
        for setting, value in (("step_audio2__checkpoint", self.checkpoint), ("remote__base_url", self.base_url)):
            if value is None:
                continue
            implied = implied_by(setting)
            if self.model not in (None, implied):
                option = setting.partition("__")[2].replace("_", "-")
                raise ConfigError(f"--{option} belongs to the model {implied}, not to {self.model}")
            chosen = {"model": implied, setting: value}
        return load_settings(**chosen, **({"mind": None, "mind_hears": False} if chosen else {}))

    def _with_mind(self) -> Settings:
        if self.model or self.checkpoint or self.base_url:
            raise ConfigError("a mind thinks in the place of a model; leave out --model, --checkpoint and --base-url")
        chosen = {"mind": self.mind, "mind_url": self.mind_url, "mind_hears": self.mind_hears or None}
        settings = load_settings(**{name: value for name, value in chosen.items() if value is not None})
        if self.mind_url and not settings.mind:
            raise ConfigError("--mind-url needs the name of a model there; give --mind, such as openai:qwen2.5")
        return settings
