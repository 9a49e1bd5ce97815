"""The lifecycle is one table."""

from __future__ import annotations

import pytest

from espmon.session.state import TABLE, ForbiddenTransition, Lifecycle, State, Transition, Trigger


def walk(*triggers: Trigger) -> tuple[Lifecycle, list[Transition]]:
    seen: list[Transition] = []
    lifecycle = Lifecycle(seen.append)
    for trigger in triggers:
        lifecycle.fire(trigger)
    return lifecycle, seen


def test_a_port_is_opened_probed_with_consent_and_monitored() -> None:
    lifecycle, seen = walk(Trigger.OPEN, Trigger.OPENED_ASK, Trigger.CONSENT, Trigger.PROBE_DONE)
    assert lifecycle.state is State.MONITORING
    assert [item.new for item in seen] == [
        State.OPENING,
        State.AWAITING_CONSENT,
        State.PROBING,
        State.MONITORING,
    ]


def test_declining_the_probe_goes_straight_to_monitoring() -> None:
    lifecycle, _ = walk(Trigger.OPEN, Trigger.OPENED_ASK, Trigger.DECLINE)
    assert lifecycle.state is State.MONITORING


def test_a_failed_probe_closes_and_keeps_the_reason() -> None:
    lifecycle, seen = walk(Trigger.OPEN, Trigger.OPENED_ASK, Trigger.CONSENT)
    lifecycle.fire(Trigger.PROBE_FAILED, "no answer")
    assert (lifecycle.state, seen[-1].reason) == (State.CLOSED, "no answer")


def test_probing_needs_consent_because_no_other_row_leads_there() -> None:
    leading = [row for row, new in TABLE.items() if new is State.PROBING]
    assert leading == [(State.AWAITING_CONSENT, Trigger.CONSENT)]


def test_a_lost_port_comes_back_through_reopening() -> None:
    lifecycle, seen = walk(Trigger.OPEN, Trigger.OPENED, Trigger.LOSE, Trigger.REAPPEAR, Trigger.REOPEN_FAILED)
    lifecycle.fire(Trigger.REAPPEAR)
    lifecycle.fire(Trigger.OPENED)
    assert [item.new for item in seen[-3:]] == [State.LOST, State.REOPENING, State.MONITORING]


def test_what_the_table_does_not_list_raises_and_changes_nothing() -> None:
    lifecycle, seen = walk(Trigger.OPEN)
    with pytest.raises(ForbiddenTransition):
        lifecycle.fire(Trigger.LEASE)
    assert lifecycle.state is State.OPENING
    assert len(seen) == 1


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_closed(state: State) -> None:
    assert TABLE[(state, Trigger.CLOSE)] is State.CLOSED
