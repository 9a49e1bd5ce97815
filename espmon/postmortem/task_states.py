"""What each task was doing: from the kernel list that its control block hangs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from espmon.postmortem.elf import Elf
from espmon.postmortem.structures import TaskLayout

LISTS = {
    b"xSuspendedTaskList": "suspended",
    b"xDelayedTaskList1": "blocked",
    b"xDelayedTaskList2": "blocked",
    b"xPendingReadyList": "ready",
    b"xTasksWaitingTermination": "deleted",
    b"pxReadyTasksLists": "ready",
}
"""The kernel's lists -> the state of a task on them."""
LIST_CONTAINER_OFFSET = 16
"""Where an item of a list names its list."""
LIST_BYTES = 20
"""Size of a list: the ready lists, one a priority, stand in a row."""

StateOf = Callable[[bytes], str]
"""From a task's control block to its state: "ready", "blocked", "suspended", "deleted", "unknown"; without the ELF also
"waiting" for blocked or suspended.
"""


def states_by_symbols(elf: Elf, layout: TaskLayout) -> StateOf:
    """Read states with the lists' addresses, which the symbol table has."""
    lists = [
        (symbol.address, symbol.address + max(symbol.size, 1), LISTS[name])
        for name, symbol in elf.symbols_named(list(LISTS)).items()
    ]

    def state(block: bytes) -> str:
        container = _container(block, layout, "xStateListItem")
        for start, end, name in lists:
            if container is not None and start <= container < end:
                # What waits for ever hangs on the list of the suspended ones too.
                waits = name == "suspended" and (
                    layout.word(block, "ucNotifyState") or _container(block, layout, "xEventListItem")
                )
                return "blocked" if waits else name
        return "unknown"

    return state


def states_by_likeness(layout: TaskLayout, running: bytes, others: Iterable[bytes]) -> StateOf:
    """Read states without an ELF: the running task hangs on the ready list of its priority, which gives all of them.

    A task that hangs on something to wait for is blocked; one on another list waits, for a time or for ever.
    """
    container, priority = _container(running, layout, "xStateListItem"), layout.word(running, "uxPriority")
    first = container - LIST_BYTES * priority if container and priority is not None and priority < 256 else None

    def state(block: bytes) -> str:
        container, priority = _container(block, layout, "xStateListItem"), layout.word(block, "uxPriority")
        if not container or priority is None or first is None:
            return "unknown"
        if container == first + LIST_BYTES * priority:
            return "ready"
        return "blocked" if _container(block, layout, "xEventListItem") else "waiting"

    # Where no other task fits, or all of them, the running one's list may have been another.
    known = [state(block) for block in others]
    return state if not known or "ready" in known else lambda block: "unknown"


def _container(block: bytes, layout: TaskLayout, item: str) -> int | None:
    at = layout.offsets.get(item)
    if at is None or len(block) < at + LIST_CONTAINER_OFFSET + 4:
        return None
    return int.from_bytes(block[at + LIST_CONTAINER_OFFSET :][:4], "little")
