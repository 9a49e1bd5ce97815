"""The simulated board's pictures and capabilities are the compiled emitter's own bytes."""

from __future__ import annotations

import shutil

import pytest

from espmon.records import Caps, Frame, Png
from espmon.records.capabilities import capabilities_of
from espmon.sim.commands import COMMANDS
from espmon.sim.emitted import FOLDER, PICTURES, emitted
from espmon.sim.simulated_picture import screenshot, sent_frame
from tests.fixtures.emitted import build
from tests.records.streams import records


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_what_is_kept_is_what_is_built() -> None:
    made = build.outputs()
    assert {path.name for path in FOLDER.glob("*.bin")} == made.keys()
    assert all(emitted(name.removesuffix(".bin")) == content for name, content in made.items())


@pytest.mark.parametrize("turn", range(PICTURES))
def test_both_envelopes_hold_the_same_picture(turn: int) -> None:
    (shown,) = records(emitted(f"screenshot-{turn}"))
    (framed,) = records(sent_frame(turn))
    assert isinstance(shown, Png)
    assert isinstance(framed, Frame)
    assert shown.payload == framed.payload == screenshot(turn)
    assert shown.pixels == framed.pixels == (240, 135)
    assert len(shown.payload) < 8000


@pytest.mark.parametrize("turn", range(PICTURES))
def test_values_are_another_each_time(turn: int) -> None:
    found = [record for kind in ("json", "cbor") for record in records(emitted(f"{kind}-{turn}"))]
    assert [record.kind for record in found if isinstance(record, Frame) and record.crc == "ok"] == ["json", "cbor"]
    said, packed = (record.value for record in found if isinstance(record, Frame))
    assert said == {
        "uptime_ms": 5000 + 1000 * turn,
        "temperature": 21.5 + 0.35 * (turn % 4),
        "heap": 146432 - 512 * turn,
        "app": "demo",
    }
    assert packed["uptime_ms"] == said["uptime_ms"]
    assert packed["ok"] is True


def test_it_announces_its_commands() -> None:
    (found,) = [record for record in records(emitted("caps")) if isinstance(record, Caps)]
    assert found.value is not None
    said = capabilities_of(found.value)
    assert {command.line for command in said.commands} == set(build.LISTED)
    assert said.screenshot in COMMANDS
    assert said.pictures
