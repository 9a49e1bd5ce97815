"""One board, one handle: opening, reading, losing, leasing."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from espmon.port import PortError, PortErrorKind, PortIdentity
from espmon.records.uart import resampled
from espmon.session.connection import PortAccess
from espmon.session.ide import Ide
from espmon.session.lease import LeaseError, Wire
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import ForbiddenTransition, State
from espmon.session.status import Notice, OpenRequest, Severity
from tests.inputs import dump_named
from tests.session.fakes import Port, ScriptedHandle, Watch, shown
from tests.session.test_ide import finish, listening

Make = Callable[..., tuple[Session, Watch]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    sessions: list[Session] = []

    def build(
        port: Port,
        *,
        waiter: Callable[[PortIdentity], Awaitable[str]] | None = None,
        settings: Settings | None = None,
        ide: Ide | None = None,
    ) -> tuple[Session, Watch]:
        async def at_once(identity: PortIdentity) -> str:
            return identity.url

        session = Session(
            settings=settings or Settings(idle_seconds=0.01),
            folder=tmp_path,
            ide=ide,
            access=PortAccess(
                opener=port, waiter=waiter or at_once, resolver=lambda name: name, identifier=PortIdentity
            ),
        )
        watch = Watch()
        session.subscribe(watch)
        sessions.append(session)
        return session, watch

    yield build
    for session in sessions:
        await session.close()


def texts(session: Session) -> list[str]:
    return [session.store.record(line).text for line in range(session.store.first, len(session.store))]


def recorded(tmp_path: Path) -> bytes:
    (folder,) = tmp_path.iterdir()
    return (folder / "stream.bin").read_bytes()


def sidecar(tmp_path: Path) -> list[dict[str, object]]:
    (folder,) = tmp_path.iterdir()
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


async def test_bytes_become_lines_and_the_raw_stream_is_kept(make: Make, tmp_path: Path) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    handle.push(b"I (1) main: hello\r\nI (2) ma")
    handle.push(b"in: world\r\n")
    await watch.until(lambda: len(session.store) >= 2)
    assert texts(session) == ["I (1) main: hello", "I (2) main: world"]
    await session.close()
    assert recorded(tmp_path) == b"I (1) main: hello\r\nI (2) main: world\r\n"


async def test_a_session_begins_with_the_break_that_was_asked_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks: list[float] = []

    async def send_break(handle: ScriptedHandle, seconds: float) -> None:
        breaks.append(seconds)

    monkeypatch.setattr(ScriptedHandle, "send_break", send_break)
    session, _ = make(Port(ScriptedHandle()))
    await session.open(OpenRequest("fake://board", break_seconds=0.3))
    assert breaks == [0.3]


async def test_a_defect_while_reading_is_told_and_the_port_opened_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(data: bytes, now: float) -> None:
        raise IndexError("no such line")

    first, second = ScriptedHandle(), ScriptedHandle()
    session, watch = make(Port(first, second))
    await session.open(OpenRequest("fake://board"))
    with monkeypatch.context() as patched:
        patched.setattr(session.pipeline, "feed", fail)
        first.push(b"x")
        await watch.until(lambda: session.connection.opens == 2)
    assert "reading the port failed" in caplog.text
    reasons = [entry.record.fields()["reason"] for entry in session.events if entry.record.type == "link"]
    assert "Internal error while reading: IndexError('no such line')" in reasons
    second.push(b"on it goes\r\n")
    await watch.until(lambda: texts(session)[-1:] == ["on it goes"])


async def test_a_line_without_an_end_is_there_at_once_and_grows(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    for so_far in ("Connecting", "Connecting.", "Connecting.."):
        handle.push(so_far[-1:].encode() if "." in so_far else so_far.encode())
        await watch.until(partial(lambda wanted: shown(session.store) == [wanted], so_far))
    assert len(session.store) == 0
    handle.push(b"\r\n")
    await watch.until(lambda: len(session.store) == 1)
    assert session.store.unfinished is None
    assert (session.store.record(0).text, session.store.record(0).partial) == ("Connecting..", False)


async def test_a_lost_port_ends_the_line(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    handle.push(b"esp> ")
    await watch.until(lambda: session.store.unfinished is not None)
    handle.lose()
    await watch.until(lambda: session.state is State.LOST)
    assert session.store.unfinished is None
    assert session.store.record(0).partial


async def test_a_port_that_cannot_be_opened_leaves_reason_and_hint(make: Make) -> None:
    error = PortError(PortErrorKind.BUSY, "/dev/ttyUSB0 is busy: tio (pid 7) holds it", "Close it there")
    session, _ = make(Port(error))
    await session.open(OpenRequest("/dev/ttyUSB0"))
    assert session.state is State.CLOSED
    assert session.status.reason == "/dev/ttyUSB0 is busy: tio (pid 7) holds it"
    assert session.status.hint == "Close it there"


async def test_after_a_failed_open_another_port_can_be_tried(make: Make) -> None:
    handle = ScriptedHandle()
    session, _ = make(Port(PortError(PortErrorKind.MISSING, "no such port"), handle))
    await session.open(OpenRequest("one"))
    await session.open(OpenRequest("two"))
    assert session.state is State.MONITORING
    assert session.status.reason == ""


async def test_nothing_is_sent_and_no_line_moves_before_consent(make: Make) -> None:
    handle = ScriptedHandle()
    session, _ = make(Port(handle))
    await session.open(OpenRequest("fake://board", probe=True))
    assert session.state is State.AWAITING_CONSENT
    assert (bytes(handle.written), handle.played) == (b"", [])


async def test_the_log_runs_while_the_question_is_asked(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board", probe=True))
    handle.push(b"still here\n")
    await watch.until(lambda: len(session.store) == 1)
    assert session.state is State.AWAITING_CONSENT


async def test_declining_monitors_the_same_handle_untouched(make: Make) -> None:
    handle = ScriptedHandle()
    port = Port(handle)
    session, watch = make(port)
    await session.open(OpenRequest("fake://board", probe=True))
    await session.decline()
    handle.push(b"log\n")
    await watch.until(lambda: len(session.store) == 1)
    assert session.state is State.MONITORING
    assert (bytes(handle.written), handle.played, len(port.opened)) == (b"", [], 1)


async def test_a_probe_without_an_answer_closes_the_port_and_says_why(make: Make) -> None:
    handle = ScriptedHandle(modem_lines=False)
    port = Port(handle)
    session, _ = make(port)
    await session.open(OpenRequest("fake://board", probe=True))
    await session.consent()
    assert session.state is State.CLOSED
    assert session.status.reason
    assert handle.closed
    assert len(port.opened) == 1


async def test_cancelling_a_probe_closes_the_port_and_keeps_what_was_received(make: Make, tmp_path: Path) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board", probe=True))
    asking = asyncio.create_task(session.consent())
    await watch.until(lambda: session.state is State.PROBING)
    handle.push(b"ets Jul 29 2019 12:21:46\r\n")
    await session.cancel()
    await asking
    await watch.until(lambda: session.state is State.CLOSED)
    assert "cancelled" in session.status.reason
    await session.close()


async def test_an_unplug_marks_the_gap_and_the_log_goes_on_after_it(make: Make) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    back = asyncio.Event()

    async def waiter(identity: PortIdentity) -> str:
        await back.wait()
        return "fake://renamed"

    port = Port(first, second)
    session, watch = make(port, waiter=waiter)
    await session.open(OpenRequest("fake://board"))
    first.push(b"before\nlast wo")
    first.lose()
    await watch.until(lambda: session.state is State.LOST)
    assert first.closed
    back.set()
    await watch.until(lambda: session.state is State.MONITORING)
    second.push(b"after\n")
    await watch.until(lambda: texts(session)[-1] == "after")
    seen = texts(session)
    assert seen[:2] == ["before", "last wo"]
    assert "port lost" in seen[2]
    assert "reopened" in seen[3]
    assert port.opened == ["fake://board", "fake://renamed"]
    assert [entry.record.fields()["state"] for entry in session.events if entry.record.type == "link"] == [
        "opened",
        "lost",
        "reopened",
    ]


async def test_a_port_that_comes_back_busy_is_tried_again(make: Make) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    port = Port(first, PortError(PortErrorKind.BUSY, "busy"), PortError(PortErrorKind.BUSY, "busy"), second)
    session, watch = make(port)
    await session.open(OpenRequest("fake://board"))
    first.lose()
    await watch.until(lambda: session.connection.opens == 2)
    assert session.state is State.MONITORING


async def test_sending_without_a_port_is_a_notice_and_not_an_exception(make: Make) -> None:
    session, watch = make(Port())
    await session.send(b"x")
    (notice,) = [change for change in watch.changes if isinstance(change, Notice)]
    assert "not open" in notice.text


async def test_resets_play_the_handle_s_sequences(make: Make) -> None:
    handle = ScriptedHandle()
    session, _ = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    await session.reset()
    await session.reset_to_loader()
    assert handle.played == ["hard", "classic"]


async def test_a_reset_without_lines_says_which_button_to_press(make: Make) -> None:
    session, watch = make(Port(ScriptedHandle(modem_lines=False)))
    await session.open(OpenRequest("fake://board"))
    await session.reset()
    (notice,) = [change for change in watch.changes if isinstance(change, Notice)]
    assert "EN" in notice.text


async def test_closing_twice_is_harmless(make: Make) -> None:
    handle = ScriptedHandle()
    session, _ = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    await session.close()
    await session.close()
    assert handle.closed


async def test_every_transition_is_in_the_sidecar(make: Make, tmp_path: Path) -> None:
    session, _ = make(Port(ScriptedHandle()))
    await session.open(OpenRequest("fake://board", probe=True))
    await session.decline()
    await session.close()
    events = sidecar(tmp_path)
    states = [event["to"] for event in events if event.get("event") == "state"]
    assert states == ["opening", "awaiting consent", "monitoring", "closed"]


async def test_consent_without_an_open_port_is_a_programming_error(make: Make) -> None:
    session, _ = make(Port())
    with pytest.raises(ForbiddenTransition):
        await session.consent()


async def test_a_second_lease_cannot_be_taken() -> None:
    wire = Wire(ScriptedHandle(), lambda owner, data: None)
    first = wire.lease("pipeline")
    with pytest.raises(LeaseError):
        wire.lease("probe")
    first.release()
    second = wire.lease("probe")
    with pytest.raises(LeaseError):
        await first.read(0)
    second.release()


async def test_an_ide_gets_the_port_in_the_debug_stub_and_the_log_goes_on_afterwards(make: Make) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    async with listening(finish) as (url, heard):
        session, watch = make(Port(first, second), ide=Ide(url))
        await session.open(OpenRequest("fake://board"))
        first.push(b"Entering gdb stub now.\r\n$T0b#e6")
        await watch.until(lambda: session.connection.opens == 2)
    assert heard[0]["event"] == "gdb_stub"
    assert first.closed
    second.push(b"after\n")
    await watch.until(lambda: texts(session)[-1] == "after")


async def test_an_ide_gets_a_core_dump_as_base64_text_of_lines_that_are_padded_each(make: Make) -> None:
    handle, dump = ScriptedHandle(), dump_named("riscv")
    async with listening(finish) as (url, heard):
        session, watch = make(Port(handle), ide=Ide(url))
        await session.open(OpenRequest("fake://board"))
        head, tail = (b"================= CORE DUMP %s =================\r\n" % word for word in (b"START", b"END"))
        handle.push(head + dump.text.replace(b"\n", b"\r\n") + tail)
        await watch.until(lambda: bool(heard))
    assert heard[0]["event"] == "coredump"
    lines = (await asyncio.to_thread(Path(heard[0]["file"]).read_bytes)).splitlines()
    assert all(len(line) <= 64 for line in lines)
    # As `esp_coredump info_corefile -t b64` reads it: line by line.
    assert b"".join(map(b64decode, lines)) == b"".join(map(b64decode, dump.text.split()))


async def test_an_unreachable_ide_is_a_warning_and_the_port_stays_open(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle), ide=Ide("ws://127.0.0.1:1"))
    await session.open(OpenRequest("fake://board"))
    handle.push(b"Entering gdb stub now.\r\n$T0b#e6")
    await watch.until(
        lambda: any(isinstance(change, Notice) and "cannot be reached" in change.text for change in watch.changes)
    )
    assert not handle.closed
    assert session.state is State.MONITORING


async def test_a_wrong_rate_is_named_with_its_evidence(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    text = b"I (1234) wifi: connected to an access point on channel 6\r\n" * 80
    handle.push(resampled(text, sender=74880, receiver=115200))
    await watch.until(lambda: any("74880" in entry.title for entry in session.events))
    await watch.until(lambda: session.status.wrong_rate == 74880)
    assert [entry.severity for entry in session.events if "74880" in entry.title] == [Severity.WARNING]
    assert [change.about for change in watch.changes if isinstance(change, Notice) and "74880" in change.text] == [
        "rate"
    ]
    handle.push(text)
    await watch.until(lambda: session.status.wrong_rate is None)


async def test_the_status_says_where_the_log_text_is_copied_to(make: Make, tmp_path: Path) -> None:
    session, _ = make(Port(ScriptedHandle()))
    await session.open(OpenRequest("fake://board", log=tmp_path / "first.txt"))
    assert session.status.log == tmp_path / "first.txt"
    await session.set_log(tmp_path / "no such folder" / "log.txt")
    assert session.status.log is None
    await session.set_log(tmp_path / "second.txt")
    assert session.status.log == tmp_path / "second.txt"
    await session.close()
    assert session.status.log is None


BOOT = (
    b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nentry 0x403cc710\r\n"
    b"I (24) boot: ESP-IDF v5.1 2nd stage bootloader\r\nI (200) main_task: Calling app_main()\r\n"
)


async def test_a_board_that_is_not_probed_is_named_by_its_boot_log(make: Make) -> None:
    handle = ScriptedHandle()
    session, watch = make(Port(handle))
    await session.open(OpenRequest("fake://board"))
    assert session.status.chip is None
    handle.push(BOOT)
    await watch.until(lambda: session.status.chip == "esp32c3")


async def test_a_port_that_flaps_does_not_flood_the_log(make: Make, tmp_path: Path) -> None:
    handles = [ScriptedHandle() for _ in range(12)]
    session, watch = make(Port(*handles))
    await session.open(OpenRequest("fake://board"))
    for number, handle in enumerate(handles[:-1]):
        await watch.until(lambda number=number: session.connection.opens == number + 1)  # type: ignore[misc]
        handle.push(b"line %d\n" % number)
        handle.lose()
    await watch.until(lambda: session.connection.opens == len(handles))
    assert sum("port lost" in text for text in texts(session)) == 4
    assert [text for text in texts(session) if text.startswith("line ")] == [f"line {n}" for n in range(11)]
    await session.close()
    links = [event for event in sidecar(tmp_path) if event.get("type") == "link" and event["state"] == "lost"]
    assert len(links) == 11


async def test_a_board_that_comes_back_as_its_loader_is_told_as_that(make: Make) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    first.usb, second.usb = (0x303A, 0x4001), (0x303A, 0x0002)
    session, watch = make(Port(first, second))
    await session.open(OpenRequest("fake://board"))
    first.lose()
    await watch.until(lambda: any("another USB device" in text for text in texts(session)))
    [text] = [text for text in texts(session) if "another USB device" in text]
    assert "ROM loader" in text
    assert "303a:4001" in text
