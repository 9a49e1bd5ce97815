"""The connection's life over three transports to a ROM loader, and over the simulated board's own server.

What holds everywhere: the port is opened once; before the user agreed the board sees no byte and no line; cancelling
touches nothing; a probe that fails ends closed, with the reason; after a probe the log is readable and complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from espmon.port import Handle, PortIdentity
from espmon.session.connection import PortAccess
from espmon.session.port_lookup import open_url
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest, StatusChanged
from espmon.sim import BoardThread, SimulatedBoard
from espmon.testing import LoaderPeer
from espmon.testing.handles import MemoryHandle
from tests.rom.server import pty_loader, silent_listener, tcp_loader
from tests.session.fakes import Watch, shown

pytestmark = pytest.mark.e2e


class Counted:
    """Opens ports, counts them, and keeps what is written and which lines are moved."""

    def __init__(self, handle: Handle | None = None) -> None:
        self._handle = handle
        self.handles: list[Handle] = []
        self.written = bytearray()
        self.moved: list[str] = []

    async def __call__(self, url: str, *, baud: int, no_reset: bool) -> Handle:
        handle = self._handle or await open_url(url, baud=baud, no_reset=no_reset)
        self.handles.append(handle)
        self._spy(handle)
        return handle

    def _spy(self, handle: Handle) -> None:
        write, lines, play = handle.write, handle.set_lines, handle.run_sequence

        async def spy_write(data: bytes, timeout: float = 5.0) -> None:
            self.written += data
            await write(data, timeout)

        async def spy_lines(*, dtr: bool | None = None, rts: bool | None = None) -> None:
            self.moved.append(f"{dtr} {rts}")
            await lines(dtr=dtr, rts=rts)

        async def spy_play(sequence: object) -> None:
            self.moved.append(str(sequence))
            await play(sequence)  # type: ignore[arg-type]

        handle.write = spy_write  # type: ignore[method-assign]
        handle.set_lines = spy_lines  # type: ignore[method-assign]
        handle.run_sequence = spy_play  # type: ignore[method-assign]


class MockHandle(MemoryHandle):
    """A loader in a thread of this process, behind the handle's interface."""

    def __init__(self, peer: LoaderPeer) -> None:
        super().__init__("mock://loader", modem_lines=False)
        self._peer_loader = peer
        asyncio.get_running_loop().add_reader(peer.socket, self._heard)

    def _heard(self) -> None:
        self.inject(self._peer_loader.socket.recv(65536))

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        await super().write(data, timeout)
        await asyncio.get_running_loop().sock_sendall(self._peer_loader.socket, data)

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._peer_loader.socket)
        await super().close()


@asynccontextmanager
async def mock() -> AsyncIterator[tuple[str, Counted]]:
    peer = LoaderPeer("esp32c3")
    await asyncio.to_thread(peer.start)
    yield "mock://loader", Counted(MockHandle(peer))
    await asyncio.to_thread(peer.close)


@asynccontextmanager
async def tcp() -> AsyncIterator[tuple[str, Counted]]:
    with tcp_loader() as url:
        yield url, Counted()


@asynccontextmanager
async def pseudo_terminal() -> AsyncIterator[tuple[str, Counted]]:
    with pty_loader() as url:
        yield url, Counted()


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[str, Counted]]:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        yield board.url, Counted()


Transport = Callable[[], AbstractAsyncContextManager[tuple[str, Counted]]]
TRANSPORTS: dict[str, Transport] = {"thread": mock, "tcp": tcp, "pty": pseudo_terminal, "board": simulated}


class Life:
    """One session over one transport."""

    def __init__(self, url: str, opener: Counted, folder: Path) -> None:
        self.url, self.opener, self.folder = url, opener, folder
        self.session = Session(
            settings=Settings(idle_seconds=0.02, reconnect=False),
            folder=folder,
            access=PortAccess(
                opener=opener,
                identifier=PortIdentity,
                resolver=lambda name: name,
                remember=lambda identity, chip, mac: None,
            ),
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)

    def states(self) -> list[str]:
        changes = [change.status.state for change in self.watch.changes if isinstance(change, StatusChanged)]
        return [state.value for state, before in zip(changes, [None, *changes], strict=False) if state is not before]

    def recorded(self) -> bytes:
        (folder,) = self.folder.iterdir()
        return (folder / "stream.bin").read_bytes()


@pytest.fixture(params=list(TRANSPORTS))
async def life(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Life]:
    async with TRANSPORTS[request.param]() as (url, opener):
        made = Life(url, opener, tmp_path)
        yield made
        await made.session.close()


async def test_nothing_is_sent_and_no_line_moves_before_the_user_agrees(life: Life) -> None:
    await life.session.open(OpenRequest(life.url, probe=True))
    assert life.session.state is State.AWAITING_CONSENT, life.session.status.reason
    assert (bytes(life.opener.written), life.opener.moved) == (b"", [])


async def test_cancelling_the_question_closes_and_touches_nothing(life: Life) -> None:
    await life.session.open(OpenRequest(life.url, probe=True))
    await life.session.cancel()
    assert life.session.status.state is State.CLOSED
    assert (bytes(life.opener.written), life.opener.moved, len(life.opener.handles)) == (b"", [], 1)


async def test_declining_monitors_and_touches_nothing(life: Life) -> None:
    await life.session.open(OpenRequest(life.url, probe=True))
    await life.session.decline()
    assert life.session.status.state is State.MONITORING
    assert (bytes(life.opener.written), life.opener.moved, len(life.opener.handles)) == (b"", [], 1)


async def test_the_probe_runs_on_the_handle_that_was_opened_and_then_the_log_is_read_from_it(life: Life) -> None:
    await life.session.open(OpenRequest(life.url, probe=True))
    await life.session.consent()
    assert life.session.status.state is State.MONITORING, life.session.status.reason
    assert life.session.status.probe is not None
    assert life.session.status.probe.chip == "ESP32-C3"
    assert life.states() == ["opening", "awaiting consent", "probing", "monitoring"]
    assert (len(life.opener.handles), life.session.connection.opens) == (1, 1)


async def test_every_byte_of_a_probe_is_recorded_and_none_is_shown_as_log(life: Life) -> None:
    await life.session.open(OpenRequest(life.url, probe=True))
    await life.session.consent()
    await life.session.close()
    shown = [life.session.store.record(line).text for line in range(life.session.store.first, len(life.session.store))]
    assert not any("\xc0" in line or "�" in line for line in shown)
    recorded = await asyncio.to_thread(life.recorded)
    assert b"\xc0" in recorded
    assert life.session.pipeline.demux.offset == len(recorded)


@pytest.mark.parametrize("transport", [tcp, pseudo_terminal, simulated])
async def test_closing_lets_the_port_go_for_the_next_session(transport: Transport, tmp_path: Path) -> None:
    async with transport() as (url, opener):
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            life = Life(url, opener, folder)
            await life.session.open(OpenRequest(url))
            assert life.session.status.state is State.MONITORING, life.session.status.reason
            await life.session.close()
        assert len(opener.handles) == 2


async def test_the_log_after_a_probe_of_the_board_is_readable_and_complete(tmp_path: Path) -> None:
    async with simulated() as (url, opener):
        life = Life(url, opener, tmp_path)
        await life.session.open(OpenRequest(url, probe=True))
        await life.session.consent()
        store = life.session.store

        def log() -> str:
            """What stands behind the bytes of the probe."""
            texts = shown(store)
            marks = [index for index, text in enumerate(texts) if text.startswith("▣") and "probe" in text]
            return "\n".join(texts[marks[-1] + 1 :]) if marks else ""

        await life.watch.until(lambda: "esp>" in log(), 20)
        await life.session.close()
        # The whole boot after the probe, from its first line to the prompt.
        assert log().startswith("ESP-ROM:esp32c3")
        assert "SPI_FAST_FLASH_BOOT" in log()
        assert "Calling app_main()" in log()
        assert life.session.pipeline.demux.offset == len(await asyncio.to_thread(life.recorded))


async def test_a_probe_that_gets_no_answer_ends_closed_with_reason_and_hint(tmp_path: Path) -> None:
    with silent_listener() as url:
        life = Life(url, Counted(), tmp_path)
        await life.session.open(OpenRequest(url, probe=True))
        await life.session.consent()
        assert life.session.status.state is State.CLOSED
        assert "No loader answered" in life.session.status.reason
        assert "BOOT" in life.session.status.hint
        assert len(life.opener.handles) == 1
        await life.session.close()
