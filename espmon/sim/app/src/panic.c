/* Where every crash ends. The snapshot is taken when panicHandler is entered. */
#include "kernel.h"

struct panic_details {
    const char *text;
    uint32_t pc;
    const char *file;
    int line;
    const char *function;
    const char *expression;
};

volatile struct panic_details g_panic_details;

IRAM NOINLINE void panicHandler(RvExcFrame *frame, int cause)
{
    (void)frame;
    (void)cause;
    for (;;) {
    }
}

IRAM void panic_abort(const char *details)
{
    g_panic_details.text = details;
    /* The handler tells this from a real fault by the details above. */
    *(volatile int *)0 = 0;
    for (;;) {
    }
}

IRAM NOINLINE void esp_system_abort(const char *details)
{
    panic_abort(details);
}

NOINLINE void abort(void)
{
    g_panic_details.pc = (uint32_t)__builtin_return_address(0) - 2;
    esp_system_abort("abort");
}

NOINLINE void __assert_func(const char *file, int line, const char *function, const char *expression)
{
    g_panic_details.file = file;
    g_panic_details.line = line;
    g_panic_details.function = function;
    g_panic_details.expression = expression;
    esp_system_abort("assert");
}

NOINLINE void vApplicationStackOverflowHook(TCB_t *task, char *name)
{
    (void)task;
    g_panic_details.function = name;
    esp_system_abort("stack");
}
