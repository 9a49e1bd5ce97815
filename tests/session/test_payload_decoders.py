"""A payload kind of somebody's own gets its meaning from a function, as the README shows."""

from __future__ import annotations

import importlib
import json
import re
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from espmon.cli import main
from espmon.records import Frame
from espmon.records.payload_table import MAX_ROWS, PngPicture, Table, table_of, table_text
from espmon.session import payload_saver
from espmon.session.connection import PortAccess
from espmon.session.payload_decoders import GROUP, PayloadDecoders
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import EventEntry, OpenRequest
from tests.records.streams import frame, png
from tests.session.fakes import Port, ScriptedHandle, Watch

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PAYLOAD = struct.pack("<IhHIhH", 1000, 2150, 3300, 2000, -512, 3287)
VALUE = {"columns": ["ms", "°C", "V"], "rows": [[1000, 21.5, 3.3], [2000, -5.12, 3.287]]}


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of the README, installed."""
    (code,) = re.findall(r"```python\n# acme_espmon.py\n(.*?)```", README, re.DOTALL)
    (toml,) = re.findall(r"```ini\n# pyproject.toml of that package.*?\n(.*?)```", README, re.DOTALL)
    group, name, target = re.findall(r'\[project.entry-points."(.+)"\]\n"(.+)" = "(.+)"', toml)[0]
    assert len(code.strip().splitlines()) <= 20
    assert group == GROUP
    site = tmp_path / "site"
    (site / "acme_espmon-1.0.dist-info").mkdir(parents=True)
    (site / "acme_espmon.py").write_text(code, "utf-8")
    (site / "acme_espmon-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-espmon\nVersion: 1.0\n"
    )
    (site / "acme_espmon-1.0.dist-info" / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("acme_espmon", None)


async def received(folder: Path, data: bytes, came: Callable[[EventEntry], bool], recording: bool = True) -> EventEntry:
    """The entry of the frame in `data`, once it is as it is wanted."""
    handle, watch = ScriptedHandle(), Watch()
    session = Session(
        settings=Settings(recording=recording), folder=folder, access=PortAccess(opener=Port(handle), resolver=str)
    )
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        handle.push(data)
        await watch.until(lambda: any(came(entry) for entry in session.events))
        return next(entry for entry in session.events if came(entry))
    finally:
        await session.close()


def frame_of(entry: EventEntry) -> Frame:
    assert isinstance(entry.record, Frame)
    return entry.record


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("recording", [True, False])
async def test_the_readme_s_decoder_makes_a_table(tmp_path: Path, recording: bool) -> None:
    data = frame(PAYLOAD, "acme/telemetry", "base64")
    entry = await received(
        tmp_path / "sessions", data, lambda entry: any(row[0] == "value" for row in entry.details), recording=recording
    )
    assert frame_of(entry).value == VALUE
    table = table_of(frame_of(entry).value)
    assert table is not None
    assert table_text(table).splitlines() == ["ms    °C     V", "1000  21.5   3.3", "2000  -5.12  3.287"]
    if recording:
        (sidecar,) = (tmp_path / "sessions").rglob("events.jsonl")
        assert any(row.get("value") == VALUE for row in map(json.loads, sidecar.read_text("utf-8").splitlines()))


@pytest.mark.usefixtures("acme")
def test_decode_has_the_value_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.bin"
    log.write_bytes(frame(PAYLOAD, "acme/telemetry") + frame(b"x", "acme/other") + frame(b"bad", "acme/telemetry"))
    assert main(["decode", str(log), "--json"]) == 0
    shown = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["value"] for row in shown] == [VALUE, None, None]
    assert shown[0]["error"] is shown[1]["error"] is None
    assert "the decoder of acme/telemetry failed: error: iterative unpacking" in shown[2]["error"]
    assert shown[2]["complete"]


def decoders(monkeypatch: pytest.MonkeyPatch, decode: Callable[..., object]) -> PayloadDecoders:
    monkeypatch.setattr(sys.modules[__name__], "current", decode, raising=False)
    return PayloadDecoders(lambda: [EntryPoint("acme/own", f"{__name__}:current", GROUP)])


def own(payload: bytes = b"x", kind: str = "acme/own") -> Frame:
    return Frame(0, 9, None, kind=kind, payload=payload)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (Table(("a",), [(1,), (2,)]), {"columns": ["a"], "rows": [[1], [2]]}),
        ({"a": float("nan"), 5: b"\0", "set": {1}}, {"a": "nan", "5": "b'\\x00'", "set": "{1}"}),
        (None, None),
        ("text", "text"),
    ],
)
def test_a_decoder_returns_values_or_tables(monkeypatch: pytest.MonkeyPatch, result: object, value: object) -> None:
    found, record = decoders(monkeypatch, lambda payload, fields: result), own()
    assert found.wants(record)
    found.apply(record)
    assert (record.value, record.error) == (value, None)
    assert json.dumps(record.to_json())


def test_a_decoder_gets_the_bytes_and_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    found, record = decoders(monkeypatch, lambda payload, fields: [payload.hex(), dict(fields)]), own(b"\1\2")
    assert found.wants(record)
    found.apply(record)
    fields = {"kind": "acme/own", "name": None, "encoding": "", "crc": "none", "offset": 0, "time": None}
    assert record.value == ["0102", fields]


@pytest.mark.parametrize("wrong", [b"", b"GIF89a", png()[:-1]])
def test_a_picture_has_to_be_one(monkeypatch: pytest.MonkeyPatch, wrong: bytes) -> None:
    found, record = decoders(monkeypatch, lambda payload, fields: PngPicture(payload)), own(wrong)
    assert found.wants(record)
    found.apply(record)
    assert record.pixels is None
    assert "not a PNG" in str(record.error)


def test_a_decoder_that_recurses_or_does_not_load_costs_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    loop: list[object] = []
    loop.append(loop)
    found, record = decoders(monkeypatch, lambda payload, fields: loop), own()
    assert found.wants(record)
    found.apply(record)
    assert "ValueError" in str(record.error)
    missing = PayloadDecoders(lambda: [EntryPoint("acme/own", "no.such.module:decode", GROUP)])
    record = own()
    assert missing.wants(record)
    missing.apply(record)
    assert "ModuleNotFoundError" in str(record.error)


def test_known_kinds_and_damaged_frames_are_not_decoded_by_others() -> None:
    found = PayloadDecoders(lambda: [EntryPoint("json", "json:loads", GROUP), EntryPoint("a", "json:loads", GROUP)])
    assert not found.wants(own(kind="json"))
    assert not found.wants(Frame(0, 9, None, kind="a", complete=False))
    assert found.wants(own(kind="a"))


async def test_a_picture_opens_from_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = decoders(monkeypatch, lambda payload, fields: PngPicture(png(7, 5)))
    monkeypatch.setattr(payload_saver, "PayloadDecoders", lambda: found)
    entry = await received(tmp_path, frame(b"pixels", "acme/own"), lambda entry: entry.path is not None)
    assert entry.path is not None
    assert entry.path.suffix == ".png"
    assert entry.path.read_bytes() == png(7, 5)
    assert frame_of(entry).pixels == (7, 5)
    (raw,) = entry.path.parent.glob("*acme-own*.bin")
    assert raw.read_bytes() == b"pixels"


async def test_a_decoder_that_hangs_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    found = decoders(monkeypatch, lambda payload, fields: let_go.wait(60))
    monkeypatch.setattr(payload_saver, "PayloadDecoders", lambda: found)
    monkeypatch.setattr(payload_saver, "DECODE_SECONDS", 0.05)
    try:
        entry = await received(tmp_path, frame(b"x", "acme/own"), lambda entry: entry.path is not None)
        assert "took longer than" in str(frame_of(entry).error)
    finally:
        let_go.set()


def test_values_become_tables() -> None:
    assert table_of([{"a": 1}, {"b": [1, 2]}]) == Table(["a", "b"], [[1, None], [None, [1, 2]]])
    assert table_of({"t": 21.5}) == Table(("field", "value"), [("t", 21.5)])
    assert table_of({"columns": ["a"], "rows": [1]}) is None
    nothings: list[object] = [None, 5, "x", [], {}, [1, 2], [{}, 1]]
    for nothing in nothings:
        assert table_of(nothing) is None
    many = table_of([{"a": 1}] * (MAX_ROWS + 5))
    assert many is not None
    assert len(many.rows) == MAX_ROWS


def test_a_table_s_text_is_safe_and_aligned() -> None:
    table = Table(("a\x1b[2J", "b"), [("x" * 500, [1, {"c": None}]), ("short",), (None, True, "too many")])
    lines = table_text(table).splitlines()
    assert "\x1b" not in lines[0]
    assert lines[1].endswith('…  [1, {"c": null}]')
    assert [line.rstrip() for line in lines[2:]] == ["short", " " * 62 + "yes"]
