/* espmon_emit.h for ESP-IDF: console commands `screenshot`, `espcaps` and `@ESPCAPS?`, and frames from any task.
 *
 * NOT BUILT WITH ESP-IDF where it was written: it is compiled there against a few declarations of its own, taken from
 * ESP-IDF's documentation (4.4 to 5.5). Licence: Apache-2.0.
 *
 *     static int picture(espmon_picture *to) { ... return 0; }   // what the display shows; nonzero: none
 *
 *     espmon_idf_config config = {.caps = {.app = "weather", .console = "esp_console", .transport = "uart",
 *                                          .frames = "png json", .screenshot = "screenshot"},
 *                                 .picture = picture};
 *     espmon_idf_register(&config);                              // behind esp_console_init, or before the REPL starts
 *
 * Everything goes out by stdout in base64, so it does not matter which console that is and what it does to line ends.
 * The lock is stdout's own: what other tasks print waits (ESP_LOGx does; ets_printf and panics do not).
 */
#ifndef ESPMON_IDF_H
#define ESPMON_IDF_H

#include "espmon_emit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    espmon_caps caps;
    int (*picture)(espmon_picture *to);     /* NULL: the board has no display */
    void (*picture_done)(espmon_picture *p); /* NULL: nothing to give back */
} espmon_idf_config;

/* Registers the commands; `config` must stay. Returns ESP_OK (0) or what esp_console_cmd_register returned. */
int espmon_idf_register(const espmon_idf_config *config);

/* One payload from any task, one at a time. Returns what espmon_frame returns. */
int espmon_idf_frame(const char *kind, const char *name, const void *bytes, size_t n);

/* The picture that `config` brings. */
int espmon_idf_screenshot(void);

#ifdef __cplusplus
}
#endif
#endif
