#include "console.h"
#include "kernel.h"
#include "tasks.h"

struct glyph {
    uint16_t advance;
    const uint8_t *rows;
};

static uint16_t framebuffer[64];
static volatile uint32_t frames;

static inline uint16_t blend(uint16_t below, uint16_t above)
{
    return (uint16_t)((below & 0xf7de) >> 1) + ((above & 0xf7de) >> 1);
}

static NOINLINE void draw_glyph(const struct glyph *glyph, uint16_t colour)
{
    for (int row = 0; row < 8; row++) {
        framebuffer[row] = blend(framebuffer[row], glyph->rows[row] ? colour : 0);
    }
}

static NOINLINE void draw_frame(uint16_t colour)
{
    static const uint8_t block[8] = {255, 129, 129, 129, 129, 129, 129, 255};
    struct glyph glyph = {8, block};
    if (console_request == REQUEST_LOAD && frames > 1) {
        glyph.rows = (const uint8_t *)0xfeeefeee;
    }
    draw_glyph(&glyph, colour);
    if (console_request == REQUEST_BUSY && frames > 1) {
        for (;;) {
            draw_glyph(&glyph, colour);
        }
    }
    frames++;
}

void display_render(void *argument)
{
    (void)argument;
    for (uint16_t colour = 1;; colour++) {
        draw_frame(colour);
        vTaskDelay(2);
    }
}
