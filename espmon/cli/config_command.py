"""`espmon config`: every setting as it counts here, and where it came from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

from espmon.cli.command_runner import Exit, clean, command_parser, print_json, run_command, say
from espmon.session.settings import user_file
from espmon.session.settings_sources import DEFAULT, PROJECT_FILE, EffectiveSettings


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("config", "Show each setting as it counts in this folder, and where it came from.")
    result.add_argument("--json", action="store_true", help="one JSON object on stdout")
    result.add_argument("--changed", action="store_true", help="only settings that are not the defaults")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, config)


def config(options: argparse.Namespace) -> int:
    """Print them. Problems go to stderr, or into the JSON."""
    from espmon.tui import configured

    found = with_choices(configured.in_folder(Path()))
    names = [name for name, origin in found.origins.items() if origin != DEFAULT or not options.changed]
    if options.json:
        print_json(
            {
                "files": [str(path) for path in found.files],
                "problems": list(found.problems),
                "settings": {
                    name: {"value": plain_value(getattr(found.settings, name)), "from": found.origins[name]}
                    for name in names
                },
            }
        )
        return Exit.DONE
    for problem in found.problems:
        say(f"espmon: {problem}")
    print_table(found, names)
    return Exit.DONE


def with_choices(found: EffectiveSettings) -> EffectiveSettings:
    """The settings with what was chosen on the screen in their place."""
    from espmon.tui.choices_file import choices_file, chosen_theme, read_choices

    path = choices_file()
    theme = chosen_theme(read_choices(path), found.settings.theme)
    if theme == found.settings.theme:
        return found
    origins = {**found.origins, "theme": f"chosen on the screen, {path}"}
    return replace(found, settings=replace(found.settings, theme=theme), origins=origins)


def print_table(found: EffectiveSettings, names: list[str]) -> None:
    """One line a setting: name, value as TOML would have it, origin."""
    rows = [(name, clean(written(plain_value(getattr(found.settings, name)))), found.origins[name]) for name in names]
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, value, origin in rows:
        print(f"{name.ljust(width)} = {value}  # {clean(origin)}")
    read = ", ".join(clean(path) for path in found.files) or "no file"
    say(f"Read: {read}. The user's file is {user_file()}; a project's is {PROJECT_FILE} in its folder.")


def plain_value(value: object) -> Any:
    """A setting as JSON can have it; rules are tables by name."""
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain_value(item) for name, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain_value(item) for name, item in value.items()}
    return value


def written(value: Any) -> str:
    """A value on one line, as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(name)} = {written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
