"""Every key that a footer shows does what stands beside it, whatever has the focus; and so does a click on it.

The keys are those of the footer as it is drawn: nothing is listed here by hand.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tests.tui.running import numbered, running
from tests.tui.screens.host import Host, settle
from tests.tui.screens.test_every_screen import SCREENS

LIMIT = 30.0
"""Seconds in which a click has to arrive."""

FOCUSES: dict[str, tuple[str, ...]] = {
    "log": (),
    "events": ("e",),
    "input": ("i",),
    "search": ("slash",),
    "filter": ("f",),
    "raw": ("r",),
    "plot": ("P",),
}
"""Where keys go -> the keys that lead there from the log."""

TABLES = ("ctrl+t", "right_square_bracket")
"""Keys behind which one more is waited for, and only one."""


def shown(app: App[Any]) -> list[FooterKey]:
    """The keys that the footer shows, from the left; none is cut."""
    return [key for key in app.screen.query_one(Footer).query(FooterKey) if key.display and key.size.width]


def name_of(action: str) -> str:
    """An action without who does it, as a binding has it or a key that is tried first."""
    return action.removeprefix("app.").removeprefix("screen.")


async def check(app: App[Any], pilot: Pilot[Any], monkeypatch: pytest.MonkeyPatch, *, click: bool) -> None:
    """Press each key of the footer, or click on it; what they lead to is not done, but written down."""
    done: list[str] = []

    async def write_down(action: object, namespace: object = None) -> bool:
        done.append(name_of(str(action)))
        return True

    focused, keys = app.screen.focused, shown(app)
    assert keys
    with monkeypatch.context() as patch:
        patch.setattr(app, "run_action", write_down)
        if click:
            for key in keys:
                key.on_mouse_down()
            end = time.monotonic() + LIMIT
            while len(done) < len(keys) and time.monotonic() < end:
                await pilot.pause()
            done.sort()
        else:
            await pilot.press(*(key.key for key in keys))
    said = [name_of(key.action) for key in keys]
    assert done == (sorted(said) if click else said), f"with {focused}"
    assert app.screen.focused is focused


@pytest.mark.parametrize("focus", FOCUSES)
async def test_each_key_in_the_footer_of_the_monitor_does_what_it_says(
    focus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(size=(200, 40)) as case:
        await case.feed(numbered(20) + b"heap: 12\nheap: 13\nheap: 14\n" * 5)
        case.session.add_event("panic", "Panic", line=20, boot=1)
        await case.press(*FOCUSES[focus])
        mode = case.screen.mode
        await check(case.app, case.pilot, monkeypatch, click=True)
        seen: set[object] = set()
        while case.screen.mode == mode and case.screen.focused not in seen:
            seen.add(case.screen.focused)
            await check(case.app, case.pilot, monkeypatch, click=False)
            if focus in ("search", "filter"):
                await case.press("tab")


@pytest.mark.parametrize("leading", TABLES)
async def test_each_key_in_the_footer_of_a_table_of_keys_does_what_it_says(
    leading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(size=(200, 40)) as case:
        done: list[str] = []
        real = case.app.run_action

        async def write_down(action: Any, namespace: Any = None) -> bool:
            if name_of(str(action)) in said:
                done.append(name_of(str(action)))
                return True
            return await real(action, namespace)

        said: list[str] = []
        monkeypatch.setattr(case.app, "run_action", write_down)
        await case.press(leading)
        keys = [(key.key, name_of(key.action)) for key in shown(case.app)]
        said += [action for _, action in keys]
        for key, action in keys:
            done.clear()
            if not case.screen.in_table:
                said.remove("menu")
                await case.press(leading)
                said.append("menu")
            await case.press(key)
            assert done == [action], key


@pytest.mark.parametrize("name", SCREENS)
async def test_each_key_in_the_footer_of_a_screen_does_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Host(SCREENS[name][0])
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await check(app, pilot, monkeypatch, click=True)
        for widget in list(app.screen.focus_chain):
            widget.focus()
            await settle(pilot)
            await check(app, pilot, monkeypatch, click=False)
