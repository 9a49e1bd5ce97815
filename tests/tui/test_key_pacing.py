"""The next key waits for what the one before has set in motion, but not for ever."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.widget import Widget

from espmon.tui.terminal import key_pacing
from espmon.tui.terminal.key_pacing import MIN_LOOKS, TURNS, KeyPacing
from tests.tui.running import running


async def test_the_next_key_waits_for_turns_of_the_loop() -> None:
    went_on = asyncio.Event()
    pacing = KeyPacing(lambda: True, went_on.set)
    assert not pacing.busy
    pacing.begin()
    for _ in range(TURNS - 1):
        assert pacing.busy
        await asyncio.sleep(0)
    await asyncio.wait_for(went_on.wait(), 30)
    assert not pacing.busy


async def test_it_waits_for_the_screen_that_is_being_made() -> None:
    went_on, made, asked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def settled() -> bool:
        asked.set()
        return made.is_set()

    pacing = KeyPacing(settled, went_on.set)
    pacing.begin()
    await asyncio.wait_for(asked.wait(), 30)
    assert pacing.busy
    assert not went_on.is_set()
    made.set()
    await asyncio.wait_for(went_on.wait(), 30)


async def test_it_waits_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_pacing, "SETTLE_SECONDS", 0.01)
    went_on = asyncio.Event()
    KeyPacing(lambda: False, went_on.set).begin()
    await asyncio.wait_for(went_on.wait(), 30)


async def test_a_machine_without_time_for_the_screen_gets_more_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_pacing, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(key_pacing, "LOOK_SECONDS", 0.0)
    went_on, looks = asyncio.Event(), 0

    def settled() -> bool:
        nonlocal looks
        looks += 1
        return False

    KeyPacing(settled, went_on.set).begin()
    await asyncio.wait_for(went_on.wait(), 30)
    assert looks > MIN_LOOKS


async def test_a_key_on_its_way_up_from_the_field_is_waited_for() -> None:
    async with running() as case:
        await case.until(case.app.settled)
        await case.press("slash")
        await case.until(lambda: case.app.focused is not None and case.app.focused.parent is not case.app.screen)
        await case.until(case.app.settled)
        field = case.app.focused
        assert field is not None
        assert isinstance(field.parent, Widget)
        field.parent.post_message(events.Key("escape", None))
        assert not case.app.settled()
        await case.until(case.app.settled)


async def test_what_is_stopped_does_not_go_on() -> None:
    went_on = asyncio.Event()
    pacing = KeyPacing(lambda: True, went_on.set)
    pacing.begin()
    pacing.stop()
    for _ in range(2 * TURNS):
        await asyncio.sleep(0)
    assert not pacing.busy
    assert not went_on.is_set()


async def test_the_app_settles_and_knows_what_alt_means() -> None:
    async with running() as case:
        await case.until(case.app.settled)
        assert not case.app.means("alt+c")
        await case.press("slash")
        await case.until(case.app.settled)
        assert case.app.means("alt+c")
        assert not case.app.means("alt+n")
