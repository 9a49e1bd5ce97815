"""Reads the rows of a crash report: registers, backtraces, stack memory. What is not whole is damaged, not guessed."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from espmon.model.architecture import ARCHITECTURES, XTENSA
from espmon.model.crash_facts import StackPieces
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame
from espmon.records.events.panic_record import MAX_FRAMES, MAX_STACK

_EXTRA = (
    "EPC1", "EPC2", "EPC3", "EPC4", "EPC5", "EPC6", "DEPC", "EXCSAVE1", "THREADPTR", "BR", "SCOMPARE1", "ACCLO",
    "ACCHI",
    "M0", "M1", "M2", "M3", "S0", "FP", "EPC", "CAUSE", "VADDR", "LCNT", "MXSTATUS", "MINTSTATUS", "UTVEC", "USTATUS",
    "GPIO", "ULP_PC", "INTLEVEL", "MINTTHRESH",
)  # fmt: skip
KNOWN = frozenset(_EXTRA).union(*(each.dump for each in ARCHITECTURES.values()))
"""Every register that some system prints."""

_ALIASES = {"S0": "S0/FP", "FP": "S0/FP", "EPC": "MEPC", "CAUSE": "EXCCAUSE", "VADDR": "EXCVADDR", "LCNT": "LCOUNT"}

_REGISTER = re.compile(r"(?<![A-Za-z0-9_])([A-Z][A-Z0-9_]{0,8}(?:/FP)?)\s*:\s*(0x)?([0-9A-Za-z]*)")
_CUT_NAME = re.compile(r"^[A-Z][A-Z0-9/]{0,8}\s*:?\s*(?:0x)?$")
_HEX8 = re.compile(r"[0-9a-fA-F]{8}")


@dataclass(slots=True)
class Registers:
    """What one row of a register dump holds."""

    values: RegisterSet = field(default_factory=RegisterSet)
    damaged: list[str] = field(default_factory=list)


def registers(text: str, *, loose: bool = False) -> Registers | None:
    """The registers of one row (`PC      : 0x400d0e38  PS      : ...`), None when the line is no such row.

    `loose` takes values without `0x` too, as the oldest ESP-IDF and NuttX print them.
    """
    row = Registers()
    end = 0
    for match in _REGISTER.finditer(text):
        name, prefix, digits = match[1], match[2], match[3]
        if name not in KNOWN or (prefix is None and not (loose and _HEX8.fullmatch(digits))):
            continue
        end = match.end()
        if _HEX8.fullmatch(digits):
            row.values[name] = int(digits, 16)
        else:
            row.damaged.append(f"register {name}: 0x{digits[:24]}")
    if not row.values and not row.damaged:
        return None
    rest = text[end:].strip()
    if rest:
        row.damaged.append(f"after the registers: {rest[:40]}")
    return row


def is_cut_register(text: str) -> bool:
    """True for a register row that was cut inside its first name (`EXC`)."""
    match = _CUT_NAME.match(text)
    return match is not None and any(name.startswith(re.split(r"[\s:]", text, maxsplit=1)[0]) for name in KNOWN)


def alias(name: str) -> str:
    """The name a register goes by in ESP-IDF's dumps."""
    return _ALIASES.get(name, name)


_GLUED = re.compile(r"(?<=[0-9a-fA-F])0[xX](?=[0-9a-fA-F])")
_PAIR = re.compile(r"(?:0[xX])?([0-9a-fA-F]{8}):(?:0[xX])?([0-9a-fA-F]{8})")
_BARE = re.compile(r"0[xX]([0-9a-fA-F]{8})")
_BEGUN = re.compile(r"(?:0[xX]?)?[0-9a-fA-F]{0,8}(?::(?:0[xX]?)?[0-9a-fA-F]{0,8})?")
_LIKE = re.compile(r"0[xX][0-9a-zA-Z]*|(?:0[xX])?[0-9a-zA-Z]{6,}:(?:0[xX])?[0-9a-zA-Z]+")


@dataclass(slots=True)
class Trace:
    """What a backtrace line holds."""

    frames: list[StackFrame] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    corrupted: bool = False
    continues: bool = False
    pending: str = ""
    """The begun last entry: its rest may stand on the next line."""


def trace(text: str) -> Trace:
    """The entries of a backtrace line, the text after `Backtrace:`."""
    found = Trace(corrupted="CORRUPT" in text, continues="CONTINUES" in text)
    text = re.sub(r"\|?<-\s*(?:CORRUPT(?:ED)?|EXIT|CONTINUES)", " ", text).replace("|", " ")
    tokens = [token.rstrip("),.;") for token in _GLUED.sub(" 0x", text).split()]
    last = len(tokens) - 1
    for index, token in enumerate(tokens):
        if match := _PAIR.fullmatch(token):
            found.frames.append(StackFrame(XTENSA.call_address(int(match[1], 16)), int(match[2], 16)))
        elif index == last and ":" in token and _BEGUN.fullmatch(token):
            found.pending = token
        elif match := _BARE.fullmatch(token):
            if index == last and found.frames:
                found.pending = token
            else:
                found.frames.append(StackFrame(XTENSA.call_address(int(match[1], 16))))
        elif index == last and _BEGUN.fullmatch(token) and (token.lower().startswith("0x") or token == "0"):
            found.pending = token
        elif _LIKE.match(token):
            found.damaged.append(f"backtrace entry: {token[:48]}")
    del found.frames[MAX_FRAMES:]
    return found


def join_pending(pending: str, text: str) -> tuple[StackFrame, str] | None:
    """The entry that `pending` and the start of the next line make together, and the rest of that line."""
    head, _, rest = text.partition(" ")
    if _GLUED.search(head):
        cut = _GLUED.search(head)
        assert cut is not None
        head, rest = head[: cut.start()], f"{head[cut.start() :]} {rest}"
    match = _PAIR.fullmatch(pending + head)
    if match is None:
        return None
    return StackFrame(XTENSA.call_address(int(match[1], 16)), int(match[2], 16)), rest


def pending_frame(pending: str) -> StackFrame | None:
    """What is certain of an entry that was cut: its PC, when that is whole."""
    match = re.match(r"(?:0[xX])?([0-9a-fA-F]{8}):", pending) or _BARE.fullmatch(pending)
    return StackFrame(XTENSA.call_address(int(match[1], 16))) if match else None


def starts_with_pair(text: str) -> bool:
    """True for a line that goes on with backtrace entries."""
    return _PAIR.match(text) is not None


def bare_address(text: str) -> int | None:
    """The address of a line that holds nothing else, as esp-backtrace prints them."""
    match = _BARE.fullmatch(text)
    return int(match[1], 16) if match else None


_STACK_ROW = re.compile(r"(?:(?:stack_dump|\w+): +)?(?:0x)?([0-9a-fA-F]{8}):\s+(\S.*)$")


@dataclass(slots=True)
class StackRow:
    """One row of dumped stack memory, up to its first unreadable word."""

    address: int
    pieces: list[tuple[int, bytes]]
    damaged: str | None


_WHOLE_ROW = re.compile(r"[0-9a-fA-F]{8}:(?: 0x[0-9a-fA-F]{8}){1,16} *")


def whole_stack_row(text: str) -> tuple[int, bytes] | None:
    """The address and the bytes of an undamaged row as the panic handler prints it; None for any other line."""
    if _WHOLE_ROW.fullmatch(text) is None:
        return None
    words = [int(word, 16) for word in text[9:].split()]
    return int(text[:8], 16), struct.pack(f"<{len(words)}I", *words)


def stack_row(text: str, *, prefix: str) -> StackRow | None:
    """A row `3fc9a350: 0xa5a5a5a5 ...` (`prefix` "0x") or `3ffffc30:  3ffeaf48 ...` (`prefix` ""); None for others."""
    match = _STACK_ROW.match(text)
    if match is None:
        return None
    address = int(match[1], 16)
    pieces: list[tuple[int, bytes]] = []
    current = bytearray()
    start = address
    bad = []
    words = match[2].replace("<", " ").split()
    if not any(word.startswith(prefix) and _HEX8.fullmatch(word[len(prefix) :]) for word in words):
        return None
    for index, word in enumerate(words[:16]):
        if word.startswith(prefix) and _HEX8.fullmatch(word[len(prefix) :]):
            if not current:
                start = address + 4 * index
            current += int(word[len(prefix) :], 16).to_bytes(4, "little")
        else:
            bad.append(word)
            if current:
                pieces.append((start, bytes(current)))
            # After an unreadable word nothing says whether the next one is in its place.
            current = bytearray()
            break
    if current:
        pieces.append((start, bytes(current)))
    return StackRow(address, pieces, f"stack at 0x{address:08x}: {bad[0][:24]}" if bad else None)


def add_stack(stack: StackPieces, pieces: list[tuple[int, bytes]]) -> bool:
    """Append dumped memory, joining what follows on; False when the limit is reached."""
    for address, data in pieces:
        if sum(len(piece) for _, piece in stack) + len(data) > MAX_STACK:
            return False
        last = stack[-1][1] if stack else None
        if isinstance(last, bytearray) and stack[-1][0] + len(last) == address:
            last.extend(data)
        else:
            stack.append((address, bytearray(data)))
    return True
