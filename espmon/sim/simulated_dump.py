"""The core dump that the application writes to its console: an ELF body, as ESP-IDF 5 sends it."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Iterator

from espmon.model.architecture import RISCV, RISCV_REGISTERS
from espmon.sim.firmware_image import SHA_PREFIX, Snapshot, Task
from espmon.sim.simulated_panic import reason

START = b"================= CORE DUMP START =================\r\n"
END = b"================= CORE DUMP END =================\r\n"
BYTES_A_LINE = 48
VERSION_CRC32 = 0x0102
VERSION_SHA256 = 0x0104
PROGRAM_HEADER = 32
ELF_HEADER = 52
NOTE_PRSTATUS, NOTE_INFO, NOTE_EXTRA, NOTE_DETAILS = 1, 8266, 677, 679
REGISTER_ORDER = ("mepc", *RISCV_REGISTERS[1:])
"""The order of a RISC-V prstatus note, which is also the order of the saved frame on a stack."""


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _note(name: bytes, kind: int, content: bytes) -> list[bytes]:
    name += b"\0"
    return [struct.pack("<III", len(_pad(name)), len(content), kind), _pad(name), _pad(content)]


def _registers(snapshot: Snapshot, task: Task) -> tuple[int, ...]:
    if task.tcb == snapshot.current_tcb:
        return tuple(snapshot.registers[name] for name in REGISTER_ORDER)
    return snapshot.memory.words(task.top, len(REGISTER_ORDER))


def _status_note(snapshot: Snapshot, task: Task) -> list[bytes]:
    status = struct.pack("<24xI44x", task.tcb) + struct.pack("<32I", *_registers(snapshot, task)) + bytes(4)
    return _note(b"CORE\0\0\0", NOTE_PRSTATUS, status)


def pieces(snapshot: Snapshot, sha256: str, chip_id: int, tcb_size: int, *, hashed: bool = False) -> list[bytes]:
    """The dump as the device writes it, one element a write call: header, ELF body, checksum.

    Args:
        snapshot: the moment of the crash.
        sha256: of the application's ELF; its first nine digits go into the dump.
        chip_id: the number in the upper half of the version word (5 is the ESP32-C3).
        tcb_size: bytes of a task control block.
        hashed: the newer form, closed by a SHA-256 instead of a CRC32.
    """
    version = chip_id << 16 | (VERSION_SHA256 if hashed else VERSION_CRC32)
    segments: list[tuple[int, bytes]] = []
    for task in snapshot.tasks:
        segments.append((task.tcb, snapshot.memory.read(task.tcb, tcb_size)))
        segments.append((task.top, snapshot.memory.read(task.top, task.end - task.top)))
    threads = [part for task in snapshot.tasks for part in _status_note(snapshot, task)]
    information = [
        *_note(b"ESP_CORE_DUMP_INFO", NOTE_INFO, struct.pack("<I68s", version, sha256[:SHA_PREFIX].encode())),
        *_note(b"ESP_EXTRA_INFO", NOTE_EXTRA, struct.pack("<II", snapshot.current_tcb, 0)),
        *_note(b"ESP_PANIC_DETAILS", NOTE_DETAILS, reason(snapshot).encode()),
    ]
    count = len(segments) + 2
    offset = ELF_HEADER + count * PROGRAM_HEADER
    headers: list[bytes] = []
    bodies: list[bytes] = []
    for kind, address, parts in (
        (4, 0, threads),
        *((1, address, [data]) for address, data in segments),
        (4, 0, information),
    ):
        size = sum(map(len, parts))
        headers.append(struct.pack("<8I", kind, offset, address, address, size, size, 6, 0))
        bodies += parts
        offset += size
    identity = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    elf = struct.pack(
        "<HHIIIIIHHHHHH", 4, RISCV.elf_machine, 1, 0, ELF_HEADER, 0, 0, ELF_HEADER, PROGRAM_HEADER, count, 40, 0, 0
    )
    body = [identity + elf, *headers, *bodies]
    checksum_size = 32 if hashed else 4
    head_size = 12 if hashed else 24
    total = head_size + sum(map(len, body)) + checksum_size
    head = struct.pack("<II", total, version)
    head += struct.pack("<I", 3) if hashed else struct.pack("<IIII", 0, 0, 0, 3)
    everything = head + b"".join(body)
    checksum = hashlib.sha256(everything).digest() if hashed else struct.pack("<I", zlib.crc32(everything))
    return [head, *body, checksum]


def lines(written: list[bytes]) -> Iterator[bytes]:
    """The console form: every write in base64 lines of at most 48 bytes, each padded on its own, CR LF."""
    for piece in written:
        for start in range(0, len(piece), BYTES_A_LINE):
            yield base64.b64encode(piece[start : start + BYTES_A_LINE]) + b"\r\n"


def console_text(written: list[bytes]) -> bytes:
    """Markers and lines."""
    return START + b"".join(lines(written)) + END
