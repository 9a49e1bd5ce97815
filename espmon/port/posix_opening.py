"""What POSIX does its own way: opening a tty, stable device names, file locks."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from espmon.port import posix_termios as tty
from espmon.port.base_handle import BaseHandle
from espmon.port.handle import PortWarning, PortWarningKind
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.posix_tty import TtyHandle
from espmon.port.threads import run_bounded

if TYPE_CHECKING:
    from grp import struct_group
    from pathlib import Path

    from espmon.port.posix_holders import Holder

OPEN_SECONDS = 10.0
"""Seconds for opening a local port, the driver's own work included."""

LOCK_SECONDS, LOCK_POLL_SECONDS = 2.0, 0.01
"""Longest wait for a file that another program has locked, and time between two tries."""

BY_ID = "/dev/serial/by-id"
"""Where udev keeps names that survive replugging."""

NO_LINES = PortWarning(
    PortWarningKind.NO_LINES,
    "This is a pseudo-terminal: it has no DTR and RTS, so espmon cannot reset the board through it",
)
RAISED = PortWarning(
    PortWarningKind.MAY_RESET,
    "Opening the port raised DTR and RTS (the driver does that, and no program can prevent it): "
    "most boards keep running, a board with another reset circuit may have restarted",
)
USB_SERIAL_JTAG = (0x303A, 0x1001)
"""Both lines raised together do nothing there (the chip itself watches them, without transistors)."""


USB_LEVELS = 5
"""Folders of sysfs, from the tty's own upwards, that are looked at for the USB device it belongs to."""


class _Opened:
    def __init__(self, descriptor: int, lines: tuple[bool, bool] | None, usb: tuple[int, int] | None) -> None:
        self.descriptor = descriptor
        self.lines = lines
        self.usb = usb
        self.warnings: list[PortWarning] = []

    def discard(self) -> None:
        os.close(self.descriptor)


async def open_local(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open a device path; see `espmon.port.open_handle`."""
    try:
        opened = await run_bounded(
            lambda: _open(url, baud, no_reset, dtr, rts), OPEN_SECONDS, name="tty-open", discard=_Opened.discard
        )
    except TimeoutError:
        raise PortError(
            PortErrorKind.STALLED,
            f"{url}: the driver did not open the port within {OPEN_SECONDS:g} s",
            "Unplug the device and plug it in again",
        ) from None
    return TtyHandle(url, baud, opened.descriptor, opened.lines, opened.usb, tuple(opened.warnings))


def _open(url: str, baud: int, no_reset: bool, dtr: bool | None, rts: bool | None) -> _Opened:
    try:
        if not stat.S_ISCHR(os.stat(url).st_mode):
            raise _not_a_tty(url)
        descriptor = os.open(url, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise open_error(url, error) from None
    try:
        return _set_up(url, descriptor, baud, no_reset, dtr, rts)
    except BaseException:
        os.close(descriptor)
        raise


def _set_up(url: str, descriptor: int, baud: int, no_reset: bool, dtr: bool | None, rts: bool | None) -> _Opened:
    if not os.isatty(descriptor):
        raise _not_a_tty(url)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise busy(url) from None
    try:
        tty.set_exclusive(descriptor, True)
        tty.set_raw(descriptor, baud)
        lines = tty.read_lines(descriptor)
        opened = _Opened(descriptor, lines, _usb_of(url) if lines is not None else None)
        if lines is None:
            opened.warnings.append(NO_LINES)
            return opened
        if dtr is not None or rts is not None:
            tty.move_lines(descriptor, dtr, rts)
            opened.lines = (lines[0] if dtr is None else dtr, lines[1] if rts is None else rts)
    except ValueError as error:
        raise PortError(PortErrorKind.UNSUPPORTED, f"{url}: {error}") from None
    except OSError as error:
        raise open_error(url, error) from None
    if no_reset or opened.usb != USB_SERIAL_JTAG:
        opened.warnings.append(RAISED)
    others = [holder for holder in holders(url) if holder.pid != os.getpid()]
    if others:
        names = ", ".join(map(str, others))
        text = f"Also open in {names}: each program gets only a part of the bytes"
        opened.warnings.append(PortWarning(PortWarningKind.SHARED, text))
    return opened


def _usb_of(url: str, classes: str | os.PathLike[str] = "/sys/class/tty") -> tuple[int, int] | None:
    """(VID, PID) of the USB device behind a tty: from sysfs where there is one, else from pyserial's list."""
    if os.path.isdir(classes):
        folder = os.path.realpath(os.path.join(classes, os.path.basename(os.path.realpath(url)), "device"))
        for _ in range(USB_LEVELS):
            try:
                return _hexadecimal(folder, "idVendor"), _hexadecimal(folder, "idProduct")
            except (OSError, ValueError):
                folder = os.path.dirname(folder)
        return None
    from serial.tools import list_ports

    for port in list_ports.comports():
        if port.device == url and port.vid is not None and port.pid is not None:
            return port.vid, port.pid
    return None


def _hexadecimal(folder: str, name: str) -> int:
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return int(file.read(), 16)


def _not_a_tty(url: str) -> PortError:
    return PortError(
        PortErrorKind.NOT_A_TTY,
        f"{url} is not a serial port",
        "To read a recording use `espmon decode FILE`; `espmon scan` lists the ports",
    )


def busy(url: str) -> PortError:
    """The error for a port that another program holds, naming it where the system tells."""
    found = holders(url)
    mine = [holder for holder in found if holder.pid == os.getpid()]
    others = [holder for holder in found if holder.pid != os.getpid()]
    if others:
        names = ", ".join(map(str, others))
        return PortError(PortErrorKind.BUSY, f"{url} is in use by {names}", "Close that program, then try again")
    if mine:
        return PortError(PortErrorKind.BUSY, f"{url} is already open in this espmon (pid {os.getpid()})")
    return PortError(PortErrorKind.BUSY, f"{url} is in use by another program", f"`sudo lsof {url}` names it")


def open_error(url: str, error: OSError) -> PortError:
    """Say what an operating system's error means for the user."""
    code = error.errno
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return PortError(PortErrorKind.MISSING, f"{url}: no such port")
    if code in (errno.EACCES, errno.EPERM):
        return PortError(PortErrorKind.PERMISSION, f"{url}: you may not open this port", _permission_hint(url))
    if code == errno.EBUSY:
        return busy(url)
    if code in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return _not_a_tty(url)
    if code == errno.EIO:
        return PortError(PortErrorKind.LOST, f"{url}: the device does not answer", "Unplug it and plug it in again")
    return PortError(PortErrorKind.OTHER, f"{url} cannot be opened: {error.strerror or error}")


def holders(device: str) -> tuple[Holder, ...]:
    """The processes that have `device` open or locked, lowest pid first; () where the system does not tell."""
    from espmon.port import posix_holders  # few ports need it: a PTY does not

    return posix_holders.holders(device)


SERIAL_GROUPS = ("dialout", "uucp")
"""Groups that serial ports belong to: Debian's and Fedora's, Arch's."""


def access_advice() -> str:
    """What this user has to do before any serial port can be opened; "" where nothing is known to be missing."""
    import grp

    if sys.platform != "linux" or os.getuid() == 0:
        return ""
    for name in SERIAL_GROUPS:
        try:
            group = grp.getgrnam(name)
        except KeyError:
            continue
        joined = group.gr_gid in (os.getegid(), *os.getgroups())
        return "" if joined else f"You are not in the group {name} of serial ports. {_join(group)}"
    return ""


def _join(group: struct_group) -> str:
    """What brings this user into a group."""
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    if user in group.gr_mem:
        return f"You were added to the group {group.gr_name} but this login does not know it yet: log out and in again"
    return f"Run `sudo usermod -aG {group.gr_name} {user}`, then log out and in again"


def _permission_hint(url: str) -> str:
    import grp

    try:
        status = os.stat(url)
        group = grp.getgrgid(status.st_gid)
    except (OSError, KeyError):
        return "Ask for read and write permission on it"
    if not status.st_mode & stat.S_IWGRP or status.st_gid == 0:
        return (
            "Only root may: add a udev rule, for example "
            'SUBSYSTEM=="tty", ATTRS{idVendor}=="303a", MODE="0660", GROUP="dialout", then replug the device'
        )
    return _join(group)


def stable_names() -> Mapping[str, str]:
    """Device path -> its /dev/serial/by-id name."""
    try:
        links = [os.path.join(BY_ID, name) for name in sorted(os.listdir(BY_ID))]
    except OSError:
        return {}
    return {os.path.realpath(link): link for link in links}


def usable(path: str) -> bool:
    """The device is there and this user may open it. Never opens it."""
    return os.access(path, os.R_OK | os.W_OK)


def exists(path: str) -> bool:
    """The device is there (a dangling link is not)."""
    return os.path.exists(path)


def device_stamp() -> int:
    """A number that changes when a device appears or goes."""
    try:
        return os.stat("/dev").st_mtime_ns
    except OSError:
        return 0


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` (made when missing, mode 0600) for the time of the block.

    Raises TimeoutError when somebody else has it for `LOCK_SECONDS`. Blocks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not try_lock(descriptor):
            if time.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, "locked by another program", str(path))
            time.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; False when another process, or another opening, has it locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
