"""The board is asked what it can do only where that is allowed, and what it says is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from espmon.records.capabilities import capabilities_of
from espmon.session import capability_watch
from espmon.session.announced_lines import screenshot_line
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch

QUERY = b"@ESPCAPS?\r\n"
ANNOUNCED = b'@ESPCAPS {"version":1,"console":"esp_console","screenshot":"shot","frames":["png"]}\r\n'
RESET = b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)\r\n"


@asynccontextmanager
async def monitoring(folder: Path, settings: Settings) -> AsyncIterator[tuple[Session, ScriptedHandle, Watch]]:
    handle, watch = ScriptedHandle(), Watch()
    session = Session(settings=settings, folder=folder, access=PortAccess(opener=Port(handle), resolver=str))
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        yield session, handle, watch
    finally:
        await session.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability_watch, "PROMPT_SECONDS", 0.01)


async def settled() -> None:
    """Everything that the last bytes can bring about has happened."""
    asking = [task for task in asyncio.all_tasks() if "CapabilityWatch" in repr(task.get_coro())]
    await asyncio.gather(*asking)


async def test_a_board_is_asked_at_its_prompt_where_the_user_wishes_it(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings(ask_capabilities=True)) as (session, handle, watch):
        handle.push(RESET + b"I (20) boot: x\r\n\x1b[0;32mesp> \x1b[0m")
        await watch.until(lambda: QUERY in handle.written)
        handle.push(ANNOUNCED + b"esp> ")
        await watch.until(lambda: session.status.capabilities is not None)
        assert session.status.capabilities is not None
        assert session.status.capabilities.screenshot == "shot"
        await session.screenshot()
        assert handle.written == QUERY + b"shot\r"


async def test_nobody_is_asked_without_the_user_s_wish(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        handle.push(b"esp> ")
        await watch.until(lambda: session.store.unfinished is not None)
        await settled()
        assert not handle.written


async def test_a_board_that_announced_itself_is_asked_again_after_a_reset(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        handle.push(ANNOUNCED + b"esp> ")
        await watch.until(lambda: session.status.capabilities is not None)
        await settled()
        assert not handle.written
        handle.push(b"\r\n" + RESET + b"I (20) boot: x\r\nesp> ")
        await watch.until(lambda: QUERY in handle.written)


async def test_a_board_that_announces_itself_in_every_boot_is_not_asked(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        boot = RESET + b"I (20) boot: x\r\nI (30) app_init: Project name: blink\r\n" + ANNOUNCED + b"esp> "
        handle.push(boot + b"\r\n" + boot)
        await watch.until(lambda: session.pipeline.demux.offset == 2 * len(boot) + 2)
        await watch.until(lambda: session.status.capabilities is not None and session.store.unfinished is not None)
        await settled()
        assert not handle.written


async def test_a_board_that_announces_itself_while_it_is_about_to_be_asked_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capability_watch, "PROMPT_SECONDS", 1.5)
    async with monitoring(tmp_path, Settings(ask_capabilities=True)) as (session, handle, watch):
        handle.push(b"esp> ")
        await watch.until(lambda: session.store.unfinished is not None)
        handle.push(b"\r\n" + ANNOUNCED + b"esp> ")
        await watch.until(lambda: session.status.capabilities is not None)
        await settled()
        handle.push(b"\r\nesp> ")
        await watch.until(lambda: session.pipeline.demux.offset == len(b"esp> \r\n" + ANNOUNCED + b"esp> \r\nesp> "))
        await settled()
        assert not handle.written


TAILS = [
    b"I (20) boot: loading",
    b"Downloading 50%",
    b"what?",
    b"PNG_BEGIN 500\n\x89PNG\r\n\x1a\n",
    b"@ESPFRAME acme 60 raw -\nesp> ",
]


@pytest.mark.parametrize("tail", TAILS)
async def test_a_board_is_not_asked_while_it_boots_or_sends_something(tmp_path: Path, tail: bytes) -> None:
    async with monitoring(tmp_path, Settings(ask_capabilities=True)) as (session, handle, watch):
        handle.push(RESET + tail)
        await watch.until(lambda: session.pipeline.demux.offset >= len(RESET + tail))
        await settled()
        assert not handle.written


def test_the_user_s_own_trigger_holds_against_what_is_announced() -> None:
    said = capabilities_of({"screenshot": "shot", "console": "own"})
    assert screenshot_line(Settings(), None) == b"screenshot\r\n"
    assert screenshot_line(Settings(), capabilities_of({})) == b"screenshot\r\n"
    assert screenshot_line(Settings(eol="LF"), said) == b"shot\n"
    assert screenshot_line(Settings(screenshot_trigger="P"), said) == b"P"
