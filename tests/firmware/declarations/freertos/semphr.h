/* What the glue needs of FreeRTOS's semaphores. */
#ifndef SEMPHR_H
#define SEMPHR_H
typedef void *SemaphoreHandle_t;
SemaphoreHandle_t xSemaphoreCreateMutex(void);
int xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t ticks);
int xSemaphoreGive(SemaphoreHandle_t semaphore);
#endif
