"""Puts one panic together from its lines, in whatever order and state they arrive."""

from __future__ import annotations

import re
from collections.abc import Callable

from espmon.model.architecture import ARCHITECTURES
from espmon.model.crash_facts import CoreState
from espmon.model.crash_kinds import kind_of
from espmon.model.stack_frame import StackFrame
from espmon.records.event import LineView
from espmon.records.events import panic_rows as rows
from espmon.records.events.abort_reason import reason_before
from espmon.records.events.foreign_panics import NUTTX, nuttx_stack_row, nuttx_trace, read_foreign
from espmon.records.events.line_cleaning import number
from espmon.records.events.panic_conclusion import conclude, gave_up, stronger, whole_cause
from espmon.records.events.panic_details import read_detail, read_kasan
from espmon.records.events.panic_record import MAX_FRAMES, Panic
from espmon.records.events.panic_starters import Starter
from espmon.records.events.task_watchdog import read_watchdog

MAX_LINES = 2000
"""A crash report longer than this is closed as it stands."""

MAX_LINES_BEFORE_BANNER = 10
MAX_LINES_BETWEEN_ROWS = 24
MAX_LINES_AFTER_TRACE = 10
MAX_LINES_AFTER_LOOSE_TRACE = 4
"""Lines of other text that may stand inside a report before it counts as ended: before its banner, between its rows,
after its backtrace, and after the backtrace of a report that need not be fatal (task watchdog, bare backtrace)."""

MAX_CORES = 4

_SHA = re.compile(r"ELF file SHA256:\s*([0-9a-fA-F]{6,64})")
_END = re.compile(
    r"Rebooting\.\.\.|^Rebooting\.|CPU halted|Entering gdb stub|Halting system|<<<stack<<<|Resetting\.\.\.$"
)
_CORE_MARK = re.compile(r"Print CPU (\d) (?:\(current core\) )?(?:backtrace|registers)")
_EXTRA = re.compile(
    r"was running in ISR context|Stack dump detected|Memory dump at|Setting breakpoint at"
    r"|^Core\s+\d\s*$|^-+ CUT HERE|last failed alloc|Re-entered core dump|Save core dump|esp_core_dump"
    r"|current thread|current core\b"
)
_WHAT_ROW = re.compile(r"^(?:what\(\)|Unhandled C\+\+ exception): ")
_UNPROVEN = frozenset({"exception8266", "abort8266"})
"""Starters that are no crash yet: words that a program may print, too."""
_NO_MESSAGE = re.compile(r"[EWIDV] \(|\. ?Exception was unhandled|Guru Medit")
_ABORTING = re.compile(r"task_wdt: +Aborting|^Aborting\.$")
_NOT_FATAL = frozenset({"task_wdt", "wdt_row", "trace", "chain", "dump", "ubsan", "heap"})
"""Starters of reports after which the program may go on."""
_NUMBERED = re.compile(r" \(\d+\)$")
_ERROR_ROW = re.compile(r'^(?:file: "|func: |expression: )')


class Assembly:
    """A panic that is still being received.

    `accept` reads a line that belongs to it, `read` one that may; `finished` says that nothing more will come.
    """

    def __init__(self, line: LineView) -> None:
        self.panic = Panic(line.offset, line.length, line.time)
        self.finished = False
        self.groups: set[str] = set()
        self.names: set[str] = set()
        self.lines = 0
        self.loose = False
        self._idle = 0
        self._pending = ""
        self._core: CoreState | None = None
        self._mark: int | None = None
        self._in_stack = False
        self._stack_prefix = "0x"
        self._bare_trace = False
        self._await_message = False
        self._traced_task: str | None = None
        self._aborting = False
        self._ended = False
        self._words: str | None = None

    @property
    def has_rows(self) -> bool:
        """Registers, a backtrace or a stack were printed."""
        return bool({"dump", "trace"} & self.groups)

    @property
    def expects_row(self) -> bool:
        """An unfinished line is most likely a row of this report."""
        return self.has_rows or "banner" in self.groups

    @property
    def has_substance(self) -> bool:
        """Something certain is known: not just the word `Backtrace:`."""
        panic = self.panic
        if panic.registers or panic.backtrace or panic.stack:
            return True
        return bool(self.groups - {"trace", "dump"}) and not self.names <= _UNPROVEN

    def accept(self, line: LineView, starter: Starter, match: re.Match[str], text: str) -> None:
        """Read a line that opens a crash report, or the next part of this one."""
        self._extend(line)
        self.lines += 1
        self.groups.add(starter.group)
        self.names.add(starter.name)
        if starter.name == "rust_exception" and self.panic.kind == "rust":
            # The exception handler panics: what it says is the exception, not where the handler stands.
            self.panic.kind = starter.kind
        elif starter.kind and not (starter.name == "rust" and "rust_exception" in self.names):
            self._prove(starter.kind)
        groups = match.groupdict()
        panic = self.panic
        if starter.group == "banner" and starter.name == "banner":
            self._banner(groups)
        elif starter.name == "dump":
            if self.names == {"dump"}:
                # Every crash has a banner but that of a program that gave up: it prints its words instead.
                self._words = reason_before(line, certain=True)
            self._begin_dump(groups["core"])
        elif starter.name == "stack8266":
            panic.arch = "esp8266"
            self._in_stack, self._stack_prefix = True, ""
        elif starter.name in ("trace", "chain"):
            if self.names == {"trace"}:
                self._words = reason_before(line, certain=True)
            panic.unconfirmed = self.names == {"chain"}
            self._begin_trace(text[match.end() :].strip() if starter.name == "trace" else match["chain"])
        elif starter.name == "wdt_row":
            self.names.add("task_wdt")
            self.read(line, text)
        else:
            self._message(starter, groups, text)
            if starter.name in ("abort", "terminate") and panic.reason is None and len(self.names) == 1:
                panic.reason = reason_before(line, certain=False)
        if "nuttx_exception" in self.names and panic.kind == "assert":
            # Its exception handler ends in an assertion, whose own words say nothing.
            panic.kind = "exception"

    def _prove(self, kind: str) -> None:
        self.panic.kind = stronger(kind, self.panic.kind)

    def _extend(self, line: LineView) -> None:
        self.panic.length = line.offset + line.length - self.panic.offset
        self._idle = 0

    def _banner(self, groups: dict[str, str | None]) -> None:
        panic = self.panic
        core, cause = groups["core"], (groups["cause"] or "").strip()
        if (known := number(core)) is not None:
            panic.core = known
        elif core:
            panic.damage(f"core number: {core[:8]}")
        if not cause:
            panic.damage("the banner does not name a cause")
            self._prove("exception")
            return
        if not groups["close"]:
            panic.damage(f"cause: {cause[:60]}")
        panic.cause = cause if groups["close"] else whole_cause(cause)
        self._prove(kind_of(panic.cause) or "exception")

    def _message(self, starter: Starter, groups: dict[str, str | None], text: str) -> None:
        panic = self.panic
        message = groups.get("message")
        if message:
            panic.say(message.strip())
        if (cause := groups.get("cause")) and not (starter.name == "zephyr_error" and panic.cause):
            panic.cause = _NUMBERED.sub("", cause.strip().removesuffix("'").strip())
            if starter.group == "banner":
                self._prove(kind_of(panic.cause) or "exception")
        if task := groups.get("task"):
            panic.task = task
        if (core := number(groups.get("core"))) is not None:
            panic.core = core
        panic.lp_core = panic.lp_core or starter.name == "lp_banner"
        if pc := groups.get("pc"):
            if len(pc) == 8:
                panic.abort_pc = int(pc, 16)
            else:
                panic.damage(f"abort() address: 0x{pc[:16]}")
            if panic.message is None:
                panic.say(text[text.find("abort()") :].strip())
        if starter.name == "kasan":
            read_kasan(panic, text)
        elif starter.name == "task_wdt":
            # The line end may have been lost.
            read_watchdog(panic, text)
        read_foreign(panic, starter.name, groups, text)
        self._await_message = starter.name == "rust" and text.rstrip().endswith(":")
        if starter.name == "brownout":
            self.finished = True

    def _begin_dump(self, core: str | None) -> None:
        panic = self.panic
        which = number(core) if core is not None else self._mark
        self._in_stack = False
        self._flush_pending()
        if panic.registers or panic.backtrace:
            self._core = CoreState(which)
            panic.other_cores.append(self._core)
        elif panic.core is None and not panic.lp_core:
            panic.core = which

    def _begin_trace(self, rest: str) -> None:
        panic = self.panic
        self._in_stack = False
        self._flush_pending()
        where = self._core or panic
        if where.backtrace and len(panic.other_cores) < MAX_CORES:
            self._core = CoreState(self._mark)
            panic.other_cores.append(self._core)
        elif "task_wdt" in self.names and panic.core is None:
            panic.core = self._mark
        self._bare_trace = not rest
        if rest:
            self._add_trace(rest)

    def _add_trace(self, text: str) -> None:
        panic = self.panic
        found = rows.trace(text)
        frames = (self._core or panic).backtrace
        frames.extend(found.frames[: MAX_FRAMES - len(frames)])
        if len(found.frames) and len(frames) >= MAX_FRAMES:
            panic.damage(f"backtrace longer than {MAX_FRAMES} entries")
        for what in found.damaged:
            panic.damage(what)
        where = self._core or panic
        where.corrupted = where.corrupted or found.corrupted
        panic.continues = panic.continues or (found.continues and self._core is None)
        self._pending = found.pending

    def _flush_pending(self) -> None:
        pending, self._pending = self._pending, ""
        if not pending:
            return
        frame = rows.pending_frame(pending)
        frames = (self._core or self.panic).backtrace
        if frame is not None and len(frames) < MAX_FRAMES:
            frames.append(frame)
        if ":" in pending or frame is None:
            self.panic.damage(f"backtrace entry: {pending[:48]}")

    def take_row(self, line: LineView) -> bool:
        """Read a whole row of stack memory, most of what a RISC-V report consists of; False for every other line."""
        if not self._in_stack or self._pending or self._stack_prefix != "0x":
            return False
        row = rows.whole_stack_row(line.text)
        if row is None:
            return False
        self.lines += 1
        self._extend(line)
        stack = self._core.stack if self._core else self.panic.stack
        if not rows.add_stack(stack, [row]):
            self.panic.damage("the stack dump is longer than can be kept")
        if self.lines >= MAX_LINES:
            self.panic.damage("the report is longer than can be kept")
            self.finished = True
        return True

    def read(self, line: LineView, text: str) -> None:
        """Read a line that opens nothing: part of this report, or another task's text in between."""
        self.lines += 1
        if self._pending and text:
            joined = rows.join_pending(self._pending, text)
            if joined is not None:
                self._pending = ""
                frame, rest = joined
                (self._core or self.panic).backtrace.append(frame)
                self._extend(line)
                if rest.strip():
                    self._add_trace(rest.strip())
                return
            self._flush_pending()
        if self._belongs(line, text):
            self._extend(line)
        elif text:
            self._idle += 1
            self._await_message = self._await_message and _NO_MESSAGE.match(text) is not None
            if self._idle > self._patience():
                self.finished = True
        elif self._in_stack and self.panic.stack:
            self._in_stack = False
        if self.lines >= MAX_LINES:
            self.panic.damage("the report is longer than can be kept")
            self.finished = True

    def _patience(self) -> int:
        if self.loose and "trace" in self.groups:
            return MAX_LINES_AFTER_LOOSE_TRACE
        if self.panic.backtrace or self.panic.stack:
            return MAX_LINES_AFTER_TRACE
        # Rust shows what it panics with as a structure of many lines, before its backtrace.
        long = self.has_rows or "banner" in self.groups or "rust" in self.names
        return MAX_LINES_BETWEEN_ROWS if long else MAX_LINES_BEFORE_BANNER

    def _belongs(self, line: LineView, text: str) -> bool:
        if not text:
            return False
        readers: tuple[Callable[[str], bool], ...] = (
            self._read_end, self._read_stack, self._read_registers, self._read_trace_rest, self._read_details,
        )  # fmt: skip
        return any(reader(text) for reader in readers)

    def _read_end(self, text: str) -> bool:
        panic = self.panic
        if sha := _SHA.search(text):
            digest = sha[1].lower()
            if digest.strip("0"):
                panic.elf_sha256 = digest
            self.finished = bool(panic.backtrace or panic.stack)
            self._ended = True
            return True
        if _END.search(text):
            self.finished = self._ended = True
            return True
        return False

    def _read_stack(self, text: str) -> bool:
        panic = self.panic
        if text.startswith("Stack memory:"):
            self._in_stack, self._stack_prefix = True, "0x"
            self.groups.add("dump")
            return True
        if NUTTX & self.names and (found := nuttx_stack_row(text)):
            row = rows.stack_row(found, prefix="")
        elif self._in_stack:
            row = rows.stack_row(text, prefix=self._stack_prefix)
        else:
            return False
        if row is None:
            return bool(read_foreign(panic, "stack8266", {}, text))
        stack = self._core.stack if self._core else panic.stack
        if not rows.add_stack(stack, row.pieces):
            panic.damage("the stack dump is longer than can be kept")
        if row.damaged:
            panic.damage(row.damaged)
        return True

    def _read_registers(self, text: str) -> bool:
        nuttx = bool(NUTTX & self.names)
        if not self.expects_row and not nuttx:
            return False
        loose = nuttx or not self.panic.registers or "old" in self.names
        row = rows.registers(text, loose=loose)
        if row is None:
            if self.panic.registers and rows.is_cut_register(text):
                self.panic.damage(f"register row: {text[:24]}")
                return True
            return False
        if loose and row.values and "0x" not in text:
            self.names.add("old")
        target = self._core.registers if self._core else self.panic.registers
        for name, value in row.values.items():
            target.setdefault(rows.alias(name), value)
        for what in row.damaged:
            self.panic.damage(what)
        self.groups.add("dump")
        return True

    def _read_trace_rest(self, text: str) -> bool:
        if NUTTX & self.names and (found := nuttx_trace(text)):
            task, addresses = found
            self._traced_task = self._traced_task or task
            if task == self._traced_task:
                room = MAX_FRAMES - len(self.panic.backtrace)
                self.panic.backtrace.extend(map(StackFrame, addresses[:room]))
            return True
        if "trace" not in self.groups:
            return False
        if rows.starts_with_pair(text):
            self._add_trace(text)
            return True
        address = rows.bare_address(text) if self._bare_trace else None
        frames = (self._core or self.panic).backtrace
        if address is None or len(frames) >= MAX_FRAMES:
            return False
        frames.append(StackFrame(address))
        return True

    def _read_details(self, text: str) -> bool:
        panic = self.panic
        if mark := _CORE_MARK.search(text):
            self._mark = int(mark[1])
            return True
        if "task_wdt" in self.names and read_watchdog(panic, text):
            self._aborting = self._aborting or _ABORTING.search(text) is not None
            return True
        if read_detail(panic, text) or ("kasan" in self.names and read_kasan(panic, text)):
            if panic.cause is not None:
                self._prove(kind_of(panic.cause) or "exception")
            return True
        if _ABORTING.search(text):
            self._aborting = True
            return True
        if _EXTRA.search(text):
            return True
        if ("error_check" in self.names and _ERROR_ROW.match(text)) or _WHAT_ROW.match(text):
            panic.say(text)
            return True
        if read_foreign(panic, "", {}, text):
            self.groups.add("dump")
            return True
        if self._await_message and not self.has_rows and not _NO_MESSAGE.match(text):
            self._await_message = False
            panic.say(text)
            return True
        return False

    def _stops(self) -> bool:
        """A report of this kind is the last that the program does."""
        return not self.names <= _NOT_FATAL or ("dump" in self.names and "task_wdt" not in self.names)

    def close(self, *, interrupted: bool, restarted: bool = False) -> Panic:
        """The panic with everything derived.

        Args:
            interrupted: its end was not seen.
            restarted: the chip's next start was seen right behind it.
        """
        self._flush_pending()
        panic = self.panic
        over = self._ended or restarted
        panic.fatal = over or self._aborting or self._stops()
        if self._words is not None and (over if "dump" not in self.names else gave_up(panic)):
            panic.reason = self._words
            self._prove("abort")
        conclude(panic)
        if "dump" in self.names and not any((panic.registers, *(state.registers for state in panic.other_cores))):
            panic.damage("no register could be read")
        arch = ARCHITECTURES.get(panic.arch or "")
        if arch is not None and ("dump" in self.names or "banner" in self.names):
            # The ROM of the P4 says PC for MEPC and leaves out what it has no use for.
            spared = arch.rom_lacks if {"PC", "RA"} <= panic.registers.keys() else ()
            missing = [name for name in arch.dump if name not in panic.registers and name not in spared]
            # The task watchdog of some chips prints MEPC and RA alone.
            if len(panic.registers) > 2 and missing:
                panic.damage(f"registers not seen: {' '.join(missing)}")
        if interrupted and not panic.backtrace and not panic.stack and panic.kind not in ("task_wdt", "brownout"):
            panic.damage("the report ended before a backtrace or a stack dump")
        return panic
