"""The simulated board on the network."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import functools
import hashlib
import io
import json
import operator
import re
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.baud_detector import BaudDetector, BaudFinding
from espmon.sim import BoardServer, BoardThread, ListenError, SimulatedBoard
from espmon.sim.bootlog import printed_sha
from espmon.sim.frames import crc8
from espmon.sim.gdbstub import packet
from espmon.sim.simulated_chips import CHIPS
from espmon.sim.simulated_dump import END, START
from espmon.sim.strapping import Mode
from espmon.testing import Operation, Quirks
from espmon.testing.slip_peer import Splitter
from tests.sim.client import Client
from tests.sim.test_loader_peer import SYNC, request


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A quiet ESP32-C3 at its prompt."""
    async with BoardServer(SimulatedBoard(scenario="quiet")) as server, Client(server.url) as connected:
        await connected.until(b"esp> ")
        yield connected


def modes(board: SimulatedBoard) -> list[str]:
    return [event["mode"] for event in board.events.events if event["event"] == "mode"]


@pytest.mark.parametrize("chip", list(CHIPS))
async def test_every_chip_boots_with_its_own_banner(chip: str) -> None:
    async with BoardServer(SimulatedBoard(chip, "quiet")) as server, Client(server.url) as client:
        log = (await client.until(b"esp> ")).decode()
    row = CHIPS[chip]
    assert all(line in log for line in row.rom)
    assert ("rst cause:2, boot mode:(3,6)" if chip == "esp8266" else f"rst:{row.power_on},boot:{row.flash_boot}") in log
    assert row.title in log
    assert re.search(r"app_init: ELF file SHA256:  [0-9a-f]{9}\.\.\.", log)


async def test_the_boot_log_names_the_shipped_elf() -> None:
    board = SimulatedBoard("esp32c3", "quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        log = (await client.until(b"esp> ")).decode()
    assert f"ELF file SHA256:  {hashlib.sha256(board.elf.read_bytes()).hexdigest()[:9]}..." in log


async def test_help_lists_every_command(client: Client) -> None:
    text = (await client.command("help")).decode()
    for name in ["screenshot", "panic", "coredump", "gdbstub", "json", "flood", "partial", "reboot"]:
        assert re.search(rf"^{name} ", text, re.MULTILINE)


async def test_a_screenshot_is_a_real_png_and_another_one_each_time(client: Client) -> None:
    from PIL import Image

    pictures = []
    for _ in range(2):
        answer = await client.command("screenshot")
        head, rest = answer.split(b"\n", 1)
        size = int(head.removeprefix(b"PNG_BEGIN "))
        assert rest[size:] == b"\nPNG_END\nOK len=%d\r\n" % size
        with Image.open(io.BytesIO(rest[:size])) as picture:
            assert picture.size == (240, 135)
            picture.load()
        pictures.append(rest[:size])
    assert pictures[0] != pictures[1]


async def test_the_single_key_takes_a_screenshot_straight_after_the_prompt(client: Client) -> None:
    await client.write(b"P")
    assert (await client.until(b"\nPNG_END\n")).startswith(b"PNG_BEGIN ")


async def test_a_core_dump_comes_between_its_markers(client: Client) -> None:
    answer = await client.command("coredump")
    assert answer.startswith(START)
    assert answer.endswith(END)


@pytest.mark.parametrize("command", ["json", "cbor", "file report.csv", "frame"])
async def test_frames_carry_their_length_and_checksum(client: Client, command: str) -> None:
    answer = await client.command(command)
    header, rest = answer.split(b"\n", 1)
    kind, length, encoding, crc = header.decode().removeprefix("@ESPFRAME ").split()
    payload = rest[: int(length)]
    assert rest[int(length) :] == b"\n@ESPFRAME_END\n"
    assert f"{zlib.crc32(payload):08x}" == crc
    if kind == "json":
        assert json.loads(payload)["heap"] == 146432
    if kind == "file:report.csv":
        assert zlib.decompress(base64.b64decode(payload)).startswith(b"0,20.0\n")
    assert encoding in {"raw", "base64", "base64+zlib"}


async def test_capabilities_come_at_boot_and_when_asked(client: Client) -> None:
    answer = await client.command("@ESPCAPS?")
    assert answer in bytes(client.received).split(b"Type 'help'")[0]
    assert json.loads(answer.removeprefix(b"@ESPCAPS "))["version"] == 1


async def test_binary_log_frames_close_with_a_crc_of_zero(client: Client) -> None:
    stream = await client.command("binlog 3")
    count = 0
    while stream:
        length = int.from_bytes(stream[1:3], "big") & 0x3FF
        assert crc8(stream[:length]) == 0
        stream, count = stream[length:], count + 1
    assert count == 3


async def test_flood_sends_exactly_so_many_lines(client: Client) -> None:
    answer = await client.command("flood 25000")
    lines = answer.split(b"\r\n")
    assert len(lines) == 25001
    assert b"line 0024999 " in lines[24999]


async def test_a_partial_line_has_no_end_and_no_prompt(client: Client) -> None:
    await client.write(b"partial\r")
    await client.until(b"without its end")
    await client.write(b"help\r")
    assert await client.until(b"help\r\n") == b"esp> help\r\n"


async def test_reboot_says_so(client: Client) -> None:
    await client.write(b"reboot\r")
    assert b"rst:0xc (RTC_SW_CPU_RST)" in await client.until(b"esp> ")


@pytest.mark.parametrize("command", ["panic", "abort", "assert", "load", "illegal", "stack", "intwdt"])
async def test_each_crash_reports_and_reboots(client: Client, command: str) -> None:
    await client.write(command.encode() + b"\r")
    text = await client.until(b"esp> ")
    assert b"Core  0 register dump:" in text
    assert text.index(b"ELF file SHA256: ") < text.index(b"Rebooting...") < text.index(b"rst:0x")


async def test_the_task_watchdog_names_the_running_task_and_goes_on(client: Client) -> None:
    answer = await client.command("wdt")
    assert b"CPU 0: display_render" in answer
    assert b"rst:" not in answer


async def test_the_gdb_stub_answers_and_continues_to_the_log(client: Client) -> None:
    await client.write(b"gdbstub\r")
    await client.until(b"Entering gdb stub now.\r\n$T0b#e6")
    await client.write(b"+" + packet("?"))
    assert await client.until(b"#e6") == b"+$T0b#e6"
    await client.write(b"+" + packet("c"))
    await client.until(b"the debugger let go")
    await client.until(b"esp> ")
    assert b"rst:" not in client.received[client.received.index(b"gdb stub now") :]


async def test_killing_from_the_debugger_resets(client: Client) -> None:
    await client.write(b"gdbstub\r")
    await client.until(b"#e6")
    await client.write(packet("k"))
    await client.until(b"rst:0xc")


async def test_the_reset_circuit_enters_the_loader_and_leaves_it_again() -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.classic_reset()
        await client.until(b"waiting for download\r\n")
        await client.write(request(Operation.SYNC, SYNC))
        frames = Splitter().feed(await client.until(b"\xc0\xc0"))
        assert frames[0][1] == Operation.SYNC
        await client.hard_reset()
        assert b"SPI_FAST_FLASH_BOOT" in await client.until(b"esp> ")
    assert modes(board) == ["application", "loader", "application"]


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


async def test_flash_survives_from_one_stay_in_the_loader_to_the_next() -> None:
    data = bytes(range(256)) * 4
    digests = []
    async with BoardServer(SimulatedBoard(scenario="quiet")) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        for stay in range(2):
            await client.classic_reset()
            await client.until(b"waiting for download\r\n")
            await client.write(request(Operation.SPI_ATTACH, words(0, 0)))
            await client.until(bytes((1, Operation.SPI_ATTACH)))
            if stay == 0:
                await client.write(request(Operation.FLASH_BEGIN, words(1024, 1, 1024, 0x1000)))
                await client.until(bytes((1, Operation.FLASH_BEGIN)))
                payload = words(1024, 0, 0, 0) + data
                checksum = functools.reduce(operator.xor, data, 0xEF)
                await client.write(request(Operation.FLASH_DATA, payload, checksum))
                await client.until(bytes((1, Operation.FLASH_DATA)))
            await client.write(request(Operation.SPI_FLASH_MD5, words(0x1000, 1024, 0, 0)))
            await client.until(b"\xc0\x01" + bytes((Operation.SPI_FLASH_MD5,)))
            digests.append((await client.until(b"\xc0"))[6:38].decode())
    assert digests == [hashlib.md5(data).hexdigest()] * 2


async def test_flash_end_with_a_reboot_starts_the_application() -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.classic_reset()
        await client.until(b"waiting for download\r\n")
        await client.write(request(Operation.FLASH_END, bytes(4)))
        await client.until(b"SPI_FAST_FLASH_BOOT")
        await client.until(b"esp> ")
    assert modes(board) == ["application", "loader", "application"]


async def test_the_download_scenario_waits_in_the_loader_until_it_is_reset() -> None:
    async with BoardServer(SimulatedBoard(scenario="download")) as server, Client(server.url) as client:
        await client.until(b"waiting for download\r\n")
        await client.hard_reset()
        await client.until(b"esp> ")


async def test_line_changes_are_logged_as_they_came() -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.lines(("dtr", True))
        await client.lines(("rts", True), ("dtr", False))
        await client.lines(("rts", False))
        await client.until(b"esp> ")
    lines = [(event["dtr"], event["rts"]) for event in board.events.events if event["event"] == "lines"]
    assert lines == [(True, False), (True, True), (False, True), (False, False)]


async def test_a_plain_socket_has_no_lines_and_no_telnet() -> None:
    board = SimulatedBoard(replay=bytes(range(256)) * 10)
    async with BoardServer(board, "socket://127.0.0.1:0") as server, Client(server.url) as client:
        while len(client.received) < 2560:
            await client.read()
    assert bytes(client.received) == bytes(range(256)) * 10


@pytest.mark.parametrize("rate", [None, 4_000_000])
async def test_a_replay_arrives_complete(rate: int | None) -> None:
    capture = bytes(index * 7 & 0xFF for index in range(200_000))
    async with BoardServer(SimulatedBoard(replay=capture, rate=rate)) as server, Client(server.url) as client:
        while len(client.received) < len(capture):
            await client.read()
    assert bytes(client.received) == capture


async def test_a_reset_starts_the_replay_anew() -> None:
    async with BoardServer(SimulatedBoard(replay=b"first line\r\n")) as server, Client(server.url) as client:
        await client.until(b"first line\r\n")
        await client.hard_reset()
        await client.until(b"first line\r\n")


async def test_one_client_at_a_time_and_then_the_next() -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board) as server:
        async with Client(server.url) as first:
            await first.until(b"esp> ")
            async with Client(server.url) as second:
                assert not await second.read()
        await board.events.wait_for("disconnect")
        async with Client(server.url) as third:
            assert b"json" in await third.command("help")
    assert modes(board) == ["application"]


@pytest.mark.parametrize("scenario", ["busy", "demo", "bootloop", "download"])
async def test_it_closes_with_a_client_connected_that_does_not_read(scenario: str) -> None:
    server = await BoardServer(SimulatedBoard(scenario=scenario)).start()
    async with Client(server.url) as client:
        await client.read()
        await asyncio.wait_for(server.close(), 10)


async def test_a_reset_gets_through_while_the_board_floods() -> None:
    async with BoardServer(SimulatedBoard(scenario="busy")) as server, Client(server.url) as client:
        await client.until(b"flood: line 0010000")
        await client.classic_reset()
        await client.until(b"waiting for download\r\n")


@pytest.mark.parametrize(
    ("scenario", "shown"),
    [
        ("bootloop", b"Store access fault"),
        ("storm", b"Store access fault"),
        ("coredump", b"Type 'help'"),
        ("linenoise", b"\x1b[5n"),
        ("brownout", b"Brownout detector was triggered"),
        ("empty-flash", b"invalid header: 0xffffffff"),
        ("flash-error", b"flash read err, 1000"),
    ],
)
async def test_scenarios_show_what_they_promise(scenario: str, shown: bytes) -> None:
    async with BoardServer(SimulatedBoard(scenario=scenario)) as server, Client(server.url) as client:
        await client.until(shown)


async def test_the_console_believes_a_terminal_that_answers() -> None:
    async with BoardServer(SimulatedBoard(scenario="linenoise")) as server, Client(server.url) as client:
        await client.until(b"\x1b[5n")
        await client.write(b"\x1b[0n")
        assert b"does not support escape sequences" not in await client.until(b"esp> ")


async def test_a_panic_with_core_dump_prints_it_before_the_reboot() -> None:
    async with BoardServer(SimulatedBoard(scenario="coredump")) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.write(b"panic\r")
        text = await client.until(b"esp> ")
    assert text.index(b"ELF file SHA256") < text.index(START) < text.index(END) < text.index(b"Rebooting...")


async def test_the_log_goes_on_by_itself_in_the_demo() -> None:
    async with BoardServer(SimulatedBoard()) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.until(b"wifi: connected")


@pytest.mark.parametrize("chip", ["esp32", "esp32s3", "esp8266"])
async def test_xtensa_panics_have_their_own_form(chip: str) -> None:
    async with BoardServer(SimulatedBoard(chip, "quiet")) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.write(b"panic\r")
        text = await client.until(b"Rebooting...")
    assert (b">>>stack>>>" if chip == "esp8266" else b"Backtrace: 0x400d6a2e:0x3ffb5d50 ") in text


def test_a_thread_serves_callers_without_an_event_loop() -> None:
    import serial

    with BoardThread(lambda: SimulatedBoard(replay=b"hello\r\n", power_delay=0.3), "socket://127.0.0.1:0") as server:
        port = serial.serial_for_url(server.url, timeout=5)
        assert port.readline() == b"hello\r\n"
        port.close()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "[::]", "192.168.1.5", "example.org", "127.0.0.1.example.org", "localhost."]
)
def test_a_board_that_answers_whoever_asks_listens_on_this_computer_alone(host: str) -> None:
    with pytest.raises(ListenError, match="this computer alone"):
        BoardServer(SimulatedBoard(), f"socket://{host}:0")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost", "LOCALHOST"])
def test_every_way_to_name_this_computer_will_do(host: str) -> None:
    BoardServer(SimulatedBoard(), f"rfc2217://{host}:0")


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:0", "rfc2217://127.0.0.1", "rfc2217://:0", "socket://h:99999"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ListenError):
        BoardServer(SimulatedBoard(), url)


async def test_an_address_in_use_is_reported() -> None:
    async with BoardServer(SimulatedBoard()) as server:
        with pytest.raises(ListenError, match="cannot listen"):
            await BoardServer(SimulatedBoard(), server.url).start()


async def test_the_board_reports_its_mode() -> None:
    board = SimulatedBoard(scenario="quiet")
    seen = [board.mode]
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        seen.append(board.mode)
    assert seen == [Mode.RESET, Mode.APPLICATION]


@given(data=st.lists(st.binary(max_size=80), max_size=20))
@settings(max_examples=25, deadline=None)
def test_no_bytes_from_the_host_stop_the_board(data: list[bytes]) -> None:
    async def play() -> None:
        board = SimulatedBoard(scenario="quiet")
        async with BoardServer(board, "socket://127.0.0.1:0") as server, Client(server.url) as client:
            await client.until(b"esp> ")
            for piece in data:
                await client.write(piece)
            await client.write(b"\x1bm\x03sleep 0\r@ESPCAPS?\r")
            await client.until(b"@ESPCAPS {")

    asyncio.run(play())


async def test_a_software_restart_is_no_change_of_mode() -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.write(b"reboot\r")
        await client.until(b"rst:0xc")
        await client.until(b"esp> ")
    assert modes(board) == ["application"]


async def test_everything_takes_its_line_time_when_asked_to() -> None:
    capture = b"x" * 1152
    loop = asyncio.get_running_loop()
    async with BoardServer(SimulatedBoard(replay=capture, pace=True)) as server, Client(server.url) as client:
        start = loop.time()
        while len(client.received) < len(capture):
            await client.read()
    # 11,520 bytes a second at 115,200 baud; the last piece leaves before its own time has passed.
    assert loop.time() - start >= 0.08


async def test_a_loader_that_loses_replies_is_a_matter_of_its_quirks() -> None:
    board = SimulatedBoard(scenario="download", quirks=Quirks(ignored_syncs=1))
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"waiting for download\r\n")
        await client.write(request(Operation.SYNC, SYNC))
        await client.write(request(Operation.SYNC, SYNC))
        await client.until(b"\xc0\xc0")


async def test_the_silent_board_says_nothing_and_still_resets() -> None:
    async with BoardServer(SimulatedBoard(scenario="silent")) as server, Client(server.url) as client:
        await client.write(b"help\r")
        await client.classic_reset()
        await client.until(b"waiting for download\r\n")
        assert not client.received.startswith(b"help")


async def test_text_at_another_rate_is_what_the_rate_detector_knows() -> None:
    detector = BaudDetector(115200)
    findings: list[BaudFinding] = []
    async with BoardServer(SimulatedBoard(scenario="garbage")) as server, Client(server.url) as client:
        while not findings:
            seen = len(client.received)
            await client.read()
            findings = [found for found in [detector.feed(bytes(client.received[seen:]))] if found]
    assert [finding.rate for finding in findings] == [74880]
    assert b"factory" not in client.received


async def test_read_at_its_rate_the_garbage_is_a_log() -> None:
    board = SimulatedBoard(scenario="garbage")
    board.set_baud(74880)
    async with BoardServer(board, "socket://127.0.0.1:0") as server, Client(server.url) as client:
        await client.until(b"espmon demo application")


@pytest.mark.parametrize("chip", list(CHIPS))
async def test_every_chip_has_a_loader_that_answers(chip: str) -> None:
    async with BoardServer(SimulatedBoard(chip, "download")) as server, Client(server.url) as client:
        await client.until(b"boot")
        await client.write(request(Operation.SYNC, SYNC))
        await client.until(bytes((0xC0, 1, Operation.SYNC)))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("abort", b"abort() was called at PC 0x400d6a2e on core 0"),
        ("assert", b"assert failed: command_assert"),
        ("load", b"(LoadProhibited)"),
        ("stack", b"A stack overflow in task main"),
    ],
)
async def test_xtensa_chips_tell_their_crashes_apart(command: str, line: bytes) -> None:
    async with BoardServer(SimulatedBoard("esp32", "quiet")) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.write(command.encode() + b"\r")
        await client.until(line)
        await client.until(b"Backtrace: 0x")


def test_the_other_instruction_set_names_another_elf() -> None:
    sha = SimulatedBoard().elf.read_bytes()
    prints = {key: printed_sha(row, hashlib.sha256(sha).hexdigest()) for key, row in CHIPS.items()}
    assert prints["esp32c3"] == hashlib.sha256(sha).hexdigest()[:9]
    assert len({prints[key] for key in ("esp32c3", "esp32", "esp32s2", "esp32s3", "esp8266")}) == 5


async def test_a_chip_that_the_loaders_kit_does_not_know_is_deaf_until_its_next_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHIPS, "esp32x9", dataclasses.replace(CHIPS["esp32c3"], key="esp32x9", title="ESP32-X9"))
    board = SimulatedBoard("esp32x9", "quiet")
    async with BoardServer(board) as server, Client(server.url) as client:
        await client.until(b"esp> ")
        await client.classic_reset()
        await asyncio.wait_for(board.events.wait_for("no_loader"), 30)
        await client.hard_reset()
        assert b"ESP32-X9" in await client.until(b"esp> ")
