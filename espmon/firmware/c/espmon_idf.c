/* See espmon_idf.h. NOT BUILT WITH ESP-IDF where it was written. In CMakeLists.txt:
 *
 *     idf_component_register(SRCS "espmon_idf.c" INCLUDE_DIRS "." REQUIRES console)
 */
#define ESPMON_EMIT_IMPLEMENTATION
#include "espmon_idf.h"

#include <stdio.h>
#include <string.h>

#include "esp_console.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

static espmon_emitter emitter;
static const espmon_idf_config *board;
static SemaphoreHandle_t turn; /* who may use the emitter */

static int put(const void *bytes, size_t n, void *ctx) {
    (void)ctx;
    return fwrite(bytes, 1, n, stdout) == n ? 0 : -1;
}

static void lock(void *ctx) {
    (void)ctx;
    flockfile(stdout);
}

static void unlock(void *ctx) {
    (void)ctx;
    fflush(stdout);
    funlockfile(stdout);
}

static void take(void) { xSemaphoreTake(turn, portMAX_DELAY); }
static void give(void) { xSemaphoreGive(turn); }

int espmon_idf_frame(const char *kind, const char *name, const void *bytes, size_t n) {
    int result;
    take();
    result = espmon_frame(&emitter, kind, name, ESPMON_BASE64, bytes, n);
    give();
    return result;
}

int espmon_idf_screenshot(void) {
    espmon_picture picture;
    int result;
    memset(&picture, 0, sizeof picture);
    take();
    if (board == NULL || board->picture == NULL || board->picture(&picture) != 0) {
        espmon_png_failed(&emitter);
        give();
        return ESPMON_BAD_ARGUMENT;
    }
    result = espmon_png_frame(&emitter, &picture, ESPMON_BASE64);
    if (board->picture_done != NULL)
        board->picture_done(&picture);
    give();
    return result;
}

static int screenshot_command(int argc, char **argv) {
    int result = espmon_idf_screenshot();
    (void)argc;
    (void)argv;
    printf(result == 0 ? "OK\n" : "ERR: screenshot failed (%d)\n", result);
    return result == 0 ? 0 : 1;
}

static int caps_command(int argc, char **argv) {
    int result;
    (void)argc;
    (void)argv;
    take();
    result = espmon_caps_line(&emitter, &board->caps);
    give();
    return result == 0 ? 0 : 1;
}

static int add(const char *name, const char *help, int (*run)(int, char **)) {
    esp_console_cmd_t command;
    memset(&command, 0, sizeof command);
    command.command = name;
    command.help = help;
    command.func = run;
    return esp_console_cmd_register(&command);
}

int espmon_idf_register(const espmon_idf_config *config) {
    int result;
    board = config;
    if (turn == NULL)
        turn = xSemaphoreCreateMutex();
    if (turn == NULL)
        return ESP_ERR_NO_MEM;
    espmon_init(&emitter, put, NULL);
    emitter.lock = lock;
    emitter.unlock = unlock;
    result = add("espcaps", "What this board can do, for espmon", caps_command);
    if (result == ESP_OK)
        result = add("@ESPCAPS?", "The same, as espmon asks for it", caps_command);
    if (result == ESP_OK && config->picture != NULL)
        result = add("screenshot", "The display as a picture, for espmon", screenshot_command);
    return result;
}
