"""Reads FreeRTOS's own objects out of a dump: the ELF's types say where their members are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from espmon.postmortem.flat_structure import FlatStructure, flat_structure, units_of
from espmon.postmortem.memory import Memory, word
from espmon.postmortem.rtos_handles import is_empty_list
from espmon.postmortem.rtos_state import QueueState, RtosState, RtosTask, Wait
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.value_reader import printable

STRUCTURES: Mapping[str, Sequence[bytes]] = {
    "task": (b"tskTaskControlBlock", b"tskTCB"),
    "list": (b"xLIST",),
    "item": (b"xLIST_ITEM",),
    "queue": (b"QueueDefinition", b"xQUEUE"),
    "group": (b"EventGroupDef_t", b"xEventGroupDefinition"),
    "named": (b"QUEUE_REGISTRY_ITEM",),
}
"""What each is called, in the versions of FreeRTOS."""

FUNCTIONS = (b"vTaskSwitchContext", b"xQueueReceive", b"xQueueGenericSend", b"xEventGroupWaitBits")
"""Functions of the units that define them."""

CONTAINER = ("pxContainer", "pvContainer")
STATE_ITEM = ("xStateListItem", "xGenericListItem")
OLD_MUTEX_HOLDER = ("u.xSemaphore.xMutexHolder", "pcTail", "u.pcTail")
DELAYED = (b"xDelayedTaskList1", b"xDelayedTaskList2")
SUSPENDED, TICK = b"xSuspendedTaskList", b"xTickCount"
NESTING = (b"port_interruptNesting", b"port_uxInterruptNesting", b"uxInterruptNesting")
REGISTRY = b"xQueueRegistry"
SYMBOLS = [*DELAYED, SUSPENDED, TICK, *NESTING, REGISTRY]

EVENT_IN_USE, EVENT_WAIT_ALL, EVENT_BITS = 0x8000_0000, 0x0400_0000, 0x00FF_FFFF
"""Of the value of a task's event item while it waits for an event group (FreeRTOS event_groups.c, 32-bit ticks)."""
NOTIFICATION_WAITED = 1
FILL = 0xA5
"""What FreeRTOS fills new stacks with."""

MAX_LIST = 1_024
MAX_NOTIFICATIONS = 32
MAX_MESSAGES, MAX_MESSAGE_BYTES = 64, 4_096
MAX_QUEUE_LENGTH = 1 << 20
MAX_REGISTERED = 64
MAX_NAME = 32
MAX_STACK = 1 << 20
CORES = 2


class TaskInput(NamedTuple):
    """A task of the dump: its control block, its name, and whether it was running."""

    tcb: int
    name: str
    running: bool


class RtosTypes:
    """The kernel's structures and variables in one ELF."""

    def __init__(self, image: Image) -> None:
        self.elf = image.elf
        self.symbols = image.elf.symbols_named([*SYMBOLS, *FUNCTIONS])
        units = units_of(image, (self.symbols[name] for name in FUNCTIONS if name in self.symbols))
        self.structures = {name: flat_structure(image, names, units) for name, names in STRUCTURES.items()}


def read_rtos(types: RtosTypes, memory: Memory, tasks: Sequence[TaskInput]) -> RtosState:
    """Return what the RTOS was doing, as far as the dump holds it and the ELF describes its types."""
    return _Reader(types, memory, tasks).read()


def free_queues(types: RtosTypes, memory: Memory, handles: Mapping[int, str]) -> tuple[list[QueueState], Sequence[str]]:
    """Return the queues at some addresses that no task waits for, by the names there, and what is damaged in them."""
    kind, listing = types.structures["queue"], types.structures["list"]
    reader = _Reader(types, memory, ())
    found = []
    if kind is None or listing is None:
        return [], ()
    for address, name in handles.items():
        if not reader.is_queue(kind, address):
            continue
        item, head = kind.number(memory, address, "uxItemSize"), kind.number(memory, address, "pcHead")
        alone = all(is_empty_list(listing, memory, address + (kind.offset(which) or 0)) for which in LISTS)
        if alone and (item or head in (0, address)):  # a semaphore has no storage
            queue = reader.queue(kind, address)
            found.append(queue if queue.name else queue._replace(name=name))
    return found, reader.state.damage


class _Reader:
    def __init__(self, types: RtosTypes, memory: Memory, tasks: Sequence[TaskInput]) -> None:
        self.elf, self.memory, self.tasks = types.elf, memory, tasks
        self.types, self.symbols = types.structures, types.symbols
        self.state = RtosState()
        self.names = self._registered()
        self.queues: dict[int, QueueState] = {}

    def read(self) -> RtosState:
        state, task_type = self.state, self.types["task"]
        state.tick = self._global(TICK)
        state.nesting = self._nesting()
        if task_type is None:
            return state
        for task in self.tasks:
            wait = None if task.running else self._wait(task_type, task)
            held = task_type.number(self.memory, task.tcb, "uxMutexesHeld")
            unused, size = self._unused(task_type, task), self._stack_size(task_type, task)
            state.tasks.append(RtosTask(task.tcb, task.name, wait, unused, held, size))
        state.deadlocks = _circles(state.tasks)
        return state

    def _global(self, name: bytes) -> int | None:
        symbol = self.symbols.get(name)
        return word(self.memory, symbol.address) if symbol is not None else None

    def _nesting(self) -> dict[int, int] | None:
        symbol = next((self.symbols[name] for name in NESTING if name in self.symbols), None)
        if symbol is None:
            return None
        values = [word(self.memory, symbol.address + 4 * core) for core in range(min(symbol.size // 4, CORES) or 1)]
        return {core: value for core, value in enumerate(values) if value is not None} or None

    def _registered(self) -> dict[int, str]:
        """Address -> name of the objects in the queue registry."""
        symbol, kind = self.symbols.get(REGISTRY), self.types["named"]
        found: dict[int, str] = {}
        if symbol is None or kind is None or not kind.size:
            return found
        for index in range(min(symbol.size // kind.size, MAX_REGISTERED)):
            at = symbol.address + index * kind.size
            handle = kind.number(self.memory, at, "xHandle")
            text = self._text(kind.number(self.memory, at, "pcQueueName"))
            if handle and text:
                found[handle] = text
        return found

    def _text(self, address: int | None) -> str:
        raw = b""
        while (
            address and len(raw) < MAX_NAME and (piece := self.memory.read(address + len(raw), 1)) not in (None, b"\0")
        ):
            raw += piece or b""
        return raw.decode("ascii") if printable(raw) else ""

    # Tasks

    def _wait(self, kind: FlatStructure, task: TaskInput) -> Wait | None:
        container = kind.number(self.memory, task.tcb, *_of("xEventListItem", CONTAINER))
        until, for_ever = self._limit(kind, task)
        if container:
            return self._on_object(kind, task, container)._replace(until=until, for_ever=for_ever)
        index = self._notification(kind, task)
        if index is not None and (until is not None or for_ever):
            return Wait("notification", slot=index, until=until, for_ever=for_ever)
        if for_ever:
            return Wait("suspended", for_ever=True)
        return Wait("delay", until=until) if until is not None else None

    def _limit(self, kind: FlatStructure, task: TaskInput) -> tuple[int | None, bool]:
        """The tick until which a task waits, and whether it waits for ever: by the list that it hangs on."""
        container = kind.number(self.memory, task.tcb, *(path for item in STATE_ITEM for path in _of(item, CONTAINER)))
        if not container:
            return None, False
        if any(name in self.symbols and self.symbols[name].address == container for name in DELAYED):
            return kind.number(self.memory, task.tcb, *_of_each(STATE_ITEM, "xItemValue")), False
        return None, SUSPENDED in self.symbols and self.symbols[SUSPENDED].address == container

    def _notification(self, kind: FlatStructure, task: TaskInput) -> int | None:
        found = kind.field("ucNotifyState", "eNotifyState")
        content = self.memory.read(task.tcb + found.offset, min(found.size, MAX_NOTIFICATIONS)) if found else None
        return content.find(NOTIFICATION_WAITED) if content and NOTIFICATION_WAITED in content else None

    def _unused(self, kind: FlatStructure, task: TaskInput) -> int | None:
        """Bytes at the end of a stack that were never written."""
        low = kind.number(self.memory, task.tcb, "pxStack")
        high = kind.number(self.memory, task.tcb, "pxEndOfStack")
        top = kind.number(self.memory, task.tcb, "pxTopOfStack")
        if low is None or top is None or not low <= top <= (high or top) or top - low > MAX_STACK:
            return None
        content = self.memory.read(low, top - low) if top > low else b""
        return len(content) - len(content.lstrip(bytes([FILL]))) if content is not None else None

    def _stack_size(self, kind: FlatStructure, task: TaskInput) -> int | None:
        """Bytes of a stack, where the kernel keeps its end."""
        low = kind.number(self.memory, task.tcb, "pxStack")
        high = kind.number(self.memory, task.tcb, "pxEndOfStack")
        return high - low if low is not None and high is not None and 0 < high - low <= MAX_STACK else None

    # Objects

    def _on_object(self, kind: FlatStructure, task: TaskInput, container: int) -> Wait:
        value = kind.number(self.memory, task.tcb, "xEventListItem.xItemValue") or 0
        group = self.types["group"]
        if value & EVENT_IN_USE:
            inside = group.offset("xTasksWaitingForBits") if group is not None else None
            address = container - inside & 0xFFFFFFFF if inside is not None else None
            return Wait("event group", "", address, bits=value & EVENT_BITS, all_bits=bool(value & EVENT_WAIT_ALL))
        queue_type = self.types["queue"]
        if queue_type is None:
            return Wait("object", "", container)
        fitting = []
        for operation, member in (("receive", "xTasksWaitingToReceive"), ("send", "xTasksWaitingToSend")):
            offset = queue_type.offset(member)
            if offset is not None:
                fitting.append((operation, container - offset & 0xFFFFFFFF))
        held = [(operation, at) for operation, at in fitting if self.is_queue(queue_type, at)]
        if len(held) != 1:
            if any(self.memory.read(at, queue_type.size) is not None for _, at in fitting) and not held:
                self.state.damage.append(
                    f"task {task.name} hangs on the list at 0x{container:08x}, which is no queue's: a queue was "
                    "overwritten or freed"
                )
            return Wait("object", "", container)
        operation, address = held[0]
        queue = self.queue(queue_type, address)
        waiting = queue.receivers if operation == "receive" else queue.senders
        if task.tcb not in waiting:
            self.state.damage.append(
                f"task {task.name} hangs on {queue.kind} 0x{address:08x}, whose list of waiting tasks does not have it"
            )
        verb = "take" if operation == "receive" and queue.kind != "queue" else operation
        return Wait(queue.kind, verb, address, queue)

    def is_queue(self, kind: FlatStructure, address: int) -> bool:
        """Whether memory can be a queue: both lists are lists, and its counts go together."""
        if address % 4 or self.memory.read(address, kind.size) is None:
            return False
        length, item = kind.number(self.memory, address, "uxLength"), kind.number(self.memory, address, "uxItemSize")
        messages = kind.number(self.memory, address, "uxMessagesWaiting")
        if length is None or item is None or messages is None or not 0 < length < MAX_QUEUE_LENGTH:
            return False
        if messages > length or item >= MAX_QUEUE_LENGTH:
            return False
        return all(self._is_list(address + (kind.offset(name) or 0)) for name in LISTS)

    def _is_list(self, address: int) -> bool:
        kind = self.types["list"]
        if kind is None:
            return False
        count = kind.number(self.memory, address, "uxNumberOfItems")
        end = kind.number(self.memory, address, "xListEnd.xItemValue")
        return count is not None and count <= MAX_LIST and end == 0xFFFFFFFF

    def queue(self, kind: FlatStructure, address: int) -> QueueState:
        known = self.queues.get(address)
        if known is None:
            known = self.queues[address] = self._read_queue(kind, address)
        return known

    def _read_queue(self, kind: FlatStructure, address: int) -> QueueState:
        memory = self.memory
        head = kind.number(memory, address, "pcHead")
        length = kind.number(memory, address, "uxLength") or 0
        item = kind.number(memory, address, "uxItemSize") or 0
        messages = kind.number(memory, address, "uxMessagesWaiting") or 0
        what, holder = "queue", None
        if item == 0:
            if head == 0:
                what, holder = "mutex", kind.number(memory, address, *OLD_MUTEX_HOLDER)
            else:
                what = "binary semaphore" if length == 1 else "counting semaphore"
        symbol = self.elf.symbol_holding(address)
        name = self.names.get(address) or (symbol.name if symbol is not None and symbol.address == address else None)
        receivers, senders = (tuple(self._waiting(address + (kind.offset(list_name) or 0))) for list_name in LISTS)
        items = tuple(self._messages(kind, address, head, length, item, messages)) if item else ()
        return QueueState(address, what, name, messages, length, item, holder, receivers, senders, items)

    def _messages(
        self, kind: FlatStructure, address: int, head: int | None, length: int, size: int, count: int
    ) -> Iterator[bytes]:
        last = kind.number(self.memory, address, "u.xQueue.pcReadFrom", "u.pcReadFrom", "pcReadFrom")
        if not head or last is None or size > MAX_MESSAGE_BYTES:
            return
        if (last - head) % size or not 0 <= last - head < length * size:
            self.state.damage.append(f"queue 0x{address:08x} reads from 0x{last:08x}, which is not in it")
            return
        slot = (last - head) // size
        for index in range(min(count, MAX_MESSAGES)):
            content = self.memory.read(head + (slot + 1 + index) % length * size, size)
            if content is None:
                return
            yield content

    def _waiting(self, address: int) -> Iterator[int]:
        """The owners of a list's items; what does not go together is damage."""
        kind, item = self.types["list"], self.types["item"]
        assert kind is not None
        count = kind.number(self.memory, address, "uxNumberOfItems") or 0
        end = address + (kind.offset("xListEnd") or 0)
        at = kind.number(self.memory, address, "xListEnd.pxNext")
        inside = self.types["task"].offset("xEventListItem") if self.types["task"] is not None else None
        met = 0
        while at not in (None, end) and met < MAX_LIST and item is not None:
            assert at is not None
            owner = item.number(self.memory, at, "pvOwner")
            if owner is None or item.number(self.memory, at, *CONTAINER) != address:
                self.state.damage.append(f"the list at 0x{address:08x} leads to 0x{at:08x}, which is not on it")
                return
            if inside is not None and owner + inside != at:
                told = f"the item 0x{at:08x} on the list at 0x{address:08x} says that it is of task 0x{owner:08x}"
                self.state.damage.append(f"{told}, in which it does not lie")
                return
            met += 1
            yield owner
            at = item.number(self.memory, at, "pxNext")
        if at != end:
            self.state.damage.append(f"the list at 0x{address:08x} does not come back to its end")
        elif met != count:
            self.state.damage.append(f"the list at 0x{address:08x} counts {count} tasks and has {met}")


LISTS = ("xTasksWaitingToReceive", "xTasksWaitingToSend")


def _of_each(items: Sequence[str], name: str) -> list[str]:
    return [f"{item}.{name}" for item in items]


def _of(item: str, names: Sequence[str]) -> list[str]:
    return [f"{item}.{name}" for name in names]


def _circles(tasks: Sequence[RtosTask]) -> list[tuple[int, ...]]:
    """The circles of tasks that wait for each other's mutexes, each once."""
    holders = {
        task.tcb: task.wait.queue.holder for task in tasks
        if task.wait is not None and task.wait.queue is not None and task.wait.queue.kind == "mutex"
    }  # fmt: skip
    circles: list[tuple[int, ...]] = []
    done: set[int] = set()
    for first in holders:
        path: list[int] = []
        at: int | None = first
        while at in holders and at not in done and at not in path:
            assert at is not None
            path.append(at)
            at = holders[at]
        if at in path:
            circles.append(tuple(path[path.index(at) :]))
        done.update(path)
    return circles
