"""What was read of a partition, and what became of one, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espmon.text import counted
from espmon.tui.log.row_texts import hex_rows
from espmon.tui.screens.dialog import size_text, time_text

if TYPE_CHECKING:
    from espmon.rom.app_image import Partition
    from espmon.rom.flash_regions import FlashOutcome
    from espmon.tui.screens.report_screen import ReportScreen

MAX_DUMPED = 512
"""Bytes of a partition that are shown as they are."""


def partition_report(row: Partition, outcome: FlashOutcome, partitions: Sequence[Partition]) -> ReportScreen:
    """What a partition begins with, decoded where it is OTA data or an application.

    Args:
    row: the partition.
    outcome: of reading it.
    partitions: the whole table.
    """
    from espmon.rom.app_image import parse_description
    from espmon.rom.ota_data import parse_ota_data
    from espmon.tui.screens.report_screen import ReportScreen, Section
    from espmon.tui.stored_values import record_rows

    sections: list[Section] = []
    if (row.type_name, row.subtype_name) == ("data", "ota"):
        choice = parse_ota_data(outcome.data, partitions)
        said = "\n".join([f"{choice.reason}.", *choice.notes])
        sections.append(Section(f"Starts: {choice.boots or 'nothing'}", text=said))
        sections += [Section(title, rows) for title, rows in record_rows(choice)]
    elif row.type_name == "app":
        app = parse_description(outcome.data)
        rows = () if app is None else tuple((label, text) for label, text in zip(app._fields, app, strict=True) if text)
        said = "" if rows else "No application descriptor stands there"
        sections.append(Section("Application", rows, said))
    shown = outcome.data[:MAX_DUMPED]
    empty = not shown.strip(b"\xff")
    text = "erased" if empty else "\n".join(hex_rows(shown))
    sections.append(Section(f"The first {counted(len(shown), 'byte')}", text=text))
    return ReportScreen(f"{row.name} at 0x{row.offset:08x}", sections, warnings=outcome.warnings)


def result_text(outcome: FlashOutcome) -> str:
    """How a job that changes or compares flash ended, in a line."""
    took = time_text(outcome.elapsed)
    wrong = [region for region in outcome.regions if not region.ok]
    if wrong:
        places = ", ".join(f"0x{at:08x}" for region in wrong for at in region.mismatch[:3] or [region.address])
        return f"DIFFERENT: {counted(len(wrong), 'region')}, first at {places} ({took})"
    if outcome.action == "erase":
        return f"erased and found empty ({took})"
    if outcome.action == "verify":
        return f"the same ({took})"
    written = sum(region.written for region in outcome.regions)
    if not written:
        return f"nothing written: it was the same already ({took})"
    rest = ", the rest was the same" if any(region.skipped for region in outcome.regions) else ""
    return f"written: {size_text(written)}{rest} ({took})"
