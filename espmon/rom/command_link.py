"""Strict request and response over a channel: one command at a time, its reply matched, strays thrown away."""

from __future__ import annotations

import asyncio
from collections import deque

from espmon.rom import protocol, slip
from espmon.rom.channel import Channel
from espmon.rom.protocol import Op, Reply
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.rom.transcript import Transcript

COMMAND_SECONDS = 3.0
"""Seconds to wait for the reply to a command that says nothing else."""

SYNC_SECONDS = 0.1
"""Seconds to wait for the reply to one SYNC."""

BARRIER_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Seconds to wait for the SYNC that gets back into step, each time it is sent; then the chip counts as silent."""

QUIET_SECONDS = 0.02
"""Seconds without a byte after which an abandoned reply is taken to be over."""

MAX_SETTLE_SECONDS = 0.06
"""Most seconds spent waiting for that."""

MAX_NOISE = 1 << 20
"""Bytes that may arrive while one reply is awaited; more is a board that floods, not a loader."""

MAX_RECENT = 4096
"""Bytes of what came last that are kept to say what the board was doing."""

WAITING_PACKETS = 256
"""Most packets kept that nobody has asked for yet."""


class Link:
    """Packets over a channel.

    A reply is known by its op code alone, and a loader answers in order. So after a command that was refused (refusals
    may be repeated up to eight times) or that had to be sent twice, a SYNC goes first: whatever comes before its reply
    is stale. Cancelling any method leaves the link usable: the next command gets into step again the same way.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._now = asyncio.get_running_loop().time
        self.transcript = Transcript(self._now)
        self.is_stub = False
        """A stub answers (SYNC said so), not the ROM."""

        self.in_loader = False
        """A loader has answered since the last reset."""

        self._decoder = slip.Decoder()
        self._packets: deque[bytes] = deque(maxlen=WAITING_PACKETS)
        self._recent = bytearray()
        self._stale = False

    async def command(
        self,
        op: int,
        data: bytes = b"",
        *,
        checksum: int = 0,
        payload: tuple[int, ...] = (0,),
        timeout: float = COMMAND_SECONDS,
        attempts: int = 1,
        ask_again: bool = False,
    ) -> Reply:
        """Send a command and wait for its reply.

        Args:
            op: a number of `Op`.
            data: the request's data, at most 65,535 bytes.
            checksum: for the three data commands, see `protocol.data_block`.
            payload: the lengths the reply's payload may have on success, longest first.
            timeout: seconds to wait, each time it is sent.
            attempts: how often to send it; more than once only where doing it twice does no harm.
            ask_again: a refusal counts as an attempt, too: a request that lost a byte on its way is refused.

        Raises:
            RomError: REFUSED with the loader's code, SILENT, or BAD_REPLY.
        """
        if self._stale:
            await self.barrier()
        self._stale = True  # until its one reply is in: a cancelled command leaves a reply on its way
        wire = protocol.request(op, data, checksum)
        bad: RomError | None = None
        for attempt in range(attempts):
            if bad is not None and bad.kind is RomErrorKind.REFUSED:
                await self.barrier()
                self._stale = True
            await self._send(wire)
            packet = await self._reply_to(op, timeout)
            if packet is None:
                continue
            try:
                reply = protocol.read_reply(packet, payload)
            except RomError as error:
                if error.kind is RomErrorKind.REFUSED and not ask_again:
                    raise
                bad = error
                continue
            self._stale = attempt > 0
            return reply
        raise bad or self._silent(op)

    async def sync(self, timeout: float = SYNC_SECONDS) -> bool:
        """Ask whether a loader is there; sets `is_stub`. False when nothing answered in time."""
        await self._send(protocol.request(Op.SYNC, protocol.SYNC_PAYLOAD))
        packet = await self._reply_to(Op.SYNC, timeout)
        if packet is None:
            return False
        try:
            reply = protocol.read_reply(packet)
        except RomError:
            return False
        self.is_stub = reply.value == 0
        self.in_loader = True
        return True

    async def barrier(self) -> None:
        """Get into step: after this, no reply to an earlier command can be taken for a later one's.

        Raises:
            RomError: SILENT.
        """
        for wait in BARRIER_SECONDS:
            if await self.sync(wait):
                self._stale = False
                return
        raise self._silent(Op.SYNC)

    async def settle(self) -> None:
        """Take in what is left of replies that nobody waits for, so that it does not become log."""
        end = self._now() + (MAX_SETTLE_SECONDS if self._stale else 0)
        while await self._receive(QUIET_SECONDS if self._stale else 0) and self._now() < end:
            pass

    async def read_packet(self, timeout: float) -> bytes | None:
        """The next packet of any kind, for data that a stub streams; None when `timeout` seconds passed."""
        end = self._now() + timeout
        while not self._packets:
            left = end - self._now()
            if left <= 0:
                return None
            await self._receive(left)
        return self._packets.popleft()

    async def write_packet(self, payload: bytes) -> None:
        """Send a packet that is no command, such as a stub's acknowledgement."""
        wire = slip.encode(payload)
        self.transcript.sent(wire)
        await self.channel.write(wire)

    def forget(self) -> None:
        """The board was reset: nothing that came before counts."""
        self._decoder.clear()
        self._packets.clear()
        self._recent.clear()
        self._stale = self.is_stub = self.in_loader = False

    @property
    def recent(self) -> bytes:
        """The last bytes received since `forget`, whatever they were."""
        return bytes(self._recent)

    async def _send(self, wire: bytes) -> None:
        self._packets.clear()
        self.transcript.sent(wire)
        await self.channel.write(wire)

    async def _receive(self, timeout: float) -> bytes:
        data = await self.channel.read(timeout)
        if data:
            self.transcript.received(data)
            self._packets.extend(self._decoder.feed(data))
            self._recent += data
            del self._recent[:-MAX_RECENT]
        return data

    async def _reply_to(self, op: int, timeout: float) -> bytes | None:
        end = self._now() + timeout
        noise = 0
        while True:
            while self._packets:
                packet = self._packets.popleft()
                if protocol.answers(packet, op):
                    return packet
            left = end - self._now()
            if left <= 0 or noise > MAX_NOISE:
                return None
            noise += len(await self._receive(left))

    def _silent(self, op: int) -> RomError:
        return RomError(
            RomErrorKind.SILENT,
            f"The chip stopped answering ({protocol.op_name(op)})",
            "It may have reset or lost power, or the line drops bytes; try another cable or a lower baud rate.",
        )
