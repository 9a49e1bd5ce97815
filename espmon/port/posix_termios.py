"""Raw mode, rates and modem lines of a POSIX tty, by descriptor. Every call may block in the driver."""

from __future__ import annotations

import array
import fcntl
import struct
import sys
import termios

from espmon.port.line_format import Flow, LineFormat, Parity

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_BOTHER, _CBAUD = 0o010000, 0o010017
_TERMIOS2 = struct.Struct("4I20B2I")
_IOSSIOSPEED = 0x80045402
_BREAK_ON, _BREAK_OFF = (0x2000747B, 0x2000747A) if sys.platform == "darwin" else (0x5427, 0x5428)
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


_DATA_BITS = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}
_CMSPAR = 0o10000000000
"""Linux: the parity bit is always the same, odd is mark and even space. Python's termios has no name for it."""

_PARITIES = {
    Parity.NONE: 0,
    Parity.EVEN: termios.PARENB,
    Parity.ODD: termios.PARENB | termios.PARODD,
    Parity.MARK: termios.PARENB | termios.PARODD | _CMSPAR,
    Parity.SPACE: termios.PARENB | _CMSPAR,
}
_CRTSCTS = getattr(termios, "CRTSCTS", 0)
_XON_XOFF = termios.IXON | termios.IXOFF


def format_flags(line: LineFormat) -> tuple[int, int]:
    """(input flags, control flags) of termios for a format. Raises ValueError for what this system cannot do."""
    if line.stop_bits == 1.5:
        raise ValueError("termios knows 1 and 2 stop bits")
    if line.parity in (Parity.MARK, Parity.SPACE) and sys.platform != "linux":
        raise ValueError(f"this system has no {line.parity.value} parity")
    if line.flow is Flow.RTS_CTS and not _CRTSCTS:
        raise ValueError("this system has no RTS/CTS flow control")
    control = _DATA_BITS[line.data_bits] | _PARITIES[line.parity]
    control |= termios.CSTOPB if line.stop_bits == 2 else 0
    control |= _CRTSCTS if line.flow is Flow.RTS_CTS else 0
    return (_XON_XOFF if line.flow is Flow.XON_XOFF else 0), control


def set_format(descriptor: int, line: LineFormat) -> None:
    """Set data bits, parity, stop bits and flow control; what is not taken over is a ValueError, and undone.

    Raises ValueError for what this system or this driver cannot do, OSError when the driver refuses.
    """
    input_mask, control_mask = _XON_XOFF, termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB
    control_mask |= _CRTSCTS | (_CMSPAR if sys.platform == "linux" else 0)
    wanted_input, wanted_control = format_flags(line)
    try:
        before = termios.tcgetattr(descriptor)
        settings = list(before)
        settings[0] = (settings[0] & ~input_mask) | wanted_input
        settings[2] = (settings[2] & ~control_mask) | wanted_control
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)
        now = termios.tcgetattr(descriptor)
        # tcsetattr succeeds where any part of it does; a pseudo-terminal keeps eight bits and no parity.
        if (now[0] & input_mask, now[2] & control_mask) != (wanted_input, wanted_control):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
            raise ValueError(f"the driver does not take {line}")
    except termios.error as error:
        raise OSError(*error.args) from error


def set_break(descriptor: int, on: bool) -> None:
    """Begin or end a break. Raises OSError."""
    fcntl.ioctl(descriptor, _BREAK_ON if on else _BREAK_OFF)


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


def read_rate(descriptor: int) -> int:
    """The rate that is set, in baud; 0 where this system does not tell. Raises OSError."""
    if sys.platform == "linux":
        raw = bytearray(_TERMIOS2.size)
        fcntl.ioctl(descriptor, _TCGETS2, raw)
        return int(_TERMIOS2.unpack(raw)[-1])
    try:
        constant = termios.tcgetattr(descriptor)[5]
    except termios.error as error:
        raise OSError(*error.args) from error
    named = (name for name in vars(termios) if name[0] == "B" and name[1:].isdecimal())
    return next((int(name[1:]) for name in named if getattr(termios, name) == constant), 0)


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
