"""What an event holds beyond its row, as a report: a probe, a flash, or any event's details."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.payload_table import Table, table_of, table_text
from espmon.session.session_events import Failure, FlashEvent, ProbeEvent
from espmon.session.status import EventEntry
from espmon.text import plain
from espmon.tui.report_files import saver
from espmon.tui.widgets.event_payload import tree_text, value_of

if TYPE_CHECKING:
    from espmon.rom.app_image import Partition
    from espmon.rom.flash_regions import FlashOutcome, RegionResult
    from espmon.tui.screens.report_screen import ReportScreen, Section

FIELDS = ("field", "value")
"""Columns of one object as a table."""

NESTED = (dict, list)


def event_screen(entry: EventEntry, name: str, folder: Path | None) -> ReportScreen:
    """The report of an event of the board `name`; saved in `folder`."""
    from espmon.tui.screens.report_screen import ReportScreen, Section

    record, kind = entry.record, entry.record.type
    title = entry.title
    warnings: Sequence[str] = ()
    sections: Sequence[Section]
    if isinstance(record, ProbeEvent):
        warnings = record.result.warnings
        title = f"Probe of {name}"
        if isinstance(record.result, Failure):
            title += " failed"
            sections = (*_failed(record.result), *_exchange(record.transcript))
        else:
            from espmon.tui.screens.probe_report import probe_sections

            sections = probe_sections(record.result, record.transcript)
    elif isinstance(record, FlashEvent):
        warnings = record.result.warnings
        sections = (*_flash(record), *_exchange(record.transcript))
    else:
        value = value_of(entry)
        table = table_of(value)
        if (
            table is not None
            and tuple(table.columns) == FIELDS
            and any(isinstance(row[1], NESTED) for row in table.rows)
        ):
            table = None  # a tree has what one line of a table cannot hold
        known = entry.details if value is None else [row for row in entry.details if row[0] != "value"]
        rows = (*known, *((("file", str(entry.path)),) if entry.path is not None else ()))
        sections = [Section(kind.capitalize(), rows or (("kind", kind),))]
        if table is not None:
            sections.insert(0, Section("Value", text=table_text(table)))
        elif value is not None:
            sections.insert(0, Section("Value", text=tree_text(value)))
    text = "\n\n".join([title, *(f"! {warning}" for warning in warnings), *(part.as_text() for part in sections)])
    save = saver(folder, f"{kind}-{entry.id}.txt", lambda: text + "\n")
    return ReportScreen(title, sections, save=save, warnings=warnings)


def _failed(failure: Failure) -> list[Section]:
    from espmon.tui.screens.report_screen import Section

    sections = [Section("What happened", text=failure.sentence)]
    if failure.hint:
        sections.append(Section("What to do", text=failure.hint))
    return sections


def _flash(event: FlashEvent) -> list[Section]:
    from espmon.tui.screens.dialog import time_text
    from espmon.tui.screens.report_screen import Section

    result = event.result
    if isinstance(result, Failure):
        rows = [("action", event.action), ("now running", result.after), ("unfinished", ", ".join(result.unfinished))]
        return [*_failed(result), Section("Run", tuple(row for row in rows if row[1]))]
    rows = [
        ("action", event.action),
        ("chip", result.chip),
        ("loader", result.loader),
        ("now running", result.after),
        ("took", time_text(result.elapsed)),
    ]
    run = Section("Run", tuple(row for row in rows if row[1]))
    return [*_partitions(result), *map(_region, result.regions), run]


def _partitions(outcome: FlashOutcome) -> list[Section]:
    """The partition table, and the applications that it names."""
    from espmon.tui.screens.report_screen import Section

    rows = [
        (row.name, row.type_name, row.subtype_name, f"0x{row.offset:x}", f"{row.size // 1024} KiB", marks(row))
        for row in outcome.partitions
    ]
    sections = [
        Section(
            f"Application in {plain(name)}",
            tuple(
                (label, text)
                for label, text in (
                    ("project", app.project),
                    ("version", app.version),
                    ("ESP-IDF", app.idf),
                    ("built", app.built),
                    ("ELF SHA256", app.elf_sha256),
                )
                if text
            ),
        )
        for name, app in outcome.applications
    ]
    if rows:
        table = Table(("name", "type", "subtype", "offset", "size", ""), rows)
        sections.insert(0, Section("Partition table", text=table_text(table)))
    return sections


def marks(partition: Partition) -> str:
    """What is special about a partition."""
    kinds = (("encrypted", partition.encrypted), ("read only", partition.readonly))
    return ", ".join(name for name, holds in kinds if holds)


def _region(region: RegionResult) -> Section:
    from espmon.tui.screens.dialog import size_text
    from espmon.tui.screens.report_screen import Section

    state = "right" if region.ok else "WRONG"
    if region.skipped:
        state += ", the same already"
    elif region.written:
        state += f", {size_text(region.written)} written"
    rows = [
        ("state", state),
        ("size", f"{size_text(region.size)} ({region.size} bytes)"),
        ("file", region.file),
        ("MD5 of the file", region.md5_file),
        ("MD5 in flash", region.md5_flash),
    ]
    return Section(f"0x{region.address:08x}", tuple(row for row in rows if row[1]))


def _exchange(transcript: str) -> list[Section]:
    from espmon.tui.screens.report_screen import Section

    return [Section("Exchange with the loader", text=transcript)] if transcript else []
