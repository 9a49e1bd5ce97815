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
PICTURES = sorted(set(re.findall(r"screenshots/[a-z-]+\.png", README)))
WIDTHS = {"wide": 120 * 11 + 16, "narrow": 80 * 11 + 16}
"""What screenshots/make.py makes: cells of 11 pixels and a frame."""


@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_of_the_readme_is_a_whole_screen(picture: str) -> None:
    data = (ROOT / picture).read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    size = "wide" if "-wide" in picture else "narrow"
    assert width == WIDTHS[size]
    assert 0.5 < height / width < 0.8
    assert len(data) > 20_000, "an empty screen would be smaller"


def test_each_screen_was_taken_at_both_sizes_and_in_both_themes() -> None:
    taken = {path.stem for path in (ROOT / "screenshots").glob("*.png")}
    scenes = {name.split("-")[0] for name in taken}
    assert {f"{scene}-{look}" for scene in scenes for look in ("wide", "narrow", "wide-light")} == taken
    assert {"monitor", "picker", "confirm", "panic", "coredump", "inspector"} <= scenes


def test_each_picture_of_the_tour_is_there_for_a_light_page_too() -> None:
    dark = re.findall(r'<img src="(screenshots/[a-z]+-wide)\.png"', README)
    assert re.findall(r'srcset="(screenshots/[a-z]+-wide)-light\.png"', README) == dark
    assert len(dark) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_in_the_readme(command: str) -> None:
    assert f"`espmon {command}" in README


def test_the_keys_are_those_of_the_actions() -> None:
    assert f"{BEGIN}{key_table()}{END}" in README, "python -m tests.readme_keys writes them"
