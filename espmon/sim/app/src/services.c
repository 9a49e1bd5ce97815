/* Tasks that wait for something most of the time, each at another depth. */
#include "kernel.h"
#include "tasks.h"

static volatile uint32_t beacons, alarms;

static NOINLINE int queue_receive(volatile uint32_t *queue, uint32_t ticks)
{
    while (*queue == 0xffffffff) {
        vTaskDelay(ticks);
    }
    vTaskDelay(ticks);
    return (int)*queue;
}

static NOINLINE void handle_beacon(int count)
{
    if (count >= 0) {
        beacons = (uint32_t)queue_receive(&beacons, 5) + 1;
    }
}

void wifi_task(void *argument)
{
    (void)argument;
    for (;;) {
        handle_beacon((int)beacons);
    }
}

void esp_timer_task(void *argument)
{
    (void)argument;
    for (;;) {
        alarms += (uint32_t)queue_receive(&alarms, 1);
    }
}
