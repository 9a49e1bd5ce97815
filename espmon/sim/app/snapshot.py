"""Runs app.elf under qemu once for each kind of crash and keeps the registers and the memory of the moment.

Usage: python3 -m espmon.sim.app.snapshot app.elf snapshots.json. Only `build.sh` calls it. qemu's bare RISC-V machine
is plain RAM from address 0, so the program runs at the chip's own addresses.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import sys
import time
import zlib
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from espmon.programs import command_line, find_program, start

REQUESTS = {"panic": 1, "abort": 2, "assert": 3, "stack": 4, "busy": 5, "load": 6, "illegal": 7}
INTEGER = ["ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", *(f"a{i}" for i in range(8))]
INTEGER += [*(f"s{i}" for i in range(2, 12)), *(f"t{i}" for i in range(3, 7))]
CONTROL = ["mstatus", "mtvec", "mcause", "mtval", "mhartid"]
FRAME = ["mepc", *INTEGER, *CONTROL]
KEPT_SYMBOLS = ("tasks", "uxCurrentNumberOfTasks", "g_panic_details")
DATA_START = 0x3FC8A000
TIMER_INTERRUPT = 0x80000007
BUSY_ROUNDS = 8
PACKET_BYTES = 1024


class Remote:
    """The few words of the gdb remote protocol that are needed here."""

    def __init__(self, port: int) -> None:
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
            time.sleep(0.05)
        raise SystemExit("qemu does not listen")

    def ask(self, packet: str) -> str:
        """Send a packet and return the text of the answer."""
        self._socket.sendall(b"$%s#%02x" % (packet.encode(), sum(packet.encode()) & 0xFF))
        answer = b""
        while answer[-3:-2] != b"#":
            answer = (answer + self._socket.recv(1)).lstrip(b"+")
        self._socket.sendall(b"+")
        return answer[1:-3].decode()

    def read(self, address: int, size: int) -> bytes:
        """Memory."""
        data = b""
        while len(data) < size:
            data += bytes.fromhex(self.ask(f"m{address + len(data):x},{min(PACKET_BYTES, size - len(data)):x}"))
        return data


def words(data: bytes) -> list[int]:
    """Little-endian words."""
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def snapshot(elf: Path, symbols: dict[str, int], kind: str) -> dict[str, object]:
    """One run: the registers and the data memory at the crash."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = find_program("qemu-system-riscv32")
    if program is None:
        raise SystemExit("qemu-system-riscv32 is not installed")
    options = ["-M", "none", "-cpu", "rv32,pmp=on", "-m", "1200M", "-display", "none", "-S"]
    options += ["-serial", "none", "-monitor", "none", "-gdb", f"tcp:127.0.0.1:{port}"]
    image = str(elf.resolve()).replace(",", ",,")  # qemu's way to write a comma
    qemu = start(command_line(program, [*options, "-device", f"loader,file={image},cpu-num=0"]))
    try:
        remote = Remote(port)
        remote.ask(f"M{symbols['console_request']:x},4:{REQUESTS[kind].to_bytes(4, 'little').hex()}")
        stop = symbols["draw_glyph" if kind == "busy" else "panicHandler"]
        remote.ask(f"Z0,{stop:x},2")
        remote.ask("c")
        for _ in range(BUSY_ROUNDS if kind == "busy" else 0):
            remote.ask(f"z0,{stop:x},2")
            remote.ask("s")
            remote.ask(f"Z0,{stop:x},2")
            remote.ask("c")
        registers = words(bytes.fromhex(remote.ask("g")))
        if kind == "busy":
            values = [registers[32], *registers[1:32], 0x1880, symbols["_vector_table"] | 1, TIMER_INTERRUPT, 0, 0]
        else:
            values = words(remote.read(registers[10], 4 * len(FRAME)))
        memory = remote.read(DATA_START, symbols["__dram_end"] - DATA_START)
    finally:
        qemu.kill()
        qemu.wait()
    return {
        "current_tcb": words(memory[symbols["pxCurrentTCB"] - DATA_START :][:4])[0],
        "registers": dict(zip(FRAME, values, strict=True)),
        "memory": base64.b64encode(zlib.compress(memory, 9)).decode(),
    }


def main(elf: Path, target: Path) -> None:
    """All kinds into one file."""
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
    result = {
        "base": DATA_START,
        "symbols": {name: symbols[name] for name in KEPT_SYMBOLS},
        "snapshots": {kind: snapshot(elf, symbols, kind) for kind in REQUESTS},
    }
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
