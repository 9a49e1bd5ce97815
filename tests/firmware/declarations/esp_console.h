/* What the glue needs of ESP-IDF's console, so that it can be compiled without ESP-IDF. */
#ifndef ESP_CONSOLE_H
#define ESP_CONSOLE_H

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_ERR_NO_MEM 0x101

typedef struct {
    const char *command, *help, *hint;
    int (*func)(int argc, char **argv);
    void *argtable;
} esp_console_cmd_t;

esp_err_t esp_console_cmd_register(const esp_console_cmd_t *command);
#endif
