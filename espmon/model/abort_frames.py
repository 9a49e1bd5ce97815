"""Functions between the code that gave up and the place where the processor stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class AbortReason(NamedTuple):
    """Why a program gives up: the kind of crash, and in words."""

    kind: str
    words: str


ABORT_REASONS: Mapping[str, AbortReason] = {
    "__assert_func": AbortReason("assert", "an assertion failed"),
    "__stack_chk_fail": AbortReason("stack_smash", "stack smashing was detected: a local buffer was overrun"),
    "vApplicationStackOverflowHook": AbortReason("stack_overflow", "a task's stack overflowed"),
    "_esp_error_check_failed": AbortReason("abort", "ESP_ERROR_CHECK failed"),
    "task_wdt_timeout_abort": AbortReason("task_wdt", "the task watchdog ran out"),
    "task_wdt_timeout_abort_xtensa": AbortReason("task_wdt", "the task watchdog ran out"),
    "task_wdt_isr": AbortReason("task_wdt", "the task watchdog ran out"),
    "multi_heap_assert": AbortReason("heap", "the heap is damaged"),
    "__cxa_throw": AbortReason("abort", "a C++ exception was not caught"),
    "__verbose_terminate_handler": AbortReason("abort", "a C++ exception was not caught"),
    "rust_begin_unwind": AbortReason("rust", "a Rust panic"),
    "abort": AbortReason("abort", "abort() was called"),
    "panic_abort": AbortReason("abort", "abort() was called"),
}
"""Function on the crashed task's stack -> what it means; earlier ones say more."""

ABORT_FRAMES = frozenset(ABORT_REASONS) | {
    "esp_system_abort", "__assert", "_esp_error_check_failed_without_abort", "taskCHECK_FOR_STACK_OVERFLOW",
    "lock_acquire_generic", "vPortTaskWrapper", "panic_handler", "xt_unhandled_exception", "esp_restart_noos",
    "esp_panic_handler", "panicHandler", "__cxxabiv1::__terminate", "std::terminate", "__ubsan_default_handler",
    "ubsan_default_handler", "heap_caps_alloc_failed", "core::panicking::panic_fmt", "task_wdt_timeout_handling",
    "esp_task_wdt_isr_user_handler",
}  # fmt: skip
"""Functions that only carry the bad news: the place of a crash is the first frame outside of them."""

ABORT_FRAME_FILES = ("/freertos/", "/newlib/", "/esp_system/panic", "/core/src/panicking", "/std/src/panicking")
"""Parts of paths whose frames are the system's own, for aborts."""

SCHEDULER_FRAMES = frozenset(
    {
        "vTaskSwitchContext", "vPortYield", "vPortYieldFromISR", "vPortEvaluateYieldFromISR", "_frxt_dispatch",
        "_frxt_int_exit", "rtos_int_exit", "esp_crosscore_int_send_yield", "vTaskDelay", "vTaskDelayUntil",
        "xTaskDelayUntil", "xTaskIncrementTick", "xQueueReceive", "xQueueGenericSend", "xQueueSemaphoreTake",
        "xQueuePeek", "ulTaskGenericNotifyTake", "xTaskGenericNotifyWait", "xTaskGenericNotify", "xEventGroupWaitBits",
    }
)  # fmt: skip
"""Where a stack overflow is noticed: the switch to another task, and what asks for one."""
