"""What the RTOS was doing, read back out of memory that a writer of its own laid out by the real ELFs' types."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from espmon.postmortem import decode_core
from espmon.postmortem.likely_cause import deadlocks
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.rtos_reader import RtosTypes, TaskInput, read_rtos
from espmon.postmortem.rtos_state import RtosState, RtosTask, Wait
from espmon.postmortem.symbolizer import Image
from tests.inputs import REAL, dump_named
from tests.postmortem.rtos_images import (
    DELAY,
    FOR_EVER,
    RAM,
    READY,
    Plan,
    PlannedQueue,
    PlannedTask,
    Types,
    Writer,
    plans,
    types_of,
)

ELVES = ("esp32", "esp32c3", "vanilla")
"""Two of ESP-IDF, and the structures of the unchanged kernel, which are this project's own."""

VANILLA = Path(__file__).resolve().parents[1] / "fixtures" / "elf" / "kernel_vanilla.elf"
EXAMPLES = int(os.environ.get("ESPMON_RTOS_EXAMPLES", "40"))
"""States for each test; thousands: `ESPMON_RTOS_EXAMPLES=3000 pytest tests/postmortem/test_rtos.py`."""
QUICK = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def kernel(name: str) -> tuple[Types, RtosTypes]:
    if name == "vanilla":
        return types_of(VANILLA, ("kernel.c",)), RtosTypes(Image(VANILLA))
    path = REAL / "coredump" / name / "app.elf"
    if not path.exists():
        pytest.skip("real ELFs are not here")
    return types_of(path), RtosTypes(Image(path))


def read(name: str, writer: Writer) -> RtosState:
    tasks = [TaskInput(task.address, task.name, False) for task in writer.plan.tasks]
    return read_rtos(kernel(name)[1], SegmentMemory(writer.segments()), tasks)


GROUPS = {"vanilla": RAM + 0x40 - 4}
"""Address of the event group whose list of tasks the writer names, where the ELF describes event groups."""


def expected_wait(plan: Plan, task: PlannedTask, found: Wait | None, group: int | None) -> None:
    """Every part of a wait that the plan has; nothing else."""
    until = None if task.limit == FOR_EVER else task.tick
    if task.what == READY:
        assert found is None
    elif task.what == DELAY:
        assert found == Wait("delay", until=task.tick)
    elif task.what == "suspended":
        assert found == Wait("suspended", for_ever=True)
    elif task.what == "notification":
        assert found == Wait("notification", slot=0, until=until, for_ever=until is None)
    elif task.what == "bits":
        limit = until is None
        told = Wait("event group", "", group, bits=task.bits, all_bits=task.all_bits, until=until, for_ever=limit)
        assert found == told
    else:
        assert found is not None
        queue = plan.queues[task.queue]
        operation = "take" if not queue.size and task.side == "receive" else task.side
        assert (found.operation, found.address, found.until) == (operation, queue.address, until)
        expected_queue(plan, queue, found)


def expected_queue(plan: Plan, queue: PlannedQueue, wait: Wait) -> None:
    found = wait.queue
    assert found is not None
    kind = "queue" if queue.size else "binary semaphore" if queue.length == 1 else "counting semaphore"
    assert found.kind == ("mutex" if queue.mutex else kind) == wait.kind
    assert (found.length, found.messages, found.item_size) == (queue.length, queue.count, queue.size)
    assert found.items == tuple(queue.messages)
    assert found.receivers == tuple(plan.tasks[number].address for number in queue.receivers)
    assert found.senders == tuple(plan.tasks[number].address for number in queue.senders)
    if queue.mutex:
        assert found.holder == (plan.tasks[queue.holder].address if queue.holder is not None else 0)


def expected_circles(plan: Plan) -> set[frozenset[int]]:
    """Circles by following each task on its own."""
    circles = set()
    for start in range(len(plan.tasks)):
        path: list[int] = []
        at: int | None = start
        while at is not None and at not in path:
            path.append(at)
            task = plan.tasks[at]
            waits = task.what == "queue" and plan.queues[task.queue].mutex
            at = plan.queues[task.queue].holder if waits else None
        if at is not None:
            circles.add(frozenset(plan.tasks[number].address for number in path[path.index(at) :]))
    return circles


@pytest.mark.parametrize("name", ELVES)
def test_every_state_is_read_back(name: str) -> None:
    types, _ = kernel(name)

    @QUICK
    @given(plan=plans())
    def check(plan: Plan) -> None:
        state = read(name, Writer(types, plan))
        assert state.damage == []
        assert state.tick == plan.tick
        assert [task.name for task in state.tasks] == [task.name for task in plan.tasks]
        for task, found in zip(plan.tasks, state.tasks, strict=True):
            expected_wait(plan, task, found.wait, GROUPS.get(name))
            assert found.unused == task.unused
        assert {frozenset(circle) for circle in state.deadlocks} == expected_circles(plan)
        assert state.lines()
        assert state.to_json()["tick"] == plan.tick

    check()


@pytest.mark.parametrize("name", ELVES)
def test_every_damage_is_named_and_nothing_invented(name: str) -> None:
    types, _ = kernel(name)

    @QUICK
    @given(plan=plans(), data=st.data())
    def check(plan: Plan, data: st.DataObject) -> None:
        waiting = [number for number, task in enumerate(plan.tasks) if task.what == "queue"]
        assume(waiting)
        writer = Writer(types, plan)
        number = data.draw(st.sampled_from(waiting))
        task, queue = plan.tasks[number], plan.queues[plan.tasks[number].queue]
        how = data.draw(st.sampled_from(["next", "count", "queue", "owner", "container"]))
        side = "xTasksWaitingToReceive" if task.side == "receive" else "xTasksWaitingToSend"
        list_at = queue.address + writer.place("QueueDefinition", side)
        item = writer.item(number, "xEventListItem")
        if how == "next":
            writer.put(
                item + writer.place("xLIST_ITEM", "pxNext"), data.draw(st.sampled_from([0, 0x10, item, 0x3FFD0000]))
            )
        elif how == "count":
            side_list = queue.receivers if task.side == "receive" else queue.senders
            writer.put(
                list_at + writer.place("xLIST", "uxNumberOfItems"), len(side_list) + data.draw(st.integers(1, 9))
            )
        elif how == "queue":
            start = queue.address - 0x3FFD0000
            size = types.sizes["QueueDefinition"]
            writer.memory[start : start + size] = data.draw(st.sampled_from([b"\xfe", b"\0", b"\xff"])) * size
        elif how == "owner":
            others = [other.address for other in plan.tasks if other is not task] or [0x3FFD0000]
            writer.put(item + writer.place("xLIST_ITEM", "pvOwner"), data.draw(st.sampled_from(others)))
        else:
            writer.put(item + writer.place("xLIST_ITEM", "pxContainer"), 0x3FFD0100)
        state = read(name, writer)
        assert state.damage
        assert all("0x" in text for text in state.damage)
        queues = {planned.address for planned in plan.queues}
        tasks = {planned.address for planned in plan.tasks}
        for found in state.tasks:
            if found.wait is not None and found.wait.queue is not None:
                assert found.wait.queue.address in queues
                assert set(found.wait.queue.receivers) | set(found.wait.queue.senders) <= tasks

    check()


@pytest.mark.parametrize("name", ELVES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(min_size=64, max_size=4096), plan=plans())
def test_any_bytes_end_with_a_state(name: str, content: bytes, plan: Plan) -> None:
    types, _ = kernel(name)
    writer = Writer(types, plan)
    repeated = content * (len(writer.memory) // len(content) + 1)
    writer.memory[:] = repeated[: len(writer.memory)]
    assert len(read(name, writer).tasks) == len(plan.tasks)


def test_a_deadlock_is_a_likely_cause_with_the_mutexes_and_their_holders() -> None:
    plan = Plan(
        [PlannedTask("first", "queue", 1), PlannedTask("second", "queue", 0), PlannedTask("third", "queue", 0)],
        [PlannedQueue(1, 0, [], 0, 0, True, 0, receivers=[1, 2]), PlannedQueue(1, 0, [], 0, 0, True, 1, receivers=[0])],
        100,
    )
    state = read("esp32", Writer(kernel("esp32")[0], plan))
    (cause,) = deadlocks(state)
    one, two = (queue.address for queue in plan.queues)
    assert cause.sentence == "first and second wait for each other for ever."
    told = f"deadlock: first waits for mutex 0x{two:08x} of second, second waits for mutex 0x{one:08x} of first"
    assert cause.evidence == (told,)
    assert any("third" in line and "mutex" in line and "held by first" in line for line in state.lines())
    assert deadlocks(None) == []


@pytest.mark.parametrize(("name", "waiting"), [("esp32", {"ipc0", "ipc1", "esp_timer"}), ("esp32c3", {"esp_timer"})])
def test_tasks_of_real_dumps_wait_for_what_their_functions_wait_for(name: str, waiting: set[str]) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    state = report.rtos
    assert state is not None
    told: dict[str, RtosTask] = {task.name: task for task in state.tasks}
    assert {task.name for task in state.tasks if task.wait is not None} == waiting
    for task in report.tasks:
        wait = told[task.name].wait
        notified = any("Notify" in (frame.function or "") for frame in task.frames)
        assert (wait is not None and wait.kind == "notification") == notified
    assert state.tick is None
    assert "tick: not in this dump" in report.rtos_text()
    assert Path(dump.elf).exists()
