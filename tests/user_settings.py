"""The settings file of a user who does not exist, for the installed program."""

from __future__ import annotations

from pathlib import Path


def write_settings(config: Path, text: str) -> None:
    """Write `text` as the settings file below `config`, unless a test has written one.

    Args:
        config: what XDG_CONFIG_HOME is for the program.
        text: TOML; "" writes none.
    """
    path = config / "espmon" / "config.toml"
    if text and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
