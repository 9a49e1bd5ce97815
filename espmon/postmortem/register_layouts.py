"""Where the registers of each architecture stand in core dumps and in the answers of debug stubs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from espmon.model.architecture import RISCV, RISCV_REGISTERS, RISCV_TRAP, XTENSA
from espmon.model.registers import RegisterSet

Words = Sequence[int]
"""32-bit words."""


class Extra(NamedTuple):
    """The dump's extra information: registers by name, and whether an interrupt was running (None: not said)."""

    registers: RegisterSet
    isr: bool | None


class RegisterLayout(NamedTuple):
    """Of one architecture."""

    order: tuple[str, ...]
    """Names in the order of a report."""

    trap: tuple[str, ...]
    """What stands behind the general registers where the exception frame begins a crashed task's stack."""

    status: Callable[[Words], RegisterSet]
    """The words of a status note (those of a task in an ELF dump)."""

    stack: Callable[[Words], RegisterSet]
    """The words that a task switch or an exception has left at the lowest address of a stack."""

    extra: Callable[[Words], Extra]
    """The extra information behind its first word."""

    status_words: Callable[[Mapping[str, int]], list[int]]
    """The reverse of `status`; registers that are not known are 0."""

    extra_words: Callable[[Mapping[str, int], bool | None], list[int]]
    """The reverse of `extra`."""

    stub: Callable[[Sequence[int | None]], RegisterSet | None]
    """A `g` reply, by the names that panics print; None when it is too short. Words that the stub does not know are
    None."""

    stub_values: Callable[[Mapping[str, int], bool], list[int | None]]
    """The reverse of `stub`, from registers by lower-case names; the flag says whether the chip has loop registers.
    Those that are not known are None."""

    stub_words: int
    """Fewest words of a `g` reply."""

    stub_size: str
    """How many words a `g` reply has, for an error message."""


PS_EXCM, PS_UM = 0x10, 0x20
XTENSA_STATUS = ("pc", "ps", "lbeg", "lend", "lcount", "sar", "windowstart", "windowbase")
XTENSA_EXTRA: Mapping[int, str] = {
    232: "exccause",
    238: "excvaddr",
    **{194 + n: f"eps{n + 2}" for n in range(6)},
    **{177 + n: f"epc{n + 1}" for n in range(7)},
}
"""Register numbers of the extra information -> names."""
XTENSA_EXTRA_WORDS = 36

XTENSA_RESERVED = 64
"""Words of a status note before the address registers."""

XTENSA_FILE = 64
"""Physical address registers."""

XTENSA_AFTER = ("LBEG", "LEND", "LCOUNT", "SAR", "WINDOWBASE", "WINDOWSTART", "CONFIGID0", "CONFIGID1", "PS")
XTENSA_AFTER_NO_LOOPS = ("SAR", "WINDOWBASE", "WINDOWSTART", "CONFIGID0", "CONFIGID1", "PS")
"""Order of the `g` packet behind PC and the address registers; the S2 has no loop registers. Source: the register file
of ESP-IDF's stub."""

XTENSA_WITH_LOOPS = 74
"""A reply of this many words or more comes from a chip with loop registers; the S2 sends 73."""


def _code_address(word: int) -> int:
    # A task that gave the processor up stores a return address, with the window step in its top bits.
    return word & 0x3FFF_FFFF | 0x4000_0000 if word >= 0x8000_0000 else word


def _xtensa_status(words: Words) -> RegisterSet:
    registers = RegisterSet(zip(XTENSA_STATUS, words, strict=False))
    if "pc" in registers:
        registers["pc"] = _code_address(registers["pc"])
    file = words[64:128]
    base = registers.get("windowbase", 0) & 15
    registers.update({f"a{n}": file[(base * 4 + n) % 64] for n in range(16) if len(file) == 64})
    if registers.get("windowstart"):
        registers.update({f"ar{n}": value for n, value in enumerate(file)})
    return registers


def _xtensa_stack(words: Words) -> RegisterSet:
    if len(words) < 8:
        return RegisterSet()
    registers = RegisterSet(pc=_code_address(words[1]), ps=words[2])
    if words[0] == 0:  # the task gave the processor up itself: only a0..a3 are kept
        registers.update(zip(("a0", "a1", "a2", "a3"), words[4:8], strict=False))
    else:
        registers.update({f"a{n}": value for n, value in enumerate(words[3:19])})
        registers.update(zip(("sar", "exccause", "excvaddr", "lbeg", "lend", "lcount"), words[19:25], strict=False))
    if registers["ps"] & PS_UM:
        registers["ps"] &= ~PS_EXCM
    return registers


def _xtensa_extra(words: Words) -> Extra:
    pairs = words[:XTENSA_EXTRA_WORDS]
    numbered = zip(pairs[::2], pairs[1::2], strict=False)
    named = RegisterSet((XTENSA_EXTRA[number], value) for number, value in numbered if number in XTENSA_EXTRA)
    return Extra(named, bool(words[XTENSA_EXTRA_WORDS]) if len(words) > XTENSA_EXTRA_WORDS else None)


def _xtensa_status_words(registers: Mapping[str, int]) -> list[int]:
    base = registers.get("windowbase", 0) & 15
    file = [registers.get(f"ar{number}", 0) for number in range(XTENSA_FILE)]
    for number in range(16):
        file[(base * 4 + number) % XTENSA_FILE] = registers.get(f"a{number}", 0)
    head = [registers.get(name, 0) for name in XTENSA_STATUS]
    return [*head, *[0] * (XTENSA_RESERVED - len(head)), *file, 0]


def _xtensa_extra_words(registers: Mapping[str, int], isr: bool | None) -> list[int]:
    pairs = [word for number, name in XTENSA_EXTRA.items() if name in registers for word in (number, registers[name])]
    return [*pairs, *[0] * (XTENSA_EXTRA_WORDS - len(pairs)), *([] if isr is None else [int(isr)])]


def _xtensa_stub(words: Sequence[int | None]) -> RegisterSet | None:
    if len(words) < 1 + XTENSA_FILE + len(XTENSA_AFTER_NO_LOOPS):
        return None
    after = XTENSA_AFTER if len(words) >= XTENSA_WITH_LOOPS else XTENSA_AFTER_NO_LOOPS
    special = _known(after, words[1 + XTENSA_FILE :])
    base = special.get("WINDOWBASE", 0) * 4
    general = [words[1 + (base + number) % XTENSA_FILE] for number in range(16)]
    first = _known(("PC", "PS", *XTENSA.dump[2:18]), (words[0], special.pop("PS", None), *general))
    return RegisterSet({**first, **special})


def _xtensa_stub_values(registers: Mapping[str, int], loops: bool) -> list[int | None]:
    # A dump has one window of a task, or the whole file with its base: gdb gets it as the window at the base.
    base = 4 * (registers.get("windowbase", 0) & 15)
    file = [registers.get(f"ar{number}") for number in range(XTENSA_FILE)]
    for number in range(16):
        file[(base + number) % XTENSA_FILE] = registers.get(f"a{number}", file[(base + number) % XTENSA_FILE])
    told = {**registers, "windowbase": base // 4, "windowstart": registers.get("windowstart") or 1 << base // 4}
    names = XTENSA_AFTER if loops else XTENSA_AFTER_NO_LOOPS
    return [registers.get("pc"), *file, *(told.get(name.lower()) for name in names)]


def _riscv_status(words: Words) -> RegisterSet:
    return RegisterSet(zip(RISCV_STATUS, words, strict=False))


def _riscv_stack(words: Words) -> RegisterSet:
    return RegisterSet({**_riscv_status(words), **dict(zip(RISCV_TRAP, words[32:37], strict=False))})


def _riscv_extra(words: Words) -> Extra:
    return Extra(RegisterSet(), bool(words[0]) if words else None)


def _riscv_status_words(registers: Mapping[str, int]) -> list[int]:
    return [*(registers.get(name, 0) for name in RISCV_STATUS), 0]


def _riscv_extra_words(registers: Mapping[str, int], isr: bool | None) -> list[int]:
    return [] if isr is None else [int(isr)]


def _riscv_stub(words: Sequence[int | None]) -> RegisterSet | None:
    return _known(RISCV_STUB, words) if len(words) >= len(RISCV_STUB) else None


def _riscv_stub_values(registers: Mapping[str, int], loops: bool) -> list[int | None]:
    return [0, *(registers.get(name) for name in RISCV_REGISTERS[1:]), registers.get("pc")]


def _known(names: Sequence[str], words: Sequence[int | None]) -> RegisterSet:
    return RegisterSet((name, word) for name, word in zip(names, words, strict=False) if word is not None)


RISCV_STATUS = ("pc", *RISCV_REGISTERS[1:])
RISCV_STUB = ("ZERO", *RISCV.dump[1:32], "MEPC")
"""Order of the `g` packet; the program counter goes by the name that panics print."""

LAYOUTS: Mapping[str, RegisterLayout] = {
    XTENSA.name: RegisterLayout(
        order=("pc", "ps", "lbeg", "lend", "lcount", "sar", *(f"a{n}" for n in range(16))),
        trap=(),
        status=_xtensa_status,
        stack=_xtensa_stack,
        extra=_xtensa_extra,
        status_words=_xtensa_status_words,
        extra_words=_xtensa_extra_words,
        stub=_xtensa_stub,
        stub_values=_xtensa_stub_values,
        stub_words=70,
        stub_size="an Xtensa core has more",
    ),
    RISCV.name: RegisterLayout(
        order=(*RISCV_STATUS, *RISCV_TRAP),
        trap=RISCV_TRAP,
        status=_riscv_status,
        stack=_riscv_stack,
        extra=_riscv_extra,
        status_words=_riscv_status_words,
        extra_words=_riscv_extra_words,
        stub=_riscv_stub,
        stub_values=_riscv_stub_values,
        stub_words=len(RISCV_STUB),
        stub_size=f"a RISC-V core has {len(RISCV_STUB)}",
    ),
}
"""Name of the architecture -> its layout."""
