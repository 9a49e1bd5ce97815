"""Keys of raw mode go to the session's thread at once, and nothing waits for a session that does not take them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest

from espmon.session.runner import LoopThread
from espmon.session.sent import SentBy
from espmon.tui.monitor import session_link
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.monitor.session_link import SessionLink


class Session:
    """Takes what is sent, when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.sent: list[tuple[bytes, SentBy]] = []

    async def send(self, data: bytes, by: SentBy = SentBy.LINE) -> None:
        await self.may.wait()
        self.sent.append((data, by))


@pytest.fixture
def runner() -> Iterator[LoopThread]:
    with LoopThread() as made:
        yield made


def linked(runner: LoopThread) -> tuple[SessionLink, Session]:
    session = runner.make(Session)
    return SessionLink(runner, cast("SessionLike", session), lambda changes: None), session


def test_a_key_is_on_its_way_before_anything_else_is_done(runner: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_link, "KEY_SECONDS", 30.0)
    link, session = linked(runner)
    session.may.set()
    for key in (b"a", b"\x1b[A"):
        link.send_key(key)
    assert session.sent == [(b"a", SentBy.KEYS), (b"\x1b[A", SentBy.KEYS)]


def test_a_session_that_does_not_take_a_key_holds_nobody(runner: LoopThread) -> None:
    link, session = linked(runner)
    link.send_key(b"a")
    assert not session.sent
    runner.call(session.may.set)
    link.ask(session.send(b"b")).result(30)
    assert session.sent[0] == (b"a", SentBy.KEYS)
