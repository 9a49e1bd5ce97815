"""Who may read the port. A handle has one reader at a time because reading needs a lease, and there is only one.

The pipeline itself reads through a lease; a probe, a flash or a debugger gets the next one only after the pipeline's
was given back. Every byte read passes the tap, with the name of the lease that read it, so that the recording is
complete whoever was reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from espmon.port import Handle, ResetSequence

PIPELINE = "pipeline"
"""The owner whose bytes become log."""


class LeaseError(RuntimeError):
    """A lease was used after it was given back, or taken while another one is out: a programming error."""


class Wire:
    """An open handle and its one lease.

    Args:
        handle: the open port.
        tap: called with (owner, bytes) for everything received.
    """

    def __init__(self, handle: Handle, tap: Callable[[str, bytes], None]) -> None:
        self.handle = handle
        self._tap = tap
        self._holder: Lease | None = None

    @property
    def holder(self) -> str | None:
        """Who holds the lease now."""
        return self._holder.owner if self._holder else None

    def lease(self, owner: str) -> Lease:
        """Hand out the lease. Raises `LeaseError` while somebody has it."""
        if self._holder is not None:
            raise LeaseError(f"{owner} asked for the port while {self._holder.owner} holds it")
        self._holder = Lease(self, owner)
        return self._holder

    def _received(self, lease: Lease, data: bytes) -> None:
        if data:
            self._tap(lease.owner, data)

    def _check(self, lease: Lease) -> Handle:
        if lease is not self._holder:
            raise LeaseError(f"the lease of {lease.owner} was given back")
        return self.handle

    def _release(self, lease: Lease) -> None:
        self._check(lease)
        self._holder = None


class Lease:
    """The right to read and write the port until `release`. Has the shape that the ROM room calls a channel."""

    def __init__(self, wire: Wire, owner: str) -> None:
        self._wire = wire
        self.owner = owner

    @property
    def baud(self) -> int:
        """The port's rate."""
        return self._wire.handle.baud

    @property
    def usb(self) -> tuple[int, int] | None:
        """(VID, PID), or None."""
        return self._wire.handle.usb

    @property
    def remote(self) -> bool:
        """True over a network."""
        return self._wire.handle.remote

    @property
    def has_modem_lines(self) -> bool:
        """Whether DTR and RTS can be moved."""
        return self._wire.handle.has_modem_lines

    async def read(self, timeout: float | None = None) -> bytes:
        """See `Handle.read`; what is returned has passed the tap."""
        data = await self._wire._check(self).read(timeout)
        self._wire._received(self, data)
        return data

    async def gather(self, seconds: float) -> None:
        """See `Handle.gather`."""
        await self._wire._check(self).gather(seconds)

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """See `Handle.write`."""
        await self._wire._check(self).write(data, timeout)

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """See `Handle.set_lines`."""
        await self._wire._check(self).set_lines(dtr=dtr, rts=rts)

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`."""
        await self._wire._check(self).set_baud(baud)

    def loader_entries(self) -> Sequence[ResetSequence]:
        """See `Handle.loader_entries`."""
        return self._wire._check(self).loader_entries()

    def hard_reset_sequence(self) -> ResetSequence | None:
        """See `Handle.hard_reset_sequence`."""
        return self._wire._check(self).hard_reset_sequence()

    async def run_sequence(self, sequence: ResetSequence) -> None:
        """See `Handle.run_sequence`."""
        await self._wire._check(self).run_sequence(sequence)

    def release(self) -> None:
        """Give the lease back. Raises `LeaseError` when that was done before."""
        self._wire._release(self)
