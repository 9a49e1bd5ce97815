"""Which port is the one that was lost: by serial number where that is its own, else by its place on the bus."""

from __future__ import annotations

import pytest

from espmon.port.discovery import list_ports
from espmon.port.port_identity import identify, matching_port
from tests.port.test_discovery import port, source

JTAG, LOADER, PROGRAM, CP2102, CH340, ARDUINO = (
    (0x303A, 0x1001), (0x303A, 0x0002), (0x303A, 0x4001), (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x2341, 0x0043),
)  # fmt: skip
MAC, OTHER_MAC = "34:85:18:AA:BB:CC", "34:85:18:00:00:01"


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ((*JTAG, MAC, "1-1"), [(*JTAG, MAC, "2-7")], 0),
        ((*JTAG, MAC, "1-1"), [(*PROGRAM, "348518AABBCC", "2-7")], 0),
        ((*JTAG, MAC, "1-1"), [(*LOADER, "0", "1-1")], 0),
        ((*LOADER, "0", "1-1"), [(*LOADER, "0", "1-2"), (*PROGRAM, "123456", "1-1")], 1),
        ((*JTAG, MAC, "1-1"), [(*JTAG, OTHER_MAC, "1-1")], None),
        ((*JTAG, MAC, "1-1"), [(*CP2102, "0001", "1-1")], None),
        ((*JTAG, MAC, "1-1"), [(*ARDUINO, "7553", "1-1")], 0),
        ((*CP2102, "A1", "1-1"), [(*CP2102, "B2", "1-1")], None),
        ((*CP2102, "A1", "1-1"), [(*JTAG, MAC, "1-1")], None),
        ((*CP2102, "0001", "1-1"), [(*CP2102, "0001", "1-4")], 0),
        ((*CH340, None, "1-1"), [(*CH340, None, "1-2"), (*CH340, None, "1-1")], 1),
        ((*CH340, None, "1-1"), [(*CH340, None, "1-2")], None),
        ((*CH340, None, "1-1"), [(*JTAG, MAC, "1-1")], None),
        ((*CP2102, "D1", "1-1:1.1"), [(*CP2102, "D1", "2-3:1.0"), (*CP2102, "D1", "2-3:1.1")], 1),
    ],
    ids=[
        "in another socket", "its number written otherwise", "as its loader", "not another one's loader",
        "another chip",
        "a bridge", "another product", "another bridge", "a chip for a bridge", "a number that many have, moved",
        "by its socket", "another socket", "another device", "the same of two ports",
    ],
)  # fmt: skip
def test_a_port_is_found_by_what_it_was(
    was: tuple[int, int, str | None, str], now: list[tuple[int, int, str | None, str]], found: int | None
) -> None:
    identity = identify("/dev/was", source=source(port("/dev/was", *was)))
    ports = list_ports(source=source(*(port(f"/dev/now{number}", *one) for number, one in enumerate(now))))
    match = matching_port(identity, ports)
    assert (match and match.device) == (None if found is None else f"/dev/now{found}")


def test_who_was_there_all_the_time_is_another_one() -> None:
    was, twin = port("/dev/was", *CP2102, "0001", "1-1"), port("/dev/twin", *CP2102, "0001", "1-2")
    identity = identify("/dev/was", source=source(was, twin))
    assert identity.shared_serial
    ports = list_ports(source=source(twin))
    assert matching_port(identity, ports, before={"1-2"}) is None
    moved = list_ports(source=source(twin, port("/dev/moved", *CP2102, "0001", "1-3")))
    assert getattr(matching_port(identity, moved, before={"1-2"}), "device", "") == "/dev/moved"
