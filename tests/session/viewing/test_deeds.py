"""What a writer from another program asks for, read from what it sent."""

from __future__ import annotations

import pytest

from espmon.port import LineFormat, PortError
from espmon.session.sharing.deeds import deed_of, do_deed
from espmon.session.sharing.share_protocol import Kind, Message

NAN = float("nan")


class Board:
    """Keeps what was done to it."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    async def reset(self) -> PortError | None:
        self.done.append(("reset",))
        return None

    async def reset_to_loader(self) -> PortError | None:
        self.done.append(("loader",))
        return None

    async def send_break(self, seconds: float) -> PortError | None:
        self.done.append(("break", seconds))
        return None

    async def set_lines(self, dtr: bool | None = None, rts: bool | None = None) -> PortError | None:
        self.done.append(("lines", dtr, rts))
        return None

    async def set_baud(self, baud: int) -> PortError | None:
        self.done.append(("baud", baud))
        return None

    async def set_format(self, line: LineFormat) -> PortError | None:
        self.done.append(("format", str(line)))
        return None


@pytest.mark.parametrize(
    ("fields", "done"),
    [
        ({"deed": "reset"}, ("reset",)),
        ({"deed": "loader"}, ("loader",)),
        ({"deed": "break", "seconds": 0.25}, ("break", 0.25)),
        ({"deed": "lines", "dtr": True, "rts": "yes"}, ("lines", True, None)),
        ({"deed": "baud", "baud": 74880}, ("baud", 74880)),
        ({"deed": "format", "line": "7E1"}, ("format", "7E1")),
    ],
)
async def test_what_is_asked_for_is_done(fields: dict[str, object], done: tuple[object, ...]) -> None:
    board, message = Board(), Message(Kind.DO, fields)
    deed = deed_of(message)
    assert deed is not None
    assert await do_deed(deed, message, board) is None
    assert board.done == [done]


@pytest.mark.parametrize(
    "fields",
    [
        {"deed": "break"},
        {"deed": "break", "seconds": 1e9},
        {"deed": "break", "seconds": NAN},
        {"deed": "baud", "baud": -1},
        {"deed": "baud", "baud": 1 << 40},
        {"deed": "format", "line": "9X7"},
        {"deed": "format", "line": 3},
    ],
)
async def test_what_no_port_can_do_is_refused(fields: dict[str, object]) -> None:
    board, message = Board(), Message(Kind.DO, fields)
    deed = deed_of(message)
    assert deed is not None
    assert "No port can do that" in str(await do_deed(deed, message, board))
    assert board.done == []


@pytest.mark.parametrize("deed", [None, 3, "flash", "", ["reset"]])
def test_a_deed_that_is_not_known_is_none(deed: object) -> None:
    assert deed_of(Message(Kind.DO, {"deed": deed})) is None
