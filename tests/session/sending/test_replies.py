"""Replies to what the board says: each line once, bounded, never into what is not theirs, and off when told so."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from espmon.session.clock import SessionClock
from espmon.session.line_rules import MAX_REPLY, ReplyRule
from espmon.session.sending.heard_lines import HeardLines
from espmon.session.sent import SentBy
from espmon.session.settings import Settings, settings_from
from espmon.session.state import State
from espmon.time_limit import time_limit
from tests.session.sending.conftest import Make
from tests.session.sending.fixtures import Case

LOGIN = ReplyRule("login", "login: $", "root")
BEGIN = b"rst:0x1 (POWERON),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"


def rules(*replies: ReplyRule) -> Settings:
    return Settings(replies=replies)


SYNC = ReplyRule("sync", "^sync \\d+$", "synced", line_end=False)


async def settled(case: Case) -> None:
    """Everything that the board has said so far was looked at: what comes now gets its reply (needs `SYNC`)."""
    before = case.heard.count(b"synced")
    await case.says(b"sync %d\r\n" % before)
    await case.watch.until(lambda: case.heard.count(b"synced") == before + 1, 30)


async def looked_at(case: Case) -> None:
    """Everything that the board has said so far was looked at, and got its reply or none."""
    async with time_limit(30):
        while case.session.outgoing.replies._looks._running:  # noqa: ASYNC110 - nobody is told of its end
            await asyncio.sleep(0.01)


def others(case: Case) -> list[bytes]:
    """What was sent but for `settled`'s own."""
    return [data for data in case.heard if data != b"synced"]


async def test_a_prompt_gets_its_text_once_and_everybody_sees_who_sent_it(make: Make) -> None:
    case = await make(rules(LOGIN, SYNC))
    await case.says(b"board lo")
    await case.says(b"gin: ")
    await case.watch.until(lambda: case.heard == [b"root\r"], 30)
    await case.says(b"login: ")  # the line goes on, and has it again
    await case.says(b"\r\n")
    await settled(case)
    assert others(case) == [b"root\r"]
    assert case.marks[0] == "→ root (replies.login)"
    sent = (await case.recorded())[0]
    assert (sent["by"], sent["rule"], sent["bytes"]) == ("reply", "replies.login", 5)


async def test_each_line_gets_one_reply_of_each_rule(make: Make) -> None:
    case = await make(rules(ReplyRule("a", "x", "1", line_end=False), ReplyRule("b", "x$", "2"), SYNC))
    await case.says(b"x x\r\ny\r\nx\r\n")
    await settled(case)
    assert others(case) == [b"1", b"2\r", b"1", b"2\r"]


async def test_the_line_end_is_that_of_the_settings_and_the_text_is_never_the_boards(make: Make) -> None:
    case = await make(Settings(eol="CRLF", replies=(ReplyRule("echo", "say (?P<what>.*)", r"\1 {what} \g<what>"),)))
    await case.says(b"say \x1b[31mrm -rf\r\n")
    await case.watch.until(lambda: len(case.heard) > 0, 30)
    assert case.heard == [b"\\1 {what} \\g<what>\r\n"]


async def test_what_was_sent_and_marked_is_not_heard(make: Make) -> None:
    case = await make(rules(ReplyRule("root", "root", "again"), SYNC))
    await case.session.send(b"root\r", SentBy.LINE)
    await settled(case)
    assert others(case) == [b"root\r"]


@pytest.mark.parametrize(
    ("seconds", "replies", "rate"), [(0.0, 10, "10 replies a second"), (0.2, 100, "100 replies a")]
)
async def test_a_board_that_echoes_for_ever_ends_at_the_rate(
    make: Make, seconds: float, replies: int, rate: str
) -> None:
    times = [0.0]
    case = await make(rules(ReplyRule("ping", "ping", "ping"), SYNC), SessionClock(lambda: times[0], lambda: times[0]))

    def echo(data: bytes) -> bytes:
        if data != b"ping\r":
            return b""
        times[0] += seconds
        return b"ping\r\n"

    case.answer = echo  # type: ignore[method-assign]
    await case.says(b"ping\r\n")
    await case.watch.until(lambda: any("switched off" in text for text in case.notices), 30)
    assert any(text.startswith(f"replies.ping is switched off: more than {rate}") for text in case.notices)
    await case.says(b"ping\r\nping\r\n")
    await settled(case)  # the other rules go on
    assert others(case) == [b"ping\r"] * replies
    assert sum("switched off" in text for text in case.notices) == 1

    case.session.outgoing.set_replies(False)
    case.session.outgoing.set_replies(True)
    case.answer = lambda data: b""  # type: ignore[method-assign]
    await case.says(b"ping\r\n")
    await case.watch.until(lambda: len(others(case)) == replies + 1, 30)


async def test_a_slow_expression_is_switched_off_by_name_and_the_others_go_on(make: Make) -> None:
    case = await make(rules(ReplyRule("endless", "^(a|aa)+$", "never"), SYNC))
    await case.says((b"a" * 100 + b"!\r\n") * 9)
    await case.watch.until(lambda: any("replies.endless is switched off" in text for text in case.notices), 60)
    await settled(case)
    assert others(case) == []
    assert sum("replies.endless" in text for text in case.notices) == 1


async def test_nothing_is_sent_into_a_payload_nor_afterwards_for_it(make: Make) -> None:
    case = await make(rules(ReplyRule("any", "AAAA|START|login", "no"), SYNC))
    await case.says(b"login\r\n")
    await case.watch.until(lambda: case.heard == [b"no\r"], 30)
    await case.says(b"================= CORE DUMP START =================\r\n")
    assert case.session.pipeline.demux.capture is not None
    await case.says(b"AAAA\r\nAAAA\r\n")
    await looked_at(case)
    await case.session.abort_capture()
    await settled(case)
    assert others(case) == [b"no\r"], "nothing of the payload, also not when it is over"
    await case.says(b"login\r\n")
    await case.watch.until(lambda: case.heard[-1] == b"no\r", 30)


async def test_a_capture_that_begins_while_it_is_looked_for_matches_gets_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await make(rules(LOGIN, SYNC))
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()
    take = HeardLines.take

    def slow(self: HeardLines) -> object:
        lines = take(self)
        if any(line.text == "login: " for line in lines) and not looked.is_set():
            begun = asyncio.run_coroutine_threadsafe(
                case.says(b"\r\n================= CORE DUMP START =================\r\n"), loop
            )
            begun.result(30)
            loop.call_soon_threadsafe(looked.set)
        return lines

    monkeypatch.setattr(HeardLines, "take", slow)
    await case.says(b"login: ")
    await asyncio.wait_for(looked.wait(), 30)
    await looked_at(case)
    assert case.session.pipeline.demux.capture is not None
    await case.session.abort_capture()
    await settled(case)
    assert others(case) == []


async def test_nothing_is_sent_during_a_lease(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await make(rules(LOGIN, SYNC))
    leased, looked = asyncio.Event(), asyncio.Event()

    class Holding:
        name = "flash"

        async def run(self, lease: object, reporter: object) -> bytes:
            await leased.wait()
            return b""

    loop = asyncio.get_running_loop()
    take = HeardLines.take

    def slow(self: HeardLines) -> object:
        """The lease begins while the line is looked at."""
        lines = take(self)
        if any(line.text == "login: " for line in lines) and not looked.is_set():
            asyncio.run_coroutine_threadsafe(case.watch.until(lambda: case.session.state is State.LEASED), loop).result(
                30
            )
            loop.call_soon_threadsafe(looked.set)
        return lines

    monkeypatch.setattr(HeardLines, "take", slow)
    await case.says(b"login: ")
    action = asyncio.create_task(case.session.run(Holding()))
    await asyncio.wait_for(looked.wait(), 30)
    await looked_at(case)
    assert case.heard == []
    leased.set()
    await action
    await settled(case)
    assert others(case) == []
    assert not any("Not sent" in text for text in case.notices)


async def test_switched_off_they_stay_off_until_switched_on(make: Make) -> None:
    case = await make(rules(LOGIN, SYNC))
    case.session.outgoing.set_replies(False)
    assert case.session.status.replies is False
    await case.says(b"login: \r\n" + BEGIN + b"login: ")
    await looked_at(case)
    assert case.heard == []
    case.session.outgoing.set_replies(True)
    await case.says(b"\r\n")
    await settled(case)
    await case.says(b"login: ")
    await case.watch.until(lambda: b"root\r" in case.heard, 30)
    assert others(case) == [b"root\r"]


async def test_once_is_once_a_boot(make: Make) -> None:
    case = await make(rules(ReplyRule("login", "login: $", "root", once=True), SYNC))
    await case.says(BEGIN + b"login: \r\nlogin: \r\n")
    await settled(case)
    await case.says(b"login: \r\n")
    await settled(case)
    assert others(case) == [b"root\r"]
    await case.says(BEGIN + b"login: \r\nlogin: \r\n")  # that it is a boot is told when it is quiet, behind the prompt
    await case.watch.until(lambda: len(others(case)) == 2, 30)
    await case.says(b"login: \r\n")
    await settled(case)
    assert others(case) == [b"root\r"] * 2


async def test_raw_mode_of_the_users_is_no_obstacle(make: Make) -> None:
    case = await make(rules(LOGIN))
    case.session.answer_queries(False)  # what the screen says when raw mode begins
    await case.says(b"login: ")
    await case.watch.until(lambda: case.heard == [b"root\r"], 30)


def test_rules_are_read() -> None:
    table = tomllib.loads("""
        [replies.login]
        regex = "login: $"
        send = "root"
        [replies.more]
        regex = "--More--"
        send = " "
        line_end = false
        once = true
        [replies.enter]
        regex = "Press Enter"
        send = ""
    """)
    settings, problems = settings_from(table, "f")
    assert problems == []
    assert settings.replies == (
        LOGIN,
        ReplyRule("more", "--More--", " ", line_end=False, once=True),
        ReplyRule("enter", "Press Enter", ""),
    )


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"send": "x"}, "needs a regex"),
        ({"regex": "x"}, "needs send, the text that is sent"),
        ({"regex": "(", "send": "x"}, "Not a regular expression: missing )"),
        ({"regex": "x", "send": 1}, "send should be a text"),
        ({"regex": "x", "send": "x" * (MAX_REPLY + 1)}, "send should have no more than 1,000 characters"),
        ({"regex": "x", "send": "x", "line_end": 1}, "line_end should be true or false"),
        ({"regex": "x", "send": "x", "once": "yes"}, "once should be true or false"),
        ({"regex": "x", "send": "", "line_end": False}, "send is empty, and no line end follows it"),
        ({"regex": "x", "send": "x", "sned": "x"}, "unknown sned: it can have regex, line_end, once, send"),
    ],
)
def test_a_rule_that_cannot_be_used_is_one_line_and_ignored(table: dict[str, object], problem: str) -> None:
    settings, problems = settings_from({"replies": {"a": table, "login": {"regex": "login: $", "send": "root"}}}, "f")
    assert settings.replies == (LOGIN,)
    assert problems == [f"f: [replies.a]: {problem}; the rule is ignored"]


def test_replies_that_are_no_tables_are_said() -> None:
    assert settings_from({"replies": 1}, "f")[1] == ["f: [replies] should be tables, one a rule; it is ignored"]
