"""A board kept in its loader for several jobs: one lease, one stub, and the board brought back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon.rom.nvs import parse_nvs
from espmon.session.flash_job import FlashJob
from espmon.session.flash_job_queue import FlashJobError, FlashJobQueue
from espmon.session.flash_plan import from_pairs
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import PANEL_LEASE, Activity, OpenRequest, StatusChanged
from espmon.sim import BoardThread, SimulatedBoard
from tests.rom.flash_boards import noise
from tests.session.fakes import Watch, shown

pytestmark = pytest.mark.e2e

LIMIT = 30.0
NVS_AT, NVS_BYTES, FREE_AT = 0x9000, 0x4000, 0x220000


class Bench:
    """A board, a session on it, and a queue of flash jobs for it."""

    def __init__(self, session: Session, watch: Watch, board: BoardThread, queue: FlashJobQueue, folder: Path) -> None:
        self.session = session
        self.watch = watch
        self.board = board
        self.queue = queue
        self.folder = folder
        self.task = asyncio.create_task(session.run(queue))

    def write(self, data: bytes, address: int = FREE_AT) -> FlashJob:
        file = self.folder / "data.bin"
        file.write_bytes(data)
        return FlashJob("write", from_pairs([hex(address), str(file)]))

    def steps(self, words: str) -> int:
        """How often a step that begins with `words` began."""
        seen = [
            change.status.progress.step if change.status.progress else ""
            for change in self.watch.changes
            if isinstance(change, StatusChanged)
        ]
        return sum(
            step.startswith(words) and not before.startswith(words)
            for before, step in zip(["", *seen], seen, strict=False)
        )

    def half_written(self) -> bool:
        """Some of a write, and not all of it, is done."""
        progress = self.session.status.progress
        writing = progress is not None and progress.step.startswith("Writing")
        return progress is not None and writing and 0 < progress.done < (progress.total or 0)

    async def log_has(self, text: str, last: int = 10_000) -> None:
        await self.watch.until(lambda: any(text in line for line in shown(self.session.store)[-last:]), limit=LIMIT)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        session = Session(settings=Settings(recording=False), folder=tmp_path / "sessions")
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(board.url))
        await watch.until(lambda: any("esp>" in line for line in shown(session.store)), limit=LIMIT)
        yield Bench(session, watch, board, FlashJobQueue(), tmp_path)
        await session.close()


async def test_several_jobs_share_one_lease_and_one_stub_and_the_board_comes_back(bench: Bench) -> None:
    queue = bench.queue
    table = await queue.do(FlashJob("info"))
    assert "nvs" in [row.name for row in table.partitions]
    assert (bench.session.state, bench.session.status.lease) == (State.LEASED, PANEL_LEASE)
    data = noise(200_000)
    written = await queue.do(bench.write(data))
    assert written.regions[0].written == len(data)
    read = await queue.do(FlashJob("read", address=FREE_AT, size=len(data)))
    assert read.data == data
    stored = parse_nvs((await queue.do(FlashJob("read", address=NVS_AT, size=NVS_BYTES))).data)
    assert "sta.ssid" in [item.key for item in stored.items]
    assert bench.steps("Uploading the stub") == 1
    queue.leave()
    await asyncio.wait_for(bench.task, LIMIT)
    assert bench.session.state is State.MONITORING
    assert queue.left == "The board was reset"
    await bench.log_has("Flash panel left after")
    await bench.log_has("esp>", 5)
    assert bench.session.connection.opens == 1


async def test_a_refused_job_says_why_and_the_next_one_is_done(bench: Bench) -> None:
    with pytest.raises(FlashJobError, match="no multiple"):
        await bench.queue.do(bench.write(b"x", 0x220001))
    assert (await bench.queue.do(FlashJob("erase", address=FREE_AT, size=0x1000))).ok
    bench.queue.leave()
    await asyncio.wait_for(bench.task, LIMIT)


async def test_a_cancelled_write_keeps_the_board_in_its_loader_until_it_is_written(bench: Bench) -> None:
    queue = bench.queue
    await queue.do(FlashJob("info"))
    job = bench.write(noise(600_000))
    writing = asyncio.ensure_future(queue.do(job))

    await bench.watch.until(bench.half_written, limit=LIMIT)
    queue.cancel()
    with pytest.raises(FlashJobError, match=r"Unfinished: .*data\.bin") as caught:
        await writing
    assert caught.value.cancelled
    assert (await queue.do(FlashJob("read", address=NVS_AT, size=0x1000))).ok
    assert (await queue.do(job)).ok
    queue.leave()
    await asyncio.wait_for(bench.task, LIMIT)
    assert queue.left == "The board was reset"


async def test_leaving_with_something_half_written_says_so(bench: Bench) -> None:
    queue = bench.queue
    await queue.do(FlashJob("info"))
    writing = asyncio.ensure_future(queue.do(bench.write(noise(600_000))))
    await bench.watch.until(bench.half_written, limit=LIMIT)
    queue.cancel()
    with pytest.raises(FlashJobError):
        await writing
    queue.leave()
    await asyncio.wait_for(bench.task, LIMIT)
    assert "left in download mode" in queue.left
    assert bench.session.status.activity is Activity.IN_LOADER


async def test_cancelling_the_whole_stay_brings_the_board_back(bench: Bench) -> None:
    await bench.queue.do(FlashJob("info"))
    await bench.session.cancel()
    assert bench.session.state is State.MONITORING
    with pytest.raises(FlashJobError):
        await bench.queue.do(FlashJob("info"))
    await bench.log_has("esp>", 5)


async def test_a_board_that_goes_ends_the_stay(bench: Bench) -> None:
    await bench.queue.do(FlashJob("info"))
    bench.board.stop()
    await asyncio.wait_for(bench.task, LIMIT)
    assert bench.session.state in (State.LOST, State.CLOSED, State.REOPENING)
    with pytest.raises(FlashJobError):
        await bench.queue.do(FlashJob("info"))
