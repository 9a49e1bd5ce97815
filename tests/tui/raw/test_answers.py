"""What a board asks its terminal in raw mode."""

from __future__ import annotations

from espmon.session.sent import LocalEcho
from espmon.session.settings import Settings
from tests.tui.running import running


async def test_a_question_is_answered_and_the_answer_is_no_echo() -> None:
    async with running(start_in="raw") as case:
        case.session.set(local_echo=LocalEcho.KEYS)
        await case.until(lambda: case.screen.mode == "RAW")
        await case.feed(b"a\x1b[6n")
        await case.until(lambda: case.session.sent == [b"\x1b[1;2R"], "the answer")
        await case.feed(b"\x1b[6n")
        await case.until(lambda: case.session.sent == [b"\x1b[1;2R"] * 2, "the cursor where it was")


async def test_none_is_where_the_settings_say_so() -> None:
    async with running(start_in="raw", settings=Settings(answer_queries=False)) as case:
        await case.until(lambda: case.screen.mode == "RAW")
        await case.feed(b"a\x1b[6n")
        await case.until(lambda: "\na" in case.text(), "what came before the question")
        await case.press("k")
        await case.until(lambda: case.session.sent, "the key")
        assert case.session.sent == [b"k"]
