"""What an event holds beyond its row, as a report: a probe, a flash, or any event's details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espmon.session.status import EventEntry
from espmon.tui.report_files import saver

if TYPE_CHECKING:
    from espmon.tui.screens.report_screen import ReportScreen, Section


def event_screen(entry: EventEntry, name: str, folder: Path | None) -> ReportScreen:
    """The report of an event of the board `name`; saved in `folder`."""
    from espmon.tui.screens.report_screen import ReportScreen, Section

    fields = entry.record.fields()
    kind = entry.record.type
    warnings = tuple(str(warning) for warning in fields.get("warnings") or ())
    if kind == "probe" and "error" not in fields:
        from espmon.tui.screens.probe_report import probe_sections

        title = f"Probe of {name}"
        sections = probe_sections(fields, str(fields.get("transcript") or ""))
    elif kind == "probe":
        title, sections = f"Probe of {name} failed", _failed(fields)
    elif kind == "flash":
        title, sections = entry.title, _flash(fields)
    else:
        rows = (*entry.details, *((("file", str(entry.path)),) if entry.path is not None else ()))
        title, sections, warnings = entry.title, (Section(kind.capitalize(), rows or (("kind", kind),)),), ()
    text = "\n\n".join([title, *(f"! {warning}" for warning in warnings), *(part.as_text() for part in sections)])
    save: Callable[[], Path] = saver(folder, f"{kind}-{entry.id}.txt", lambda: text + "\n")
    return ReportScreen(title, sections, save=save, warnings=warnings)


def _failed(fields: Mapping[str, Any]) -> tuple[Section, ...]:
    from espmon.tui.screens.report_screen import Section

    sections = [Section("What happened", text=str(fields["error"]))]
    if fields.get("hint"):
        sections.append(Section("What to do", text=str(fields["hint"])))
    return (*sections, *_exchange(fields))


def _flash(fields: Mapping[str, Any]) -> tuple[Section, ...]:
    from espmon.tui.screens.dialog import size_text, time_text
    from espmon.tui.screens.report_screen import Section

    sections = list(_failed(fields)[: 2 if fields.get("hint") else 1]) if fields.get("error") else []
    if fields.get("cancelled"):
        sections.append(Section("What happened", text=str(fields["cancelled"])))
    known = [
        ("action", fields.get("action")),
        ("chip", fields.get("chip")),
        ("loader", fields.get("loader")),
        ("now running", fields.get("after")),
        ("unfinished", fields.get("unfinished")),
    ]
    rows = [(label, str(value)) for label, value in known if value]
    if isinstance(fields.get("elapsed"), (int, float)):
        rows.append(("took", time_text(float(fields["elapsed"]))))
    sections.append(Section("Run", tuple(rows)))
    for region in fields.get("regions") or ():
        size, written = int(region.get("size") or 0), int(region.get("written") or 0)
        state = "right" if region.get("ok") else "WRONG"
        done = "the same already" if region.get("skipped") else f"{size_text(written)} written" if written else ""
        about = [
            ("state", ", ".join(part for part in (state, done) if part)),
            ("size", f"{size_text(size)} ({size} bytes)"),
            ("file", str(region.get("file") or "")),
            ("MD5 of the file", str(region.get("md5_file") or "")),
            ("MD5 in flash", str(region.get("md5_flash") or "")),
        ]
        address = region.get("address")
        title = f"0x{address:08x}" if isinstance(address, int) else str(address)
        sections.append(Section(title, tuple((label, text) for label, text in about if text)))
    return (*sections, *_exchange(fields))


def _exchange(fields: Mapping[str, Any]) -> tuple[Section, ...]:
    from espmon.tui.screens.report_screen import Section

    transcript = str(fields.get("transcript") or "")
    return (Section("Exchange with the loader", text=transcript),) if transcript else ()
