"""What somebody will read in a terminal tomorrow does not act there, and does not choke it."""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.lines import LineBlock
from espmon.session.clock import SessionClock
from espmon.session.log_text import host_time, log_text
from espmon.session.recording import Recording
from espmon.session.session_folder import SIDECAR
from espmon.session.settings import load_settings
from espmon.text import MAX_MARKS, plain, plain_lines
from espmon.tui.report_files import as_json, saver

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\u115f\ud800-\udfff]")
"""Characters that a terminal obeys, or shows as nothing."""

HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b]52;c;QUFB\x1b\\",
    "\x1b[2J\x1b[?1049h",
    "\x1bP1$r\x1b\\",
    "\x9b2J\x9d0;x\x9c",
    "\u202eabc\u2066",
    "a\u200bb\u2060c",
    "\u3164\u115f\u1160\uffa0" * 10,
    "a" + "\u0301\u0489" * 3000,
    "\udc9b\ud800",
    "bell\x07 backspace\x08 delete\x7f nul\x00",
    "\U000e0041\U000e0100\ufeff",
]
"""Texts of a device."""

TEXTS = st.lists(st.sampled_from([*HOSTILE, "plain ", "grün ", "日本 ", "\t", "e\u0301", "\n"]), max_size=8).map(
    "".join
)


def block_of(data: bytes) -> LineBlock:
    starts = [0, *(match.end() for match in re.finditer(b"\n", data))]
    if starts[-1] != len(data):
        starts.append(len(data))
    return LineBlock(data, 0, array("I", starts))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_text_acts_or_floods(text: str) -> None:
    shown = plain_lines(text)
    assert not ACTS.search(shown.replace("\n", ""))
    assert not re.search(f"[\u0300-\u036f\u0489]{{{MAX_MARKS + 1},}}", shown)
    assert shown.count("\n") == text.count("\n")


def test_what_languages_need_stays() -> None:
    for text in ("ệ", "e\u0302\u0323", "ที่", "שָׁלוֹם", "한국어", "नमस्ते", "👍🏽", "Z\u0335\u0301\u0302\u0303"):
        assert plain(text) == text


@given(
    st.lists(
        st.sampled_from([text.encode("utf-8", "surrogatepass") for text in HOSTILE] + [b"\xff\x9b", b"I (1) a: b"]),
        max_size=5,
    )
)
@settings(max_examples=200, deadline=None)
def test_a_log_file_holds_no_escapes(parts: list[bytes]) -> None:
    data = b"".join(part.replace(b"\n", b"") + b"\r\n" for part in parts)
    text = log_text(block_of(data)).decode()
    assert not ACTS.search(text.replace("\n", ""))
    assert text.count("\n") == len(parts)


def test_who_wants_the_escapes_gets_them() -> None:
    assert log_text(block_of(b"\x1b[31mred\x1b]0;x\x07\r\n"), raw_escapes=True) == b"\x1b[31mred\x1b]0;x\x07\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_saved_reports_and_json_hold_no_escapes(text: str, tmp_path: Path) -> None:
    for name, made in (("report.txt", text), ("report.json", as_json({"reason": text}))):
        path = saver(tmp_path, name, lambda made=made: made)()  # type: ignore[misc]
        assert not ACTS.search(path.read_text("utf-8").replace("\n", ""))


@pytest.mark.parametrize("text", HOSTILE)
def test_the_sidecar_holds_no_escapes(text: str, tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail, clock=SessionClock())
    recording.event({"event": "note", "text": text}, 0.0)
    recording.close()
    written = (tmp_path / SIDECAR).read_text("ascii")
    assert not ACTS.search(written.replace("\n", ""))
    assert json.loads(written)["text"] == text


@pytest.mark.parametrize("pattern", ["\x1b]0;owned\x07%H", "%H\n%M", "\x9b2J", "%H\u202e", "%H\x00", "%" + "Y" * 1000])
def test_a_format_of_times_is_text(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"timestamp_format = {json.dumps(pattern)}\n")
    chosen, _ = load_settings(path)
    assert not ACTS.search(host_time(1_700_000_000.0, chosen.timestamp_format))
    assert "\n" not in host_time(1_700_000_000.0, chosen.timestamp_format)
