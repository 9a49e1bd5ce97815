"""How records read in the inspector: words, never a programming language's notation."""

from __future__ import annotations

from espmon.records.events.panic_record import Panic
from espmon.records.notes import Caps
from espmon.records.record import Event, JsonObject, Raw, Record
from espmon.rom import ProbeResult
from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.rom.spi import FlashId
from espmon.session.describe import describe
from espmon.session.session_events import FlashEvent, ProbeEvent, SessionNote
from espmon.session.status import Severity


def rows(record: Record) -> dict[str, str]:
    described = describe(record)
    assert described is not None
    return dict(described[2])


def test_the_regions_of_a_flash_stand_one_below_the_other() -> None:
    regions = [
        RegionResult(0x8000, 3072, "/a/table.bin", ok=True),
        RegionResult(0x10000, 4096, "/a/app.bin", written=4096),
    ]
    told = rows(FlashEvent(0, 0.0, "write", FlashOutcome("write", regions=regions)))["regions"]
    assert told.splitlines() == [
        "address: 0x00008000, size: 3072, file: /a/table.bin, ok: yes, written: 0, skipped: 0",
        "address: 0x00010000, size: 4096, file: /a/app.bin, ok: no, written: 4096, skipped: 0",
    ]


def test_parts_of_one_thing_are_told_in_a_row_and_what_is_unknown_is_not() -> None:
    result = ProbeResult("ESP32", "esp32", "", flash=FlashId(0x20, 0x4018, None))
    assert rows(ProbeEvent(0, 0.0, result, ""))["flash"] == "manufacturer: 0x20, device: 0x4018"


def test_lists_within_one_thing_are_told_by_their_words() -> None:
    value = {"frames": ["png", "json"], "transport": "uart", "version": 1}
    assert rows(Caps(0, 0, 0.0, value=value))["value"] == "frames: png json, transport: uart, version: 1"


def test_lists_of_words_stay_in_a_row() -> None:
    assert rows(SessionNote(0, 0.0, "a", ["one", "two"]))["evidence"] == "one, two"


def test_control_characters_in_nested_values_are_harmless() -> None:
    outcome = FlashOutcome("write", regions=[RegionResult(0, 1, "a\x1b[2J\nb", ok=True)])
    told = rows(FlashEvent(0, 0.0, "write", outcome))["regions"]
    assert "\x1b" not in told
    assert len(told.splitlines()) == 1


def test_a_backtrace_alone_is_not_called_other() -> None:
    described = describe(Panic(0))
    assert described is not None
    assert described[0] == "Panic: a backtrace without a reason"


class Temperature(Event):
    type = "die_temperature"

    def fields(self) -> JsonObject:
        return {"celsius": 85}


def test_a_type_that_nobody_describes_is_listed_under_its_own_name() -> None:
    assert describe(Temperature(0, 0)) == ("Die temperature: celsius: 85", Severity.INFO, (("celsius", "85"),))


def test_the_log_itself_is_not_listed() -> None:
    assert describe(Raw(0, b"\x00", "binary")) is None
