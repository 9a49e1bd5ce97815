"""A session's port for another program: what passes, who has it, and how it comes back."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from espmon.cli import main
from espmon.port import Handle, PortError, PortErrorKind, open_handle
from espmon.rom import probe
from espmon.session import port_share
from espmon.session.port_share import PortShare, ShareError, share_address
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Change, Notice, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.time_limit import time_limit

SECONDS = 30.0


@dataclass
class Shared:
    """A session with a simulated board, and its share."""

    session: Session
    board: BoardThread
    url: str
    told: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        store = self.session.store
        return "\n".join(store.record(line).text for line in range(len(store)))

    async def until(self, condition: Callable[[], object]) -> None:
        changed = asyncio.Event()
        unsubscribe = self.session.subscribe(lambda change: changed.set())
        async with time_limit(SECONDS):
            while not condition():
                changed.clear()
                await changed.wait()
        unsubscribe()


@asynccontextmanager
async def shared(folder: Path) -> AsyncIterator[Shared]:
    session = Session(settings=Settings(), folder=folder / "sessions")
    board = await asyncio.to_thread(BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)).start)
    try:
        await session.open(OpenRequest(board.url))
        share = PortShare(session, ("127.0.0.1", 0))
        case = Shared(session, board, await share.start())

        def listen(change: Change) -> None:
            if isinstance(change, Notice):
                case.told.append(change.text)

        session.subscribe(listen)
        yield case
    finally:
        await session.close()
        await asyncio.to_thread(board.stop)


async def read_until(handle: Handle, wanted: bytes) -> bytes:
    received = b""
    async with time_limit(SECONDS):
        while wanted not in received:
            received += await handle.read()
    return received


async def test_a_terminal_reads_along_and_what_it_sends_is_sent(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        client = await open_handle(case.url)
        await client.write(b"heap\r\n")
        assert b"heap" in await read_until(client, b"esp> ")
        await case.until(lambda: "→ heap" in case.log)
        assert case.session.state is State.MONITORING
        await client.close()
        await case.until(lambda: "has left" in case.log)
        assert "uses the port, too" in case.log


async def test_a_loader_is_spoken_to_under_a_lease_and_the_log_goes_on(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        leases: list[str | None] = []
        case.session.subscribe(lambda change: leases.append(case.session.status.lease))
        client = await open_handle(case.url)
        result = await probe(client)
        assert (result.chip, result.after) == ("ESP32-C3", "application")
        await case.until(lambda: case.session.state is State.MONITORING)
        assert "share" in leases
        assert "speaks to the loader; what passes is recorded" in case.log
        assert "\ufffd" not in case.log
        await client.close()
        await case.until(lambda: "has left" in case.log)
        await case.session.send(b"heap\r\n")
        await case.until(lambda: "esp> heap" in case.log)


async def test_a_second_client_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        first = await open_handle(case.url)
        with pytest.raises(PortError, match=r"has the port, which one program at a time can use$") as caught:
            await open_handle(case.url)
        assert caught.value.kind is PortErrorKind.BUSY
        assert any("was turned away" in text for text in case.told)
        await first.close()
        await case.until(lambda: "has left" in case.log)
        await (await open_handle(case.url)).close()


async def test_a_client_leaves_the_rate_as_it_was(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        client = await open_handle(case.url, baud=74880)
        await case.until(lambda: case.session.status.baud == 74880)
        await client.close()
        await case.until(lambda: case.session.status.baud == 115200)


async def test_the_port_goes_and_so_does_the_client(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        client = await open_handle(case.url)
        await asyncio.to_thread(case.board.stop)
        with pytest.raises(PortError):
            await read_until(client, b"never")
        await client.close()
        with pytest.raises(PortError, match="the port is not open"):
            await open_handle(case.url)


async def test_a_lease_that_is_cancelled_lets_the_client_go(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        client = await open_handle(case.url)
        await client.write(b"\xc0\x00\x08\xc0")
        await case.until(lambda: case.session.status.lease == "share")
        with pytest.raises(PortError, match="has the port"):
            await open_handle(case.url)
        with suppress(asyncio.CancelledError):
            await case.session.cancel()
        with pytest.raises(PortError):
            await read_until(client, b"never")
        await client.close()
        await case.until(lambda: "has left" in case.log)
        assert case.session.state is State.MONITORING


async def test_a_client_that_reads_nothing_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_share, "MAX_UNREAD", -1)
    async with shared(tmp_path) as case:
        host, _, port = case.url.removeprefix("rfc2217://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        await case.until(lambda: "uses the port, too" in case.log)
        await case.session.send(b"heap\r\n")
        await case.until(lambda: any("reads too slowly" in text for text in case.told))
        await case.until(lambda: "has left" in case.log)
        writer.close()


async def test_a_port_that_is_used_cannot_be_had(tmp_path: Path) -> None:
    async with shared(tmp_path) as case:
        probing = asyncio.create_task(case.session.probe())
        await case.until(lambda: case.session.status.lease == "probe")
        with pytest.raises(PortError, match="the port is used for probe"):
            await open_handle(case.url)
        await probing


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:4000", ("127.0.0.1", 4000)), ("4000", ("127.0.0.1", 4000)), ("[::1]:0", ("::1", 0))],
)
def test_an_address_of_this_computer(text: str, address: tuple[str, int]) -> None:
    assert share_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [("0.0.0.0:4000", "ssh -L 4000:"), ("bench:1", "other computers"), ("x", "no address"), ("127.0.0.1:70000", "no ")],
)
def test_no_address_that_others_reach(text: str, why: str) -> None:
    with pytest.raises(ShareError, match=why):
        share_address(text)


def test_the_command_says_where_and_monitors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as board:
        assert main(["share", board.url, "--timeout", "0.2"]) == 0
        assert "Shared at rfc2217://127.0.0.1:" in capfd.readouterr().err
        assert main(["share", board.url, "--listen", "0.0.0.0:1"]) == 2
        with asyncio.Runner() as runner:
            taken = runner.run(asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0))
            number = taken.sockets[0].getsockname()[1]
            assert main(["share", board.url, "--listen", str(number)]) == 1
            taken.close()
    assert "The port cannot be shared" in capfd.readouterr().err
