"""Whatever arrives between the replies: the probe ends in bounded time, with a result or a `RomError`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.rom import RomError, probe
from tests.rom.virtual import Board, now, run

TIME_LIMIT = 120.0
"""Virtual seconds: seven resets, two rounds, a few retries."""

NOISE = st.binary(max_size=24) | st.sampled_from([b"\xc0", b"\xdb", b"\xc0\x01", b"\xc0\x01\x0a\x04\x00", b"boot\r\n"])


def _deliver(choices: list[tuple[str, bytes, int]]) -> Callable[[bytes], Iterable[bytes]]:
    plan = iter(choices)

    def deliver(answer: bytes) -> Iterable[bytes]:
        kind, noise, place = next(plan, ("whole", b"", 0))
        cut = place % (len(answer) + 1)
        return {
            "whole": (answer,),
            "before": (noise + answer,),
            "after": (answer + noise,),
            "cut": (answer[:cut], noise + answer[cut:]),
            "pieces": (answer[:cut], answer[cut:]),
            "lost": (),
            "byte lost": (answer[:cut] + answer[cut + 1 :],),
            "changed": (answer[:cut] + noise + answer[cut + len(noise) :],),
            "only noise": (noise,),
            "twice": (answer, answer),
        }[kind]

    return deliver


KINDS = ["whole", "before", "after", "cut", "pieces", "lost", "byte lost", "changed", "only noise", "twice"]


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), NOISE, st.integers(0, 200)), max_size=60),
    st.sampled_from([None, 5, 9, 18, 12]),
    st.one_of(st.none(), st.integers(0, 30)),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_damage_ends_in_a_result_or_a_rom_error(
    choices: list[tuple[str, bytes, int]], chip_id: int | None, reset_after: int | None
) -> None:
    async def work() -> tuple[Board, float]:
        board = Board(chip_id=chip_id, registers={0x40001000: 0x00F01D83}, deliver=_deliver(choices))
        board.reset_after = reset_after
        with suppress(RomError):
            await probe(board)
        return board, now()

    board, seconds = run(work())
    assert seconds < TIME_LIMIT
    assert not board.in_loader, "the board was left in its loader"


@given(st.lists(st.binary(max_size=300), max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_board_that_only_talks_nonsense_ends_as_a_rom_error(pieces: list[bytes]) -> None:
    plan = iter(pieces)

    async def work() -> float:
        board = Board(deliver=lambda answer: (next(plan, b"\xc0\x01\x08\x04\x00"),))
        try:
            await probe(board)
        except RomError:
            return now()
        raise AssertionError("nonsense was taken for a chip")

    assert run(work()) < TIME_LIMIT
