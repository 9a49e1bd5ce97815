"""labgrid's places, as its client tells of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from espmon.port import PortError, PortErrorKind, open_handle
from espmon.port import labgrid as module
from espmon.port.labgrid import LabgridClient, Place, PlaceHold
from espmon.port.place_address import PlaceAddress, is_place, place_address
from tests.port.fake_labgrid import ME, FakeLab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    return FakeLab(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("labgrid:board1", PlaceAddress("board1")),
        ("LABGRID:board1/console", PlaceAddress("board1", "console")),
        ("labgrid://bench:20408/board1", PlaceAddress("board1", "", "bench:20408")),
        ("labgrid://[::1]:20408/board1/debug", PlaceAddress("board1", "debug", "[::1]:20408")),
        ("labgrid:///board1", PlaceAddress("board1")),
    ],
)
def test_a_url_names_a_place(url: str, address: PlaceAddress) -> None:
    assert is_place(url)
    assert place_address(url) == address
    assert place_address(address.url) == address


@pytest.mark.parametrize(
    "url",
    ["labgrid:", "labgrid:/x", "labgrid:a/b/c", "labgrid:-p", "labgrid://h:1/", "labgrid://h/p", "labgrid://h:x/p"],
)
def test_what_names_no_place_is_told(url: str) -> None:
    with pytest.raises(PortError, match="names no labgrid place") as caught:
        place_address(url)
    assert caught.value.kind is PortErrorKind.UNSUPPORTED


async def test_a_place_is_no_port_of_this_machine() -> None:
    with pytest.raises(PortError, match="is a labgrid place"):
        await open_handle("labgrid:///board1")


def test_without_the_client_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PortError, match=r"labgrid-client is not installed.*pipx install labgrid"):
        LabgridClient().places()


@pytest.mark.skipif(os.name == "nt", reason="the client of these tests is a shell script")
class TestWithAClient:
    def test_places_and_who_holds_them(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        lab.add("board2")
        lab.hold("board2", "bench/bob")
        assert LabgridClient("h:1").places() == [Place("board1"), Place("board2", "bench/bob")]
        assert lab.calls == ["-x h:1 -v places"]

    def test_a_free_place_is_acquired_and_released(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        hold = PlaceHold("labgrid:board1", agreed=True)
        assert hold.look() == Place("board1", "", "", ())
        assert hold.port_url() == "rfc2217://10.0.0.1:4000"
        assert lab.holder("board1") == ME
        hold.release()
        assert lab.holder("board1") == "None"
        with pytest.raises(PortError):
            hold.port_url()
        assert lab.holder("board1") == "None"

    def test_a_free_place_is_left_alone_without_a_word(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        with pytest.raises(PortError, match="board1 is free, and not acquired"):
            PlaceHold("labgrid:board1", agreed=False).port_url()
        assert lab.holder("board1") == "None"

    def test_what_the_user_has_acquired_stays_acquired(self, lab: FakeLab) -> None:
        lab.add("board1", "raw://::1:4000")
        lab.hold("board1", ME)
        hold = PlaceHold("labgrid:board1", agreed=True)
        assert hold.port_url() == "socket://[::1]:4000"
        hold.release()
        assert lab.holder("board1") == ME

    def test_what_somebody_else_took_meanwhile_is_not_released(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        hold = PlaceHold("labgrid:board1", agreed=True)
        hold.port_url()
        lab.hold("board1", "bench/bob")
        hold.release()
        assert lab.holder("board1") == "bench/bob"

    def test_what_its_coordinator_forgot_needs_no_release(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        hold = PlaceHold("labgrid:board1", agreed=True)
        hold.port_url()
        lab.hold("board1", "None")
        hold.release()

    def test_a_place_that_its_coordinator_forgot_is_acquired_again(self, lab: FakeLab) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        hold = PlaceHold("labgrid:board1", agreed=True)
        hold.port_url()
        lab.hold("board1", "None")
        assert hold.port_url() == "rfc2217://10.0.0.1:4000"
        assert lab.holder("board1") == ME

    def test_one_of_several_ports_is_chosen_by_its_name(self, lab: FakeLab) -> None:
        lab.add("two", "console=rfc2217://10.0.0.1:4000", "debug=raw://10.0.0.1:4001")
        assert PlaceHold("labgrid:two/debug", agreed=True).port_url() == "socket://10.0.0.1:4001"
        with pytest.raises(PortError, match=r"2 serial ports: .*debug. Choose one: labgrid:two/console") as caught:
            PlaceHold("labgrid:two", agreed=True).port_url()
        assert caught.value.kind is PortErrorKind.AMBIGUOUS
        with pytest.raises(PortError, match=r"no serial port x. It has: console, debug"):
            PlaceHold("labgrid:two/x", agreed=True).port_url()

    def test_a_port_behind_ssh_is_told_with_the_way_to_it(self, lab: FakeLab) -> None:
        lab.add("far", "rfc2217://10.0.0.1:4000", proxy="gate")
        with pytest.raises(PortError, match=r"through gate alone .*ssh -L 4000:10.0.0.1:4000 gate, then open rfc2217"):
            PlaceHold("labgrid:far", agreed=True).port_url()

    @pytest.mark.parametrize(("ports", "kind"), [((), "x"), (("rfc2217://10.0.0.1:22",), "NetworkService")])
    def test_a_place_without_a_serial_port(self, lab: FakeLab, ports: tuple[str, ...], kind: str) -> None:
        lab.add("none", *ports, kind=kind)
        with pytest.raises(PortError, match="Place none has no serial port"):
            PlaceHold("labgrid:none", agreed=True).port_url()

    def test_what_goes_wrong_is_one_line_each(self, lab: FakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
        lab.add("board1", "rfc2217://10.0.0.1:4000")
        lab.hold("board1", "bench/bob")
        with pytest.raises(PortError, match="Place board1 is held by bench/bob") as caught:
            PlaceHold("labgrid:board1", agreed=True).port_url()
        assert caught.value.kind is PortErrorKind.BUSY
        with pytest.raises(PortError, match="already acquired by bench/bob") as caught:
            LabgridClient().acquire("board1")  # who was asked, and lost the race
        assert caught.value.kind is PortErrorKind.BUSY
        with pytest.raises(PortError, match="nosuch matches nothing"):
            PlaceHold("labgrid:nosuch", agreed=True).look()
        lab.mark("hangs")
        monkeypatch.setattr(module, "CLIENT_SECONDS", 0.05)
        with pytest.raises(PortError, match="takes longer than") as caught:
            LabgridClient().places()
        assert caught.value.kind is PortErrorKind.STALLED
        monkeypatch.undo()

    def test_no_coordinator(self, lab: FakeLab) -> None:
        lab.mark("down")
        with pytest.raises(PortError, match="No labgrid coordinator answers at h:1") as caught:
            LabgridClient("h:1").places()
        assert caught.value.kind is PortErrorKind.REFUSED
        with pytest.raises(PortError, match="the address in LG_COORDINATOR"):
            LabgridClient().places()

    @pytest.mark.parametrize("text", ["", "[", "targets: 3", "targets: {a: {resources: [{NetworkSerialPort: {}}]}}"])
    def test_an_answer_that_is_not_understood_is_told(self, lab: FakeLab, text: str) -> None:
        lab.add("odd", "rfc2217://10.0.0.1:4000")
        (lab.folder / "places" / "odd" / "env").write_text(text)
        with pytest.raises(PortError, match="in a form that is not known"):
            PlaceHold("labgrid:odd", agreed=True).port_url()
