"""Raw mode, rates and modem lines of a POSIX tty, by descriptor. Every call may block in the driver."""

from __future__ import annotations

import array
import fcntl
import struct
import sys
import termios

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_BOTHER, _CBAUD = 0o010000, 0o010017
_TERMIOS2 = struct.Struct("4I20B2I")
_IOSSIOSPEED = 0x80045402
"""ioctl numbers and flags from the Linux (asm-generic) and Darwin headers; Python's termios has none of them."""

_LINE_BITS = {"dtr": termios.TIOCM_DTR, "rts": termios.TIOCM_RTS}


def set_raw(descriptor: int, baud: int) -> None:
    """8N1, no flow control, no translation, lines kept when the port is closed. Raises OSError or ValueError (rate)."""
    try:
        settings = termios.tcgetattr(descriptor)
        characters = settings[6]
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        # HUPCL stays off: with it, closing drops DTR before RTS on some drivers, and that resets the board.
        flags = termios.CS8 | termios.CREAD | termios.CLOCAL
        constant = getattr(termios, f"B{baud}", None) or termios.B38400
        termios.tcsetattr(descriptor, termios.TCSANOW, [0, 0, flags, 0, constant, constant, characters])
    except termios.error as error:
        raise OSError(*error.args) from error
    set_rate(descriptor, baud)


def set_rate(descriptor: int, baud: int) -> None:
    """Set any rate. Raises ValueError for one that this system cannot set, OSError when the driver refuses."""
    constant = getattr(termios, f"B{baud}", None)
    if baud <= 0:
        raise ValueError(f"{baud} is not a rate")
    try:
        settings = termios.tcgetattr(descriptor)
        if constant is not None:
            settings[4] = settings[5] = constant
            termios.tcsetattr(descriptor, termios.TCSANOW, settings)
        elif sys.platform == "linux":
            raw = bytearray(_TERMIOS2.size)
            fcntl.ioctl(descriptor, _TCGETS2, raw)
            fields = list(_TERMIOS2.unpack(raw))
            fields[2] = (fields[2] & ~_CBAUD) | _BOTHER
            fields[-2] = fields[-1] = baud
            fcntl.ioctl(descriptor, _TCSETS2, _TERMIOS2.pack(*fields))
        elif sys.platform == "darwin":
            fcntl.ioctl(descriptor, _IOSSIOSPEED, array.array("i", [baud]))
        else:
            raise ValueError(f"this system cannot set {baud} baud")
    except termios.error as error:
        raise OSError(*error.args) from error
    except struct.error as error:
        raise ValueError(f"{baud} is not a rate") from error


def read_lines(descriptor: int) -> tuple[bool, bool] | None:
    """(dtr, rts) as the driver has them; None when this tty has no modem lines (a PTY)."""
    state = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.TIOCMGET, state)
    except OSError:
        return None
    return bool(state[0] & termios.TIOCM_DTR), bool(state[0] & termios.TIOCM_RTS)


def move_lines(descriptor: int, dtr: bool | None, rts: bool | None) -> None:
    """Move DTR and RTS, both in one TIOCMSET when both are given. Raises OSError."""
    wanted = {name: value for name, value in (("dtr", dtr), ("rts", rts)) if value is not None}
    if len(wanted) == 2:
        state = array.array("i", [0])
        fcntl.ioctl(descriptor, termios.TIOCMGET, state)
        for name, value in wanted.items():
            state[0] = state[0] | _LINE_BITS[name] if value else state[0] & ~_LINE_BITS[name]
        fcntl.ioctl(descriptor, termios.TIOCMSET, state)
        return
    for name, value in wanted.items():
        request = termios.TIOCMBIS if value else termios.TIOCMBIC
        fcntl.ioctl(descriptor, request, array.array("i", [_LINE_BITS[name]]))


def output_queue(descriptor: int) -> int:
    """Bytes that the driver has not sent yet; 0 where it does not tell."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.TIOCOUTQ, count)
    except OSError:
        return 0
    return count[0]


def drop_output(descriptor: int) -> None:
    """Throw away what the driver has not sent: otherwise close waits for it, up to 30 s on Linux."""
    try:
        termios.tcflush(descriptor, termios.TCOFLUSH)
    except termios.error:
        return  # the device is gone, and its queue with it


def set_exclusive(descriptor: int, exclusive: bool) -> None:
    """Ask the kernel to refuse (or to allow again) further opens of this tty."""
    fcntl.ioctl(descriptor, termios.TIOCEXCL if exclusive else termios.TIOCNXCL)
