"""What a crash is called in a list: by the board's name for it, once, and without the words of anybody else."""

from __future__ import annotations

from espmon.model.crash_facts import CrashFacts

NAMED_BY_WORDS = frozenset({"assert", "heap", "rust", "stack_smash", "brownout"})
"""Kinds of crash that their message says better than a cause."""

WENT_ON = {"task_wdt": "Task watchdog", "heap": "Heap check"}
"""Kind -> what a report is called after which the program went on; others are backtraces that it printed."""


def crash_heading(crash: CrashFacts) -> str:
    """What stands before a crash, and before what is no crash: "Panic", "Task watchdog"."""
    if crash.previous_boot:
        return "Panic of the boot before"
    return "Panic" if crash.fatal else WENT_ON.get(crash.kind, "Backtrace")


def crash_title(crash: CrashFacts) -> str:
    """The title of a crash; device text in it is not sanitised yet."""
    what = _named(crash)
    if crash.kind == "task_wdt" and crash.starved:
        starved = ", ".join(task for task, _ in crash.starved)
        what = f"{'task watchdog: ' if crash.fatal else ''}{starved} did not report in time"
    if crash.lp_core:
        what += " on the LP core"
    if crash.task and crash.task not in what:
        what += f" in task {crash.task}"
    if crash.core is not None and f"on core {crash.core}" not in what and f"CPU{crash.core}" not in what:
        what += f" on core {crash.core}"
    return f"{crash_heading(crash)}: {what}"


def _named(crash: CrashFacts) -> str:
    first, _, rest = (crash.message or "").partition("\n")
    if first.endswith(":") and rest:
        first = f"{first} {rest.partition(chr(10))[0]}"
    words = (first, crash.cause) if crash.kind in NAMED_BY_WORDS else (crash.cause, crash.reason, first)
    named = next((one for one in words if one), None)
    return named or ("a backtrace without a reason" if crash.kind == "other" else crash.kind)
