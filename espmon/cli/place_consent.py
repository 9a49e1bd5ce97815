"""labgrid places on the command line: acquired after a question, released at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from espmon.cli.command_runner import clean, say
from espmon.port.place_address import is_place


def may_acquire(port: str, *, yes: bool) -> bool:
    """Whether a place that is free may be acquired; asks. False for what is no place, and for a place that is held.

    Args:
        port: what the user typed.
        yes: the user has agreed already.

    Raises `PortError` where the place cannot be used: somebody else has it, or no coordinator answers.
    """
    if not is_place(port):
        return False
    from espmon.port.labgrid import PlaceHold

    place = PlaceHold(port, agreed=False).look()
    if not place.holder and not yes:
        from espmon.cli.consent import require_consent

        require_consent(
            f"Place {clean(place.name)} is free: it is acquired, and released at the end.",
            doing="a labgrid place must be acquired",
        )
    return not place.holder


@contextmanager
def lent_port(port: str, *, yes: bool) -> Iterator[str]:
    """What to open for `port`, for commands that open it themselves: the port of a place, else `port` as it is."""
    if not is_place(port):
        yield port
        return
    from espmon.port.labgrid import PlaceHold
    from espmon.port.port_error import PortError

    hold = PlaceHold(port, agreed=may_acquire(port, yes=yes))
    try:
        yield hold.port_url()
    finally:
        try:
            hold.release()
        except PortError as error:
            say(f"espmon: the place was not released: {error}")
