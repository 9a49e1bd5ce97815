"""What all handles share: the receive buffer, the state of the lines, and how a sequence is played."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from espmon.port import sequences as tables
from espmon.port.buffer import MAX_RECEIVED, ReceiveBuffer
from espmon.port.handle import Handle, PortWarning, PortWarningKind, ResetSequence
from espmon.port.port_error import PortError, PortErrorKind


@dataclass(frozen=True, slots=True)
class CustomSequences:
    """Sequences that the user configured; each replaces the built-in ones of its purpose."""

    reset: ResetSequence | None = None
    """Enters the loader."""

    hard_reset: ResetSequence | None = None
    """Restarts the application."""

    source: str = ""
    """The file or variable they came from."""


class BaseHandle(Handle):
    """A handle with everything but the transport.

    A transport puts bytes into `_receive`, calls `_receive.fail` once when the port is gone, and implements `write`,
    `close`, `set_baud` and `_move_lines`.
    """

    def __init__(self, url: str, baud: int, *, receive_limit: int = MAX_RECEIVED) -> None:
        self.url = url
        self.baud = baud
        self.usb = None
        self.remote = False
        self.has_modem_lines = False
        self.atomic_lines = False
        self.warnings = ()
        self.custom = CustomSequences()
        self._closed = False
        self._dtr: bool | None = None
        self._rts: bool | None = None
        self._receive = ReceiveBuffer(self._pause_reading, self._resume_reading, receive_limit)

    def _pause_reading(self) -> None:
        """Stop taking bytes from the transport: the reader is late."""

    def _resume_reading(self) -> None:
        """Go on taking bytes."""

    @abstractmethod
    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        """Move the lines on the transport; at least one is not None."""

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._closed

    def warn(self, kind: PortWarningKind, text: str) -> None:
        """Add to `warnings`, each text once."""
        warning = PortWarning(kind, text)
        if warning not in self.warnings:
            self.warnings = (*self.warnings, warning)

    def lost(self, why: str) -> PortError:
        """The error that tells the user the port is gone."""
        return PortError(PortErrorKind.LOST, f"{self.url}: {why}")

    def _check_open(self) -> None:
        if self._closed:
            raise self.lost("the port was closed")
        if self._receive.error is not None:
            error = self._receive.error
            raise PortError(error.kind, error.message, error.hint)

    async def read(self, timeout: float | None = None) -> bytes:
        """See `Handle.read`."""
        return await self._receive.take(timeout)

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """See `Handle.set_lines`."""
        if not self.has_modem_lines:
            raise PortError(
                PortErrorKind.UNSUPPORTED,
                f"{self.url} has no DTR and RTS lines",
                "Reset the board with its buttons, or open it through a serial port or rfc2217://",
            )
        self._check_open()
        if dtr is None and rts is None:
            return
        await self._move_lines(dtr, rts)
        self._dtr = self._dtr if dtr is None else dtr
        self._rts = self._rts if rts is None else rts

    def loader_entries(self) -> Sequence[ResetSequence]:
        """See `Handle.loader_entries`; a custom sequence stands alone."""
        if not self.has_modem_lines:
            return ()
        if self.custom.reset is not None:
            return (self.custom.reset,)
        return tables.loader_entries(self.usb, atomic=self.atomic_lines)

    def hard_reset_sequence(self) -> ResetSequence | None:
        """See `Handle.hard_reset_sequence`."""
        if not self.has_modem_lines:
            return None
        return self.custom.hard_reset or tables.hard_reset_sequence(self.usb, dtr=self._dtr)

    async def run_sequence(self, sequence: ResetSequence) -> None:
        """See `Handle.run_sequence`. UNSUPPORTED without lines, or when lines that move singly must be atomic."""
        if sequence.atomic and not self.atomic_lines and self.has_modem_lines:
            raise PortError(
                PortErrorKind.UNSUPPORTED,
                f"{self.url} cannot move DTR and RTS in one step, which the sequence {sequence.name!r} needs",
                "Use D and R steps instead of U",
            )
        for dtr, rts, seconds in sequence.steps:
            await self.set_lines(dtr=None if dtr is None else bool(dtr), rts=None if rts is None else bool(rts))
            if sequence.rewrite_dtr and rts is not None and dtr is None and self._dtr is not None:
                await self.set_lines(dtr=self._dtr)
            if seconds:
                await asyncio.sleep(seconds)
