#include "console.h"

#include "kernel.h"
#include "sensor.h"

struct command {
    enum console_request request;
    const char *name;
    int (*run)(int argument);
};

volatile enum console_request console_request;

/* The bus was never initialised: its registers are at a null pointer. */
static struct sensor temperature = {.name = "temperature", .registers = 0};

static NOINLINE int command_panic(int argument)
{
    return sensor_update(&temperature, argument);
}

static NOINLINE int command_abort(int argument)
{
    if (argument > 0) {
        abort();
    }
    return argument;
}

static NOINLINE int command_assert(int argument)
{
    int frame_length = argument * 2;
    assert(frame_length < argument);
    return frame_length;
}

/* Recursion with a large local array and no regard for the stack that is left. */
static NOINLINE int parse_nested(int depth, int *parent)
{
    volatile int tokens[24];
    for (int i = 0; i < 24; i++) {
        tokens[i] = depth + parent[0];
    }
    if ((volatile StackType_t *)tokens <= pxCurrentTCB->pxStack) {
        vTaskDelay(1);
        return tokens[0];
    }
    return parse_nested(depth + 1, (int *)tokens) + tokens[23];
}

static NOINLINE int command_stack(int argument)
{
    int root[1] = {argument};
    return parse_nested(0, root);
}

static NOINLINE int command_illegal(int argument)
{
    static const uint16_t table[2] __attribute__((aligned(4), section(".iram1.table"))) = {0, 0};
    int (*jump)(int) = (int (*)(int))(uintptr_t)table;
    return jump(argument) + 1;
}

static const struct command commands[] = {
    {REQUEST_PANIC, "panic", command_panic},    {REQUEST_ABORT, "abort", command_abort},
    {REQUEST_ASSERT, "assert", command_assert}, {REQUEST_STACK, "stack", command_stack},
    {REQUEST_ILLEGAL, "illegal", command_illegal},
};

static NOINLINE int console_dispatch(enum console_request request)
{
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].request == request) {
            return commands[i].run(4);
        }
    }
    return -1;
}

NOINLINE void console_run(void)
{
    for (int round = 0;; round++) {
        if (round >= 3 && console_request != REQUEST_NONE) {
            console_dispatch(console_request);
        }
        vTaskDelay(10);
    }
}
