"""What ends a run, and how: expressions over lines finished or not, crashes, resets, boots, limits."""

from __future__ import annotations

import pytest

from espmon.records import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.expectations import EndCause, Expectations, Goals, Outcome, Reply, Verdict
from espmon.user_pattern import UserPattern

PANIC = (
    b"Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.\r\n\r\n"
    b"Core  0 register dump:\r\nMEPC    : 0x42006e3a  RA      : 0x42006e38\r\n\r\n"
)
RESET = b"rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nentry 0x403cc71a\r\n"
CRASHED = RESET.replace(b"0x1 (POWERON)", b"0x8 (TG1WDT_SYS_RST)")


def patterns(*texts: str) -> list[UserPattern]:
    return [UserPattern(text, text) for text in texts]


def judge(expectations: Expectations, data: bytes, *, end: bool = True, board: str = "one") -> Verdict | None:
    """Everything that a stream becomes, in its order, up to the first verdict."""
    demux = Demultiplexer()
    parts = [*demux.feed(data).parts]
    if end:
        parts += demux.flush().parts
    for part in parts:
        if verdict := expectations.take(board, part):
            return verdict
    return expectations.unfinished(board, demux.unfinished) if demux.unfinished is not None else None


def outcome(verdict: Verdict | None) -> Outcome | None:
    return verdict.outcome if verdict is not None else None


def test_all_that_is_expected_in_order_passes() -> None:
    goals = Goals(expect=patterns("one", "two"))
    assert outcome(judge(Expectations(goals), b"one\ntwo\n")) is Outcome.PASSED


def test_colour_within_what_is_expected_does_not_hide_it() -> None:
    coloured = b"I (1) app: ot\x1b[0;32mher\r\nI (2) app: re\x1b[0;32mady\x1b[0m now\r\n"
    assert outcome(judge(Expectations(Goals(until=patterns("ready now"))), coloured)) is Outcome.PASSED
    assert outcome(judge(Expectations(Goals(fail_on=patterns("^I .*ready", "other"))), coloured)) is Outcome.FAILED
    assert judge(Expectations(Goals(until=patterns("unready"))), coloured) is None


def test_the_wrong_order_is_still_waited_for() -> None:
    expectations = Expectations(Goals(expect=patterns("one", "two")))
    assert judge(expectations, b"two\none\n") is None
    assert expectations.open == ["two"]


def test_one_line_meets_two_expectations_only_with_two_places() -> None:
    twice = Goals(expect=patterns("beat", "beat"))
    assert judge(Expectations(twice), b"beat\n") is None
    assert outcome(judge(Expectations(twice), b"beat beat\n")) is Outcome.PASSED


def test_what_an_unfinished_line_met_is_not_met_again_when_it_is_finished() -> None:
    expectations = Expectations(Goals(expect=patterns("esp> ", "esp> ")))
    block = LineBlock(b"esp> ", 7, [0, 5], partial=True)
    assert expectations.unfinished("one", block) is None
    assert expectations.open == ["esp> "]
    assert expectations.take("one", LineBlock(b"esp> help\n", 7, [0, 10])) is None
    assert outcome(expectations.take("one", LineBlock(b"esp> \n", 17, [0, 6]))) is Outcome.PASSED


def test_one_of_several_is_enough_with_expect_any() -> None:
    goals = Goals(expect=patterns("one", "two"), expect_any=True)
    assert outcome(judge(Expectations(goals), b"two\n")) is Outcome.PASSED


def test_a_prompt_without_a_line_end_is_seen() -> None:
    assert outcome(judge(Expectations(Goals(until=patterns(">>> $"))), b"hi\r\n>>> ", end=False)) is Outcome.PASSED


def test_colour_is_no_part_of_the_text() -> None:
    goals = Goals(until=patterns("^I .1. app: up$"))
    assert outcome(judge(Expectations(goals), b"\x1b[0;32mI (1) app: up\x1b[0m\r\n")) is Outcome.PASSED


def test_until_before_what_is_expected_fails_and_says_what_was_missing() -> None:
    verdict = judge(Expectations(Goals(until=patterns("done"), expect=patterns("ready"))), b"done\n")
    assert outcome(verdict) is Outcome.FAILED
    assert verdict is not None
    assert "`ready`" in verdict.sentence


def test_until_is_waited_for_although_everything_expected_came() -> None:
    expectations = Expectations(Goals(until=patterns("done"), expect=patterns("ready")))
    assert judge(expectations, b"ready\n") is None
    assert expectations.open == ["done"]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("panic", PANIC + b"more\r\n" * 40),
        ("error", b"I (1) a: fine\nE (2) b: bad\n"),
        ("reset", b"x" * 600 + b"\r\n" + CRASHED),
    ],
    ids=["panic", "error", "reset"],
)
def test_an_event_fails_the_run(event: str, data: bytes) -> None:
    assert outcome(judge(Expectations(Goals(fail_events=frozenset({event}))), data)) is Outcome.FAILED
    assert judge(Expectations(Goals()), data) is None


def test_an_expression_that_must_not_come_goes_before_one_that_should() -> None:
    goals = Goals(expect=patterns("assert"), fail_on=patterns("assert failed"))
    assert outcome(judge(Expectations(goals), b"assert failed\n")) is Outcome.FAILED


def test_what_came_before_the_error_of_the_same_read_counts_first() -> None:
    goals = Goals(expect=patterns("ready"), fail_events=frozenset({"error"}))
    assert outcome(judge(Expectations(goals), b"ready\nE (2) b: bad\n")) is Outcome.PASSED
    assert outcome(judge(Expectations(goals), b"E (2) b: bad\nready\n")) is Outcome.FAILED


def test_the_boot_that_opening_the_port_began_is_no_reset() -> None:
    assert judge(Expectations(Goals(fail_events=frozenset({"reset"}))), b"ESP-ROM:esp32c3\r\n" + RESET) is None


def test_a_reset_that_was_asked_for_is_none_and_the_next_one_is() -> None:
    expectations = Expectations(Goals(fail_events=frozenset({"reset"}), asked_reset=True))
    log = b"x" * 600 + b"\r\n"
    assert judge(expectations, log + CRASHED) is None
    assert outcome(judge(expectations, log * 2 + CRASHED)) is Outcome.FAILED


def test_boots_are_seen_whole() -> None:
    goals = Goals(boots=2)
    boot = RESET + b"I (24) boot: ESP-IDF v5.3\r\n" + b"x" * 600 + b"\r\n"
    assert judge(Expectations(goals), boot * 2) is None
    assert outcome(judge(Expectations(goals), boot * 3)) is Outcome.PASSED
    waiting = Goals(boots=1, expect=patterns("never"))
    assert outcome(judge(Expectations(waiting), boot * 2)) is Outcome.LIMIT


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (EndCause.TIMEOUT, Outcome.PASSED),
        (EndCause.BOOTS, Outcome.PASSED),
        (EndCause.IDLE, Outcome.LIMIT),
        (EndCause.BYTES, Outcome.LIMIT),
    ],
)
def test_a_plain_end_is_as_good_as_any_while_nothing_is_expected(cause: EndCause, expected: Outcome) -> None:
    assert Expectations(Goals()).end(cause, "over").outcome is expected
    assert Expectations(Goals(until=patterns("x"))).end(cause, "over").outcome is Outcome.LIMIT


def test_a_reply_is_sent_once_to_the_board_that_asked() -> None:
    sent: list[tuple[str, str]] = []
    goals = Goals(replies=[Reply(UserPattern("esp>", "esp>"), "heap")])
    expectations = Expectations(goals, lambda board, text: sent.append((board, text)))
    judge(expectations, b"hello\nesp> \nesp> \n", board="two")
    assert sent == [("two", "heap")]


def test_another_elf_fails_only_who_asked() -> None:
    assert Expectations(Goals()).wrong_elf("no fit") is None
    wrong = Expectations(Goals(fail_events=frozenset({"wrong-elf"}))).wrong_elf("no fit")
    assert outcome(wrong) is Outcome.FAILED


def test_an_expression_that_never_ends_is_given_up_with_its_name() -> None:
    goals = Goals(expect=patterns("(a+)+$"))
    verdict = judge(Expectations(goals), (b"a" * 5000 + b"!\n") * 9)
    if verdict is not None:  # the engine may know a way out of this one
        assert outcome(verdict) is Outcome.FAILED
        assert "(a+)+$" in verdict.sentence


def test_what_a_board_says_cannot_act_in_the_sentence() -> None:
    verdict = judge(Expectations(Goals(until=patterns("hi"))), b"hi\x1b]0;title\x07\n")
    assert verdict is not None
    assert verdict.sentence.isprintable()
