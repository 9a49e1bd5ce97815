"""The console's commands are learnt where the user asks for `help`, and screenshots are offered where they can come."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.records.capabilities import Command, capabilities_of
from espmon.session.announced_lines import offers_screenshots
from espmon.session.settings import Settings
from espmon.session.status import Notice, Status
from espmon.session.transports import TRANSPORTS, transport_of
from espmon.sim.emitted import emitted
from tests.session.test_capabilities import monitoring

ANSWER = (
    b"help\r\nhelp \r\n  this list\r\n\r\nI (4210) wifi: connected\r\n"
    b"reboot  [<seconds>]\r\n  restart\r\n\r\n\x1b[0;32mesp> \x1b[0m"
)
COMMANDS = (Command("help", "this list"), Command("reboot", "restart", "[<seconds>]"))


async def test_what_help_lists_is_known_once_the_prompt_is_back(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        handle.push(b"esp> ")
        await session.send(b"help\r")
        handle.push(ANSWER)
        await watch.until(lambda: session.status.console_commands == COMMANDS)


async def test_the_same_text_that_nobody_asked_for_is_log_text(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        await session.send(b"reboot\r")
        handle.push(ANSWER)
        await watch.until(lambda: session.store.unfinished is not None)
        assert session.status.console_commands == ()


async def test_another_program_has_other_commands(tmp_path: Path) -> None:
    boot = b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)\r\n"
    named = b"I (30) app_init: Project name:     %s\r\nI (31) app_init: ELF file SHA256:  %s...\r\nesp> "
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        handle.push(boot + named % (b"blink", b"a" * 9))
        await session.send(b"help\r")
        handle.push(ANSWER)
        await watch.until(lambda: session.status.console_commands == COMMANDS)
        handle.push(b"\r\n" + boot + named % (b"other", b"b" * 9))
        await watch.until(lambda: session.status.console_commands == ())


def test_listed_and_announced_commands_are_one_list() -> None:
    said = capabilities_of({"commands": {"reboot": "announced", "shot": "a picture"}})
    assert Status(capabilities=said, console_commands=COMMANDS).commands == (
        COMMANDS[1], Command("shot", "a picture"), COMMANDS[0],
    )  # fmt: skip


async def test_screenshots_are_offered_once_a_picture_has_come(tmp_path: Path) -> None:
    async with monitoring(tmp_path, Settings()) as (session, handle, watch):
        assert not offers_screenshots(session.status, session.settings)
        handle.push(emitted("screenshot-0"))
        await watch.until(lambda: offers_screenshots(session.status, session.settings))


def test_screenshots_are_offered_where_announced_or_configured() -> None:
    assert offers_screenshots(Status(capabilities=capabilities_of({"frames": ["png"]})), Settings())
    assert offers_screenshots(Status(), Settings(screenshot_trigger="P"))
    assert not offers_screenshots(Status(capabilities=capabilities_of({"frames": ["json"]})), Settings())


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
async def test_a_lost_port_is_told_with_what_the_transport_says_of_it(tmp_path: Path, transport: str) -> None:
    async with monitoring(tmp_path, Settings(reconnect=False)) as (session, handle, watch):
        handle.push(b'@ESPCAPS {"transport":"%s"}\r\n' % transport.encode())
        await watch.until(lambda: session.status.capabilities is not None)
        handle.lose()
        await watch.until(
            lambda: any(
                isinstance(change, Notice) and TRANSPORTS[transport].when_lost in change.text
                for change in watch.changes
            )
        )


def test_a_transport_of_the_future_expects_nothing() -> None:
    assert transport_of(capabilities_of({"transport": "../../telepathy"})) is None
    assert transport_of(None) is None
