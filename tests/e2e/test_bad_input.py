"""Whatever a board sends, and whenever it leaves: the session lives, the recording is whole, the reason is there."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from espmon.port import Handle, PortError, PortIdentity
from espmon.records.uart import resampled
from espmon.session.connection import PortAccess
from espmon.session.debug_lease import DebugError
from espmon.session.flash_job import FlashJob
from espmon.session.flash_plan import from_pairs
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import EventEntry, OpenRequest
from espmon.time_limit import time_limit
from tests.e2e.sources import pty_source
from tests.records.streams import core_image, core_lines, framed_png, png
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.session.stub import Stub

pytestmark = pytest.mark.e2e

CLOSE_SECONDS = 5.0
"""Seconds within which a session closes, whatever state it is in."""

MIB = 1 << 20


class Bench:
    """A session on scripted ports, and what went wrong around it."""

    def __init__(self, folder: Path, *handles: ScriptedHandle, settings: Settings | None = None) -> None:
        async def never(identity: PortIdentity) -> str:
            await asyncio.Event().wait()
            return identity.url

        self.handles = handles
        self.folder = folder
        self.unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.unhandled.append(context))
        self.session = Session(
            settings=settings or Settings(idle_seconds=0.01),
            folder=folder,
            access=PortAccess(
                opener=Port(*handles),
                waiter=never,
                resolver=lambda name: name,
                identifier=PortIdentity,
                remember=lambda identity, chip, mac: None,
            ),
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)

    async def open(self, *, probe: bool = False) -> None:
        await self.session.open(OpenRequest("fake://board", probe=probe))

    async def has_read(self, count: int) -> None:
        """Wait until the pipeline got so many bytes."""
        async with time_limit(30):
            while self.session.connection.link.received < count:  # noqa: ASYNC110 lines are announced, bytes are not
                await asyncio.sleep(0)

    async def still_reads(self) -> None:
        """The session is alive: a line that comes now is shown."""
        self.handles[0].push(b"\nI (1) main: alive\n")
        await self.watch.until(lambda: "I (1) main: alive" in self.texts())

    def texts(self) -> list[str]:
        store = self.session.store
        return [store.record(line).text for line in range(store.first, len(store))]

    def entries(self, kind: str) -> list[EventEntry]:
        return [entry for entry in self.session.events if entry.record.type == kind]

    async def close(self) -> bytes:
        """Close within the limit; returns what was recorded. Nothing went wrong behind the session's back."""
        async with time_limit(CLOSE_SECONDS):
            await self.session.close()
        assert self.unhandled == []
        assert self.session.pipeline.demux.offset == self.session.connection.link.received
        return await asyncio.to_thread(self.recorded)

    def recorded(self) -> bytes:
        (folder,) = self.folder.iterdir()
        return (folder / "stream.bin").read_bytes()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


CORE_START = b"================= CORE DUMP START =================\r\n"

LOG = b"I (1234) wifi: connected to an access point on channel 6\r\n" * 40

BOOT = b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"

DAMAGED = {
    "garbage of a wrong rate": resampled(LOG * 4, sender=74880, receiver=115200),
    "noise": noise(200_000),
    "NULs": b"I (1) main: before\n" + bytes(100_000) + b"I (2) main: after\n",
    "1 MB without a newline": b"x" * MIB,
    "1 MB of escape sequences that do not end": b"\x1b[" * (MIB // 2),
    "a header with a length of 2^31": b"@ESPFRAME png 2147483648 base64 crc=00000000\n" + LOG,
    "a picture of 2^31 bytes": b"PNG_BEGIN 2147483648\n" + LOG,
    "a gdb packet that does not end": b"$" + b"a" * 100_000,
    "half a picture and a reboot": b"PNG_BEGIN 5000\n\x89PNG\r\n\x1a\n" + bytes(900) + BOOT + LOG,
}
"""What the board sends in place of a log."""


@pytest.mark.parametrize("name", list(DAMAGED))
async def test_the_session_lives_on_and_the_recording_is_whole(name: str, tmp_path: Path) -> None:
    data = DAMAGED[name]
    bench = Bench(tmp_path, ScriptedHandle(), settings=Settings(idle_seconds=0.01, stall_seconds=0.05))
    await bench.open()
    for start in range(0, len(data), 4096):
        bench.handles[0].push(data[start : start + 4096])
        await bench.has_read(min(start + 4096, len(data)))
    await bench.watch.until(lambda: bench.session.pipeline.demux.capture is None)
    await bench.still_reads()
    assert bench.session.state is State.MONITORING
    assert (await bench.close()).startswith(data)


async def test_a_picture_cut_by_a_reboot_is_named_with_its_reason_and_the_boot_is_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedHandle())
    await bench.open()
    whole = framed_png(png(64, 64))
    bench.handles[0].push(whole[: len(whole) // 2] + BOOT + LOG)
    await bench.watch.until(lambda: bool(bench.entries("reset")))
    (entry,) = bench.entries("png")
    assert entry.record.fields()["complete"] is False
    assert "restarted" in str(entry.record.fields()["error"])
    await bench.watch.until(lambda: LOG.splitlines()[0].decode() in bench.texts())
    await bench.close()


async def test_a_length_beyond_the_limit_says_so_and_the_log_goes_on_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedHandle())
    await bench.open()
    bench.handles[0].push(DAMAGED["a picture of 2^31 bytes"])
    await bench.watch.until(lambda: LOG.splitlines()[0].decode() in bench.texts())
    assert bench.session.pipeline.demux.capture is None
    assert any("2147483648" in entry.title or "limit" in str(entry.record.fields()) for entry in bench.session.events)
    await bench.close()


async def test_a_core_dump_that_never_ends_ends_at_its_limit_and_keeps_what_came(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedHandle(), settings=Settings(idle_seconds=0.01, coredump_bytes=MIB))
    await bench.open()
    data = CORE_START + b"".join(core_lines(core_image(bytes(2 * MIB))))
    for start in range(0, len(data), 65536):
        bench.handles[0].push(data[start : start + 65536])
        await bench.has_read(min(start + 65536, len(data)))
    await bench.watch.until(lambda: any(entry.path for entry in bench.entries("coredump")))
    entry = bench.entries("coredump")[0]
    assert entry.record.fields()["complete"] is False
    assert entry.record.fields()["error"]
    await bench.still_reads()
    assert (await bench.close()).startswith(data)


async def test_a_core_dump_that_stalls_is_given_up_and_the_log_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedHandle(), settings=Settings(idle_seconds=0.01, coredump_stall_seconds=0.05))
    await bench.open()
    bench.handles[0].push(CORE_START + b"".join(core_lines(core_image())[:2]))
    await bench.watch.until(lambda: bool(bench.entries("coredump")))
    assert bench.entries("coredump")[0].record.fields()["complete"] is False
    await bench.still_reads()
    await bench.close()


async def test_hours_of_noise_do_not_fill_the_memory(tmp_path: Path) -> None:
    limit = MIB // 4
    bench = Bench(tmp_path, ScriptedHandle(), settings=Settings(idle_seconds=0.01, store_bytes=limit, frame_bytes=MIB))
    await bench.open()
    piece = b"PNG_BEGIN 0\n\x89PNG\r\n\x1a\n" + noise(40_000) + b"\n" + LOG * 10
    total, used = 0, []
    try:
        for _ in range(3):
            for _ in range(12):
                bench.handles[0].push(piece)
                total += len(piece)
                await bench.has_read(total)
            if not tracemalloc.is_tracing():
                tracemalloc.start()  # from here on the store is full, and so are the tables that are made once
            used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert total > 4 * limit
    assert bench.session.store.bytes <= limit + 256 * 1024
    assert used[2] - used[1] < limit, "more noise takes more memory"
    assert len(await bench.close()) == total


async def test_ten_megabytes_as_fast_as_possible_arrive_whole_and_the_end_is_noticed(tmp_path: Path) -> None:
    data = LOG * (10 * MIB // len(LOG)) + b"esp> "
    async with pty_source(data) as path:
        session = Session(folder=tmp_path)
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(path))
        ticks = 0

        async def breathe() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.02)
                ticks += 1

        breathing = asyncio.create_task(breathe())
        await watch.until(lambda: (tail := session.store.unfinished) is not None and tail.data == b"esp> ", 60)
        breathing.cancel()
        assert ticks > 1, "the loop was never free"
        await session.close()
        assert session.store.record(len(session.store) - 1).text == "esp> "
    assert session.status.recording is not None
    folder = session.status.recording
    assert await asyncio.to_thread((folder / "stream.bin").read_bytes) == data


SCENE = (
    b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"\x1b[0;32mI (42) boot: ESP-IDF v5.3 2nd stage bootloader\x1b[0m\r\n"
    b"PNG_BEGIN 64\n\x89PNG\r\n\x1a\n" + bytes(56) + b"\nOK\r\n"
    b'@ESPFRAME json 10 none crc=00000000\n{"a": 123}\n@END\n'
    b"================= CORE DUMP START =================\r\nAAAA\r\nAAAA\r\n"
    b"================= CORE DUMP END =================\r\n"
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n\r\n"
    b"Backtrace: 0x400d1234:0x3ffb5000 0x400d2345:0x3ffb5020\r\n\r\n$T0b#e6esp> "
)
"""Some of everything."""


@examples(max_examples=60, deadline=None)
@given(st.integers(0, len(SCENE)), st.integers(1, 64))
def test_an_unplug_after_any_byte_loses_nothing_of_what_came(where: int, piece: int) -> None:
    async def scenario(folder: Path) -> None:
        bench = Bench(folder, ScriptedHandle())
        await bench.open()
        for start in range(0, where, piece):
            bench.handles[0].push(SCENE[start : min(start + piece, where)])
            await bench.has_read(min(start + piece, where))
        bench.handles[0].lose("the device was unplugged")
        await bench.watch.until(lambda: bench.session.state is State.LOST)
        assert bench.session.status.reason == "the device was unplugged"
        assert "port lost" in bench.texts()[-1]
        assert bench.handles[0].closed
        assert await bench.close() == SCENE[:where]

    with TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


PHASES = ("opening", "awaiting consent", "probing", "probing again", "flashing", "inspecting", "monitoring")
"""What a session may be doing when the plug is pulled."""


async def inspect(session: Session) -> None:
    with suppress(DebugError, PortError):
        await session.debugging.start()


@examples(max_examples=40, deadline=None)
@given(st.sampled_from(PHASES), st.binary(max_size=40), st.integers(0, 12))
def test_an_unplug_in_any_phase_is_lost_with_its_reason(phase: str, answer: bytes, steps: int) -> None:
    async def scenario(folder: Path) -> None:
        handle = ScriptedHandle()
        handle.answer = lambda data: answer
        bench = Bench(folder, handle)
        session = bench.session
        if phase == "opening":
            handle.lose("the device was unplugged")
        await bench.open(probe=phase in ("awaiting consent", "probing"))
        running: asyncio.Task[None] | None = None
        if phase == "probing":
            running = asyncio.create_task(session.consent())
        elif phase == "probing again":
            running = asyncio.create_task(session.probe())
        elif phase == "flashing":
            file = folder.with_suffix(".bin")
            file.write_bytes(b"x" * 4096)
            running = asyncio.create_task(session.flash(FlashJob("write", from_pairs(["0x10000", str(file)]))))
        elif phase == "inspecting":
            handle.answer = Stub()
            running = asyncio.create_task(inspect(session))
        for _ in range(steps):
            await asyncio.sleep(0)
        handle.lose("the device was unplugged")
        if running is not None:
            async with time_limit(10):
                await running
        await bench.watch.until(lambda: session.state is State.LOST)
        assert session.status.reason == "the device was unplugged"
        assert session.status.lease is None
        assert session.status.progress is None
        assert handle.closed
        await bench.close()

    with TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder) / "sessions"))


@pytest.mark.parametrize("phase", ["awaiting consent", "probing", "flashing", "inspecting", "monitoring", "lost"])
async def test_closing_in_any_phase_takes_its_limit_at_most(phase: str, tmp_path: Path) -> None:
    handle = ScriptedHandle()
    bench = Bench(tmp_path / "sessions", handle)
    await bench.open(probe=phase in ("awaiting consent", "probing"))
    running: asyncio.Task[None] | None = None
    if phase == "probing":
        running = asyncio.create_task(bench.session.consent())
        await bench.watch.until(lambda: bench.session.state is State.PROBING)
    elif phase == "flashing":
        file = tmp_path / "data.bin"
        await asyncio.to_thread(file.write_bytes, b"x" * 4096)
        running = asyncio.create_task(bench.session.flash(FlashJob("write", from_pairs(["0x10000", str(file)]))))
        await bench.watch.until(lambda: bench.session.state is State.LEASED)
    elif phase == "inspecting":
        handle.answer = Stub()
        running = asyncio.create_task(inspect(bench.session))
        await bench.watch.until(lambda: bench.session.state is State.LEASED)
    elif phase == "lost":
        handle.lose()
        await bench.watch.until(lambda: bench.session.state is State.LOST)
    await bench.close()
    assert bench.session.status.state is State.CLOSED
    assert handle.closed
    if running is not None:
        async with time_limit(CLOSE_SECONDS):
            await running


async def test_closing_while_the_port_is_still_being_opened_ends_the_wait(tmp_path: Path) -> None:
    knocked = asyncio.Event()

    async def opener(url: str, *, baud: int, no_reset: bool) -> Handle:
        knocked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    session = Session(folder=tmp_path, access=PortAccess(opener=opener, resolver=lambda name: name))
    opening = asyncio.create_task(session.open(OpenRequest("socket://192.0.2.1:1")))
    await knocked.wait()
    async with time_limit(CLOSE_SECONDS):
        await session.close()
        with suppress(asyncio.CancelledError):
            await opening
    assert session.status.state is State.CLOSED
    assert session.connection.opens == 0
