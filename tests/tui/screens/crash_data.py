"""Reports in the shape of contracts.md, as a decoder would hand them to the panels."""

from __future__ import annotations

from typing import Any


def frame(
    function: str | None, file: str | None = None, line: int | None = None, pc: int = 0x400D66B9, **marks: bool
) -> dict[str, Any]:
    return {
        "pc": f"0x{pc:08x}",
        "function": function,
        "file": file,
        "line": line,
        "inlined": False,
        "recovered": False,
        **marks,
    }  # fmt: skip


FRAMES = [
    frame("panic_abort", "/builds/espressif/esp-idf/components/esp_system/panic.c", 472),
    frame("esp_system_abort", "/builds/espressif/esp-idf/components/esp_system/port/esp_system_chip.c", 93, 0x400D6711),
    frame("abort", "/builds/espressif/esp-idf/components/newlib/abort.c", 38, 0x400DD6B0),
    frame("read_sample", "/project/main/sensor.c", 14, 0x400D1238, inlined=True),
    frame("sensor_task", "/project/main/sensor.c", 31, 0x400D1250),
    frame("ets_printf", None, None, 0x40007D14, recovered=True),
    frame("vPortTaskWrapper", "/builds/espressif/esp-idf/components/freertos/port.c", 133, 0x40081E49),
]
IDLE = [
    frame("esp_cpu_wait_for_intr", "/builds/espressif/esp-idf/components/esp_hw_support/cpu.c", 55, 0x4008192B),
    frame("prvIdleTask", "/builds/espressif/esp-idf/components/freertos/tasks.c", 4344, 0x40085A02),
]


def task(
    name: str, used: int, free: int, frames: list[dict[str, Any]], priority: int = 1, **more: Any
) -> dict[str, Any]:
    return {
        "tcb": "0x3ffb5e20",
        "name": name,
        "crashed": False,
        "priority": priority,
        "base_priority": priority,
        "stack_used": used,
        "stack_free": free,
        "frames": frames,
        **more,
    }  # fmt: skip


CORE_DUMP: dict[str, Any] = {
    "chip": "esp32",
    "format": "elf",
    "version": "1.0",
    "checksum": "ok",
    "partial": False,
    "app_sha256": "4f2a91c0e7d4455b",
    "elf_match": True,
    "crashed": {
        "tcb": "0x3ffb5e20",
        "task": "sensor",
        "isr": False,
        "reason": "abort() was called at PC 0x400d66b9 on core 0",
        "cause": None,
    },
    "registers": {f"a{index}": f"0x{0x3FFB0000 + index * 0x1111:08x}" for index in range(16)} | {"pc": "0x400d66b9"},
    "tasks": [
        task("IDLE0", 524, 1008, IDLE, 0),
        task("wifi", 3400, 184, IDLE, 23),
        task("sensor", 880, 2700, FRAMES, 5, crashed=True),
        task("Tmr Svc", 600, 1440, IDLE),
    ],
    "regions": [
        {"start": "0x3ffb5e20", "size": 344, "kind": "task control block"},
        {"start": "0x3ffb8000", "size": 3584, "kind": "stack of sensor"},
    ],
    "warnings": [],
}

SOURCE = [
    (12, "static int read_sample(const sensor_t *sensor)"),
    (13, "{"),
    (14, "    assert(sensor != NULL && sensor->values[0] != 0);"),
    (15, "    return sensor->values[0];"),
    (16, "}"),
]


def source(file: str, line: int) -> list[tuple[int, str]]:
    return SOURCE if (file, line) == ("/project/main/sensor.c", 14) else []


PANIC: dict[str, Any] = {
    "kind": "exception",
    "cause": "LoadProhibited",
    "core": 1,
    "task": "sensor",
    "pc": "0x400d1238",
    "excvaddr": "0x00000004",
    "registers": {"PC": "0x400d1238", "A2": "0x00000000", "A3": "0xfefefefe", "EXCVADDR": "0x00000004"},
    "notes": {"A2": "null pointer", "A3": "pattern of freed memory"},
    "backtrace": FRAMES[3:],
    "corrupted": False,
    "elf_sha256": "4f2a91c0e",
    "elf_match": True,
    "message": None,
    "damaged": [],
    "count": 3,
    "boot": 4,
    "sentence": "Task sensor read through a null pointer (address 0x00000004)",
}
