"""Settings of the embedded stack, from TROMMEL_* environment variables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.embedded.stack_error import StackError


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
OptionalPath = Annotated[Path | None, BeforeValidator(_none_if_empty)]


class StackSettings(BaseSettings):
    """Where the stack keeps its data, which ports it uses, and which parts live elsewhere."""

    model_config = SettingsConfigDict(env_prefix="TROMMEL_", frozen=True, extra="ignore")

    data_dir: Path = Path(".trommel")
    port_base: int = Field(default=7100, ge=1024, le=65000)
    # A part with a URL is not started here.
    database_url: OptionalText = None
    redis_url: OptionalText = None
    triton_url: OptionalText = None
    # Defaults: <data_dir>/bundles, <data_dir>/model_repository, <sys.prefix>/triton-env.
    bundle_store: OptionalPath = None
    model_repository: OptionalPath = None
    triton_env_dir: OptionalPath = None
    log_level: str = "INFO"
    tenant: str = "default"
    # Bounds on waiting, not on work: a part that is not ready by then is reported with its last log line.
    start_timeout_seconds: float = Field(default=90.0, gt=0)

    @property
    def root(self) -> Path:
        """The data directory as an absolute path, links resolved: it identifies the stack."""
        return self.data_dir.expanduser().resolve()

    @property
    def bundles(self) -> Path:
        """The bundle store."""
        return (self.bundle_store or self.root / "bundles").expanduser().resolve()

    @property
    def models(self) -> Path:
        """Triton's model repository."""
        return (self.model_repository or self.root / "model_repository").expanduser().resolve()

    @property
    def triton_environment(self) -> Path:
        """Triton's own Python environment; it may not be there yet."""
        return (self.triton_env_dir or Path(sys.prefix) / "triton-env").expanduser().resolve()

    def external_url(self, name: str) -> str | None:
        """The URL of the part that is not embedded, or None where it is."""
        urls = {"postgres": self.database_url, "redis": self.redis_url, "triton": self.triton_url}
        return urls.get(name)


def check_text(settings: StackSettings) -> None:
    """Raises StackError for a path that the parts' configuration files cannot carry."""
    if any(not character.isprintable() for character in str(settings.root)):
        raise StackError(
            f"the data directory's path {str(settings.root)!r} has an unprintable character",
            "set TROMMEL_DATA_DIR to another path",
        )


def load_settings(**values: object) -> StackSettings:
    """The settings from the environment, with the given values first. A bad one is a StackError, one line."""
    try:
        return StackSettings(**{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "TROMMEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise StackError(f"{name} is not usable ({first['msg']})", f"correct {name}") from None
