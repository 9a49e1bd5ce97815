"""A port that comes and goes all the time does not flood the log; each gap is in the recording all the same."""

from __future__ import annotations

from espmon.session.link_flaps import CALM_SECONDS, FLAP_SECONDS, MAX_TOLD, LinkFlaps


def test_a_few_losses_are_told_and_the_others_counted() -> None:
    flaps = LinkFlaps()
    told = []
    for number in range(20):
        told.append(flaps.lose(number * 0.5))
        flaps.come_back(number * 0.5 + 0.1, 0.1)
    assert told == [True] * MAX_TOLD + [False] * (20 - MAX_TOLD)
    assert flaps.calm(10.0, there=True) is None
    assert flaps.calm(9.6 + CALM_SECONDS, there=False) is None
    counted = flaps.calm(9.6 + CALM_SECONDS, there=True)
    assert counted is not None
    assert counted.count == 16
    assert "16 more times in 7.6 s, away for 1.6 s" in counted.text
    assert flaps.calm(100.0, there=True) is None
    assert flaps.lose(100.0)


def test_losses_far_apart_are_all_told() -> None:
    flaps = LinkFlaps()
    assert all(flaps.lose(number * FLAP_SECONDS) for number in range(20))
