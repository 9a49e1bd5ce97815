"""Texts of several lines: with pauses, until a prompt, stopped, and never into what is not theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from espmon.session.pacing import Pacing, Text
from espmon.session.sending.outgoing import MAX_TEXT_FILE
from espmon.session.settings import Settings, settings_from
from espmon.session.state import State
from espmon.session.status import StatusChanged
from espmon.user_pattern import UserPattern
from tests.session.sending.conftest import Make
from tests.session.sending.fixtures import Case

THREE = Text("three", (b"one", b"two", b"three"), b"\r")
PROMPT = Pacing(prompt=UserPattern("^> $", "^> $"), prompt_seconds=30)


async def ended(case: Case) -> str:
    """The notice that says how the text ended."""
    await case.watch.until(lambda: case.session.status.sending is None, 30)
    return case.notices[-1]


async def test_lines_go_out_in_order_each_with_its_end(make: Make) -> None:
    case = await make()
    case.session.outgoing.send_text(THREE)
    assert await ended(case) == "three: 3 lines sent"
    assert case.heard == [b"one\r", b"two\r", b"three\r"]
    assert case.marks == ["→ one", "→ two", "→ three"]
    assert [row["by"] for row in await case.recorded()] == ["text"] * 3


async def test_characters_go_out_one_by_one_and_whole(make: Make) -> None:
    case = await make(Settings(char_delay=0.0001))
    case.session.outgoing.send_text(Text("two", ("aü".encode(), b"\xff"), b"\r\n"))
    await ended(case)
    assert case.heard == [b"a", "ü".encode(), b"\r\n", b"\xff", b"\r\n"]
    assert case.marks == ["→ aü", "→ \\xff"]


async def test_the_pauses_are_those_of_the_settings(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await make(Settings(line_delay=0.5))
    slept: list[float] = []
    sleep = asyncio.sleep

    async def shorter(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("espmon.session.sending.text_job.asyncio.sleep", shorter)
    case.session.outgoing.send_text(THREE)
    await ended(case)
    assert slept.count(0.5) == 3


async def test_a_line_waits_until_the_board_asks_for_it(make: Make) -> None:
    case = await make()
    case.session.outgoing.set_pacing(PROMPT)
    await case.says(b"> ")
    case.session.outgoing.send_text(THREE)
    await case.watch.until(lambda: case.heard == [b"one\r"])
    await case.says(b"one\r\nok\r\n")
    await case.says(b"> ")
    await case.watch.until(lambda: len(case.heard) == 2)
    assert case.heard == [b"one\r", b"two\r"], "what stood there before, and the echo behind it, is no prompt"
    await case.says(b"two\r\nok\r\n> ")
    await case.watch.until(lambda: len(case.heard) == 3)
    await case.says(b"three\r\n> ")
    assert await ended(case) == "three: 3 lines sent"


async def test_a_prompt_that_does_not_come_stops_it(make: Make) -> None:
    case = await make()
    case.session.outgoing.set_pacing(Pacing(prompt=UserPattern("ready", "ready"), prompt_seconds=0.05))
    case.session.outgoing.send_text(THREE)
    assert await ended(case) == "three: stopped after 0 of 3 lines: the board did not say ready within 0.05 s"
    assert case.heard == [b"one\r"]


async def test_the_user_can_stop_it_and_sees_how_far_it_is(make: Make) -> None:
    case = await make()
    case.session.outgoing.set_pacing(PROMPT)
    case.session.outgoing.send_text(THREE)
    await case.watch.until(lambda: case.heard == [b"one\r"])
    progress = case.session.status.sending
    assert progress is not None
    assert (progress.action, progress.step, progress.done, progress.total) == ("three", "0 of 3 lines", 0, 3)
    case.session.outgoing.stop()
    assert await ended(case) == "three: stopped after 0 of 3 lines"
    assert case.heard == [b"one\r"]


async def test_a_second_text_is_refused_while_the_first_is_on_its_way(make: Make) -> None:
    case = await make()
    case.session.outgoing.set_pacing(PROMPT)
    case.session.outgoing.send_text(THREE)
    case.session.outgoing.send_text(Text("other", (b"x",), b"\r"))
    assert case.notices == ["other is not sent: three is still being sent"]
    case.session.outgoing.stop()
    await ended(case)


async def test_nothing_is_sent_into_a_payload(make: Make) -> None:
    case = await make()
    await case.says(b"================= CORE DUMP START =================\r\n")
    assert case.session.pipeline.demux.capture is not None
    case.session.outgoing.send_text(THREE)
    await case.says(b"AAAA\r\n")
    assert case.heard == []
    await case.session.abort_capture()
    assert await ended(case) == "three: 3 lines sent"


async def test_a_lease_of_the_port_ends_it(make: Make) -> None:
    case = await make()
    case.session.outgoing.set_pacing(PROMPT)
    case.session.outgoing.send_text(THREE)
    await case.watch.until(lambda: case.heard == [b"one\r"])
    leased = asyncio.Event()

    class Holding:
        name = "flash"

        async def run(self, lease: object, reporter: object) -> bytes:
            await leased.wait()
            return b""

    action = asyncio.create_task(case.session.run(Holding()))
    await case.watch.until(lambda: case.session.state is State.LEASED)
    assert (await ended(case)).endswith("the port is used for flash")
    leased.set()
    await action
    assert case.heard == [b"one\r"]


async def test_a_lost_port_ends_it(make: Make) -> None:
    case = await make(Settings(reconnect=False))
    case.session.outgoing.set_pacing(PROMPT)
    case.session.outgoing.send_text(THREE)
    await case.watch.until(lambda: case.heard == [b"one\r"])
    case.handle.lose()
    await case.watch.until(lambda: case.session.status.sending is None)
    assert any(text.startswith("three: stopped after 0 of 3 lines") for text in case.notices)


async def test_a_file_is_sent_line_by_line(make: Make, tmp_path: Path) -> None:
    case = await make()
    path = tmp_path / "script.py"
    path.write_bytes(b"a = 1\r\n\nprint(a)")
    await case.session.outgoing.send_file(path, b"\r")
    assert await ended(case) == "script.py: 3 lines sent"
    assert case.written == b"a = 1\r\rprint(a)\r"


@pytest.mark.parametrize("content", [None, b"", b"x" * (MAX_TEXT_FILE + 1)])
async def test_a_file_that_is_no_text_of_reasonable_size_is_refused(
    make: Make, tmp_path: Path, content: bytes | None
) -> None:
    case = await make()
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    await case.session.outgoing.send_file(path, b"\r")
    assert "is not sent: " in case.notices[-1]
    assert case.heard == []


async def test_a_text_of_many_lines_marks_the_first_and_publishes_now_and_then(make: Make) -> None:
    case = await make()
    case.session.outgoing.send_text(Text("many", (b"x",) * 2_000, b"\r"))
    await ended(case)
    assert len(case.heard) == 2_000
    assert len(case.marks) == 200
    assert sum(isinstance(change, StatusChanged) for change in case.watch.changes) < 1_000


def test_pauses_are_checked() -> None:
    settings, problems = settings_from({"line_delay": 0, "char_delay": -1.0, "line_prompt": "("}, "f")
    assert (settings.line_delay, settings.char_delay, settings.line_prompt) == (0.0, 0.0, "")
    assert len(problems) == 2
    assert settings_from({"line_prompt": "esp>"}, "f")[0].pacing.describe() == "waiting for esp>"


async def test_who_leaves_is_told_how_far_a_text_came(make: Make) -> None:
    case = await make()
    assert await case.session.outgoing.end() == ""
    case.session.outgoing.set_pacing(PROMPT)
    case.session.outgoing.send_text(THREE)
    await case.watch.until(lambda: case.heard == [b"one\r"])
    assert await case.session.outgoing.end() == "three: stopped after 0 of 3 lines"
