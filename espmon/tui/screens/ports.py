"""What the picker needs to know of a port, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from espmon.port.line_format import LineFormat
from espmon.tui.screens.dialog import clip
from espmon.tui.screens.table import Column, Row


class PortLike(Protocol):
    """The shape of a discovered port (`espmon.port.PortInfo` has it)."""

    @property
    def device(self) -> str:
        """What to open: a device path."""

    @property
    def vid(self) -> int | None:
        """USB vendor id."""

    @property
    def pid(self) -> int | None:
        """USB product id."""

    @property
    def serial_number(self) -> str | None:
        """USB serial number."""

    @property
    def location(self) -> str | None:
        """USB bus and port path."""

    @property
    def product(self) -> str | None:
        """What the device calls itself; hostile until sanitised."""

    @property
    def nickname(self) -> str | None:
        """The user's name for it."""

    @property
    def reason(self) -> str:
        """Why it is ranked where it is."""

    @property
    def chip_guess(self) -> str | None:
        """What the board may be, from USB ids or from an earlier probe."""


@dataclass(frozen=True, slots=True)
class PortRow:
    """One port as the picker shows it. Ports are listed in the order given: the best guess first."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None
    product: str | None = None
    nickname: str | None = None
    reason: str = ""
    chip_guess: str | None = None
    busy: str = ""
    """Who holds it ("minicom, pid 4242"), "" when nobody is known to."""

    online: bool = True
    """False for a known board that is not plugged in."""

    key: str = ""
    """Its key in the device registry, "" where nothing tells it from others."""

    baud: int | None = None
    """The rate remembered for this board."""

    elf: Path | None = None
    """The ELF remembered for this board."""

    line: LineFormat | None = None
    """The line settings remembered for this board."""

    dtr: bool | None = None
    """How DTR is left, as remembered for this board; None where nothing is."""

    rts: bool | None = None
    """The same of RTS."""

    @property
    def state(self) -> str:
        """One word for the table."""
        return "offline" if not self.online else "busy" if self.busy else "online"

    @property
    def usb_text(self) -> str:
        """`303a:1001`, "" for a port that is not USB."""
        return "" if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"


def port_row(port: PortLike) -> PortRow:
    """A discovered port as a row; what a `PortRow` has beyond `PortLike` is taken where the port has it too."""
    if isinstance(port, PortRow):
        return port
    elf = getattr(port, "elf", None)
    return PortRow(
        device=port.device,
        vid=port.vid,
        pid=port.pid,
        serial_number=port.serial_number,
        location=port.location,
        product=port.product,
        nickname=port.nickname,
        reason=port.reason,
        chip_guess=port.chip_guess,
        busy=str(getattr(port, "busy", "") or ""),
        online=bool(getattr(port, "online", True)),
        key=str(getattr(port, "key", "") or ""),
        baud=getattr(port, "baud", None),
        elf=Path(elf) if elf else None,
        line=getattr(port, "line", None),
    )


COLUMNS = (
    Column("nickname", "name", 12, fit=True),
    Column("device", "port", 14, fit=True, late=True, keep_end=True),
    Column("product", "product", 18, share=2, fit=True),
    Column("chip", "chip", 10, fit=True),
    Column("state", "state", 8),
    Column("reason", "why here", 20, share=3, from_width=100),
)
"""The picker's columns; below 100 cells the reason is only in the line under the table."""


STATE_COLOURS = {"online": "success", "busy": "warning"}
"""State -> colour of the theme; what is offline is dim."""


def table_row(port: PortRow) -> Row:
    """The cells of one port."""
    return Row(
        port.device,
        {
            "nickname": port.nickname or "-",
            "device": port.device,
            "product": port.product or "-",
            "chip": port.chip_guess or "?",
            "state": port.state,
            "reason": port.reason,
        },
        style="dim" if not port.online else "",
        colours={"state": STATE_COLOURS.get(port.state, "")},
    )


def port_detail(port: PortRow, width: int) -> str:
    """Two lines of at most `width` cells: what is known of a port, and its state with the reason."""
    facts = [
        port.product or "",
        f"USB {port.usb_text}" if port.usb_text else "",
        f"serial {port.serial_number}" if port.serial_number else "",
        f"at {port.location}" if port.location else "",
    ]
    why = f"held by {port.busy}" if port.busy else port.reason
    first = "  ".join(clip(fact, 60) for fact in (port.device, *facts) if fact)
    return f"{clip(first, width)}\n{clip(f'{port.state}: {why}' if why else port.state, width)}"


UNPLUGGED = "unplugged; waiting for it to come back"
"""Why a port is listed that was there and has gone."""


NO_PORTS = (
    "No serial port found. Plug a board in: the list refreshes by itself.\n"
    "None shows? Another cable (some only charge), or its bridge's driver;\n"
    "in a container, a virtual machine or WSL the device is to be passed on.\n"
    "A board elsewhere: rfc2217://host:port or socket://host:port, below."
)
"""What an empty list says."""

NO_DEMO = "\nNo board? pip install 'espmon[demo]' brings a simulated one"


def empty_text(access: str = "", *, demo: bool) -> str:
    """What an empty list says; a missing permission goes first. `demo`: the simulated board is installed."""
    advice = f"{clip(access, 200)}\n" if access else ""
    return advice + NO_PORTS + ("\nNo board? s opens a simulated one" if demo else NO_DEMO)


def where_now(old: Sequence[PortRow], new: Sequence[PortRow], selected: str | None) -> str | None:
    """The device of the board that was selected: another one, where it has come back under another name."""
    was = next((port for port in old if port.device == selected), None)
    if was is None or not was.key or any(port.device == selected for port in new):
        return selected
    return next((port.device for port in new if port.online and port.key == was.key), selected)


def keep_selected(old: Sequence[PortRow], new: Sequence[PortRow], selected: str | None) -> list[PortRow]:
    """The new list, with the selected port kept in its place as offline when it has gone.

    Enter must never open another board than the one the cursor was on.
    """
    listed = list(new)
    if selected is None or any(port.device == selected for port in listed):
        return listed
    for index, port in enumerate(old):
        # What was listed only because it is remembered, and is not any more, has been forgotten.
        if port.device == selected and (port.online or port.reason == UNPLUGGED):
            gone = replace(port, online=False, busy="", reason=UNPLUGGED)
            listed = [other for other in listed if other.online or not port.key or other.key != port.key]
            listed.insert(min(index, len(listed)), gone)
    return listed
