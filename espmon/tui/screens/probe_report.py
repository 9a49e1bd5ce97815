"""What a probe found, field by field, with the exchange for bug reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.tui.screens.dialog import size_text, time_text
from espmon.tui.screens.report_screen import Section

if TYPE_CHECKING:
    from espmon.rom import ProbeResult

UNTOLD = "not told by the chip"
"""Shown for what is None."""


def text_of(value: str | int | bool | list[str] | None) -> str:
    """A value in words."""
    if value is None:
        return UNTOLD
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) or "none") if isinstance(value, list) else str(value)


def probe_sections(probe: ProbeResult, transcript: str = "") -> tuple[Section, ...]:
    """Everything that a probe found, as parts."""
    chip = [
        ("chip", probe.chip),
        ("description", probe.description),
        ("revision", text_of(probe.revision)),
        ("MAC", text_of(probe.mac)),
        *([("EUI-64", probe.eui64)] if probe.eui64 else []),
        ("crystal, MHz", text_of(probe.crystal_mhz)),
        ("features", text_of(probe.features)),
        ("USB mode", text_of(probe.usb_mode)),
        ("secure download mode", text_of(probe.secure_download)),
    ]
    flash = []
    if probe.flash is not None:
        size = probe.flash.size
        flash = [
            ("manufacturer", f"0x{probe.flash.manufacturer:02x}"),
            ("device", f"0x{probe.flash.device:04x}"),
            ("size", UNTOLD if size is None else f"{size_text(size)} ({size} bytes)"),
        ]
    security = [(name.replace("_", " "), text_of(flag)) for name, flag in (probe.security or {}).items()]
    run = [("answered by", probe.loader), ("now running", probe.after), ("took", time_text(probe.elapsed))]
    sections = [Section("Chip", tuple(chip)), _told("Flash", flash), _told("Security", security)]
    sections.append(Section("Run", tuple(run)))
    if transcript:
        sections.append(Section("Exchange with the loader", text=transcript))
    return tuple(sections)


def _told(title: str, rows: list[tuple[str, str]]) -> Section:
    return Section(title, tuple(rows), text="" if rows else UNTOLD)
