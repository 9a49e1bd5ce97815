/* What LVGL shows, for espmon_idf_config: .picture = espmon_lvgl_picture, .picture_done = espmon_lvgl_done.
 *
 * NOT BUILT WITH LVGL where it was written: it is compiled there against a few declarations of its own, taken from the
 * documentation of LVGL 8.3 and 9.2. Needs LV_USE_SNAPSHOT 1 (CONFIG_LV_USE_SNAPSHOT=y). The snapshot is LVGL's memory
 * (width x height x 2 bytes, from its heap) until it is given back. Take LVGL's lock around both where another task
 * runs lv_timer_handler: define ESPMON_LVGL_LOCK() and ESPMON_LVGL_UNLOCK(). Licence: Apache-2.0.
 */
#ifndef ESPMON_LVGL_H
#define ESPMON_LVGL_H

#include <string.h>

#include "espmon_emit.h"
#include "lvgl.h"

#ifndef ESPMON_LVGL_LOCK
#define ESPMON_LVGL_LOCK()
#define ESPMON_LVGL_UNLOCK()
#endif

#if LVGL_VERSION_MAJOR >= 9

static lv_draw_buf_t *espmon_lvgl_snapshot;

static inline int espmon_lvgl_picture(espmon_picture *to) {
    ESPMON_LVGL_LOCK();
    espmon_lvgl_snapshot = lv_snapshot_take(lv_screen_active(), LV_COLOR_FORMAT_RGB565);
    ESPMON_LVGL_UNLOCK();
    if (espmon_lvgl_snapshot == NULL)
        return -1;
    to->width = espmon_lvgl_snapshot->header.w;
    to->height = espmon_lvgl_snapshot->header.h;
    to->stride = espmon_lvgl_snapshot->header.stride;
    to->format = ESPMON_RGB565;
    to->pixels = espmon_lvgl_snapshot->data;
    return 0;
}

static inline void espmon_lvgl_done(espmon_picture *p) {
    memset(p, 0, sizeof *p);
    ESPMON_LVGL_LOCK();
    lv_draw_buf_destroy(espmon_lvgl_snapshot);
    ESPMON_LVGL_UNLOCK();
}

#else

static lv_img_dsc_t *espmon_lvgl_snapshot;

static inline int espmon_lvgl_picture(espmon_picture *to) {
    ESPMON_LVGL_LOCK();
    espmon_lvgl_snapshot = lv_snapshot_take(lv_scr_act(), LV_IMG_CF_TRUE_COLOR);
    ESPMON_LVGL_UNLOCK();
    if (espmon_lvgl_snapshot == NULL)
        return -1;
    to->width = espmon_lvgl_snapshot->header.w;
    to->height = espmon_lvgl_snapshot->header.h;
#if LV_COLOR_DEPTH == 32
    to->format = ESPMON_BGRX8888;
#elif LV_COLOR_DEPTH == 16 && LV_COLOR_16_SWAP
    to->format = ESPMON_RGB565_SWAPPED;
#elif LV_COLOR_DEPTH == 16
    to->format = ESPMON_RGB565;
#else
#error "LV_COLOR_DEPTH has to be 16 or 32"
#endif
    to->pixels = espmon_lvgl_snapshot->data;
    return 0;
}

static inline void espmon_lvgl_done(espmon_picture *p) {
    memset(p, 0, sizeof *p);
    ESPMON_LVGL_LOCK();
    lv_snapshot_free(espmon_lvgl_snapshot);
    ESPMON_LVGL_UNLOCK();
}

#endif
#endif
