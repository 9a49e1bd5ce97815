"""labgrid places in the picker: listed beside the ports, asked for before they are acquired."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from espmon.port import PortError, PortErrorKind
from espmon.port.labgrid import Place
from espmon.session.state import State
from espmon.tui.lab_places import LabPlaces
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.ports import PortRow
from tests.tui.happening import shown
from tests.tui.running import running


def listed(ask: Callable[[], list[Place]]) -> list[PortRow]:
    waited = threading.Event()

    def asked() -> list[Place]:
        assert waited.wait(30)
        return ask()

    places = LabPlaces(asked)
    assert places.rows() == []  # never waits
    waited.set()
    for thread in threading.enumerate():
        if thread.name == "espmon-places":
            thread.join(30)
    return places.rows()


def test_places_are_rows_with_who_holds_them() -> None:
    free, held = listed(lambda: [Place("board1"), Place("board2", "bench/bob", "the noisy one")])
    assert (free.device, free.state, free.reason) == ("labgrid:board1", "online", "free")
    assert (held.device, held.state, held.product) == ("labgrid:board2", "busy", "the noisy one")
    assert held.reason == "held by bench/bob"


def test_no_coordinator_is_one_row() -> None:
    def ask() -> list[Place]:
        raise PortError(PortErrorKind.REFUSED, "No labgrid coordinator answers")

    (row,) = listed(ask)
    assert (row.state, row.reason) == ("offline", "No labgrid coordinator answers")


def test_nothing_is_asked_without_a_coordinator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LG_COORDINATOR", raising=False)
    assert LabPlaces().rows() == []
    assert not [thread for thread in threading.enumerate() if thread.name == "espmon-places"]


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_place_is_opened_after_a_question(agreed: bool) -> None:
    async with running(request=None) as case:
        picker = await shown(case, PickerScreen)
        picker.query_one("#url").value = "labgrid:board1"
        picker.query_one("#url").focus()
        await case.press("enter")
        await shown(case, ConfirmScreen)
        await case.until(lambda: "Use labgrid:board1?" in case.text())
        assert not case.session.opened
        await case.press("y" if agreed else "n")
        if agreed:
            await case.until(lambda: case.session.opened)
            assert case.session.opened[0].acquire
            assert not case.app.defaults.acquire  # the next one is asked for again
        else:
            await shown(case, PickerScreen)
            assert not case.session.opened


@pytest.mark.parametrize("lines", [True, False])
async def test_what_a_port_cannot_do_is_said_before_the_probe(lines: bool) -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(has_modem_lines=lines, state=State.AWAITING_CONSENT)
        await shown(case, ConfirmScreen)
        await case.until(lambda: ("Hold BOOT" in case.text()) != lines)
        assert ("is reset into its ROM loader" in case.text()) == lines
