"""Timers, their commands, stream and message buffers and event groups are read back out of memory that a writer of its
own laid out by the types of a kernel, as pyelftools reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.rtos_objects import RtosObjects, read_objects
from espmon.postmortem.rtos_reader import RtosTypes, TaskInput, read_rtos
from espmon.postmortem.rtos_state import RtosState, RtosTask, Wait
from espmon.postmortem.symbolizer import Image, Symbolizer
from tests.postmortem.rtos_images import Types, types_of

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
WANTED = (
    "xLIST", "xLIST_ITEM", "tmrTimerControl", "xTIMER", "tmrTimerQueueMessage", "StreamBufferDef_t", "QueueDefinition",
    "EventGroupDef_t", "tskTaskControlBlock",
)  # fmt: skip
RAM, RAM_BYTES = 0x3FCB_0000, 0x8000
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
TASK = 0x3FCC_0000


@dataclass(frozen=True)
class Timer:
    name: str
    period: int
    expires: int
    reloads: bool
    callback: str
    second_list: bool = False


TIMERS = st.builds(
    Timer,
    st.text("abcdefgh_ 0123456789", min_size=1, max_size=20),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from(["blink_expired", "watchdog_expired"]),
    st.booleans(),
)


@cache
def kernel(layout: str) -> tuple[Types, Image, Symbolizer]:
    path = FOLDER / f"kernel_{layout}.elf"
    return types_of(path, ("kernel.c",), WANTED), Image(path), Symbolizer(path)


class Writer:
    """Lays objects out in memory."""

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.types = kernel(layout)[0]
        self.timer = "tmrTimerControl" if layout == "vanilla" else "xTIMER"
        self.memory = bytearray(RAM_BYTES)
        self.globals: dict[int, bytearray] = {}
        self._free = RAM
        self.addresses: list[int] = []

    def take(self, size: int) -> int:
        at, self._free = self._free, self._free + (size + 7) // 8 * 8
        assert self._free <= RAM + RAM_BYTES
        return at

    def put(self, address: int, data: bytes) -> None:
        self.memory[address - RAM : address - RAM + len(data)] = data

    def set(self, structure: str, address: int, path: str, value: int) -> None:
        offset, size = self.types.structures[structure][path]
        self.put(address + offset, (value & ((1 << 8 * size) - 1)).to_bytes(size, "little"))

    def variable(self, name: str, content: bytes) -> int:
        address = self.types.symbols[name]
        self.globals[address] = bytearray(content)
        return address

    def place(self, structure: str, path: str) -> int:
        return self.types.structures[structure][path][0]

    def timers(self, timers: list[Timer]) -> None:
        lists = [self.types.symbols[name] for name in ("xActiveTimerList1", "xActiveTimerList2")]
        chains: list[list[int]] = [[], []]
        for timer in timers:
            at = self.take(self.types.sizes[self.timer])
            self.addresses.append(at)
            name = self.take(len(timer.name) + 1)
            self.put(name, timer.name.encode() + b"\0")
            which = int(timer.second_list)
            self.set(self.timer, at, "pcTimerName", name)
            self.set(self.timer, at, "xTimerPeriodInTicks", timer.period)
            self.set(self.timer, at, "pxCallbackFunction", self.types.symbols[timer.callback])
            if self.layout == "vanilla":
                self.set(self.timer, at, "ucStatus", 1 | 4 * timer.reloads)
            else:
                self.set(self.timer, at, "uxAutoReload", timer.reloads)
            item = at + self.place(self.timer, "xTimerListItem")
            container = "pxContainer" if self.layout == "vanilla" else "pvContainer"
            for path, value in (("xItemValue", timer.expires), ("pvOwner", at), (container, lists[which])):
                self.set("xLIST_ITEM", item, path, value)
            chains[which].append(item)
        for address, chain in zip(lists, chains, strict=True):
            end = address + self.place("xLIST", "xListEnd")
            around = [*chain, end]
            for index, item in enumerate(chain):
                self.set("xLIST_ITEM", item, "pxNext", around[index + 1])
            content = bytearray(self.types.sizes["xLIST"])
            for path, value in (
                ("uxNumberOfItems", len(chain)), ("xListEnd.pxNext", around[0]), ("xListEnd.xItemValue", 0xFFFFFFFF)
            ):  # fmt: skip
                offset = self.place("xLIST", path)
                content[offset : offset + 4] = value.to_bytes(4, "little")
            self.globals[address] = content
        self.variable("pxOverflowTimerList", lists[1].to_bytes(4, "little"))

    def commands(self, messages: list[tuple[int, int]], first: int, length: int) -> None:
        """(number, timer or function) in the timer task's queue, the first in slot `first`."""
        size = self.types.sizes["tmrTimerQueueMessage"]
        storage, queue = self.take(size * length), self.take(self.types.sizes["QueueDefinition"])
        for index, (number, target) in enumerate(messages):
            at = storage + (first + index) % length * size
            self.set("tmrTimerQueueMessage", at, "xMessageID", number)
            path = "u.xTimerParameters.pxTimer" if number >= 0 else "u.xCallbackParameters.pxCallbackFunction"
            self.set("tmrTimerQueueMessage", at, path, target)
        read = "u.xQueue.pcReadFrom" if self.layout == "vanilla" else "u.pcReadFrom"
        for key, value in (
            ("pcHead", storage), ("uxMessagesWaiting", len(messages)), ("uxLength", length), ("uxItemSize", size),
            (read, storage + (first - 1) % length * size),
        ):  # fmt: skip
            self.set("QueueDefinition", queue, key, value)
        self.variable("xTimerQueue", queue.to_bytes(4, "little"))

    def stream(self, length: int, head: int, tail: int, *, message: bool, receiver: int = 0, sender: int = 0) -> int:
        at, buffer = self.take(self.types.sizes["StreamBufferDef_t"]), self.take(length)
        for key, value in (
            ("xLength", length), ("xHead", head), ("xTail", tail), ("xTriggerLevelBytes", 1), ("pucBuffer", buffer),
            ("xTaskWaitingToReceive", receiver), ("xTaskWaitingToSend", sender), ("ucFlags", int(message)),
        ):  # fmt: skip
            self.set("StreamBufferDef_t", at, key, value)
        return at

    def empty_list(self, address: int) -> None:
        end = address + self.place("xLIST", "xListEnd")
        for path, value in (
            ("xListEnd.pxNext", end),
            ("xListEnd.pxPrevious", end),
            ("xListEnd.xItemValue", 0xFFFFFFFF),
        ):
            self.set("xLIST", address, path, value)

    def queue(self, items: list[bytes], length: int, size: int, *, mutex: bool = False, holder: int = 0) -> int:
        """A queue without waiting tasks, its first message in the last slot; `size` 0 for what is made of one."""
        at = self.take(self.types.sizes["QueueDefinition"])
        storage = self.take(length * size) if size else 0 if mutex else at
        for name in ("xTasksWaitingToReceive", "xTasksWaitingToSend"):
            self.empty_list(at + self.place("QueueDefinition", name))
        values = {"pcHead": storage, "uxMessagesWaiting": len(items), "uxLength": length, "uxItemSize": size}
        if mutex:
            values["u.xSemaphore.xMutexHolder"] = holder
        elif size:
            values["u.xQueue.pcReadFrom"] = storage + (length - 2) % length * size
        for key, value in values.items():
            self.set("QueueDefinition", at, key, value)
        for index, item in enumerate(items):
            self.put(storage + (length - 1 + index) % length * size, item)
        return at

    def free_stream(self, length: int, head: int, *, static: bool, message: bool) -> int:
        """A buffer made at run time has its storage right behind it, a static one in a variable."""
        at = self.take(self.types.sizes["StreamBufferDef_t"] + (0 if static else length))
        storage = self.types.symbols["log_storage"] if static else at + self.types.sizes["StreamBufferDef_t"]
        for key, value in (
            ("xLength", length), ("xHead", head), ("xTriggerLevelBytes", 1), ("pucBuffer", storage),
            ("ucFlags", message + 2 * static),
        ):  # fmt: skip
            self.set("StreamBufferDef_t", at, key, value)
        return at

    def group(self, bits: int) -> int:
        at = self.take(self.types.sizes["EventGroupDef_t"])
        self.set("EventGroupDef_t", at, "uxEventBits", bits)
        self.empty_list(at + self.place("EventGroupDef_t", "xTasksWaitingForBits"))
        return at

    def read(self, state: RtosState | None = None) -> RtosObjects:
        segments = [(RAM, bytes(self.memory)), *((at, bytes(data)) for at, data in self.globals.items())]
        _, image, symbolizer = kernel(self.layout)
        return read_objects(image, SegmentMemory(segments), state or RtosState(), symbolizer.symbol_and_offset)


@pytest.mark.parametrize("layout", ["vanilla", "classic"])
def test_every_timer_is_read_back(layout: str) -> None:
    @QUICK
    @given(timers=st.lists(TIMERS, max_size=8))
    def check(timers: list[Timer]) -> None:
        writer = Writer(layout)
        writer.timers(timers)
        found = writer.read()
        assert found.damage == []
        assert found.timers is not None
        told = sorted(
            (t.address, t.name, t.period, t.expires, t.reloads, t.callback, t.overflowed) for t in found.timers
        )
        assert told == sorted(
            (at, t.name, t.period, t.expires, t.reloads, t.callback, t.second_list)
            for at, t in zip(writer.addresses, timers, strict=True)
        )
        assert found.to_json()["timers"] is not None
        assert len(found.lines(RtosState(tick=5))) == 1 + len(timers)

    check()


@pytest.mark.parametrize("layout", ["vanilla", "classic"])
def test_commands_of_the_timer_task_come_in_their_order(layout: str) -> None:
    writer = Writer(layout)
    writer.timers([Timer("blink", 100, 5, True, "blink_expired")])
    symbols = writer.types.symbols
    writer.commands([(1, writer.addresses[0]), (-1, symbols["watchdog_expired"]), (77, 0x3FC0_0000)], 3, 4)
    assert writer.read().commands == [
        "start timer blink", "call a function: watchdog_expired", "command 77 timer 0x3fc00000"
    ]  # fmt: skip
    text = "\n".join(writer.read().lines(RtosState(tick=1)))
    assert "timer blink: every 100 ticks, expires at 5 (4 from now), calls blink_expired" in text
    assert "waits for the timer task: start timer blink" in text


@QUICK
@given(timers=st.lists(TIMERS, min_size=1, max_size=6), data=st.data())
def test_damaged_lists_of_timers_are_named_and_nothing_is_invented(timers: list[Timer], data: st.DataObject) -> None:
    writer = Writer("vanilla")
    writer.timers(timers)
    chosen = data.draw(st.integers(0, len(timers) - 1))
    item = writer.addresses[chosen] + writer.place("tmrTimerControl", "xTimerListItem")
    path = data.draw(st.sampled_from(["pxNext", "pvOwner", "pxContainer"]))
    writer.set("xLIST_ITEM", item, path, data.draw(st.sampled_from([0, 0x10, 0x3FCB_7F00, 0xFEFE_FEFE])))
    found = writer.read()
    assert found.damage
    assert {timer.address for timer in found.timers or ()} <= set(writer.addresses)


@QUICK
@given(content=st.binary(min_size=16, max_size=600))
def test_any_bytes_end_with_a_result(content: bytes) -> None:
    writer = Writer("vanilla")
    writer.timers([])
    writer.memory[:] = (content * (RAM_BYTES // len(content) + 1))[:RAM_BYTES]
    for address in list(writer.globals):
        writer.globals[address][:] = content[: len(writer.globals[address])].ljust(len(writer.globals[address]))
    state = RtosState([RtosTask(int.from_bytes(content[:4], "little"), "task", Wait("notification"))])
    assert isinstance(writer.read(state).lines(state), list)


@QUICK
@given(length=st.integers(2, 200), data=st.data(), message=st.booleans(), sends=st.booleans())
def test_a_buffer_is_known_by_the_task_that_waits_for_it(
    length: int, data: st.DataObject, message: bool, sends: bool
) -> None:
    writer = Writer("vanilla")
    writer.timers([])
    head, tail = (data.draw(st.integers(0, length - 1)) for _ in range(2))
    side = "sender" if sends else "receiver"
    address = writer.stream(length, head, tail, message=message, **{side: TASK})
    writer.put(writer.take(4), TASK.to_bytes(4, "little"))  # a word that is no part of a buffer
    state = RtosState([RtosTask(TASK, "net", Wait("notification", slot=0)), RtosTask(TASK + 512, "idle", None)])
    (found,) = writer.read(state).streams
    filled = head - tail if head >= tail else head - tail + length
    assert (found.address, found.kind) == (address, "message buffer" if message else "stream buffer")
    assert (found.filled, found.capacity, getattr(found, side)) == (filled, length - 1, TASK)
    line = writer.read(state).lines(state)[-1]
    assert line.endswith(f"{filled} of {length - 1} bytes, net waits to {'send' if sends else 'receive'}")


def test_an_event_group_has_the_bits_that_are_set() -> None:
    writer = Writer("vanilla")
    address = writer.take(writer.types.sizes["EventGroupDef_t"])
    writer.set("EventGroupDef_t", address, "uxEventBits", 0x0500_0011)
    waits = [Wait("event group", address=address, bits=0x30), Wait("event group", address=0x3FCD_0000, bits=1)]
    state = RtosState([RtosTask(TASK + n, f"t{n}", wait) for n, wait in enumerate(waits)])
    assert [group.bits for group in writer.read(state).groups] == [0x11, None]
    assert "bits that are set: not in this dump" in writer.read(state).lines(state)[-1]


@QUICK
@given(
    items=st.lists(st.binary(min_size=4, max_size=4), max_size=5), held=st.booleans(), count=st.integers(0, 3),
    head=st.integers(0, 63), static=st.booleans(), message=st.booleans(), bits=st.integers(0, 0xFFFFFF),
)  # fmt: skip
def test_what_nobody_waits_for_is_found_where_variables_lead(
    items: list[bytes], held: bool, count: int, head: int, static: bool, message: bool, bits: int
) -> None:
    writer = Writer("vanilla")
    queue = writer.queue(items, 5, 4)
    mutex = writer.queue([], 1, 0, mutex=True, holder=TASK if held else 0)
    counting = writer.queue([b""] * count, 3, 0)
    stream, group = writer.free_stream(64, head, static=static, message=message), writer.group(bits)
    for name, address in (("readings", queue), ("serial_in", stream), ("states", group)):
        writer.variable(name, address.to_bytes(4, "little"))
    writer.variable("locks", mutex.to_bytes(4, "little") + counting.to_bytes(4, "little"))
    state = RtosState([RtosTask(TASK, "net", None)])
    found = writer.read(state)
    assert found.damage == []
    by_name = {each.name: each for each in found.queues}
    assert {name: (each.address, each.kind) for name, each in by_name.items()} == {
        "readings": (queue, "queue"), "locks[0]": (mutex, "mutex"), "locks[1]": (counting, "counting semaphore"),
    }  # fmt: skip
    assert by_name["readings"].items == tuple(items)
    assert (by_name["locks[0]"].holder, by_name["locks[1]"].messages) == (TASK if held else 0, count)
    (buffer,) = found.streams
    assert (buffer.address, buffer.name, buffer.filled, buffer.capacity) == (stream, "serial_in", head, 63)
    assert buffer.kind == ("message buffer" if message else "stream buffer")
    assert [(each.address, each.name, each.bits) for each in found.groups] == [(group, "states", bits)]
    lines = "\n".join(found.lines(state))
    assert f"queue readings 0x{queue:08x}: {len(items)} of 5, nobody waits" in lines
    assert f"mutex locks[0] 0x{mutex:08x}: nobody waits{', held by net' if held else ''}" in lines
    assert f"{buffer.kind} serial_in 0x{stream:08x}: {head} of 63 bytes, nobody waits" in lines


@QUICK
@given(path=st.sampled_from(["xListEnd.pxNext", "xListEnd.pxPrevious", "xListEnd.xItemValue"]), content=st.binary())
def test_what_only_looks_like_an_object_is_none(path: str, content: bytes) -> None:
    writer = Writer("vanilla")
    queue, group = writer.queue([], 5, 4), writer.group(1)
    stream = writer.free_stream(64, 3, static=False, message=False)
    writer.set("xLIST", queue + writer.place("QueueDefinition", "xTasksWaitingToSend"), path, 0x3FCB_0010)
    writer.set("xLIST", group + writer.place("EventGroupDef_t", "xTasksWaitingForBits"), path, 0x3FCB_0010)
    writer.set("StreamBufferDef_t", stream, "pucBuffer", RAM)
    plain = writer.take(256)
    writer.put(plain, content[:256])
    for name, address in (("readings", queue), ("serial_in", stream), ("states", group)):
        writer.variable(name, address.to_bytes(4, "little"))
    writer.variable("locks", plain.to_bytes(4, "little") + b"\xff\xff\xff\xff")
    found = writer.read()
    assert (found.queues, found.streams, found.groups) == ([], [], [])


def test_without_the_lists_nothing_is_said_of_timers() -> None:
    found = Writer("vanilla").read()
    assert found.timers is None
    assert found.lines(RtosState()) == ["timers: not in this dump"]


def test_an_old_kernel_keeps_a_task_s_time_under_another_name() -> None:
    types, image, _ = kernel("classic")
    block = bytearray(types.sizes["tskTaskControlBlock"])
    for path, value in (
        ("xGenericListItem.pvContainer", types.symbols["xDelayedTaskList1"]), ("xGenericListItem.xItemValue", 77)
    ):  # fmt: skip
        offset = types.structures["tskTaskControlBlock"][path][0]
        block[offset : offset + 4] = value.to_bytes(4, "little")
    state = read_rtos(RtosTypes(image), SegmentMemory([(TASK, bytes(block))]), [TaskInput(TASK, "old", False)])
    assert state.tasks[0].wait == Wait("delay", until=77)


@pytest.mark.parametrize(
    ("unused", "size", "near"), [(None, 1000, False), (99, 1000, True), (100, 1000, False), (127, None, True)]
)
def test_a_stack_that_came_close_to_its_end_is_named(unused: int | None, size: int | None, near: bool) -> None:
    state = RtosState([RtosTask(1, "deep", None, unused, None, size)])
    assert ("close to overflow" in state.lines()[-1]) == near
    assert state.tasks[0].to_json()["nearly_full"] == near
