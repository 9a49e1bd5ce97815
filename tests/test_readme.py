"""What the README shows and names is there."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from espmon.cli import COMMANDS
from tests.readme_keys import BEGIN, END, key_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PICTURES = sorted(set(re.findall(r"\((screenshots/[^)]+)\)", README)))
WIDTHS = {"wide": 1280, "narrow": 900}
"""What screenshots/make.py makes."""


@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_of_the_readme_is_a_whole_screen(picture: str) -> None:
    data = (ROOT / picture).read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    size = "wide" if "-wide" in picture else "narrow"
    assert width == WIDTHS[size]
    assert 0.5 < height / width < 0.8
    assert len(data) > 20_000, "an empty screen would be smaller"


def test_each_screen_was_taken_at_both_sizes() -> None:
    names = {path.stem.rpartition("-")[::2] for path in (ROOT / "screenshots").glob("*.png")}
    scenes = {scene for scene, _ in names}
    assert {(scene, size) for scene in scenes for size in WIDTHS} == names
    assert {"monitor", "picker", "confirm", "panic", "coredump", "inspector"} <= scenes


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_in_the_readme(command: str) -> None:
    assert f"`espmon {command}" in README


def test_the_keys_are_those_of_the_actions() -> None:
    assert f"{BEGIN}{key_table()}{END}" in README, "python -m tests.readme_keys writes them"
