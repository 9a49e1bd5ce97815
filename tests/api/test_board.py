"""`espmon.Board`: what a script says to a board, and what it waits for."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon import BlockingBoard, Board, BoardError, BoardErrorKind
from espmon.api.record_stream import MAX_UNREAD_BYTES, RecordStream
from espmon.records.lines import Line, block_of
from espmon.records.record import Record
from espmon.session.state import State
from espmon.sim import BoardThread
from tests.cli.test_run import Talker
from tests.records.streams import frame, png

SECONDS = 30.0
"""For anything to come, on a machine that is busy with others."""


class HangingUp(Talker):
    """Sends, and hangs up for good."""

    def _main(self) -> None:
        client, _ = self._server.accept()
        client.sendall(self._pieces[0])
        client.close()
        self._server.close()


# -- what comes ---------------------------------------------------------------------------------------------------


async def test_a_match_has_text_groups_and_place_and_the_next_search_begins_behind_it() -> None:
    with Talker(b"boot\r\nheap: 100 of 200\r\nheap: 300 of 400\r\nesp> ") as talker:
        async with Board(talker.url) as board:
            first = await board.expect(r"heap: (\d+) of (?P<all>\d+)", SECONDS)
            assert first.text == "heap: 100 of 200"
            assert (first.group(), first[1], first["all"], first.offset) == (first.text, "100", "200", 6)
            assert (await board.expect(r"heap: (\d+)", SECONDS)).groups == ("300",)
            assert (await board.expect(r"of (\d+)", SECONDS))[1] == "400"
            assert (await board.expect("esp> $", SECONDS)).text == "esp> "
            assert board.log() == ["boot", "heap: 100 of 200", "heap: 300 of 400", "esp> "]
            assert board.log(since=first.offset, limit=3)[0] == "heap: 100 of 200"


async def test_an_unfinished_line_is_searched_as_it_stands_and_on_from_there() -> None:
    with Talker(b"login: ") as talker:
        async with Board(talker.url) as board:
            assert (await board.expect("login: ", SECONDS)).end == 7


async def test_a_timeout_names_what_was_waited_for_and_the_last_lines() -> None:
    with Talker(b"one\r\n\x1b[31mtwo\x1b[0m\r\nthree") as talker:
        async with Board(talker.url) as board:
            await board.expect("two", SECONDS)
            await board.expect("thr", SECONDS)
            with pytest.raises(BoardError) as caught:
                await board.expect("never", 0.05)
            assert caught.value.kind is BoardErrorKind.TIMEOUT
            assert caught.value.message == "Not seen within 0.05 s: never"
            assert caught.value.hint == "The last lines:\n  three"


async def test_skip_leaves_out_what_came_and_not_what_comes_in_the_same_line(simulated: BoardThread) -> None:
    async with Board(simulated.url) as board:
        await board.expect("esp", SECONDS)
        await board.skip()
        with pytest.raises(BoardError):
            await board.expect("> ", 0.05)
        await board.skip()
        await board.send("help")
        assert (await board.expect("help", SECONDS)).text.startswith("esp> help")


async def test_two_tasks_wait_at_once_and_one_is_called_off() -> None:
    with Talker(b"go\r\n") as talker:
        async with Board(talker.url) as board:
            never = asyncio.create_task(board.expect("never", SECONDS))
            assert await board.expect("go", SECONDS)
            never.cancel()
            with pytest.raises(asyncio.CancelledError):
                await never
            assert board.status.state is State.MONITORING


async def test_records_come_from_the_call_on_and_end_with_the_board(simulated: BoardThread) -> None:
    async with Board(simulated.url) as board:
        await board.expect("esp> ", SECONDS)
        records = board.records()
        await board.send("json")
        seen = []
        async for record in records:
            seen.append(record)
            if record.type == "frame":
                break
        assert isinstance(seen[0], Line)
        assert seen[0].text == "esp> json"
    assert [record.type async for record in records if record.type == "line"] != []


async def test_who_reads_no_records_is_told_instead_of_missing_some() -> None:
    stream = RecordStream()
    stream.take(block_of(b"x" * (MAX_UNREAD_BYTES + 1), 0, MAX_UNREAD_BYTES * 2, None))
    assert stream.ended
    with pytest.raises(BoardError) as caught:
        await stream.next_records()
    assert caught.value.kind is BoardErrorKind.BEHIND


async def _all(records: AsyncIterator[Record]) -> list[str]:
    return [record.type async for record in records]


async def test_who_waits_while_the_board_is_closed_is_told(simulated: BoardThread) -> None:
    async with Board(simulated.url, reconnect=True) as board:
        await board.expect("esp> ", SECONDS)
        waiting = asyncio.create_task(board.expect("never", SECONDS))
        records = board.records()
        reading = asyncio.create_task(_all(records))
        await asyncio.sleep(0)
    with pytest.raises(BoardError) as caught:
        await waiting
    assert caught.value.kind is BoardErrorKind.PORT
    assert "line" in await reading


# -- crashes ------------------------------------------------------------------------------------------------------


async def test_a_crash_ends_the_wait_with_what_happened_once(simulated: BoardThread) -> None:
    async with Board(simulated.url, elf=simulated.board.elf) as board:
        await board.expect("esp> ", SECONDS)
        here = board.position
        await board.send("panic")
        with pytest.raises(BoardError) as caught:
            await board.expect("never", SECONDS)
        assert caught.value.kind is BoardErrorKind.PANIC
        assert "null pointer" in caught.value.message
        assert caught.value.report is not None
        assert caught.value.report.place is not None
        assert caught.value.report.place.function == "read_register"
        await board.expect("esp> ", SECONDS)
        [report] = await board.crashes(here)
        assert report.sentence == caught.value.message
        assert await board.crashes(board.position) == []


async def test_a_crash_counts_before_what_comes_after_it_and_can_be_passed(simulated: BoardThread) -> None:
    async with Board(simulated.url) as board:
        await board.expect("esp> ", SECONDS)
        await board.send("panic")
        assert await board.expect("Guru Meditation", SECONDS), "its own words are before its end"
        with pytest.raises(BoardError) as caught:
            await board.expect("never", SECONDS)
        assert caught.value.kind is BoardErrorKind.PANIC
        await board.expect("esp> ", SECONDS)
        await board.send("panic")
        assert await board.expect("Rebooting", SECONDS, through_panics=True)


# -- the port -----------------------------------------------------------------------------------------------------


async def test_a_lost_port_ends_the_wait_with_the_reason() -> None:
    with HangingUp(b"one\r\n") as talker:
        async with Board(talker.url) as board:
            with pytest.raises(BoardError) as caught:
                await board.expect("never", SECONDS)
            assert caught.value.kind is BoardErrorKind.PORT
            with pytest.raises(BoardError) as caught:
                await board.send("more")
            assert caught.value.kind is BoardErrorKind.PORT
            assert await board.expect("one", SECONDS), "what came before is still there"


async def test_a_board_that_reconnects_waits_on() -> None:
    with Talker(b"one\r\n", b"two\r\n") as talker:
        async with Board(talker.url, reconnect=True) as board:
            assert await board.expect("two", SECONDS)
            assert talker.connections == 2


async def test_reset_probe_and_screenshot(simulated: BoardThread, tmp_path: Path) -> None:
    async with Board(simulated.url, record=tmp_path / "kept") as board:
        await board.expect("esp> ", SECONDS)
        await board.reset()
        assert await board.expect("esp> ", SECONDS)
        assert (await board.probe()).chip == "ESP32-C3"
        await board.expect("esp> ", SECONDS)
        picture = await board.screenshot(SECONDS)
        assert picture.size == (240, 135)
        assert picture.save(tmp_path / "shot.png").read_bytes() == picture.png
        recorded = board.status.recording
    assert recorded is not None
    assert recorded.is_relative_to(tmp_path / "kept")
    assert b"esp> " in (recorded / "stream.bin").read_bytes()


async def test_a_png_frame_is_a_picture_too() -> None:
    with Talker(b"ready\r\n") as talker:
        async with Board(talker.url) as board:
            await board.expect("ready", SECONDS)
            wanted = asyncio.create_task(board.screenshot(SECONDS))
            await asyncio.to_thread(talker.wait_for, b"screenshot\r\n")
            talker.say(frame(png(4, 2), "png", "base64"))
            picture = await wanted
    assert (picture.png, picture.size) == (png(4, 2), (4, 2))


async def test_a_port_without_lines_cannot_reset_and_says_what_to_do() -> None:
    with Talker(b"one\r\n") as talker:
        async with Board(talker.url) as board:
            with pytest.raises(BoardError, match="EN"):
                await board.reset()


async def test_what_cannot_be_right_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(BoardError) as caught:
        async with Board("socket://127.0.0.1:9"):
            pass
    assert (caught.value.kind, bool(caught.value.hint)) == (BoardErrorKind.PORT, True)
    with Talker(b"one\r\n") as talker:
        with pytest.raises(BoardError, match="No such ELF"):
            async with Board(talker.url, elf=tmp_path / "none.elf"):
                pass
        board = Board(talker.url)
        with pytest.raises(BoardError, match="is not open"):
            await board.send("x")
        async with board:
            with pytest.raises(BoardError, match="regular expression"):
                await board.expect("(", SECONDS)


async def test_a_file_that_is_no_elf_is_named_and_the_port_is_free_again(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.elf"
    wrong.write_bytes(b"no elf")
    with Talker(b"") as talker:
        with pytest.raises(BoardError) as caught:
            async with Board(talker.url, elf=wrong):
                pass
        assert caught.value.kind is BoardErrorKind.USAGE
        assert "wrong.elf" in caught.value.message


# -- the twin -----------------------------------------------------------------------------------------------------


def test_the_blocking_board_does_the_same(simulated: BoardThread) -> None:
    with BlockingBoard(simulated.url, elf=simulated.board.elf) as board:
        board.expect("esp> ", SECONDS)
        records = board.records()
        board.send("help")
        assert board.expect("(screen)shot", SECONDS)[1] == "screen"
        assert next(records).type == "line"
        board.send("panic")
        with pytest.raises(BoardError, match="null pointer"):
            board.expect("never", SECONDS)
        assert len(board.crashes()) == 1
        board.skip()
        board.reset()
        assert board.expect("esp> ", SECONDS)
    assert [record for record in records if record.type == "png"] == []


def test_the_twins_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(kind: type[object]) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if inspect.isfunction(member) and not name.startswith("_")
        }

    assert methods(Board) == methods(BlockingBoard)


# -- the package --------------------------------------------------------------------------------------------------


def test_importing_espmon_loads_nothing_of_the_session() -> None:
    code = "import sys, espmon; print([name for name in sys.modules if name.startswith('espmon.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert done.stdout.split() == ["['espmon.lazy',", "'espmon.version']"]


def test_a_board_that_nobody_closed_is_closed_when_python_ends(tmp_path: Path) -> None:
    with Talker(b"ready\r\n") as talker:
        code = f"""
from espmon import BlockingBoard
board = BlockingBoard({talker.url!r}, record={str(tmp_path / "kept")!r})
board.__enter__()
board.expect("ready", {SECONDS})
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=2 * SECONDS)
        assert (done.returncode, done.stderr) == (0, "")
    [stream] = tmp_path.rglob("stream.bin")
    assert stream.read_bytes() == b"ready\r\n"
