"""Reset sequences: the moves of DTR and RTS, loaded from `data/reset_sequences.json`.

The usual board has two transistors: EN is low exactly when RTS is asserted and DTR is not, IO0 is low exactly when DTR
is asserted and RTS is not. So a board restarts with RTS alone, and restarts into the ROM loader when IO0 is low while
EN rises. Both lines in one system call ("tight") avoid the false state in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from espmon.data import load_table
from espmon.port.handle import ResetSequence
from espmon.port.port_error import PortError, PortErrorKind

MAX_STEPS = 64
"""Most steps in one custom sequence."""

MAX_WAIT_SECONDS = 10.0
"""Longest single wait in a custom sequence, in seconds."""


@cache
def _table() -> Mapping[str, Any]:
    # A cache of a constant file is not state: nothing writes to it.
    table: Mapping[str, Any] = load_table(__file__, "reset_sequences.json")
    return table


def _usb_key(usb: tuple[int, int] | None) -> str:
    return f"{usb[0]:04X}:{usb[1]:04X}" if usb else ""


def is_chip_usb(usb: tuple[int, int] | None) -> bool:
    """Whether a port is a chip's own USB Serial/JTAG, which has no rate: it takes every one, and they mean nothing."""
    return usb is not None and _usb_key(usb) in _table()["usb_jtag_serial"]


def named_sequence(name: str, hold: float = 0.05) -> ResetSequence:
    """The sequence `name` of the table; `hold` seconds (0.05 or 0.55) is how long the loader strap is kept low."""
    row = _table()["sequences"][name]
    steps = tuple((dtr, rts, hold if sleep == "hold" else float(sleep)) for dtr, rts, sleep in row["steps"])
    held = any(sleep == "hold" for _, _, sleep in row["steps"])
    return ResetSequence(
        name=f"{name} {hold:.2f} s" if held else name,
        steps=steps,
        atomic=bool(row.get("atomic")),
        rewrite_dtr=bool(row.get("rewrite_dtr")),
    )


def loader_entries(usb: tuple[int, int] | None, *, atomic: bool) -> tuple[ResetSequence, ...]:
    """Ways into the ROM loader, in the documented order.

    Args:
        usb: (VID, PID) of a local port, else None.
        atomic: both lines can move in one step (local POSIX ports).
    """
    table = _table()
    if is_chip_usb(usb):
        order = table["loader_order"]["usb"]
    else:
        order = table["loader_order"]["atomic" if atomic else "single"]
    return tuple(named_sequence(name, hold) for name, hold in order)


def hard_reset_sequence(usb: tuple[int, int] | None, *, dtr: bool | None = None) -> ResetSequence:
    """The sequence that restarts the application.

    Args:
        usb: (VID, PID) of a local port, else None.
        dtr: how DTR is now, None when unknown. RTS alone resets only while DTR is released, and a driver asserts both
            when it opens a port: unless DTR is known to be released, the sequence begins by releasing it.
    """
    key = _usb_key(usb)
    table = _table()
    if key in table["flow_control"]:
        return named_sequence("hard-flow-control")
    name = "hard-usb" if is_chip_usb(usb) else "hard-uart"
    sequence = named_sequence(name)
    if dtr is False or not table["sequences"][name].get("needs_dtr_released"):
        return sequence
    return ResetSequence(sequence.name, ((0, None, 0.0), *sequence.steps), sequence.atomic, sequence.rewrite_dtr)


def parse_sequence(text: str, name: str = "custom") -> ResetSequence:
    """Read a sequence as other tools' configuration files write it.

    Steps are separated by `|`: `D0`/`D1` and `R0`/`R1` set one line, `U1,0` sets DTR and RTS in one step, `W0.1` waits
    that many seconds. Raises `PortError` UNSUPPORTED with one line that names the bad step.
    """

    def bad(why: str) -> PortError:
        return PortError(
            PortErrorKind.UNSUPPORTED,
            f"reset sequence {name!r}: {why}",
            "Steps are D0, D1, R0, R1, U<dtr>,<rts> and W<seconds>, separated by |, as in D0|R1|W0.1|D1|R0|W0.05|D0",
        )

    steps: list[tuple[int | None, int | None, float]] = []
    words = [word.strip() for word in text.split("|")]
    if len(words) > MAX_STEPS:
        raise bad(f"more than {MAX_STEPS} steps")
    atomic = False
    for position, word in enumerate(words, 1):
        letter, value = word[:1].upper(), word[1:].strip()
        if letter in ("D", "R") and value in ("0", "1"):
            steps.append((int(value), None, 0.0) if letter == "D" else (None, int(value), 0.0))
        elif letter == "U":
            both = [part.strip() for part in value.split(",")]
            if len(both) != 2 or not all(part in ("0", "1") for part in both):
                raise bad(f"step {position} is {word!r}, and U takes two of 0 and 1, as in U1,0")
            atomic = True
            steps.append((int(both[0]), int(both[1]), 0.0))
        elif letter == "W":
            try:
                seconds = float(value)
            except ValueError:
                raise bad(f"step {position} is {word!r}, and W takes a number of seconds") from None
            if not (math.isfinite(seconds) and 0 <= seconds <= MAX_WAIT_SECONDS):
                raise bad(f"step {position} waits {value} s; 0 to {MAX_WAIT_SECONDS:g} are allowed")
            if steps:
                dtr, rts, before = steps[-1]
                steps[-1] = (dtr, rts, before + seconds)
            else:
                steps.append((None, None, seconds))
        else:
            raise bad(f"step {position} is {word!r}")
    return ResetSequence(name, tuple(steps), atomic)
