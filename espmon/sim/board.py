"""A simulated board: chip, circuit and wire, without the network in front of it.

The board has power from the first connection on. Its owner moves the lines, hands over received bytes and gives a sink
for what the board sends; while nobody is connected the board talks into the void.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from espmon.sim import bootlog
from espmon.sim import flash_contents as flash
from espmon.sim.application import Application
from espmon.sim.board_events import EventLog
from espmon.sim.firmware_image import Image
from espmon.sim.scenarios import SCENARIOS, Scenario
from espmon.sim.simulated_chips import CHIPS
from espmon.sim.strapping import RESET_DELAY_SECONDS, Mode, Strapping

if TYPE_CHECKING:
    from espmon.testing.loader_peer import LoaderPeer

DEFAULT_BAUD = 115200
REPLAY_CHUNK = 16384
PACED_CHUNK_SECONDS = 0.01
BITS_A_BYTE = 10
"""Start, eight data bits, stop."""

EMPTY, DEAD = "empty-flash", "flash-error"
"""Boots that have nothing in flash."""

NO_ANSWER = 0xFFFFFFFF

Sink = Callable[[bytes], Awaitable[None]]


class SimulatedBoard:
    """One board.

    Args:
        chip: a key of `espmon.sim.simulated_chips.CHIPS`.
        scenario: a key of `espmon.sim.scenarios.SCENARIOS`.
        replay: bytes that the application sends instead of a scenario, from the start at each boot, while a
            client is there; the wire then stays open and silent.
        rate: baud at which a replay is sent; None: as fast as the reader takes it.
        pace: everything takes its line time at the rate the client has set.
        power_delay: seconds from the first connection to the power: some clients throw away what comes while they open.
        reset_delay: seconds that EN stays low after its release.
        events: where to note what happens; a log in memory otherwise.
        quirks: an `espmon.testing.Quirks` for the loader.

    Attributes:
        events: the event log.
        mode: what the chip does now.
        baud: the rate the client has set.
        sent: bytes sent to the client since the start.
        elf: path of the application's ELF (RISC-V chips).
    """

    def __init__(
        self,
        chip: str = "esp32c3",
        scenario: str = "demo",
        *,
        replay: bytes | None = None,
        rate: int | None = None,
        pace: bool = False,
        power_delay: float = 0.0,
        reset_delay: float = RESET_DELAY_SECONDS,
        events: EventLog | None = None,
        quirks: Any = None,
    ) -> None:
        self.chip = CHIPS[chip]
        self.scenario = SCENARIOS[scenario]
        self.events = events or EventLog()
        self.mode = Mode.RESET
        self.baud = DEFAULT_BAUD
        self.sent = 0
        self._image = Image()
        self.elf = self._image.path
        self._replay = replay
        self._rate = rate
        self._pace = pace
        self._quirks = quirks
        self._power_delay = power_delay
        self._strapping = Strapping(delay=reset_delay)
        self._strapped_low = self.scenario.starts_in_loader
        self._powered = False
        self._sink: Sink | None = None
        self._present = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._start: asyncio.TimerHandle | None = None
        self._application: Application | None = None
        self._peer: Any = None
        self._flash: Any = None
        self._dump: bytes | None = None
        self._reason = bootlog.POWER_ON

    # -- the wire -----------------------------------------------------------------------------------------------

    def connect(self, sink: Sink) -> None:
        """A client is there; the first one brings the power."""
        self.events.add("connect")
        self._sink = sink
        self._present.set()
        if not self._powered:
            self._powered = True
            self._start = asyncio.get_running_loop().call_later(self._power_delay, self._power_on)

    def disconnect(self) -> None:
        """The client has gone; its lines fall back together."""
        self._sink = None
        self._present.clear()
        self.events.add("disconnect")
        self.set_lines(dtr=False, rts=False)

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Move DTR and RTS (True: asserted); both at once when both are given."""
        before = self._strapping.dtr, self._strapping.rts
        loop = asyncio.get_running_loop()
        entered_reset = self._strapping.move(loop.time(), dtr=dtr, rts=rts)
        if (self._strapping.dtr, self._strapping.rts) != before:
            self.events.add("lines", dtr=self._strapping.dtr, rts=self._strapping.rts)
        if not self._powered:
            return
        if entered_reset:
            self._strapped_low = False
            self._halt()
        if entered_reset or self._strapping.due is not None:
            if self._start is not None:
                self._start.cancel()
            self._start = None
        if self._strapping.due is not None:
            self._start = loop.call_at(self._strapping.due, self._rise)

    def set_baud(self, baud: int) -> None:
        """The client's rate."""
        self.baud = baud
        if self._peer is not None:
            self._peer.host_baud = baud

    async def receive(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.mode is Mode.APPLICATION and self._application is not None:
            if self._heard:
                self._application.receive(data)
        elif self.mode is Mode.LOADER and self._peer is not None:
            with contextlib.suppress(OSError):
                # A reset in the middle: the bytes are lost, as on a wire.
                await asyncio.get_running_loop().sock_sendall(self._peer.socket, data)

    async def close(self) -> None:
        """Power off."""
        if self._start is not None:
            self._start.cancel()
        self._halt()
        await self._ended()
        self.events.close()

    # -- the chip -----------------------------------------------------------------------------------------------

    def _power_on(self) -> None:
        self._start = None
        self._run(Mode.LOADER if self._strapped_low else Mode.APPLICATION)

    def _rise(self) -> None:
        """EN rises."""
        self._start = None
        self._run(self._strapping.start())

    def _halt(self) -> None:
        """Into reset: whatever ran is gone."""
        life, self._life = self._life, None
        self._application = None
        self.mode = Mode.RESET
        if life is not None:
            self._ending.add(life)
            life.add_done_callback(self._ending.discard)
            life.cancel()

    async def _ended(self) -> None:
        """Everything that ran before has let go of its threads and sockets."""
        if self._ending:
            await asyncio.wait(list(self._ending))

    def _run(self, mode: Mode) -> None:
        self._halt()
        self.mode = mode
        self.events.add("mode", mode=mode.value)
        live = self._live_in_loader if mode is Mode.LOADER else self._live_in_application
        self._life = asyncio.get_running_loop().create_task(self._follow(live))

    async def _follow(self, live: Callable[[], Awaitable[None]]) -> None:
        """Live once the lives before have ended."""
        await self._ended()
        await live()

    async def _live_in_application(self) -> None:
        if self._replay is not None:
            await self._play(self._replay)
            return
        reason, self._reason = self._reason, bootlog.POWER_ON
        while True:
            self._application = Application(self.chip, self._scenario(), self._image, self._say, self.keep_dump)
            reason = await self._application.run(reason)

    def _scenario(self) -> Scenario:
        """The scenario as far as the flash lets it come; a flash nobody has looked into is as the factory left it."""
        scenario = self.scenario
        if self._flash is None or scenario.boot not in ("normal", EMPTY):
            return scenario
        boot = flash.boot_of(self.chip, self._flash.data)
        return replace(scenario, boot=boot, console=boot == "normal" and (scenario.console or scenario.boot == EMPTY))

    @property
    def _heard(self) -> bool:
        """Whether the client's rate is the application's."""
        return self.scenario.rate in (None, self.baud)

    async def _say(self, data: bytes) -> None:
        """What the application sends, as the client's UART reads it."""
        if not self._heard:
            from espmon.records.uart import resampled

            data = resampled(data, sender=self.scenario.rate or self.baud, receiver=self.baud)
        await self._send(data)

    async def _play(self, capture: bytes) -> None:
        for start in range(0, len(capture), REPLAY_CHUNK):
            await self._present.wait()
            await self._send(capture[start : start + REPLAY_CHUNK], self._rate)

    async def _live_in_loader(self) -> None:
        from espmon.testing.loader_peer import LoaderPeer
        from espmon.testing.quirks import Quirks

        quirks = self._quirks or Quirks(paced=self._pace, attach_first=True, programs=True)
        quirks = replace(quirks, registers={**self.chip.fuses, **self._dead_flash(), **quirks.registers})
        peer = LoaderPeer(self.chip.key, quirks, flash=self._flash, contents=self._factory_contents())
        peer.host_baud = self.baud
        peer.download_text = bootlog.download_banner(self.chip).encode()
        loop = asyncio.get_running_loop()
        rebooted = asyncio.Event()
        peer.on_reboot = lambda: loop.call_soon_threadsafe(rebooted.set)
        starting = loop.run_in_executor(None, _start, peer)  # for the imports
        try:
            # The wire is there from the start: what the client sends while the loader is being imported waits in it.
            self._peer = peer
            await self._send(peer.download_text)
            await asyncio.shield(starting)
            self._flash = peer.flash
            await self._relay(peer.socket, rebooted)
        except (ImportError, NoLoaderError) as error:
            # Without the mock, or its knowledge of the chip, there is no loader: the chip stays deaf until it is reset.
            self.events.add("no_loader", why=str(error))
            await rebooted.wait()
        finally:
            self._peer = None
            await asyncio.shield(self._close_peer(peer, starting))
        if peer.bitten:
            self._reason = bootlog.WATCHDOG
        self._strapped_low = False
        loop.call_soon(self._run, Mode.APPLICATION)

    def _dead_flash(self) -> dict[int, int]:
        """Registers of a chip whose flash does not answer: nothing drives the line that the id is read from."""
        if self.scenario.boot != DEAD:
            return {}
        from espmon.rom.chips import load_chips

        chip = load_chips().chips.get(self.chip.key)
        return {} if chip is None else {chip.spi.w0: NO_ANSWER}

    def _factory_contents(self) -> Iterator[tuple[int, bytes]]:
        """What the first loader finds in flash."""
        if self.scenario.boot not in (EMPTY, DEAD):
            yield from flash.contents(self.chip, self._image)
            if self._dump is not None:
                yield flash.core_dump(self._dump)

    def keep_dump(self, dump: bytes) -> None:
        """What a crash leaves in the flash."""
        self._dump = dump
        if self._flash is not None:
            at, content = flash.core_dump(dump)
            self._flash.data[at : at + len(content)] = content

    async def _close_peer(self, peer: Any, starting: asyncio.Future[Any]) -> None:
        await asyncio.wait([starting])
        await asyncio.get_running_loop().run_in_executor(None, peer.close)

    async def _relay(self, wire: Any, rebooted: asyncio.Event) -> None:
        """What the loader says goes out until it starts the application."""
        loop = asyncio.get_running_loop()
        reboot = loop.create_task(rebooted.wait())
        try:
            while not rebooted.is_set():
                received = loop.create_task(loop.sock_recv(wire, 65536))
                try:
                    await asyncio.wait([received, reboot], return_when=asyncio.FIRST_COMPLETED)
                    if received.done():
                        data = received.result()
                        if not data:
                            # The loader is dead; only a reset helps.
                            await rebooted.wait()
                        await self._send(data)
                finally:
                    received.cancel()
        finally:
            reboot.cancel()

    async def _send(self, data: bytes, rate: int | None = None) -> None:
        """Towards the client, at line rate when asked for."""
        rate = rate or (self.baud if self._pace else None)
        step = max(1, int(rate / BITS_A_BYTE * PACED_CHUNK_SECONDS)) if rate else len(data) or 1
        loop = asyncio.get_running_loop()
        started, sent = loop.time(), 0
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            if self._sink is not None:
                self.sent += len(piece)
                await self._sink(piece)
            if rate:
                sent += len(piece)
                await asyncio.sleep(started + sent * BITS_A_BYTE / rate - loop.time())


class NoLoaderError(Exception):
    """The mock cannot play this chip's loader."""


def _start(peer: LoaderPeer) -> None:
    from esp32_mock_bootloader.chips import PROFILES

    if peer.chip not in PROFILES:
        raise NoLoaderError(f"esp32-mock-bootloader does not know {peer.chip}")
    peer.start()
