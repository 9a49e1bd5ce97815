"""The log as text for a file that somebody will read in a terminal: nothing in it acts there."""

from __future__ import annotations

from collections.abc import Callable

from espmon.records.lines import SGR, LineBlock
from espmon.text import plain

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n") + b"\x7f"


def log_text(
    block: LineBlock, *, raw_escapes: bool = False, stamp: Callable[[float | None], str] | None = None
) -> bytes:
    """The lines of a block as they go into a log file, each with its line end, without carriage returns.

    Args:
        block: lines.
        raw_escapes: leave the device's control sequences as they came.
        stamp: what is written in front of a line that came at a time. Each line has an end then.
    """
    text = _text(block, raw_escapes)
    if stamp is None:
        return text
    lines = text.removesuffix(b"\n").split(b"\n")
    return b"".join(b"%s%s\n" % (stamp(block.host_time(index)).encode(), line) for index, line in enumerate(lines))


def _text(block: LineBlock, raw_escapes: bool) -> bytes:
    data = b"".join(block.text(index).encode() + b"\n" for index in range(len(block))) if block.decoded else block.data
    data = data.replace(b"\r", b"")
    if raw_escapes:
        return data
    if b"\x1b" in data:
        data = SGR.sub(b"", data)
    if data.isascii() and len(data.translate(None, _CONTROLS)) == len(data):
        return data
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return "\n".join(line if line.isprintable() and line.isascii() else plain(line) for line in lines).encode()


def host_time(seconds: float, pattern: str) -> str:
    """Host time (seconds since the epoch) in the user's format, which is text like any other.

    `%f` is cut to milliseconds.
    """
    import datetime  # only where host times are shown

    when = datetime.datetime.fromtimestamp(seconds)
    return plain(when.strftime(pattern.replace("%f", f"{when.microsecond // 1000:03d}")))
