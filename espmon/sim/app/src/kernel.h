/* The few kernel types and calls that the demo application needs; field order as FreeRTOS has it. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

#define IRAM __attribute__((section(".iram1")))
#define NOINLINE __attribute__((noinline))

typedef uint32_t UBaseType_t;
typedef uint8_t StackType_t;
typedef void (*TaskFunction_t)(void *);

struct xLIST;

typedef struct xLIST_ITEM {
    uint32_t xItemValue;
    struct xLIST_ITEM *pxNext;
    struct xLIST_ITEM *pxPrevious;
    void *pvOwner;
    struct xLIST *pvContainer;
} ListItem_t;

typedef struct xLIST {
    UBaseType_t uxNumberOfItems;
    ListItem_t *pxIndex;
    ListItem_t xListEnd;
} List_t;

typedef struct tskTaskControlBlock {
    volatile StackType_t *pxTopOfStack;
    ListItem_t xStateListItem;
    ListItem_t xEventListItem;
    UBaseType_t uxPriority;
    StackType_t *pxStack;
    char pcTaskName[16];
    StackType_t *pxEndOfStack;
    UBaseType_t uxBasePriority;
    UBaseType_t uxMutexesHeld;
    void *pvThreadLocalStoragePointers[1];
    uint32_t ulNotifiedValue[1];
    uint8_t ucNotifyState[1];
    uint8_t ucStaticallyAllocated;
} TCB_t;

/* What the trap entry saves on the stack of whoever was interrupted. */
typedef struct {
    uint32_t mepc, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
    uint32_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
    uint32_t mstatus, mtvec, mcause, mtval, mhartid;
} RvExcFrame;

extern TCB_t *volatile pxCurrentTCB;

TCB_t *xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack_size, void *argument, UBaseType_t priority);
void vTaskDelay(uint32_t ticks);
void vPortYield(void);
void vTaskStartScheduler(void) __attribute__((noreturn));
void vApplicationStackOverflowHook(TCB_t *task, char *name) __attribute__((noreturn));

void abort(void) __attribute__((noreturn));
void esp_system_abort(const char *details) __attribute__((noreturn));
void panic_abort(const char *details) __attribute__((noreturn));
void __assert_func(const char *file, int line, const char *function, const char *expression) __attribute__((noreturn));

#define assert(condition) ((condition) ? (void)0 : __assert_func(__FILE_NAME__, __LINE__, __func__, #condition))

#endif
