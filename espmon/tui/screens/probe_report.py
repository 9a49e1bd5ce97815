"""What a probe found, field by field, with the exchange for bug reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espmon.tui.screens.dialog import size_text, time_text
from espmon.tui.screens.report_screen import Section

UNTOLD = "not told by the chip"
"""Shown for fields that are null."""

CHIP_FIELDS = (
    ("chip", "chip"),
    ("description", "description"),
    ("revision", "revision"),
    ("mac", "MAC"),
    ("crystal_mhz", "crystal, MHz"),
    ("features", "features"),
    ("usb_mode", "USB mode"),
    ("secure_download", "secure download mode"),
)
"""(field of the probe's JSON, label)."""

RUN_FIELDS = (("loader", "answered by"), ("after", "now running"), ("elapsed", "took"))


def text_of(field: str, value: object) -> str:
    """A value of the probe's JSON in words."""
    if value is None:
        return UNTOLD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "elapsed" and isinstance(value, (int, float)):
        return time_text(float(value))
    if field == "size" and isinstance(value, int):
        return f"{size_text(value)} ({value} bytes)"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def probe_sections(probe: Mapping[str, Any], transcript: Sequence[str] | str = ()) -> tuple[Section, ...]:
    """The probe's JSON of contracts.md as parts; fields that this table does not know come last, none is left out."""
    chip = tuple((label, text_of(field, probe.get(field))) for field, label in CHIP_FIELDS)
    run = tuple((label, text_of(field, probe.get(field))) for field, label in RUN_FIELDS)
    flash, security = probe.get("flash"), probe.get("security")
    sections = [Section("Chip", chip), _nested("Flash", flash), _nested("Security", security), Section("Run", run)]
    known = {field for field, _ in (*CHIP_FIELDS, *RUN_FIELDS)} | {"flash", "security", "warnings", "transcript"}
    other = tuple(
        (field.replace("_", " "), text_of(field, value)) for field, value in probe.items() if field not in known
    )
    if other:
        sections.append(Section("Also", other))
    exchange = transcript or probe.get("transcript") or ""
    if exchange:
        text = exchange if isinstance(exchange, str) else "\n".join(map(str, exchange))
        sections.append(Section("Exchange with the loader", text=text))
    return tuple(sections)


def _nested(title: str, value: object) -> Section:
    if not isinstance(value, Mapping) or not value:
        return Section(title, text=UNTOLD)
    return Section(
        title, tuple((str(field).replace("_", " "), text_of(str(field), item)) for field, item in value.items())
    )
