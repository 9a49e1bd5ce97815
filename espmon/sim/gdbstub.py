"""The gdb stub that a panicked application turns into: the remote protocol's server side, without I/O.

`feed` takes what the debugger sends and returns what the stub answers. The moment is a snapshot: registers and memory
can be read and written, stepping runs into the same fault again, `c` and `D` let the application go on, `k` resets.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from espmon.sim.firmware_image import Snapshot, Task
from espmon.sim.simulated_dump import REGISTER_ORDER
from espmon.sim.simulated_panic import signal

FLASH_WINDOWS = (range(0x3C00_0000, 0x3C80_0000), range(0x4200_0000, 0x4280_0000))
"""Flash as the processor sees it (ESP32-C3): read only, so that no breakpoint can be written there. ESP-IDF's stub for
panics knows no `Z` either: gdb says that it cannot insert one."""

MAX_PACKET = 1024
"""Most bytes of one packet; longer ones are dropped without an acknowledgement."""

BANNER = b"Entering gdb stub now.\r\n"


class Outcome(Enum):
    """What becomes of the application."""

    STOPPED = "stopped"
    CONTINUE = "continue"
    RESET = "reset"


def packet(content: str) -> bytes:
    """A packet with its checksum."""
    return b"$%s#%02x" % (content.encode(), sum(content.encode()) & 0xFF)


class GdbStub:
    """One stop.

    Attributes:
        outcome: STOPPED while the debugger has the chip.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.outcome = Outcome.STOPPED
        self._snapshot = snapshot
        self._tasks = snapshot.tasks
        self._selected = 1
        self._written: dict[int, int] = {}
        self._changed: dict[tuple[int, int], int] = {}
        self._buffer = bytearray()
        self._inside = False
        self._last = b""
        self._acknowledge = True
        self._commands: dict[str, Callable[[str], str]] = {
            "?": lambda _: self._stop_reply(),
            "g": self._read_registers,
            "G": self._write_registers,
            "p": self._read_register,
            "P": self._write_register,
            "m": self._read_memory,
            "M": self._write_memory,
            "H": self._select,
            "T": self._is_alive,
            "s": lambda _: self._stop_reply(),
        }

    def greeting(self) -> bytes:
        """What is printed on entry: the banner and the stop packet."""
        self._last = packet(self._stop_reply())
        return BANNER + self._last

    def feed(self, data: bytes) -> bytes:
        """The answers to what the debugger sent; after `outcome` changed, the rest is not looked at."""
        answers = bytearray()
        for index in range(len(data)):
            byte = data[index : index + 1]
            if self._inside:
                self._collect(byte, answers)
            elif byte == b"$":
                self._inside = True
                self._buffer.clear()
            elif byte == b"-":
                answers += self._last
            elif byte == b"\x03":
                answers += self._reply(self._stop_reply())
            if self.outcome is not Outcome.STOPPED:
                break
        return bytes(answers)

    def _collect(self, byte: bytes, answers: bytearray) -> None:
        self._buffer += byte
        if len(self._buffer) > MAX_PACKET:
            self._inside = False
        elif self._buffer[-3:-2] == b"#":
            self._inside = False
            content = bytes(self._buffer[:-3])
            if self._buffer[-2:].lower() != b"%02x" % (sum(content) & 0xFF):
                answers += b"-"
                return
            if self._acknowledge:
                answers += b"+"
            answers += self._handle(content.decode("latin-1"))

    def _reply(self, content: str) -> bytes:
        self._last = packet(content)
        return self._last

    def _handle(self, text: str) -> bytes:
        command, rest = text[:1], text[1:]
        if command == "c" or command == "C":
            self.outcome = Outcome.CONTINUE
            return b""
        if command == "k":
            self.outcome = Outcome.RESET
            return b""
        if command == "D":
            self.outcome = Outcome.CONTINUE
            return self._reply("OK")
        if command in "qQ":
            return self._reply(self._query(text))
        handler = self._commands.get(command)
        try:
            return self._reply(handler(rest) if handler else "")
        except (ValueError, IndexError):
            return self._reply("E01")

    def _stop_reply(self) -> str:
        return f"T{signal(self._snapshot):02x}"

    def _query(self, text: str) -> str:
        name = text.split(":")[0].split(",")[0]
        match name:
            case "qSupported":
                return f"PacketSize={MAX_PACKET:x};QStartNoAckMode+"
            case "QStartNoAckMode":
                self._acknowledge = False
                return "OK"
            case "qfThreadInfo":
                return "m" + ",".join(f"{number:x}" for number in range(1, len(self._tasks) + 1))
            case "qsThreadInfo":
                return "l"
            case "qC":
                return "QC1"
            case "qAttached":
                return "1"
            case "qThreadExtraInfo":
                task = self._task(int(text.split(",")[1], 16))
                return f"Name: {task.name}, Priority: {task.priority}".encode().hex()
        return ""

    def _task(self, number: int) -> Task:
        if number < 1:
            return self._tasks[0]
        return self._tasks[number - 1]

    def _select(self, rest: str) -> str:
        if rest[:1] == "g":
            number = int(rest[1:], 16)
            self._task(number)
            self._selected = max(1, number)
        return "OK"

    def _is_alive(self, rest: str) -> str:
        self._task(int(rest, 16))
        return "OK"

    def _values(self) -> list[int]:
        """x0 to x31 and pc of the selected task."""
        task = self._task(self._selected)
        if self._selected == 1:
            saved = tuple(self._snapshot.registers[name] for name in REGISTER_ORDER)
        else:
            saved = self._snapshot.memory.words(task.top, len(REGISTER_ORDER))
        values = [0, *saved[1:], saved[0]]
        return [self._changed.get((self._selected, index), value) for index, value in enumerate(values)]

    def _read_registers(self, _: str) -> str:
        return "".join(value.to_bytes(4, "little").hex() for value in self._values())

    def _write_registers(self, rest: str) -> str:
        data = bytes.fromhex(rest)
        for index in range(min(33, len(data) // 4)):
            self._changed[self._selected, index] = int.from_bytes(data[4 * index : 4 * index + 4], "little")
        return "OK"

    def _read_register(self, rest: str) -> str:
        return self._values()[int(rest, 16)].to_bytes(4, "little").hex()

    def _write_register(self, rest: str) -> str:
        number, _, value = rest.partition("=")
        index = int(number, 16)
        self._values()[index]
        self._changed[self._selected, index] = int.from_bytes(bytes.fromhex(value), "little")
        return "OK"

    def _read_memory(self, rest: str) -> str:
        address, size = (int(part, 16) for part in rest.split(","))
        data = self._snapshot.memory.read(address, min(size, (MAX_PACKET - 4) // 2))
        if not data:
            return "E01"
        return bytes(self._written.get(address + index, byte) for index, byte in enumerate(data)).hex()

    def _write_memory(self, rest: str) -> str:
        place, _, content = rest.partition(":")
        address, size = (int(part, 16) for part in place.split(","))
        data = bytes.fromhex(content)
        in_flash = any(address < window.stop and address + size > window.start for window in FLASH_WINDOWS)
        if in_flash or len(data) != size or len(self._snapshot.memory.read(address, size)) != size:
            return "E01"
        self._written.update(enumerate(data, start=address))
        return "OK"
