/* The bodies of the tasks beside main. */
#ifndef TASKS_H
#define TASKS_H

void display_render(void *argument);
void wifi_task(void *argument);
void esp_timer_task(void *argument);

#endif
