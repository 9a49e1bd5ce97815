"""Times of day as people enter them, and which moment of a log each means."""

from __future__ import annotations

from datetime import datetime

DAY_SECONDS = 86400.0


def moment_of(clock: str, date: str | None, newest: float, first: float | None = None) -> float | None:
    """Seconds since 1970 of a time of day: the last time that it was, or of a recording that is played, is to be.

    Args:
        clock: as in 12:03, 12:03:04 or 12:03:04.5, in local time.
        date: as in 2024-03-01, None where none was entered.
        newest: the present, or of a recording, the time of what was received last.
        first: of a recording, when it began: no earlier moment is meant.

    Returns None for what is no time, or no date.
    """
    form = "%H:%M" if clock.count(":") == 1 else "%H:%M:%S.%f" if "." in clock else "%H:%M:%S"
    try:
        day = datetime.fromtimestamp(newest).strftime("%Y-%m-%d") if date is None else date
        when = datetime.strptime(f"{day} {clock}", f"%Y-%m-%d {form}").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    if date is None and when > newest:
        when -= DAY_SECONDS
    if date is None and first is not None and when < first:
        when += DAY_SECONDS
    return when
