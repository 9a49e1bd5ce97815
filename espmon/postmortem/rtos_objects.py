"""FreeRTOS's timers, stream and message buffers, and event groups in a dump, read when they are asked for.

Timers hang on the two lists of the timer task, its commands wait in its queue. Stream buffers are on no list: one is
known by the task that waits for it, whose control block it names. What nobody waits for is found where a global
variable leads to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from espmon.postmortem.flat_structure import FlatStructure, flat_structure, units_of
from espmon.postmortem.memory import Memory, SegmentMemory, word
from espmon.postmortem.rtos_handles import handles, is_empty_list
from espmon.postmortem.rtos_reader import RtosTypes, free_queues
from espmon.postmortem.rtos_state import NOT_HELD, QueueState, RtosState
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.value_reader import printable

TIMER, COMMAND, STREAM, GROUP, LIST, ITEM, QUEUE = "timer", "command", "stream", "group", "list", "item", "queue"
TIMER_FUNCTIONS = (b"xTimerGenericCommand", b"xTimerGenericCommandFromTask", b"prvTimerTask")
STRUCTURES: Mapping[str, tuple[Sequence[bytes], Sequence[bytes]]] = {
    TIMER: ((b"tmrTimerControl", b"xTIMER"), TIMER_FUNCTIONS),
    COMMAND: ((b"tmrTimerQueueMessage",), TIMER_FUNCTIONS),
    STREAM: ((b"StreamBufferDef_t", b"xSTREAM_BUFFER"), (b"xStreamBufferReceive", b"xStreamBufferSend")),
    GROUP: ((b"EventGroupDef_t", b"xEventGroupDefinition"), (b"xEventGroupWaitBits",)),
    LIST: ((b"xLIST",), (b"vTaskSwitchContext",)),
    ITEM: ((b"xLIST_ITEM",), (b"vTaskSwitchContext",)),
    QUEUE: ((b"QueueDefinition", b"xQUEUE"), (b"xQueueReceive", b"xQueueGenericSend")),
}  # fmt: skip
"""What each is called, and the functions of the units that define it: an ELF without those functions has none."""

ACTIVE_LISTS = (b"xActiveTimerList1", b"xActiveTimerList2")
OVERFLOW_LIST, TIMER_QUEUE = b"pxOverflowTimerList", b"xTimerQueue"
CONTAINER = ("pxContainer", "pvContainer")
AUTO_RELOAD = 4
"""Bit of a timer's status (FreeRTOS timers.c)."""

MESSAGE_BUFFER, STATIC_BUFFER = 1, 2
"""Bits of a stream buffer's flags (FreeRTOS stream_buffer.c)."""

COMMANDS = {
    -2: "call a function, from an interrupt", -1: "call a function", 0: "start", 1: "start", 2: "reset", 3: "stop",
    4: "change the period", 5: "delete", 6: "start, from an interrupt", 7: "reset, from an interrupt",
    8: "stop, from an interrupt", 9: "change the period, from an interrupt",
}  # fmt: skip
"""Number of a command of the timer task -> what it asks for."""

MAX_TIMERS, MAX_COMMANDS, MAX_HITS = 512, 64, 10_000
MAX_NAME = 64
MAX_BUFFER = 1 << 22


class TimerState(NamedTuple):
    """A timer that runs: periods and ticks as numbers of ticks; `overflowed`: it expires after the tick count has begun
    anew.
    """

    address: int
    name: str
    period: int | None
    expires: int | None
    callback: str
    reloads: bool | None
    overflowed: bool

    def to_json(self) -> dict[str, object]:
        """The timer as reports have it."""
        return {**self._asdict(), "address": f"0x{self.address:08x}"}

    def text(self, tick: int | None) -> str:
        """The timer for reading."""
        left = "" if tick is None or self.expires is None else f" ({self.expires - tick & 0xFFFFFFFF} from now)"
        kind = {True: "every", False: "once after", None: "period"}[self.reloads]
        name = self.name or f"0x{self.address:08x}"
        return f"timer {name}: {kind} {self.period} ticks, expires at {self.expires}{left}, calls {self.callback}"


class StreamState(NamedTuple):
    """A stream or message buffer: bytes in it, bytes that fit, and the control blocks of the tasks that wait for it.

    `name` is the variable that leads to it, where no task waits.
    """

    address: int
    kind: str
    filled: int
    capacity: int
    trigger: int | None
    receiver: int
    sender: int
    name: str | None = None

    def to_json(self) -> dict[str, object]:
        """The buffer as reports have it."""
        addresses = {name: f"0x{getattr(self, name):08x}" for name in ("address", "receiver", "sender")}
        return {**self._asdict(), **addresses}


class GroupState(NamedTuple):
    """An event group and the bits that are set in it; None where the dump does not hold it.

    `name` is the variable that leads to it, where no task waits.
    """

    address: int
    bits: int | None
    name: str | None = None

    def to_json(self) -> dict[str, object]:
        """The group as reports have it."""
        return {"address": f"0x{self.address:08x}", "bits": self.bits, "name": self.name}


@dataclass(slots=True)
class RtosObjects:
    """What was found. `timers` is None where the program has none or the dump does not hold their lists.

    `queues` are those that no task waits for.
    """

    timers: list[TimerState] | None = None
    commands: list[str] = field(default_factory=list)
    streams: list[StreamState] = field(default_factory=list)
    groups: list[GroupState] = field(default_factory=list)
    queues: list[QueueState] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """The objects as reports have them."""
        return {
            "timers": None if self.timers is None else [timer.to_json() for timer in self.timers],
            "timer_commands": self.commands,
            "stream_buffers": [stream.to_json() for stream in self.streams],
            "free_queues": [queue.to_json() for queue in self.queues],
            "event_groups": [group.to_json() for group in self.groups],
            "damage": self.damage,
        }

    def lines(self, state: RtosState) -> list[str]:
        """The objects for reading."""
        found = [f"timers: {NOT_HELD if self.timers is None else len(self.timers)}"]
        found += [f"  {timer.text(state.tick)}" for timer in self.timers or ()]
        found += [f"  waits for the timer task: {command}" for command in self.commands]
        for stream in self.streams:
            who = [
                f"{state.name(tcb)} waits to {verb}"
                for verb, tcb in (("receive", stream.receiver), ("send", stream.sender))
                if tcb
            ]
            fill = f"{stream.filled} of {stream.capacity} bytes"
            name = f" {stream.name}" if stream.name else ""
            found.append(f"{stream.kind}{name} 0x{stream.address:08x}: {fill}, {', '.join(who) or NOBODY}")
        for queue in self.queues:
            held = f", held by {state.name(queue.holder)}" if queue.holder else ""
            fill = "" if queue.kind == "mutex" else f"{queue.messages} of {queue.length}, "
            found.append(f"{queue.kind} {queue.name} 0x{queue.address:08x}: {fill}{NOBODY}{held}")
            found += [f"  next: {item.hex()}" for item in queue.items[:1]]
        for group in self.groups:
            bits = NOT_HELD if group.bits is None else f"0x{group.bits:x}"
            name = f" {group.name}" if group.name else ""
            found.append(f"event group{name} 0x{group.address:08x}: bits that are set: {bits}")
        return found + [f"damaged: {text}" for text in self.damage]


NOBODY = "nobody waits"
Symbols = Callable[[int], str | None]
"""The name of the function at an address."""


def read_objects(
    image: Image, memory: Memory, state: RtosState, name_of: Symbols, kernel: RtosTypes | None = None
) -> RtosObjects:
    """Read what the dump holds of them; `state` has the tasks and what they wait for, `kernel` its types if known."""
    reader = _ObjectReader(image, memory, state, name_of)
    found = reader.read()
    if leads := handles(image.elf, memory):
        reader.free(kernel or RtosTypes(image), leads)
    return found


class _ObjectReader:
    def __init__(self, image: Image, memory: Memory, state: RtosState, name_of: Symbols) -> None:
        self.memory, self.state, self.name_of, self.elf = memory, state, name_of, image.elf
        functions = {name for _, where in STRUCTURES.values() for name in where}
        self.symbols = image.elf.symbols_named([*ACTIVE_LISTS, OVERFLOW_LIST, TIMER_QUEUE, *functions])
        self.types: dict[str, FlatStructure | None] = {}
        for key, (names, where) in STRUCTURES.items():
            units = units_of(image, (self.symbols[name] for name in where if name in self.symbols))
            self.types[key] = flat_structure(image, names, units) if units else None
        self.found = RtosObjects()

    def read(self) -> RtosObjects:
        self._timers()
        self._streams()
        group = self.types[GROUP]
        waits = (task.wait for task in self.state.tasks)
        addresses = dict.fromkeys(w.address for w in waits if w is not None and w.kind == "event group" and w.address)
        for address in addresses:
            bits = group.number(self.memory, address, "uxEventBits") if group is not None else None
            self.found.groups.append(GroupState(address, None if bits is None else bits & 0xFFFFFF))
        return self.found

    def free(self, kernel: RtosTypes, leads: Mapping[int, str]) -> None:
        """What nobody waits for, where the variables lead."""
        found, symbol = self.found, self.symbols.get(TIMER_QUEUE)
        known = {*(stream.address for stream in found.streams), *(group.address for group in found.groups)}
        known |= {task.wait.address or 0 for task in self.state.tasks if task.wait is not None}
        known.add(word(self.memory, symbol.address) or 0 if symbol is not None else 0)  # its commands are told
        left = {address: name for address, name in leads.items() if address not in known}
        found.queues, damage = free_queues(kernel, self.memory, left)
        found.damage += damage
        queues = {queue.address for queue in found.queues}
        for address, name in left.items():
            if address not in queues:
                self._free_stream(address, name)
                self._free_group(address, name)

    def _free_stream(self, address: int, name: str) -> None:
        kind = self.types[STREAM]
        stream = self._stream(kind, address) if kind is not None else None
        if kind is None or stream is None or stream.receiver or stream.sender:
            return
        storage = kind.number(self.memory, address, "pucBuffer") or 0
        flags = kind.number(self.memory, address, "ucFlags") or 0
        if flags & STATIC_BUFFER:
            owner = self.elf.symbol_holding(storage)
            fits = owner is not None and owner.address + owner.size >= storage + stream.capacity
        else:
            fits = storage == address + kind.size  # both are made in one piece
        if fits:
            self.found.streams.append(stream._replace(name=name))

    def _free_group(self, address: int, name: str) -> None:
        kind, listing = self.types[GROUP], self.types[LIST]
        inside = kind.offset("xTasksWaitingForBits") if kind is not None else None
        if kind is None or listing is None or inside is None:
            return
        bits = kind.number(self.memory, address, "uxEventBits")
        if bits is not None and not bits >> 24 and is_empty_list(listing, self.memory, address + inside):
            self.found.groups.append(GroupState(address, bits, name))

    # Timers

    def _timers(self) -> None:
        kind = self.types[TIMER]
        lists = [self.symbols[name].address for name in ACTIVE_LISTS if name in self.symbols]
        if not lists:
            self.found.timers = []  # the program has none
        if kind is None or not any(word(self.memory, at) is not None for at in lists):
            return
        overflow = self.symbols.get(OVERFLOW_LIST)
        later = word(self.memory, overflow.address) if overflow is not None else None
        self.found.timers = [
            timer for at in lists for timer in self._on_list(kind, at, later) if timer is not None
        ]  # fmt: skip
        self.found.timers.sort(key=lambda timer: (timer.overflowed, timer.expires or 0))
        self.found.commands = list(self._commands(kind))

    def _on_list(self, kind: FlatStructure, address: int, overflow: int | None) -> Iterator[TimerState]:
        listing, item = self.types[LIST], self.types[ITEM]
        inside = kind.offset("xTimerListItem")
        if listing is None or item is None or inside is None:
            return
        count = listing.number(self.memory, address, "uxNumberOfItems")
        end = address + (listing.offset("xListEnd") or 0)
        at = listing.number(self.memory, address, "xListEnd.pxNext")
        if not at:
            return  # the list was never used
        for _ in range(min(count or 0, MAX_TIMERS)):
            owner = item.number(self.memory, at, "pvOwner")
            if owner is None or owner + inside != at or item.number(self.memory, at, *CONTAINER) != address:
                self.found.damage.append(
                    f"the list of timers 0x{address:08x} leads to 0x{at:08x}, which is no timer on it"
                )
                return
            yield self._timer(kind, owner, item.number(self.memory, at, "xItemValue"), overflowed=address == overflow)
            at = item.number(self.memory, at, "pxNext") or 0
        if at != end:
            self.found.damage.append(f"the list of timers 0x{address:08x} does not come back to its end after {count}")

    def _timer(self, kind: FlatStructure, address: int, expires: int | None, *, overflowed: bool) -> TimerState:
        status = kind.number(self.memory, address, "ucStatus")
        reloads = kind.number(self.memory, address, "uxAutoReload") if status is None else status & AUTO_RELOAD
        return TimerState(
            address,
            self._text(kind.number(self.memory, address, "pcTimerName")),
            kind.number(self.memory, address, "xTimerPeriodInTicks"),
            expires,
            self._function(kind.number(self.memory, address, "pxCallbackFunction")),
            None if reloads is None else bool(reloads),
            overflowed,
        )

    def _commands(self, timer: FlatStructure) -> Iterator[str]:
        """What waits in the timer task's queue, the next first."""
        queue, kind, symbol = self.types[QUEUE], self.types[COMMAND], self.symbols.get(TIMER_QUEUE)
        address = word(self.memory, symbol.address) if symbol is not None else None
        if queue is None or kind is None or not address:
            return
        count, length, head, last = (
            queue.number(self.memory, address, *names)
            for names in (("uxMessagesWaiting",), ("uxLength",), ("pcHead",), ("u.xQueue.pcReadFrom", "u.pcReadFrom"))
        )
        size = queue.number(self.memory, address, "uxItemSize")
        if not (count and length and head and last) or size != kind.size or count > length or (last - head) % size:
            return
        slot = (last - head) // size
        for index in range(min(count, MAX_COMMANDS)):
            at = head + (slot + 1 + index) % length * size
            number = kind.number(self.memory, at, "xMessageID")
            if number is None:
                return
            number -= 1 << 32 if number >> 31 else 0
            text = COMMANDS.get(number, f"command {number}")
            if number < 0:
                called = kind.number(self.memory, at, "u.xCallbackParameters.pxCallbackFunction")
                yield f"{text}: {self._function(called)}"
                continue
            target = kind.number(self.memory, at, "u.xTimerParameters.pxTimer") or 0
            name = self._text(timer.number(self.memory, target, "pcTimerName"))
            yield f"{text} timer {name or f'0x{target:08x}'}"

    def _function(self, address: int | None) -> str:
        if address is None:
            return f"a function that is {NOT_HELD}"
        return self.name_of(address) or f"0x{address:08x}"

    def _text(self, address: int | None) -> str:
        raw = b""
        while address and len(raw) < MAX_NAME and (piece := self.memory.read(address + len(raw), 1)):
            if piece == b"\0":
                break
            raw += piece
        return raw.decode("ascii") if printable(raw) else ""

    # Stream and message buffers

    def _streams(self) -> None:
        kind = self.types[STREAM]
        if kind is None or not isinstance(self.memory, SegmentMemory):
            return
        sides = [kind.offset(name) for name in ("xTaskWaitingToReceive", "xTaskWaitingToSend")]
        waiting = [task.tcb for task in self.state.tasks if task.wait is not None and task.wait.kind == "notification"]
        seen: set[int] = set()
        for tcb in waiting:
            for hit in self._places(self.memory, tcb):
                for address in (hit - side for side in sides if side is not None):
                    stream = self._stream(kind, address) if address not in seen else None
                    if stream is not None and tcb in (stream.receiver, stream.sender):
                        seen.add(address)
                        self.found.streams.append(stream)

    @staticmethod
    def _places(memory: SegmentMemory, value: int) -> Iterator[int]:
        """Where a word lies in the dump."""
        needle = value.to_bytes(4, "little")
        left = MAX_HITS
        for start, data in memory.segments:
            at = data.find(needle)
            while at >= 0 and left:
                left -= 1
                if (start + at) % 4 == 0:
                    yield start + at
                at = data.find(needle, at + 1)

    def _stream(self, kind: FlatStructure, address: int) -> StreamState | None:
        """The buffer at an address; None for memory that cannot be one."""
        names = ("xTail", "xHead", "xLength", "pucBuffer", "xTaskWaitingToReceive", "xTaskWaitingToSend")
        values = [kind.number(self.memory, address, name) for name in names]
        tail, head, length, buffer, receiver, sender = (-1 if value is None else value for value in values)
        tasks = {0, *(task.tcb for task in self.state.tasks)}
        if not 1 < length <= MAX_BUFFER or not (0 <= tail < length and 0 <= head < length) or buffer <= 0:
            return None
        trigger = kind.number(self.memory, address, "xTriggerLevelBytes")
        if receiver not in tasks or sender not in tasks or (trigger is not None and trigger > length):
            return None
        if self.memory.read(buffer, length) is None and word(self.memory, buffer) is not None:
            return None
        flags = kind.number(self.memory, address, "ucFlags") or 0
        what = "message buffer" if flags & MESSAGE_BUFFER else "stream buffer"
        return StreamState(address, what, (head - tail) % length, length - 1, trigger, receiver, sender)
