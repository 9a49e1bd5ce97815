"""The task watchdog's own rows: who starved, who was running, and who is to blame."""

from __future__ import annotations

import re

from espmon.records.events.line_cleaning import number
from espmon.records.events.panic_record import Panic

MAX_TASKS = 32
"""Starved tasks kept."""

_STARVED = re.compile(r"(?s)task_wdt:\s+- (.+?)(?: \(CPU ([\d/]+)\))?$|^\s*- (.+?) \(CPU ([\d/]+)\)$")
_RUNNING = re.compile(r"(?:task_wdt: |^)CPU (\d): (\S.*)$")
_OTHER = re.compile(r"Tasks currently running:|task_wdt: +(?:Aborting|Print CPU)")


def read_watchdog(panic: Panic, text: str) -> bool:
    """Read one row; False when the line is none."""
    text = text.rstrip()
    if running := _RUNNING.search(text):
        panic.running[int(running[1])] = running[2]
    elif starved := _STARVED.search(text):
        name = starved[1] or starved[3]
        cpus = starved[2] or starved[4]
        if len(panic.starved) < MAX_TASKS:
            panic.starved.append((name, number(cpus)))
    elif not _OTHER.search(text):
        return False
    _blame(panic)
    return True


def is_idle(task: str) -> bool:
    """True for an idle task (`IDLE`, `IDLE0`): it starves, it is never to blame."""
    return re.fullmatch(r"IDLE ?\d?", task) is not None


def _blame(panic: Panic) -> None:
    for name, cpu in panic.starved:
        if not is_idle(name):
            # A task that subscribed and stopped reporting: whoever kept its processor, else itself.
            runner = panic.running.get(cpu) if cpu is not None else None
            suspect = runner if runner is not None and not is_idle(runner) else name
        else:
            if cpu is None:
                cpu = number(name[-1:])
            runner = panic.running.get(cpu) if cpu is not None else None
            if runner is None or is_idle(runner):
                continue
            suspect = runner
        panic.suspect = panic.task = suspect
        return
