"""EN and IO0 behind two transistors and a capacitor."""

from __future__ import annotations

import pytest

from espmon.sim.strapping import LOW_SETTLE_SECONDS, Mode, Strapping


@pytest.mark.parametrize(
    ("dtr", "rts", "enabled", "io0"),
    [(False, False, True, True), (True, True, True, True), (False, True, False, True), (True, False, True, False)],
)
def test_the_two_transistors(dtr: bool, rts: bool, enabled: bool, io0: bool) -> None:
    circuit = Strapping(dtr=dtr, rts=rts)
    assert (circuit.enabled, circuit.io0) == (enabled, io0)


def play(circuit: Strapping, *moves: tuple[float, str, bool]) -> list[tuple[float, Mode]]:
    """Play (time, line, asserted) and tell when the chip started what."""
    started: list[tuple[float, Mode]] = []
    for time, line, asserted in [*moves, (99.0, "", False)]:
        if circuit.due is not None and circuit.due <= time:
            started.append((circuit.due, circuit.start()))
        if line:
            circuit.move(time, **{line: asserted})
    return started


def test_pyserials_own_client_with_50_ms_a_step_enters_the_loader() -> None:
    [(time, mode)] = play(
        Strapping(),
        (0.00, "dtr", False),
        (0.05, "rts", True),
        (0.20, "dtr", True),
        (0.25, "rts", False),
        (0.35, "dtr", False),
    )
    assert mode is Mode.LOADER
    assert time < 0.35


def test_both_lines_in_one_segment_enter_the_loader() -> None:
    press = ((0.0, "dtr", False), (0.0, "rts", True))
    release = ((0.1, "dtr", True), (0.1, "rts", False), (0.15, "dtr", False))
    [(time, mode)] = play(Strapping(), *press, *release)
    assert mode is Mode.LOADER
    assert time == pytest.approx(0.1 + LOW_SETTLE_SECONDS)


def test_releasing_rts_before_dtr_is_asserted_still_enters_the_loader() -> None:
    [(_, mode)] = play(Strapping(), (0.0, "rts", True), (0.1, "rts", False), (0.15, "dtr", True), (0.25, "dtr", False))
    assert mode is Mode.LOADER


def test_a_hard_reset_boots_the_application() -> None:
    [(_, mode)] = play(Strapping(), (0.0, "rts", True), (0.1, "rts", False))
    assert mode is Mode.APPLICATION


def test_opening_a_port_asserts_both_lines_and_resets_nothing() -> None:
    assert play(Strapping(), (0.0, "dtr", True), (0.05, "rts", True)) == []


def test_too_short_a_delay_boots_the_application_instead() -> None:
    [(_, mode)] = play(Strapping(delay=0.02), (0.0, "rts", True), (0.1, "dtr", True), (0.15, "rts", False))
    assert mode is Mode.APPLICATION


def test_only_the_first_pull_of_en_is_a_new_reset() -> None:
    circuit = Strapping()
    assert circuit.move(0.0, rts=True)
    assert not circuit.move(0.1, rts=True)
    assert not circuit.move(0.2, rts=False)
    assert not circuit.move(0.21, rts=True)
    circuit.move(0.3, rts=False)
    circuit.start()
    assert circuit.move(1.0, rts=True)
