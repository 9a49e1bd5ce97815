/* A cooperative scheduler: enough that every task has a control block, a stack and a saved frame. */
#include "kernel.h"

#define HEAP_SIZE 16384
#define MAX_TASKS 8
#define STACK_FILL 0xa5

static uint8_t heap[HEAP_SIZE] __attribute__((aligned(16)));
static uint32_t heap_used = 512; /* the first block belongs to drivers: an overflow of the first stack lands there */

TCB_t *volatile pxCurrentTCB;
List_t pxReadyTasksLists[25];
List_t xDelayedTaskList1;
List_t xSuspendedTaskList;
volatile UBaseType_t uxCurrentNumberOfTasks;
static TCB_t *tasks[MAX_TASKS];
static volatile uint32_t tick_count;

void vPortStartFirstTask(void) __attribute__((noreturn));

void *memset(void *target, int value, unsigned size)
{
    uint8_t *byte = target;
    while (size-- > 0) {
        *byte++ = (uint8_t)value;
    }
    return target;
}

static void *pvPortMalloc(uint32_t size)
{
    void *block = &heap[heap_used];
    heap_used += (size + 15) & ~15u;
    assert(heap_used <= HEAP_SIZE);
    return block;
}

static void list_insert(List_t *list, ListItem_t *item)
{
    if (list->pxIndex == 0) {
        list->pxIndex = &list->xListEnd;
        list->xListEnd.pxNext = list->xListEnd.pxPrevious = &list->xListEnd;
    }
    item->pxNext = &list->xListEnd;
    item->pxPrevious = list->xListEnd.pxPrevious;
    list->xListEnd.pxPrevious->pxNext = item;
    list->xListEnd.pxPrevious = item;
    item->pvContainer = list;
    list->uxNumberOfItems++;
}

static void list_remove(ListItem_t *item)
{
    item->pxNext->pxPrevious = item->pxPrevious;
    item->pxPrevious->pxNext = item->pxNext;
    item->pvContainer->uxNumberOfItems--;
    item->pvContainer = 0;
}

IRAM static void vPortTaskWrapper(TaskFunction_t code, void *argument)
{
    __asm__ volatile(".cfi_undefined ra");
    code(argument);
    esp_system_abort("FreeRTOS Task should not return, Aborting now!");
}

TCB_t *xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack_size, void *argument, UBaseType_t priority)
{
    StackType_t *stack = pvPortMalloc(stack_size);
    TCB_t *task = pvPortMalloc(sizeof(TCB_t));
    memset(stack, STACK_FILL, stack_size);
    memset(task, 0, sizeof(TCB_t));
    for (int i = 0; i < 15 && name[i] != 0; i++) {
        task->pcTaskName[i] = name[i];
    }
    task->pxStack = stack;
    task->pxEndOfStack = stack + stack_size - 16;
    task->uxPriority = task->uxBasePriority = priority;
    task->xStateListItem.pvOwner = task->xEventListItem.pvOwner = task;

    RvExcFrame *frame = (RvExcFrame *)(task->pxEndOfStack - 160);
    memset(frame, 0, 160);
    extern uint8_t global_pointer[] __asm__("__global_pointer$");
    frame->mepc = (uint32_t)vPortTaskWrapper;
    frame->sp = (uint32_t)task->pxEndOfStack;
    frame->gp = (uint32_t)global_pointer;
    frame->a0 = (uint32_t)code;
    frame->a1 = (uint32_t)argument;
    task->pxTopOfStack = (StackType_t *)frame;

    list_insert(&pxReadyTasksLists[priority], &task->xStateListItem);
    tasks[uxCurrentNumberOfTasks++] = task;
    if (pxCurrentTCB == 0) {
        pxCurrentTCB = task;
    }
    return task;
}

IRAM void vTaskSwitchContext(void)
{
    UBaseType_t current = 0;
    while (tasks[current] != pxCurrentTCB) {
        current++;
    }
    TCB_t *next = tasks[(current + 1) % uxCurrentNumberOfTasks];
    if (next->xStateListItem.pvContainer == &xDelayedTaskList1) {
        list_remove(&next->xStateListItem);
        list_insert(&pxReadyTasksLists[next->uxPriority], &next->xStateListItem);
    }
    tick_count++;
    pxCurrentTCB = next;
}

IRAM NOINLINE void vPortYield(void)
{
    __asm__ volatile("ecall" ::: "memory");
}

static inline void taskCHECK_FOR_STACK_OVERFLOW(TCB_t *task)
{
    const uint32_t *limit = (const uint32_t *)task->pxStack;
    if (limit[0] != 0xa5a5a5a5 || limit[1] != 0xa5a5a5a5) {
        vApplicationStackOverflowHook(task, task->pcTaskName);
    }
}

NOINLINE void vTaskDelay(uint32_t ticks)
{
    TCB_t *task = pxCurrentTCB;
    taskCHECK_FOR_STACK_OVERFLOW(task);
    if (ticks > 0) {
        list_remove(&task->xStateListItem);
        task->xStateListItem.xItemValue = tick_count + ticks;
        list_insert(&xDelayedTaskList1, &task->xStateListItem);
    }
    vPortYield();
}

static NOINLINE void prvIdleTask(void *argument)
{
    (void)argument;
    for (;;) {
        vTaskDelay(0);
    }
}

void vTaskStartScheduler(void)
{
    xTaskCreate(prvIdleTask, "IDLE", 1536, 0, 0);
    vPortStartFirstTask();
}
