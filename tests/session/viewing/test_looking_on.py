"""One session, many viewers: the same log and events, writing that changes hands, peers that vanish or lie."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from espmon.port.platform import connect_shared, listen_shared, shared_there
from espmon.session.connection import PortAccess
from espmon.session.sent import SentBy
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.share_state import Grants
from espmon.session.sharing import outbox, session_share
from espmon.session.sharing.share_place import share_address
from espmon.session.sharing.share_protocol import LENGTHS, MAX_HEADER, VERSION, Kind, ShareError, encoded
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest
from espmon.session.viewing.looking_on import LookingOn
from espmon.session.viewing.share_link import find_holder
from espmon.time_limit import time_limit
from tests.session.archive.recordings import BOOT, LINE, PANIC
from tests.session.fakes import Port, ScriptedHandle, Watch, shown

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets in asyncio")

LIMIT_SECONDS = 30.0


class Pair:
    """A session that holds a port, and those that look on."""

    def __init__(self, folder: Path, *, grants: Grants = Grants.WHEN_ALLOWED, recording: bool = True) -> None:
        self.folder = folder / "sessions"
        self.url = f"fake://{folder}"
        self.handle = ScriptedHandle(self.url)
        self.settings = Settings(recording=recording)
        access = PortAccess(opener=Port(self.handle), resolver=lambda name: name)
        self.owner = Session(settings=self.settings, folder=self.folder, access=access, shared=grants)
        self.watch = Watch()
        self.owner.subscribe(self.watch)
        self.viewers: list[Session] = []
        self.said = 0

    async def look_on(self) -> Session:
        link = await find_holder(self.url)
        assert link is not None
        looking = LookingOn(link, self.settings, self.folder)
        looking.session.subscribe(self.watch)
        self.viewers.append(looking.session)
        await looking.session.open(looking.request)
        return looking.session

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.watch.until(condition, LIMIT_SECONDS)

    async def say(self, data: bytes) -> None:
        self.said += len(data)
        self.handle.push(data)
        await self.until(lambda: self.owner.pipeline.demux.offset == self.said)

    async def same(self, viewer: Session) -> None:
        await self.until(lambda: shown(viewer.store) == shown(self.owner.store))


@asynccontextmanager
async def pair(folder: Path, **how: object) -> AsyncIterator[Pair]:
    made = Pair(folder, **how)  # type: ignore[arg-type]
    await made.owner.open(OpenRequest(made.url, name="board"))
    assert made.owner.state is State.MONITORING
    try:
        yield made
    finally:
        await asyncio.gather(*(viewer.close() for viewer in made.viewers), made.owner.close())


def told(session: Session) -> list[tuple[str, str, int]]:
    """What the board did, as the events have it."""
    kinds = ("reset", "panic", "boot")
    return [(it.record.type, it.title, it.record.offset) for it in session.events if it.record.type in kinds]


def notices(both: Pair) -> list[str]:
    return [change.text for change in both.watch.changes if isinstance(change, Notice)]


async def test_a_viewer_has_what_came_before_and_what_comes(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.say(BOOT + LINE * 50 + PANIC)
        viewer = await both.look_on()
        await both.same(viewer)
        await both.say(BOOT + LINE * 20)
        await both.owner.mark("here")
        await both.say(LINE)
        await both.same(viewer)
        assert len(shown(viewer.store)) > 80
        await both.until(lambda: told(viewer) == told(both.owner))
        assert {"reset", "panic", "boot"} <= {kind for kind, *_ in told(viewer)}
        assert viewer.status.looking is not None
        assert viewer.status.looking.holder == f"espmon (pid {os.getpid()})"
        assert both.owner.status.sharing.viewers == 1


async def test_what_came_before_is_no_news_to_a_viewer(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.say(BOOT + PANIC)
        link = await find_holder(both.url)
        assert link is not None
        looking = LookingOn(link, both.settings, both.folder)
        both.viewers.append(looking.session)
        lines: list[tuple[bool, int]] = []
        pipeline = looking.session.pipeline
        pipeline.sinks.append(lambda part, entry: lines.append((pipeline.quiet, len(lines))))
        looking.session.subscribe(both.watch)
        await looking.session.open(looking.request)
        await both.same(looking.session)
        await both.until(lambda: not pipeline.quiet)
        before = len(lines)
        await both.say(LINE)
        await both.until(lambda: len(lines) > before)
        assert [quiet for quiet, _ in lines] == [True] * before + [False] * (len(lines) - before)


async def test_a_session_that_is_not_recorded_is_seen_from_now_on(tmp_path: Path) -> None:
    async with pair(tmp_path, recording=False) as both:
        await both.say(LINE * 3)
        viewer = await both.look_on()
        await both.until(lambda: len(viewer.store) == 1)
        await both.say(b"I (2000) main: now\r\n")
        await both.until(lambda: len(viewer.store) == 2)
        first, second = shown(viewer.store)
        assert f"{3 * len(LINE):,} bytes that came before are not here" in first
        assert second == "I (2000) main: now"


async def test_writing_is_asked_for_handed_over_and_taken_back(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        viewer = await both.look_on()
        await both.until(lambda: both.owner.status.sharing.viewers == 1)
        assert await viewer.send(b"before\r") is not None
        assert viewer.turn is not None
        assert both.owner.turn is not None
        viewer.turn.change()
        await both.until(lambda: bool(both.owner.status.sharing.asked))
        both.owner.turn.answer(True)
        await both.until(lambda: viewer.status.looking is not None and viewer.status.looking.writes)
        assert await viewer.send(b"hello\r", SentBy.LINE) is None
        await both.until(lambda: any("→ hello" in row for row in shown(viewer.store)))
        assert bytes(both.handle.written) == b"hello\r"
        await both.same(viewer)
        assert any("writes to the board now" in row for row in shown(viewer.store))
        assert await both.owner.send(b"mine\r") is not None
        both.owner.turn.change()
        await both.until(lambda: viewer.status.looking is not None and not viewer.status.looking.writes)
        assert await both.owner.send(b"mine\r") is None
        assert bytes(both.handle.written) == b"hello\rmine\r"


async def test_who_writes_resets_the_board_by_way_of_the_holder(tmp_path: Path) -> None:
    async with pair(tmp_path, grants=Grants.ALWAYS) as both:
        viewer = await both.look_on()
        await both.until(lambda: both.owner.status.sharing.viewers == 1)
        error = await viewer.reset()
        assert error is not None
        assert "you look on" in str(error)
        assert both.handle.played == []
        assert viewer.turn is not None
        viewer.turn.change()
        await both.until(lambda: viewer.status.looking is not None and viewer.status.looking.writes)
        assert viewer.status.has_modem_lines
        assert await viewer.reset() is None
        assert await viewer.reset_to_loader() is None
        assert await viewer.set_lines(dtr=True) is None
        assert await viewer.set_baud(74880) is None
        assert await viewer.send_break(0.25) is None
        await both.until(lambda: any(text.startswith("Not done:") for text in notices(both)))
        assert both.handle.played == ["hard", "classic", "dtr=True rts=None"]
        assert both.handle.baud == 74880
        await both.until(lambda: viewer.status.baud == 74880)
        assert any(row.endswith("resets the board ──") for row in shown(both.owner.store))
        await both.same(viewer)


async def test_a_board_without_lines_cannot_be_reset_from_elsewhere_and_says_so(tmp_path: Path) -> None:
    async with pair(tmp_path, grants=Grants.ALWAYS) as both:
        both.handle.has_modem_lines = False
        viewer = await both.look_on()
        assert viewer.turn is not None
        viewer.turn.change()
        await both.until(lambda: viewer.status.looking is not None and viewer.status.looking.writes)
        await viewer.reset()
        await both.until(lambda: any("Not done: This port has no DTR/RTS" in text for text in notices(both)))


async def test_a_run_without_a_screen_is_looked_at_and_hands_nothing_over(tmp_path: Path) -> None:
    async with pair(tmp_path, grants=Grants.NEVER) as both:
        viewer = await both.look_on()
        assert viewer.turn is not None
        await both.until(lambda: both.owner.status.sharing.viewers == 1)
        viewer.turn.change()
        await both.until(lambda: any("Nobody else writes" in text for text in notices(both)))
        assert both.owner.status.sharing.asked == ""


async def test_a_refusal_is_told(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        viewer = await both.look_on()
        await both.until(lambda: both.owner.status.sharing.viewers == 1)
        assert viewer.turn is not None
        assert both.owner.turn is not None
        viewer.turn.change()
        await both.until(lambda: bool(both.owner.status.sharing.asked))
        both.owner.turn.answer(False)
        await both.until(lambda: any("not allowed" in told for told in notices(both)))
        assert viewer.status.looking is not None
        assert not viewer.status.looking.writes


async def test_where_nobody_sits_whoever_asks_may_write_until_it_leaves(tmp_path: Path) -> None:
    async with pair(tmp_path, grants=Grants.ALWAYS) as both:
        viewer = await both.look_on()
        assert viewer.turn is not None
        viewer.turn.change()
        await both.until(lambda: viewer.status.looking is not None and viewer.status.looking.writes)
        await viewer.close()
        await both.until(lambda: both.owner.status.sharing.viewers == 0)
        assert both.owner.status.sharing.writer == ""
        assert both.owner.pipeline.tap is None


async def test_a_holder_that_ends_is_told_and_what_came_is_kept(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.say(LINE * 5)
        viewer = await both.look_on()
        await both.same(viewer)
        before = shown(viewer.store)
        await both.owner.close()
        await both.until(lambda: viewer.status.looking is not None and bool(viewer.status.looking.gone))
        assert shown(viewer.store)[: len(before)] == before
        assert "what came is kept" in shown(viewer.store)[-1]
        assert await find_holder(both.url) is None


async def test_a_slow_viewer_is_sent_to_the_recording_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 2000)
    histories: list[object] = []
    original = session_share.Share._history

    async def counted(self: session_share.Share, begin: object, end: object) -> bytes:
        histories.append((begin, end))
        return await original(self, begin, end)  # type: ignore[arg-type]

    monkeypatch.setattr(session_share.Share, "_history", counted)
    async with pair(tmp_path) as both:
        viewer = await both.look_on()
        await both.same(viewer)
        for _ in range(40):
            await both.say(BOOT + LINE * 100)
        await both.owner.mark("the end")
        await both.same(viewer)
        assert len(histories) > 1
        await both.until(lambda: told(viewer) == told(both.owner))


async def test_the_socket_is_the_owners_alone(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        path = share_address(both.url)
        assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.lstat(os.path.dirname(path)).st_mode) == 0o700
    assert not shared_there(path)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        LENGTHS.pack(MAX_HEADER + 1, 0),
        LENGTHS.pack(2, 0xFFFFFFFF),
        LENGTHS.pack(2, 0) + b"[]",
        LENGTHS.pack(9, 0) + b'{"kind":1',
        encoded(Kind.SEND, b"reset\r", by="line"),
        encoded(Kind.HELLO, version=VERSION) + encoded(Kind.DO, deed="reset"),
        encoded(Kind.HELLO, version=VERSION + 1),
        encoded(Kind.HELLO, version=VERSION, who="\x1b[2J" * 50) + encoded(Kind.SEND, b"x", by="?") + b"junk",
        encoded(Kind.HELLO, version=VERSION) + b"\xff" * 64,
        LENGTHS.pack(60_000, 0) + b'{"kind":' + b"[" * 59_992,
    ],
    ids=range(13),
)
async def test_a_peer_that_talks_nonsense_changes_nothing(tmp_path: Path, nonsense: bytes) -> None:
    async with pair(tmp_path) as both:
        reader, writer = await connect_shared(share_address(both.url))
        writer.write(nonsense)
        writer.write_eof()
        async with time_limit(LIMIT_SECONDS):
            while await reader.read(1 << 16):
                pass
        writer.close()
        await both.say(LINE)
        viewer = await both.look_on()
        await both.same(viewer)
        assert bytes(both.handle.written) == b""
        assert both.handle.played == []


@asynccontextmanager
async def fake_holder(url: str, *messages: bytes) -> AsyncIterator[None]:
    """Somebody who says these messages, whatever he hears."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for message in messages:
            writer.write(message)
        await reader.read()
        writer.close()
        ended.set()

    listener = await listen_shared(share_address(url), serve)
    yield
    await ended.wait()
    listener.close()


async def test_a_holder_of_another_version_is_named(tmp_path: Path) -> None:
    url = f"fake://{tmp_path}"
    async with fake_holder(url, encoded(Kind.HELLO, version=VERSION + 1, pid=1)):
        with pytest.raises(ShareError, match="that espmon is the newer one"):
            await find_holder(url)


@pytest.mark.parametrize("name", ["../..", "/etc", "..", "", "nothing"])
async def test_a_holder_names_no_other_files(tmp_path: Path, name: str) -> None:
    url = f"fake://{tmp_path}"
    (tmp_path / "sessions").mkdir()
    messages = (
        encoded(Kind.HELLO, version=VERSION, pid=1, name="board", since=1.0),
        encoded(Kind.HISTORY, folder=name, begin=[0, 0, 0], end=[99, 99, 99]),
        encoded(Kind.TEXT, b"\x1b]0;title\x07hello\r\n", m=-5.0),
        encoded(Kind.EVENT, fields={"type": "note", "text": "\x1b[2J", "evidence": 3}, m="x"),
    )
    async with fake_holder(url, *messages):
        link = await find_holder(url)
        assert link is not None
        looking, watch = LookingOn(link, Settings(), tmp_path / "sessions"), Watch()
        looking.session.subscribe(watch)
        await looking.session.open(looking.request)
        await watch.until(lambda: len(looking.session.store) >= 3, LIMIT_SECONDS)
        assert "there is no such recording" in shown(looking.session.store)[0]
        assert "\x1b" not in shown(looking.session.store)[2]
        await looking.session.close()


async def test_a_session_that_is_closed_while_it_opens_lets_nobody_in(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        path = share_address(both.url)
        await both.owner.close()
        assert both.owner.turn is not None
        share = both.owner.turn
        assert isinstance(share, session_share.Share)
        for steps in range(1, 12):
            begins = asyncio.create_task(share.begin(both.url))
            for _ in range(steps):
                await asyncio.sleep(0)
            await share.end("closed")
            await begins
            assert not shared_there(path)


@pytest.mark.parametrize("steps", range(5))
async def test_listening_that_is_cancelled_leaves_nothing(tmp_path: Path, steps: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    path = share_address(f"fake://{tmp_path}")
    listens = asyncio.create_task(listen_shared(path, serve))
    for _ in range(steps):
        await asyncio.sleep(0)
    listens.cancel()
    with suppress(asyncio.CancelledError):
        (await listens).close()
    assert not shared_there(path)


async def test_after_a_probe_that_failed_nobody_holds_the_port_and_it_opens_again(tmp_path: Path) -> None:
    url = f"fake://{tmp_path}"
    port = Port(ScriptedHandle(url, modem_lines=False), second := ScriptedHandle(url, modem_lines=False))
    access = PortAccess(opener=port, resolver=lambda name: name)
    session = Session(folder=tmp_path / "sessions", access=access, shared=Grants.WHEN_ALLOWED)
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest(url, probe=True))
    assert shared_there(share_address(url))
    await session.consent()
    assert session.state is State.CLOSED
    assert session.status.reason
    assert not shared_there(share_address(url))
    await session.open(OpenRequest(url))
    second.push(b"a line\n")
    await watch.until(lambda: len(session.store) > 0 and session.state is State.MONITORING)
    assert shared_there(share_address(url))
    await session.close()
