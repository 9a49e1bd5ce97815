"""`open_handle`: which kind of port a name or URL means."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from espmon.port.base_handle import BaseHandle, CustomSequences
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded

LIST_SECONDS = 5.0
"""Seconds for reading the system's list of ports."""

MAX_BAUD = 20_000_000
"""No serial adapter is faster."""


async def open_handle(
    url: str,
    *,
    baud: int = 115200,
    no_reset: bool = False,
    dtr: bool | None = None,
    rts: bool | None = None,
    sequences: CustomSequences | None = None,
) -> BaseHandle:
    """Open a port once; nothing is sent, and no line is moved that was not asked for.

    Args:
        url: a device path, `rfc2217://host:port`, `telnet://host:port`, `socket://host:port`, or any URL that pyserial
            knows. Nicknames are for `resolve`, which gives one of these.
        baud: rate in baud.
        no_reset: the user wants the board left running: `warnings` says plainly where that cannot be promised.
        dtr: how DTR should be (True asserted), None to leave it; set before opening where the system allows that.
        rts: the same for RTS.
        sequences: reset sequences that replace the built-in ones.

    Raises `PortError` with one line that says what is wrong and what to do.
    """
    if not 0 < baud <= MAX_BAUD:
        raise PortError(PortErrorKind.UNSUPPORTED, f"{baud} is not a rate in baud", "115200 is the usual one")
    if not url.strip() or "\0" in url:
        raise PortError(PortErrorKind.MISSING, "no port was named", "`espmon scan` lists the ports")
    asked = url
    if url.lower().startswith("hwgrep://"):
        url = await _in_thread(lambda: _discovery().resolve(asked))
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme == "labgrid":
        raise PortError(
            PortErrorKind.UNSUPPORTED, f"{url} is a labgrid place, not a port", "A session, or PlaceHold, acquires it"
        )
    if scheme == "rfc2217":
        from espmon.port.rfc2217 import open_rfc2217 as opener
    elif scheme == "telnet":
        from espmon.port.rfc2217 import open_telnet as opener
    elif scheme == "socket":
        from espmon.port.stream import open_socket as opener
    elif scheme:
        from espmon.port.pyserial_opening import open_pyserial as opener
    else:
        from espmon.port.platform import open_local as opener
    try:
        handle = await opener(url, baud=baud, no_reset=no_reset, dtr=dtr, rts=rts)
    except PortError as error:
        if scheme or error.kind is not PortErrorKind.MISSING or error.hint:
            raise
        hint = await _in_thread(lambda: _discovery().missing_hint(url, _discovery().list_ports()))
        raise PortError(error.kind, error.message, hint) from None
    if sequences is not None:
        handle.custom = sequences
    return handle


def _discovery() -> ModuleType:
    # Only for a port that is not there: the usual open does not pay for the list.
    return import_module("espmon.port.discovery")


async def _in_thread(work: Callable[[], str]) -> str:
    try:
        return await run_bounded(work, LIST_SECONDS, name="port-list")
    except TimeoutError:
        return ""
