#include "console.h"
#include "kernel.h"
#include "tasks.h"

struct application {
    uint32_t magic;
    uint32_t secure_version;
    uint32_t reserved1[2];
    char version[32];
    char project_name[32];
    char time[16];
    char date[16];
    char idf_ver[32];
    uint8_t app_elf_sha256[32];
    uint32_t reserved2[20];
};

/* The application descriptor, where image tools look for it. */
__attribute__((section(".rodata_desc"), used)) const struct application esp_app_desc = {
    .magic = 0xABCD5432,
    .version = "1.0.0",
    .project_name = "espmon_demo",
    .time = "12:00:00",
    .date = "Jan  1 2026",
    .idf_ver = "v5.3-simulated",
};

NOINLINE void app_main(void)
{
    xTaskCreate(display_render, "display_render", 2048, 0, 3);
    console_run();
}

static void main_task(void *argument)
{
    (void)argument;
    app_main();
    for (;;) {
        vTaskDelay(100);
    }
}

void start_cpu0(void)
{
    xTaskCreate(main_task, "main", 3584, 0, 1);
    xTaskCreate(esp_timer_task, "esp_timer", 2048, 0, 22);
    xTaskCreate(wifi_task, "wifi", 2560, 0, 23);
    vTaskStartScheduler();
}
