"""Small reads of a stream come together; what somebody waits for does not wait for them."""

from __future__ import annotations

from espmon.session.gathering import BENCH_READ, FEW_BOARDS, FOR_FRAMES, FOR_LINES, MAX_SECONDS, Gatherer, for_boards


def test_an_answer_is_not_held_back_but_the_rest_of_a_stream_comes_together() -> None:
    gatherer = Gatherer(FOR_FRAMES)
    assert gatherer.seconds_after(10, 0.0) == 0
    assert gatherer.seconds_after(10, 0.01) == FOR_FRAMES.seconds
    assert gatherer.seconds_after(10, 1.0) == 0


def test_a_read_that_is_worth_it_is_followed_by_the_next_at_once() -> None:
    gatherer = Gatherer(FOR_FRAMES)
    assert [gatherer.seconds_after(size, time) for size, time in [(600, 0.0), (600, 0.01), (10, 0.02)]] == [
        0,
        0,
        FOR_FRAMES.seconds,
    ]


def test_few_boards_are_read_as_promptly_as_one_and_many_less_so() -> None:
    assert for_boards(1) == for_boards(FEW_BOARDS) == FOR_LINES
    assert FOR_LINES.seconds < for_boards(FEW_BOARDS + 1).seconds < for_boards(32).seconds <= MAX_SECONDS
    assert for_boards(1000).seconds == MAX_SECONDS


def test_a_board_of_many_goes_on_being_gathered_at_115200_baud() -> None:
    gatherer, how = Gatherer(for_boards(32)), for_boards(32)
    together = int(how.seconds * 11_520)
    assert together < BENCH_READ
    times = [number * (how.seconds + 0.001) for number in range(1, 20)]
    assert [gatherer.seconds_after(together, time) for time in times] == [0.0, *[how.seconds] * 18]


def test_a_fast_board_of_many_is_read_promptly_for_a_while() -> None:
    gatherer, how = Gatherer(for_boards(32)), for_boards(32)
    assert gatherer.seconds_after(10, 0.0) == 0
    assert gatherer.seconds_after(10, 0.01) == how.seconds
    assert gatherer.seconds_after(BENCH_READ, 0.11) == 0
    assert gatherer.seconds_after(10, 0.12) == 0
    assert gatherer.seconds_after(10, 1.2) == 0  # a second later it is an answer again
    assert gatherer.seconds_after(10, 1.21) == how.seconds
