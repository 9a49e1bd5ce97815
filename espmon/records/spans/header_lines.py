"""Header lines and end lines, as several payloads have them."""

from __future__ import annotations

import re

from espmon.records.span import MORE, Bytes, More

HEADER_BYTES = 512
"""A header line longer than this is text."""

PRINTABLE = re.compile(rb"[^\x00-\x1f\x7f]*")
EOL = re.compile(rb"\r{0,2}\n")
EOLS = (b"", b"\n", b"\r\n", b"\r\r\n")


def header_line(data: Bytes, at: int) -> bytes | More | None:
    """The printable line that starts at `at`, with its line end (LF, CR LF, CR CR LF).

    MORE while its end is not there yet; None when another control byte or too many bytes come first.
    """
    printable = PRINTABLE.match(data, at, at + HEADER_BYTES + 1)
    stop = printable.end() if printable else at
    if stop - at > HEADER_BYTES:
        return None
    end = line_end(data, stop)
    if isinstance(end, int):
        return bytes(data[at:end])
    return end


def line_end(data: Bytes, at: int) -> int | More | None:
    """Position behind the line end at `at`; MORE when it may still come; None when something else is there."""
    match = EOL.match(data, at)
    if match:
        return match.end()
    return MORE if bytes(data[at : at + 3]) in (b"", b"\r", b"\r\r") else None


def end_line(data: Bytes, at: int, marker: bytes) -> tuple[int, bool] | More | None:
    """Look for an optional line end, then `marker`, then an optional line end.

    Returns the position behind it, and whether that is final (False: its own line end may still come). MORE while the
    bytes so far could become it; None when they cannot.
    """
    seen = bytes(data[at : at + len(marker) + 3])
    for eol in EOLS:
        whole = eol + marker
        if seen.startswith(whole):
            stop = at + len(whole)
            end = line_end(data, stop)
            if isinstance(end, int):
                return end, True
            return stop, end is None
    return MORE if any((eol + marker).startswith(seen) for eol in EOLS) else None
