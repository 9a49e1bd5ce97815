"""What the RTOS was doing: what each task waits for, who holds what, and what is damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NOT_HELD = "not in this dump"
NEAR_SHARE, NEAR_BYTES = 0.1, 128
"""A stack of which less was never used is close to overflow."""


class QueueState(NamedTuple):
    """A queue, or what is made of one. Fields are None where the dump does not hold them.

    Attributes:
        kind: "queue", "mutex", "binary semaphore", "counting semaphore", or "queue or semaphore" where it is not held.
        name: of the queue registry, or of the variable that it is.
        messages: that wait in it; of a semaphore, its count.
        length: how many there can be.
        item_size: bytes of one.
        holder: control block of the task that holds a mutex, 0 where nobody does.
        receivers, senders: control blocks of the tasks that wait, in their order.
        items: the bytes of the messages, the next first.
    """

    address: int
    kind: str
    name: str | None = None
    messages: int | None = None
    length: int | None = None
    item_size: int | None = None
    holder: int | None = None
    receivers: tuple[int, ...] = ()
    senders: tuple[int, ...] = ()
    items: tuple[bytes, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The queue as reports have it."""
        return {
            **self._asdict(),
            "address": f"0x{self.address:08x}",
            "holder": None if self.holder is None else f"0x{self.holder:08x}",
            "receivers": [f"0x{tcb:08x}" for tcb in self.receivers],
            "senders": [f"0x{tcb:08x}" for tcb in self.senders],
            "items": [item.hex() for item in self.items],
        }


class Wait(NamedTuple):
    """What a task waits for.

    Attributes:
        kind: "queue" (or what is made of one), "event group", "notification", "delay", "suspended", or "object": of a
            kind that is not known, because the dump does not hold it.
        operation: "receive", "send", "take"; empty where nothing tells.
        address: of the object, of one that is not known the list that the task hangs on; None where there is none.
        queue: its state, of queues.
        bits: that an event group's waiter wants; `all_bits`: all of them.
        slot: index of the notification.
        until: the tick at which it gives up or goes on; None: never, or not known.
        for_ever: it has no time limit.
    """

    kind: str
    operation: str = ""
    address: int | None = None
    queue: QueueState | None = None
    bits: int | None = None
    all_bits: bool = False
    slot: int | None = None
    until: int | None = None
    for_ever: bool = False

    def to_json(self) -> dict[str, object]:
        """The wait as reports have it."""
        return {
            **self._asdict(),
            "address": None if self.address is None else f"0x{self.address:08x}",
            "queue": self.queue.to_json() if self.queue is not None else None,
        }


class RtosTask(NamedTuple):
    """A task: what it waits for (None: it can run, or nothing tells), and how near its stack came to its end.

    `unused`: bytes of the stack that were never written; None where the dump does not hold the stack's end.
    """

    tcb: int
    name: str
    wait: Wait | None
    unused: int | None = None
    mutexes_held: int | None = None
    stack_size: int | None = None

    @property
    def nearly_full(self) -> bool:
        """Whether the stack came close to its end: by a tenth of it, or by few bytes where its size is not known."""
        if self.unused is None:
            return False
        return self.unused < (NEAR_BYTES if self.stack_size is None else self.stack_size * NEAR_SHARE)

    def to_json(self) -> dict[str, object]:
        """The task as reports have it."""
        return {
            "tcb": f"0x{self.tcb:08x}",
            "name": self.name,
            "wait": self.wait.to_json() if self.wait is not None else None,
            "stack_never_used": self.unused,
            "mutexes_held": self.mutexes_held,
            "stack_size": self.stack_size,
            "nearly_full": self.nearly_full,
        }


@dataclass(slots=True)
class RtosState:
    """The kernel's state. `deadlocks` are circles of tasks, each waiting for a mutex that the next one holds."""

    tasks: list[RtosTask] = field(default_factory=list)
    deadlocks: list[tuple[int, ...]] = field(default_factory=list)
    tick: int | None = None
    nesting: Mapping[int, int] | None = None
    damage: list[str] = field(default_factory=list)

    def name(self, tcb: int) -> str:
        """A task's name, or its address where it is none of the dump's."""
        return next((task.name for task in self.tasks if task.tcb == tcb), f"0x{tcb:08x}")

    def to_json(self) -> dict[str, object]:
        """The state as reports have it."""
        return {
            "tick": self.tick,
            "interrupt_nesting": None if self.nesting is None else {str(core): n for core, n in self.nesting.items()},
            "tasks": [task.to_json() for task in self.tasks],
            "deadlocks": [[f"0x{tcb:08x}" for tcb in circle] for circle in self.deadlocks],
            "damage": self.damage,
        }

    def lines(self) -> list[str]:
        """The state for reading."""
        found = [f"tick: {NOT_HELD if self.tick is None else self.tick}"]
        nesting = NOT_HELD if self.nesting is None else ", ".join(f"CPU {c}: {n}" for c, n in self.nesting.items())
        found.append(f"interrupts nested: {nesting}")
        for task in self.tasks:
            unused = NOT_HELD if task.unused is None else f"{task.unused} bytes"
            size = "" if task.stack_size is None or task.unused is None else f" of {task.stack_size}"
            near = ", close to overflow" if task.nearly_full else ""
            found.append(f"  {task.name:<16} {self.waiting(task.wait)}; stack never used: {unused}{size}{near}")
        found += [self.deadlock(circle) for circle in self.deadlocks]
        found += [f"damaged: {text}" for text in self.damage]
        return found

    def deadlock(self, circle: tuple[int, ...]) -> str:
        """One circle in a sentence."""
        waits = {task.tcb: task.wait for task in self.tasks}
        parts = []
        for tcb, following in zip(circle, (*circle[1:], circle[0]), strict=True):
            wait = waits[tcb]
            mutex = f" 0x{wait.address:08x}" if wait is not None and wait.address is not None else ""
            parts.append(f"{self.name(tcb)} waits for mutex{mutex} of {self.name(following)}")
        return f"deadlock: {', '.join(parts)}"

    def waiting(self, wait: Wait | None) -> str:
        """What a task waits for, as a sentence without its subject."""
        if wait is None:
            return "does not wait"
        limit = ""
        if wait.for_ever and wait.kind not in ("suspended", "delay"):
            limit = ", without a time limit"
        elif wait.until is not None:
            limit = f" until tick {wait.until}"
            if self.tick is not None:
                limit += f" ({wait.until - self.tick & 0xFFFFFFFF} from now)"
        return _object(wait, self) + limit


def _object(wait: Wait, state: RtosState) -> str:
    if wait.kind == "delay":
        return "sleeps"
    if wait.kind == "suspended":
        return "is suspended"
    if wait.kind == "notification":
        return f"waits for a notification (index {wait.slot})"
    if wait.kind == "event group":
        which = "all of bits" if wait.all_bits else "any of bits"
        return f"waits for {which} 0x{wait.bits or 0:x} of event group 0x{wait.address or 0:08x}"
    queue = wait.queue
    if queue is None:
        return f"hangs on the list at 0x{wait.address or 0:08x}, of an object that is {NOT_HELD}"
    name = f" {queue.name}" if queue.name else ""
    verb = {"send": "waits to send to", "receive": "waits to receive from"}.get(wait.operation, "waits for")
    text = f"{verb} {queue.kind}{name} 0x{queue.address:08x}"
    if queue.kind == "mutex" and queue.holder is not None:
        return f"{text} held by {state.name(queue.holder) if queue.holder else 'nobody'}"
    if queue.messages is not None:
        return f"{text} ({queue.messages} of {queue.length})"
    return f"{text} ({NOT_HELD})"
