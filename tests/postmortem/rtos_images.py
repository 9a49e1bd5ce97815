"""Writes memory as FreeRTOS leaves it, from an ELF's own types; shares no code with what reads it.

The types come from pyelftools, the objects from a plan: tasks, queues, semaphores, mutexes, and who waits for what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from hypothesis import strategies as st

SOURCES = ("tasks.c", "queue.c", "list.c")
WANTED = ("tskTaskControlBlock", "QueueDefinition", "xLIST", "xLIST_ITEM")
RAM, RAM_BYTES = 0x3FFD_0000, 0x1_0000
ARENA = 0x1000
FOR_EVER, DELAY, READY = "for ever", "delay", "ready"


@dataclass(frozen=True)
class Types:
    """Structure -> member path -> (offset, size); symbol -> address."""

    structures: dict[str, dict[str, tuple[int, int]]]
    sizes: dict[str, int]
    symbols: dict[str, int]


def _size(die: Any) -> int:
    while die.tag in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
        die = die.get_DIE_from_attribute("DW_AT_type")
    if die.tag == "DW_TAG_pointer_type":
        return 4
    if die.tag == "DW_TAG_array_type":
        bounds = [child.attributes["DW_AT_upper_bound"].value + 1 for child in die.iter_children()]
        return int(_size(die.get_DIE_from_attribute("DW_AT_type")) * bounds[0])
    return int(die.attributes["DW_AT_byte_size"].value)


def _flat(die: Any, prefix: str, base: int, into: dict[str, tuple[int, int]]) -> None:
    for child in die.iter_children():
        if child.tag != "DW_TAG_member" or "DW_AT_bit_size" in child.attributes:
            continue
        kind = child.get_DIE_from_attribute("DW_AT_type")
        while kind.tag in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
            kind = kind.get_DIE_from_attribute("DW_AT_type")
        place = child.attributes.get("DW_AT_data_member_location")
        at = base + (place.value if place is not None else 0)
        name = prefix + child.attributes["DW_AT_name"].value.decode()
        into[name] = (at, _size(kind))
        if kind.tag in ("DW_TAG_structure_type", "DW_TAG_union_type") and "xTLSBlock" not in name:
            _flat(kind, f"{name}.", at, into)


@cache
def types_of(path: Path, sources: tuple[str, ...] = SOURCES, wanted: tuple[str, ...] = WANTED) -> Types:
    """What an ELF says of the kernel."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        structures: dict[str, dict[str, tuple[int, int]]] = {}
        sizes: dict[str, int] = {}
        for unit in elf.get_dwarf_info().iter_CUs():
            top = unit.get_top_DIE()
            if not top.attributes["DW_AT_name"].value.decode().endswith(sources):
                continue
            for die in top.iter_children():
                name = die.attributes["DW_AT_name"].value.decode() if "DW_AT_name" in die.attributes else ""
                if (
                    die.tag == "DW_TAG_structure_type"
                    and name in wanted
                    and die.has_children
                    and name not in structures
                ):
                    into: dict[str, tuple[int, int]] = {}
                    _flat(die, "", 0, into)
                    structures[name], sizes[name] = into, int(die.attributes["DW_AT_byte_size"].value)
        table: Any = elf.get_section_by_name(".symtab")
        symbols = {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
        return Types(structures, sizes, symbols)


@dataclass
class PlannedQueue:
    """A queue: `size` 0 for semaphores; a mutex has `mutex`, and a holder's number or None."""

    length: int
    size: int
    messages: list[bytes]
    count: int
    first: int
    mutex: bool = False
    holder: int | None = None
    address: int = 0
    receivers: list[int] = field(default_factory=list)
    senders: list[int] = field(default_factory=list)


@dataclass
class PlannedTask:
    """A task: what it waits for ("queue" number and side, "bits", "notification", "delay", "suspended", "ready")."""

    name: str
    what: str
    queue: int = 0
    side: str = "receive"
    limit: str = FOR_EVER
    tick: int = 0
    bits: int = 0
    all_bits: bool = False
    unused: int = 0
    stack: int = 512
    address: int = 0


@dataclass
class Plan:
    """Everything that is in the image."""

    tasks: list[PlannedTask]
    queues: list[PlannedQueue]
    tick: int


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any state that the kernel can be in."""
    queues = [draw(_queues()) for _ in range(draw(st.integers(0, 5)))]
    tasks = []
    for number in range(draw(st.integers(1, 7))):
        what = draw(
            st.sampled_from([READY, "notification", DELAY, "suspended", "bits", *(["queue"] * 4 if queues else [])])
        )
        task = PlannedTask(f"task{number}", what, unused=4 * draw(st.integers(0, 60)))
        task.limit = draw(st.sampled_from([FOR_EVER, DELAY]))
        task.tick = draw(st.integers(0, 0xFFFFFFFF))
        task.bits, task.all_bits = draw(st.integers(1, 0xFFFFFF)), draw(st.booleans())
        if what == "queue":
            task.queue = draw(st.integers(0, len(queues) - 1))
            if queues[task.queue].size:
                task.side = draw(st.sampled_from(["receive", "send"]))
            side = queues[task.queue].receivers if task.side == "receive" else queues[task.queue].senders
            side.append(number)
        tasks.append(task)
    for queue in queues:
        if queue.mutex and queue.holder is not None:
            queue.holder %= len(tasks)
    return Plan(tasks, queues, draw(st.integers(0, 0xFFFFFFFF)))


@st.composite
def _queues(draw: st.DrawFn) -> PlannedQueue:
    kind = draw(st.sampled_from(["queue", "mutex", "mutex", "binary", "counting"]))
    if kind == "queue":
        length, size = draw(st.integers(1, 6)), draw(st.sampled_from([1, 4, 7, 12]))
        messages = draw(st.lists(st.binary(min_size=size, max_size=size), max_size=length))
        return PlannedQueue(length, size, messages, len(messages), draw(st.integers(0, length - 1)))
    if kind == "mutex":
        holder = draw(st.one_of(st.none(), st.integers(0, 6)))
        return PlannedQueue(1, 0, [], 0 if holder is not None else 1, 0, True, holder)
    length = 1 if kind == "binary" else draw(st.integers(2, 9))
    return PlannedQueue(length, 0, [], draw(st.integers(0, length)), 0)


class Writer:
    """Lays a plan out in memory."""

    def __init__(self, types: Types, plan: Plan) -> None:
        self.types, self.plan = types, plan
        self.memory = bytearray(RAM_BYTES)
        self._free = RAM + ARENA
        self.globals: dict[int, bytes] = {}
        for task in plan.tasks:
            task.address = self._take(types.sizes["tskTaskControlBlock"])
        for queue in plan.queues:
            queue.address = self._take(types.sizes["QueueDefinition"])
        for queue in plan.queues:
            self._queue(queue)
        for number, task in enumerate(plan.tasks):
            self._task(number, task)
        self.globals[types.symbols["xTickCount"]] = plan.tick.to_bytes(4, "little")

    def segments(self) -> list[tuple[int, bytes]]:
        """The memory as pieces."""
        return [(RAM, bytes(self.memory)), *self.globals.items()]

    def put(self, address: int, value: int, size: int = 4) -> None:
        """Write a number."""
        self.memory[address - RAM : address - RAM + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def place(self, structure: str, path: str) -> int:
        """Offset of a member."""
        return self.types.structures[structure][path][0]

    def _take(self, size: int) -> int:
        at, self._free = self._free, self._free + (size + 15) // 16 * 16
        return at

    def _set(self, structure: str, address: int, path: str, value: int) -> None:
        offset, size = self.types.structures[structure][path]
        self.put(address + offset, value, size)

    def item(self, number: int, which: str) -> int:
        """Address of a task's list item."""
        return self.plan.tasks[number].address + self.place("tskTaskControlBlock", which)

    def _list(self, address: int, waiting: list[int]) -> None:
        end = address + self.place("xLIST", "xListEnd")
        chain = [self.item(number, "xEventListItem") for number in waiting]
        self._set("xLIST", address, "uxNumberOfItems", len(chain))
        self._set("xLIST", address, "pxIndex", end)
        self._set("xLIST", address, "xListEnd.xItemValue", 0xFFFFFFFF)
        around = [end, *chain, end]
        self._set("xLIST", address, "xListEnd.pxNext", around[1])
        self._set("xLIST", address, "xListEnd.pxPrevious", around[-2])
        for index, (at, number) in enumerate(zip(chain, waiting, strict=True), 1):
            self._set("xLIST_ITEM", at, "pxNext", around[index + 1])
            self._set("xLIST_ITEM", at, "pxPrevious", around[index - 1])
            self._set("xLIST_ITEM", at, "pvOwner", self.plan.tasks[number].address)
            self._set("xLIST_ITEM", at, "pxContainer", address)
            self._set("xLIST_ITEM", at, "xItemValue", 20)

    def _queue(self, queue: PlannedQueue) -> None:
        storage = self._take(max(queue.length * queue.size, 4))
        for key, value in (("uxLength", queue.length), ("uxItemSize", queue.size), ("uxMessagesWaiting", queue.count)):
            self._set("QueueDefinition", queue.address, key, value)
        if queue.mutex:
            self._set("QueueDefinition", queue.address, "pcHead", 0)
            holder = self.plan.tasks[queue.holder].address if queue.holder is not None else 0
            self._set("QueueDefinition", queue.address, "u.xSemaphore.xMutexHolder", holder)
        else:
            head = storage if queue.size else queue.address
            self._set("QueueDefinition", queue.address, "pcHead", head)
            read_from = head + (queue.first - 1) % queue.length * queue.size
            self._set("QueueDefinition", queue.address, "u.xQueue.pcReadFrom", read_from)
            for index, message in enumerate(queue.messages):
                at = storage + (queue.first + index) % queue.length * queue.size - RAM
                self.memory[at : at + queue.size] = message
        for name, waiting in (("xTasksWaitingToReceive", queue.receivers), ("xTasksWaitingToSend", queue.senders)):
            self._list(queue.address + self.place("QueueDefinition", name), waiting)

    def _task(self, number: int, task: PlannedTask) -> None:
        block, name = "tskTaskControlBlock", task.name.encode()
        at = task.address + self.place(block, "pcTaskName") - RAM
        self.memory[at : at + len(name)] = name
        stack = self._take(task.stack)
        top = stack + task.unused + 16
        self.memory[stack - RAM : stack - RAM + task.stack] = bytes([0xA5]) * task.unused + bytes(
            task.stack - task.unused
        )
        for key, value in (("pxStack", stack), ("pxTopOfStack", top), ("pxEndOfStack", stack + task.stack)):
            self._set(block, task.address, key, value)
        symbols = self.types.symbols
        state = symbols["pxReadyTasksLists"]
        if task.what in ("queue", "bits", "notification"):
            state = symbols["xSuspendedTaskList" if task.limit == FOR_EVER else "xDelayedTaskList1"]
        elif task.what == DELAY:
            state = symbols["xDelayedTaskList2"]
        elif task.what == "suspended":
            state = symbols["xSuspendedTaskList"]
        self._set(block, task.address, "xStateListItem.pxContainer", state)
        self._set(block, task.address, "xStateListItem.xItemValue", task.tick)
        if task.what == "notification":
            self._set(block, task.address, "ucNotifyState", 1)
        elif task.what == "bits":
            value = 0x8000_0000 | (0x0400_0000 if task.all_bits else 0) | task.bits
            self._set(block, task.address, "xEventListItem.xItemValue", value)
            self._set(block, task.address, "xEventListItem.pxContainer", RAM + 0x40)
