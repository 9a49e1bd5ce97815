"""What a board's console is told when it asks its terminal, and when it is told nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest
from espmon.session.terminal_answers import MAX_ANSWERS, cursor_column
from espmon.tui.log.row_editor import RowEditor
from tests.session.fakes import Port, ScriptedHandle, Watch, shown

LINENOISE = b"\x1b[5n"
"""How esp_console looks for a terminal when it starts."""

COLUMNS = b"\x1b[6n\x1b[999C\x1b[6n"
"""How linenoise measures its width."""


class Case:
    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.handle = ScriptedHandle()
        self.session = Session(settings=settings, folder=folder, access=PortAccess(opener=Port(self.handle)))
        self.watch = Watch()
        self.session.subscribe(self.watch)

        self.handle.answer = self._heard

    def _heard(self, data: bytes) -> bytes:
        self.watch._wake.set()
        return b""

    async def says(self, data: bytes) -> None:
        """The board has printed this, and the session has read it."""
        before = self.session.connection.link.received
        self.handle.push(data)
        await self.watch.until(lambda: self.session.connection.link.received == before + len(data))

    async def is_told(self, data: bytes) -> None:
        await self.watch.until(lambda: bytes(self.handle.written) == data)

    async def settled(self) -> bytes:
        """What was sent once everything that was about to be sent was."""
        await asyncio.gather(*self.session._tasks._running)
        return bytes(self.handle.written)


Make = Callable[..., Case]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    cases: list[Case] = []

    def build(settings: Settings | None = None) -> Case:
        cases.append(Case(tmp_path, settings))
        return cases[-1]

    yield build
    for case in cases:
        await case.session.close()


async def opened(case: Case) -> Case:
    await case.session.open(OpenRequest("fake://board"))
    assert case.session.state is State.MONITORING
    return case


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (LINENOISE, b"\x1b[0n"),
        (b"\x1b[c", b"\x1b[?1;2c"),
        (b"\x1b[0c", b"\x1b[?1;2c"),
        (b"\x1b[6n", b"\x1b[24;1R"),
        (b"I (1) a: b\r\nesp> \x1b[6n", b"\x1b[24;6R"),
        (COLUMNS, b"\x1b[24;1R\x1b[24;80R"),
        ("日本\x1b[6n".encode(), b"\x1b[24;5R"),
        (b"abc\r\x1b[6n", b"\x1b[24;1R"),
        (b"\x1b[5n\r\n\x1b[6n\r\n", b"\x1b[0n\x1b[24;1R"),
    ],
)
async def test_a_question_is_answered_without_a_word_from_the_user(make: Make, asked: bytes, told: bytes) -> None:
    case = await opened(make())
    await case.says(asked)
    await case.is_told(told)


async def test_a_question_cut_anywhere_is_answered_once(make: Make) -> None:
    case = await opened(make())
    for byte in COLUMNS + b"x\r\n":
        await case.says(bytes([byte]))
    await case.is_told(b"\x1b[24;1R\x1b[24;80R")
    assert await case.settled() == b"\x1b[24;1R\x1b[24;80R"


async def test_questions_are_no_litter_on_the_screen(make: Make) -> None:
    case = await opened(make())
    await case.says(b"\x1b[5n\x1b[6n\x1b[cesp> ")
    editor = RowEditor()
    editor.feed(shown(case.session.store)[-1])
    assert "".join(editor.cells) == "esp> "


async def test_the_setting_keeps_it_silent(make: Make) -> None:
    case = await opened(make(Settings(answer_queries=False)))
    await case.says(LINENOISE + COLUMNS)
    assert await case.settled() == b""


async def test_nothing_is_answered_before_the_user_has_agreed_to_anything(make: Make) -> None:
    case = make()
    await case.session.open(OpenRequest("fake://board", probe=True))
    assert case.session.state is State.AWAITING_CONSENT
    await case.says(LINENOISE)
    assert await case.settled() == b""


async def test_nothing_is_answered_in_a_capture_or_to_what_is_in_it(make: Make) -> None:
    case = await opened(make())
    await case.says(b"@ESPFRAME log 12 raw -\r\n" + LINENOISE)
    await case.says(LINENOISE * 2 + b"\r\n@ESPFRAME_END\r\n")
    assert await case.settled() == b""


async def test_nothing_is_answered_while_the_port_is_lent(make: Make) -> None:
    case = await opened(make())
    lease = await case.session.connection.link.borrow("test")
    case.handle.push(LINENOISE)
    assert await lease.read(timeout=5) == LINENOISE
    case.session.connection.link.give_back(lease)
    await case.says(b"log\r\n")
    assert await case.settled() == b""


async def test_somebody_else_may_answer_and_what_was_asked_then_is_not_answered_later(make: Make) -> None:
    case = await opened(make())
    case.session.answer_queries(False)
    await case.says(LINENOISE)
    case.session.answer_queries(True)
    await case.says(b"esp> \x1b[6n")
    await case.is_told(b"\x1b[24;6R")


async def test_a_board_that_asks_ten_thousand_times_is_answered_some_times_and_named(make: Make) -> None:
    case = await opened(make())
    await case.says(LINENOISE * 10_000)
    await case.is_told(b"\x1b[0n" * MAX_ANSWERS)
    told = [change.text for change in case.watch.changes if isinstance(change, Notice)]
    assert [text for text in told if "questions" in text] == [
        f"The board asks its terminal more than {MAX_ANSWERS} questions in 5 s: not all of them are answered"
    ]


LINES = ["", "abc", "a\tb", "ab\b\b\bc", "abc\rde", "\x1b[31mred\x1b[0m", "中\x1b[2D\x1b[9C", "x\x1b[12G", "\x1b[999C"]


@pytest.mark.parametrize("line", LINES)
def test_the_cursor_is_told_where_the_screen_has_it(line: str) -> None:
    editor = RowEditor()
    editor.feed(line)
    assert cursor_column(line) == editor.column
