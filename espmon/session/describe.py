"""How a record reads in the inspector: one title, one severity, and rows of details, all safe to show."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from espmon.model.crash_facts import CrashFacts
from espmon.records.events.boot_loop import LOOP_AT
from espmon.records.record import JsonObject, Record
from espmon.session.crash_title import crash_title
from espmon.session.status import Severity
from espmon.text import plain

HIDDEN = frozenset({"bytes", "backtrace", "registers", "path"})
"""Fields that are shown in their own way, or not at all."""

EMPTY: Sequence[object] = (None, "", [], {})
"""Values that say nothing."""

DETAIL_CHARACTERS = 2000
"""Longest detail shown; the artifact has the rest."""


def _size(count: int | None) -> str:
    return f"{count:,} bytes" if count is not None else "unknown size"


def _payload(name: str, fields: JsonObject) -> tuple[str, Severity]:
    if fields.get("complete", True):
        return f"{name}: {_size(fields.get('bytes'))}", Severity.INFO
    return f"{name} damaged: {fields.get('error') or 'incomplete'}", Severity.WARNING


def _png(fields: JsonObject) -> tuple[str, Severity]:
    size = f" {fields['width']}x{fields['height']}" if fields.get("width") else ""
    return _payload(f"Screenshot{size}", fields)


def _frame(fields: JsonObject) -> tuple[str, Severity]:
    name = f" {fields['name']}" if fields.get("name") else ""
    return _payload(f"Frame {fields.get('kind')}{name}", fields)


def _coredump(fields: JsonObject) -> tuple[str, Severity]:
    title, severity = _payload("Core dump", fields)
    checksum = fields.get("checksum")
    if fields.get("complete"):
        title += f", checksum {checksum}"
        severity = Severity.ERROR
    return title, severity


def _gdb(fields: JsonObject) -> tuple[str, Severity]:
    signal = fields.get("signal")
    what = f"signal {signal}" if signal is not None else "packet"
    if fields.get("checksum") != "ok":
        return f"gdb stub: {what}, checksum bad", Severity.WARNING
    return f"gdb stub waits: {what}", Severity.ERROR


def _reset(fields: JsonObject) -> tuple[str, Severity]:
    reason = fields.get("reason") or f"code {fields.get('code')}"
    title = f"Reset: {reason}"
    if fields.get("hint"):
        title += f" ({fields['hint']})"
    alarming = fields.get("expected") is False or int(fields.get("repeats") or 1) >= LOOP_AT
    return title, Severity.WARNING if alarming else Severity.INFO


def _boot(fields: JsonObject) -> tuple[str, Severity]:
    parts = [fields.get("chip"), fields.get("app"), fields.get("app_version"), fields.get("idf_version")]
    named = " ".join(str(part) for part in parts if part)
    if fields.get("hint"):
        return f"Boot: {named} ({fields['hint']})" if named else f"Boot: {fields['hint']}", Severity.WARNING
    title = f"Boot: {named or 'application started'}"
    return title, Severity.INFO


def _probe(fields: JsonObject) -> tuple[str, Severity]:
    return f"Probe: {fields.get('description') or fields.get('chip') or fields.get('error')}", Severity.INFO


def _link(fields: JsonObject) -> tuple[str, Severity]:
    state = fields.get("state")
    return f"Link {state}: {fields.get('reason') or ''}".rstrip(": "), (
        Severity.WARNING if state == "lost" else Severity.INFO
    )


def _flash(fields: JsonObject) -> tuple[str, Severity]:
    wrong = fields.get("error") or fields.get("cancelled")
    return str(fields.get("summary")), Severity.WARNING if wrong else Severity.INFO


def _note(fields: JsonObject) -> tuple[str, Severity]:
    return str(fields.get("text") or fields.get("message") or fields.get("reason") or "Note"), Severity.INFO


TITLES: Mapping[str, Callable[[JsonObject], tuple[str, Severity]]] = {
    "png": _png,
    "frame": _frame,
    "coredump": _coredump,
    "gdb": _gdb,
    "reset": _reset,
    "boot": _boot,
    "caps": lambda fields: ("Capabilities announced by the board", Severity.INFO),
    "probe": _probe,
    "flash": _flash,
    "link": _link,
    "note": _note,
}
"""Record type -> (title, severity). A crash is titled by `crash_title`; any other type is listed under its own name."""

UNLISTED = frozenset({"line", "raw"})
"""Types that are the log itself, and do not enter the inspector."""


def _by_name(record: Record, fields: JsonObject) -> tuple[str, Severity]:
    name = record.type.replace("_", " ").capitalize()
    return ": ".join(part for part in (name, _text(fields)) if part), Severity.INFO


def describe(record: Record) -> tuple[str, Severity, tuple[tuple[str, str], ...]] | None:
    """Title, severity and detail rows of a record; None when the inspector does not list its type."""
    if record.type in UNLISTED:
        return None
    fields = record.fields()
    maker = TITLES.get(record.type)
    if isinstance(record, CrashFacts):
        title, severity = crash_title(record)
    else:
        title, severity = maker(fields) if maker is not None else _by_name(record, fields)
    return plain(title)[:DETAIL_CHARACTERS], severity, tuple(_rows(fields))


def _rows(fields: JsonObject) -> list[tuple[str, str]]:
    rows = [
        (plain(name.replace("_", " ")), _text(value))
        for name, value in fields.items()
        if name not in HIDDEN and value not in EMPTY
    ]
    registers = fields.get("registers") or {}
    rows += [("register " + plain(str(name)), plain(str(value))) for name, value in registers.items()]
    for number, frame in enumerate(fields.get("backtrace") or []):
        rows.append((f"#{number}", plain(" ".join(str(part) for part in frame.values() if part is not None))))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        # Things with parts (the regions of a flash) stand one below the other.
        between = "\n" if any(isinstance(item, Mapping) for item in value) else ", "
        return between.join(_text(item) for item in value)[:DETAIL_CHARACTERS]
    if isinstance(value, Mapping):
        known = {plain(str(name).replace("_", " ")): item for name, item in value.items() if item not in EMPTY}
        parts = [part for item in known.values() for part in (item if isinstance(item, list) else [item])]
        if any(isinstance(part, (list, Mapping)) for part in parts):
            return plain(json.dumps(value, ensure_ascii=False, default=str))[:DETAIL_CHARACTERS]
        told = {
            name: " ".join(map(_text, item)) if isinstance(item, list) else _text(item) for name, item in known.items()
        }
        return ", ".join(f"{name}: {text}" for name, text in told.items())[:DETAIL_CHARACTERS]
    return plain(str(value))[:DETAIL_CHARACTERS]
