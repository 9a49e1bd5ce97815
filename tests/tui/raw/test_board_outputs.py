"""What boards print, cut at every byte and at every pause, beside what a reference emulator shows of it."""

from __future__ import annotations

import importlib.util

import pytest

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.tui.log.rows import LiveReader
from espmon.tui.raw.bittty_emulator import BitttyEmulator
from espmon.tui.raw.board_stream import BoardStream
from espmon.tui.raw.emulator import Emulator
from tests.tui.raw.board_outputs import BOARD_OUTPUTS, COLUMNS, ROWS
from tests.tui.raw.reference import XtermScreen, XtermStream, differences, make_emulator

ONE_ROW = ("dots", "bar", "spinner", "esp-idf's boot and prompt", "linenoise with a hint", "MicroPython", "an AT modem",
           "linenoise: a password", "MicroPython: editing", "nsh", "ESP-AT")  # fmt: skip
"""Outputs that move within the last row only: the log shows them as the terminal does."""

KINDS = ["bittty", pytest.param("ghostty", marks=pytest.mark.skipif(
    importlib.util.find_spec("pyghostty") is None, reason="the extra `terminal` is not installed"))]  # fmt: skip


def emulator_of(kind: str) -> Emulator:
    return make_emulator(kind, COLUMNS, ROWS)


def shown(emulator: Emulator) -> list[str]:
    emulator.changed()
    return ["".join(text for text, _ in emulator.row(row)).rstrip() for row in range(ROWS)]


class Reference:
    """pyte, fed with the same."""

    def __init__(self, columns: int = COLUMNS) -> None:
        self.screen = XtermScreen(columns, ROWS)
        self._stream = XtermStream(self.screen)

    def feed(self, data: bytes) -> list[str]:
        """The rows after `data`."""
        self._stream.feed(data)
        return [row.rstrip() for row in self.screen.display]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BOARD_OUTPUTS)
def test_after_every_pause_the_cells_are_those_of_the_reference(kind: str, name: str) -> None:
    emulator, reference = emulator_of(kind), Reference()
    for _, data in BOARD_OUTPUTS[name]:
        emulator.feed(data)
        reference.feed(data)
        assert not differences(emulator, reference.screen)
        cursor = reference.screen.cursor
        place = None if cursor.hidden else (min(cursor.x, COLUMNS - 1), cursor.y)
        assert emulator.cursor == place


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BOARD_OUTPUTS)
def test_after_every_byte_the_cells_are_those_of_the_reference(kind: str, name: str) -> None:
    emulator, reference = emulator_of(kind), Reference()
    data = b"".join(part for _, part in BOARD_OUTPUTS[name])
    for at in range(len(data)):
        emulator.feed(data[at : at + 1])
        reference.feed(data[at : at + 1])
        assert not differences(emulator, reference.screen), data[: at + 1]


@pytest.mark.parametrize("name", BOARD_OUTPUTS)
@pytest.mark.parametrize("pauses", [True, False])
def test_the_log_in_between_loses_nothing_whatever_the_pauses(name: str, pauses: bool) -> None:
    demux, store = Demultiplexer(), LogStore()
    stream, emulator, reference = BoardStream(store), BitttyEmulator(COLUMNS, ROWS), Reference()
    clock = 0.0
    for seconds, data in BOARD_OUTPUTS[name]:
        if pauses:
            clock += seconds
            demux.idle(clock)
        for part in demux.feed(data, clock).parts:
            if isinstance(part, LineBlock):
                store.append(part)
        store.grow(demux.unfinished)
        emulator.feed(stream.read())
        assert shown(emulator) == reference.feed(data)


@pytest.mark.parametrize("name", ONE_ROW)
@pytest.mark.parametrize("whole", [True, False])
def test_the_last_line_of_the_log_is_that_of_the_reference(name: str, whole: bool) -> None:
    demux, store, reader, reference = Demultiplexer(), LogStore(cr_overwrites=True), LiveReader(), Reference(200)
    pieces = [data for _, data in BOARD_OUTPUTS[name]]
    if not whole:
        pieces = [data[at : at + 1] for data in pieces for at in range(len(data))]
    for clock, data in enumerate(pieces):
        for part in demux.feed(data, clock).parts:
            if isinstance(part, LineBlock):
                store.append(part)
        demux.idle(clock + 0.5)
        store.grow(demux.unfinished)
        row = reference.feed(data)[reference.screen.cursor.y]
        if (live := store.live) is not None and not data.endswith((b"\r", b"\x1b")):
            assert "".join(text for text, _ in reader.editor(store, live).runs()).rstrip() == row, data
