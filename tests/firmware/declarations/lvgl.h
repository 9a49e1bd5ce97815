/* What the glue needs of LVGL, 8 or 9 by LVGL_VERSION_MAJOR. */
#ifndef LVGL_H
#define LVGL_H
#include <stdint.h>

typedef struct lv_obj lv_obj_t;
#if LVGL_VERSION_MAJOR >= 9
typedef struct {
    struct {
        uint32_t w, h, stride;
    } header;
    uint8_t *data;
} lv_draw_buf_t;
enum { LV_COLOR_FORMAT_RGB565 = 0x12 };
lv_obj_t *lv_screen_active(void);
lv_draw_buf_t *lv_snapshot_take(lv_obj_t *object, int format);
void lv_draw_buf_destroy(lv_draw_buf_t *buffer);
#else
typedef struct {
    struct {
        uint32_t w, h;
    } header;
    const uint8_t *data;
} lv_img_dsc_t;
enum { LV_IMG_CF_TRUE_COLOR = 4 };
lv_obj_t *lv_scr_act(void);
lv_img_dsc_t *lv_snapshot_take(lv_obj_t *object, int format);
void lv_snapshot_free(lv_img_dsc_t *snapshot);
#endif
#endif
