"""A file to or from the board by XMODEM or YMODEM, over a lease of the port; it can be cancelled."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from espmon.regular_file import read_regular
from espmon.session.action import ActionError
from espmon.session.file_system import write_atomically
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.sending.xmodem import (
    MAX_FILE,
    TransferError,
    receive_xmodem,
    receive_ymodem,
    send_xmodem,
    send_ymodem,
)
from espmon.session.session_events import SessionNote
from espmon.session.status import TRANSFER_LEASE, Progress, Severity
from espmon.text import plain

SHOW_SECONDS = 0.1
"""How often the progress is published."""

MAX_NAME = 40
"""Characters of a received file's name, and of its suffix."""


class Way(StrEnum):
    """How a file travels."""

    XMODEM = "XMODEM"
    XMODEM_1K = "XMODEM-1K"
    YMODEM = "YMODEM"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is to be done."""

    way: Way
    path: Path
    """The file that is sent; the folder for received ones."""

    receive: bool = False


class FileTransfer:
    """Sends or receives files. See `Action`.

    Args:
        transfer: what to do.
    """

    name = TRANSFER_LEASE

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._shown = float("-inf")

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`."""
        transfer, began = self._transfer, reporter.clock()
        way = transfer.way.value
        what, title = (
            (f"receive by {way}", f"Receive by {way}") if transfer.receive else (f"send by {way}", f"Send by {way}")
        )
        try:
            said, rest = await (self._receive if transfer.receive else self._send)(lease, reporter)
        except (TransferError, OSError) as error:
            why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            self._tell(reporter, f"{title} failed: {plain(why)}", Severity.ERROR)
            raise ActionError(f"{what} failed: {plain(why)}") from error
        except asyncio.CancelledError:
            self._tell(reporter, f"{title} cancelled; the other side was told", Severity.WARNING)
            raise
        self._tell(reporter, f"{said} by {way} in {reporter.clock() - began:.1f} s", Severity.INFO)
        return rest

    async def _send(self, lease: Lease, reporter: Reporter) -> tuple[str, bytes]:
        transfer = self._transfer
        name = plain(transfer.path.name)
        data = await asyncio.to_thread(read_regular, transfer.path, MAX_FILE)
        self._show(reporter, "waiting for the board to ask for the file", 0, len(data))

        def progress(done: int) -> None:
            self._progress(reporter, name, done, len(data))

        if transfer.way is Way.YMODEM:
            rest = await send_ymodem(lease, transfer.path.name, data, progress=progress)
        else:
            rest = await send_xmodem(lease, data, long=transfer.way is Way.XMODEM_1K, progress=progress)
        return f"{name}: {len(data):,} bytes sent", rest

    async def _receive(self, lease: Lease, reporter: Reporter) -> tuple[str, bytes]:
        transfer = self._transfer
        self._show(reporter, "waiting for the board to send", 0, None)

        def progress(done: int) -> None:
            self._progress(reporter, "receiving", done, None)

        if transfer.way is Way.YMODEM:
            files, rest = await receive_ymodem(lease, progress=progress)
        else:
            data, rest = await receive_xmodem(lease, progress=progress)
            files = [("xmodem.bin", data)]
        paths = await asyncio.to_thread(lambda: [save(transfer.path, name, data) for name, data in files])
        names = ", ".join(plain(path.name) for path in paths)
        return f"{names}: {sum(len(data) for _, data in files):,} bytes received in {plain(str(transfer.path))}", rest

    def _progress(self, reporter: Reporter, step: str, done: int, total: int | None) -> None:
        now = reporter.clock()
        if now - self._shown >= SHOW_SECONDS or done == total:
            self._shown = now
            self._show(reporter, f"{step}: {done:,} bytes", done, total)

    def _show(self, reporter: Reporter, step: str, done: int, total: int | None) -> None:
        reporter.publish(replace(reporter.status, progress=Progress(self.name, step, done, total or None)))

    def _tell(self, reporter: Reporter, text: str, severity: Severity) -> None:
        line = reporter.mark(text)
        reporter.list_event(SessionNote(*reporter.here, text), line)
        reporter.notify(text, severity)


def _safe(text: str) -> str:
    """What of `text` can stand in a file's name on every system."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:MAX_NAME]


def save(folder: Path, name: str, data: bytes) -> Path:
    """Write a received file under a name that is made safe, beside what is there already. Raises OSError."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".") if last.strip(".") else ("", "", "")
    stem = _safe(stem if dot else last) or "received"
    suffix = f".{_safe(suffix)}" if dot and _safe(suffix) else ""
    path = folder / f"{stem}{suffix}"
    number = 1
    while path.exists() or path.is_symlink():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    write_atomically(path, data)
    return path
