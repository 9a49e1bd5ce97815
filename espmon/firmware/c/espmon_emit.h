/* Sends payloads to espmon over a board's console: pictures, JSON, CBOR, files, and what the board can do.
 *
 * C99 (and C++), no allocation, no ESP-IDF. `espmon formats` prints what goes over the wire. Use:
 *
 *     #define ESPMON_EMIT_IMPLEMENTATION          // in one source file
 *     #include "espmon_emit.h"
 *
 *     static int put(const void *bytes, size_t n, void *ctx) { return uart_send(bytes, n) == n ? 0 : -1; }
 *     static espmon_emitter emit;                 // about half a kilobyte; not for a small stack
 *
 *     espmon_init(&emit, put, NULL);
 *     espmon_frame(&emit, "json", NULL, ESPMON_BASE64, "{\"t\":21}", 8);
 *
 * Everything returns 0 or one of the errors below. An emitter belongs to one task at a time; `lock` and `unlock` are
 * called around each payload, so that no other task's log line cuts it. Licence: Apache-2.0.
 */
#ifndef ESPMON_EMIT_H
#define ESPMON_EMIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ESPMON_OUT_BYTES
#define ESPMON_OUT_BYTES 128 /* most bytes of one call of `write` */
#endif
#ifndef ESPMON_BLOCK_BYTES
#define ESPMON_BLOCK_BYTES 256 /* picture data of one IDAT chunk; at most 65,535 */
#endif

enum {
    ESPMON_WRITE_FAILED = -1, /* `write` did not take everything */
    ESPMON_CHANGED = -2,      /* the payload was another one when it was sent than when it was measured */
    ESPMON_BAD_ARGUMENT = -3  /* a kind, name or picture that cannot be sent: nothing was */
};

typedef enum { ESPMON_RAW, ESPMON_BASE64 } espmon_armour;
/* Base64 survives a console that makes CR LF of LF or that other tasks write to byte by byte; raw is a quarter less. */

typedef struct {
    int (*write)(const void *bytes, size_t n, void *ctx); /* returns 0 when all were taken; may block */
    void (*lock)(void *ctx);                              /* NULL: nobody else writes */
    void (*unlock)(void *ctx);
    void *ctx;
    int fresh_line; /* 1: begin with a line end; for consoles where somebody may have left a line open */

    /* from here on for the functions below only */
    int error, armour, measuring, comma, last;
    uint32_t count, limit, crc, chunk_crc, sum_a, sum_b, bits, run;
    unsigned bit_count, out_count, trio_count, block_count, stored, begun;
    uint8_t trio[3];
    uint8_t out[ESPMON_OUT_BYTES];
    uint8_t block[ESPMON_BLOCK_BYTES];
} espmon_emitter;

void espmon_init(espmon_emitter *e, int (*write)(const void *bytes, size_t n, void *ctx), void *ctx);

/* -- payloads ------------------------------------------------------------------------------------------------------ */

/* One payload that lies in memory. `kind`: "json", "cbor", "png", "binlog", "file" or your own, as "acme/telemetry".
 * `name`: for a file, else NULL. */
int espmon_frame(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour, const void *bytes,
                 size_t n);

/* One payload that `make` writes with espmon_put and the helpers. It is called twice, first to measure (length and CRC
 * stand in front), and has to write the same both times. */
typedef void (*espmon_make)(espmon_emitter *e, void *arg);
int espmon_frame_made(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour, espmon_make make,
                      void *arg);

/* One payload of unknown length, without a CRC: raw for png, json and cbor, which say themselves where they end; base64
 * for every kind. Between the two: espmon_put and the helpers. */
int espmon_stream_begin(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour);
int espmon_stream_end(espmon_emitter *e);

void espmon_put(espmon_emitter *e, const void *bytes, size_t n);

/* -- pictures ------------------------------------------------------------------------------------------------------ */

typedef enum {
    ESPMON_RGB565,         /* 16 bits a pixel in the processor's order */
    ESPMON_RGB565_SWAPPED, /* the other order, as most SPI displays want it */
    ESPMON_RGB888,         /* red, green, blue */
    ESPMON_BGR888,         /* blue, green, red: LVGL's 24 bits */
    ESPMON_BGRX8888,       /* and a byte that is ignored: LVGL's 32 bits */
    ESPMON_GREY8,          /* 0 is black */
    ESPMON_MONO1,          /* eight pixels a byte, the left one in the highest bit, 1 is white */
    ESPMON_PAGES1          /* eight pixels a byte, one below the other, the lowest bit on top: SSD1306 and its kin */
} espmon_format;

typedef struct {
    uint32_t width, height; /* pixels, at most 16,384 each */
    espmon_format format;
    const void *pixels;                        /* the first row; NULL with `row` */
    size_t stride;                             /* bytes from one row (page) to the next; 0: they lie close */
    const void *(*row)(uint32_t y, void *ctx); /* a row, valid until the next call; not for ESPMON_PAGES1 */
    void *row_ctx;
    int stored; /* 1: do not compress. Faster, and larger by far */
} espmon_picture;

/* `PNG_BEGIN 0`, the PNG, `PNG_END`: one pass, raw. */
int espmon_png_streamed(espmon_emitter *e, const espmon_picture *picture);

/* `PNG_BEGIN <length>`: two passes, raw. The picture must not change meanwhile. */
int espmon_png_measured(espmon_emitter *e, const espmon_picture *picture);

/* `@ESPFRAME png`: two passes, with a CRC, in either armour. */
int espmon_png_frame(espmon_emitter *e, const espmon_picture *picture, espmon_armour armour);

/* Says that there is no picture: the host need not wait for one. */
int espmon_png_failed(espmon_emitter *e);

/* -- JSON and CBOR, inside `make` or between begin and end ---------------------------------------------------------- */

void espmon_json_open(espmon_emitter *e, char bracket);  /* '{' or '[' */
void espmon_json_close(espmon_emitter *e, char bracket); /* '}' or ']' */
void espmon_json_key(espmon_emitter *e, const char *key);
void espmon_json_text(espmon_emitter *e, const char *text); /* UTF-8 */
void espmon_json_int(espmon_emitter *e, int64_t value);
void espmon_json_fixed(espmon_emitter *e, int64_t value, unsigned decimals); /* 2150 with 2 decimals is 21.50 */
void espmon_json_bool(espmon_emitter *e, int value);
void espmon_json_null(espmon_emitter *e);

void espmon_cbor_map(espmon_emitter *e, uint32_t pairs);
void espmon_cbor_array(espmon_emitter *e, uint32_t items);
void espmon_cbor_text(espmon_emitter *e, const char *text); /* UTF-8 */
void espmon_cbor_bytes(espmon_emitter *e, const void *bytes, uint32_t n);
void espmon_cbor_int(espmon_emitter *e, int64_t value);
void espmon_cbor_float(espmon_emitter *e, float value);
void espmon_cbor_bool(espmon_emitter *e, int value);
void espmon_cbor_null(espmon_emitter *e);

/* -- what the board can do ------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name, *help;
} espmon_command;

typedef struct { /* NULL leaves a field out */
    const char *app, *app_version, *chip;
    const char *console;               /* "esp_console", "repl" */
    const char *transport;             /* "uart", "usb_serial_jtag", "usb_cdc" */
    const char *screenshot;            /* the console line that brings a picture */
    const char *frames;                /* kinds it can send, separated by spaces: "png json acme/telemetry" */
    const espmon_command *commands;
    size_t command_count;
} espmon_caps;

/* One line `@ESPCAPS {...}`: at boot, and when the host sends the line `@ESPCAPS?`. */
int espmon_caps_line(espmon_emitter *e, const espmon_caps *caps);

/* CRC-32 as zlib has it, over one more run of bytes; start with 0. */
uint32_t espmon_crc32(uint32_t crc, const void *bytes, size_t n);

#ifdef __cplusplus
}
#endif
#endif /* ESPMON_EMIT_H */

#ifdef ESPMON_EMIT_IMPLEMENTATION
#undef ESPMON_EMIT_IMPLEMENTATION

#include <string.h>

#define ESPMON_MAX_KIND 32   /* characters */
#define ESPMON_MAX_NAME 255  /* bytes */
#define ESPMON_MAX_SIDE 16384
#define ESPMON_ADLER 65521u

static const char *const espmon__digits = "0123456789abcdef";

uint32_t espmon_crc32(uint32_t crc, const void *bytes, size_t n) {
    static const uint32_t nibbles[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    const uint8_t *at = (const uint8_t *)bytes;
    crc = ~crc;
    for (; n > 0; n--, at++) {
        crc = nibbles[(crc ^ *at) & 15u] ^ (crc >> 4);
        crc = nibbles[(crc ^ (uint32_t)(*at >> 4)) & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

/* -- the wire: bytes are gathered, and written `ESPMON_OUT_BYTES` at a time ------------------------------------------ */

void espmon_init(espmon_emitter *e, int (*write)(const void *bytes, size_t n, void *ctx), void *ctx) {
    memset(e, 0, sizeof *e);
    e->write = write;
    e->ctx = ctx;
}

static void espmon__flush(espmon_emitter *e) {
    if (e->out_count > 0 && e->error != ESPMON_WRITE_FAILED && e->write(e->out, e->out_count, e->ctx) != 0)
        e->error = ESPMON_WRITE_FAILED;
    e->out_count = 0;
}

static void espmon__wire(espmon_emitter *e, uint8_t byte) {
    if (e->out_count == ESPMON_OUT_BYTES)
        espmon__flush(e);
    e->out[e->out_count++] = byte;
}

static void espmon__line(espmon_emitter *e, const char *text) {
    for (; *text != '\0'; text++)
        espmon__wire(e, (uint8_t)*text);
}

static char *espmon__decimal(uint64_t value, char *end) {
    *end = '\0';
    do {
        *--end = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0);
    return end;
}

/* A byte of the payload as it goes over the wire. Of a payload that grew since it was measured, no more is sent. */
static void espmon__sent(espmon_emitter *e, uint8_t byte) {
    if (e->limit != UINT32_MAX && e->count >= e->limit) {
        if (e->error == 0)
            e->error = ESPMON_CHANGED;
        return;
    }
    e->count++;
    e->crc = espmon_crc32(e->crc, &byte, 1);
    if (!e->measuring)
        espmon__wire(e, byte);
}

static void espmon__trio(espmon_emitter *e) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t group = (uint32_t)e->trio[0] << 16 | (uint32_t)e->trio[1] << 8 | e->trio[2];
    unsigned i;
    for (i = 0; i < 4; i++) {
        char sign = i > e->trio_count ? '=' : alphabet[group >> (18 - 6 * i) & 63u];
        espmon__sent(e, (uint8_t)sign);
    }
    memset(e->trio, 0, sizeof e->trio);
    e->trio_count = 0;
}

void espmon_put(espmon_emitter *e, const void *bytes, size_t n) {
    const uint8_t *at = (const uint8_t *)bytes;
    for (; n > 0 && e->error != ESPMON_WRITE_FAILED; n--, at++) {
        if (e->armour != ESPMON_BASE64) {
            espmon__sent(e, *at);
            continue;
        }
        e->trio[e->trio_count++] = *at;
        if (e->trio_count == 3)
            espmon__trio(e);
    }
}

/* -- envelopes ------------------------------------------------------------------------------------------------------- */

static void espmon__payload(espmon_emitter *e, espmon_armour armour, int measuring, uint32_t limit) {
    e->armour = (int)armour;
    e->measuring = measuring;
    e->limit = limit;
    e->count = e->crc = 0;
    e->trio_count = 0;
    e->comma = 0;
    memset(e->trio, 0, sizeof e->trio);
}

static void espmon__payload_end(espmon_emitter *e) {
    if (e->trio_count > 0)
        espmon__trio(e);
}

static void espmon__begin(espmon_emitter *e) {
    e->error = 0;
    e->out_count = 0;
    if (e->lock != NULL)
        e->lock(e->ctx);
    if (e->fresh_line)
        espmon__line(e, "\n");
}

static int espmon__end(espmon_emitter *e, const char *line) {
    espmon__line(e, line);
    espmon__flush(e);
    if (e->unlock != NULL)
        e->unlock(e->ctx);
    return e->error;
}

/* `[a-z0-9_.-]`, with a `/` between two of them in the kinds of your own. */
static int espmon__is_kind(const char *kind) {
    size_t n, slashes = 0;
    for (n = 0; kind[n] != '\0'; n++) {
        char c = kind[n];
        if (c == '/' && n > 0 && kind[n - 1] != '/' && kind[n + 1] != '\0' && slashes++ == 0)
            continue;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
            return 0;
    }
    return n > 0 && n <= ESPMON_MAX_KIND;
}

static int espmon__is_name(const char *name) {
    size_t n;
    for (n = 0; name[n] != '\0'; n++)
        if ((uint8_t)name[n] < 0x20 || name[n] == 0x7f)
            return 0;
    return n > 0 && n <= ESPMON_MAX_NAME;
}

static void espmon__header(espmon_emitter *e, const char *kind, const char *name, uint32_t length, const uint32_t *crc) {
    char digits[21];
    espmon__line(e, "@ESPFRAME ");
    espmon__line(e, kind);
    if (name != NULL) {
        espmon__line(e, ":");
        espmon__line(e, name);
    }
    espmon__line(e, " ");
    espmon__line(e, espmon__decimal(length, digits + 20));
    espmon__line(e, e->armour == ESPMON_BASE64 ? " base64 " : " raw ");
    if (crc != NULL) {
        int shift;
        for (shift = 28; shift >= 0; shift -= 4)
            espmon__wire(e, (uint8_t)espmon__digits[*crc >> shift & 15u]);
    } else {
        espmon__line(e, "-");
    }
    espmon__line(e, "\n");
}

int espmon_frame_made(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour, espmon_make make,
                      void *arg) {
    uint32_t length, crc;
    if (!espmon__is_kind(kind) || (name != NULL && !espmon__is_name(name)))
        return ESPMON_BAD_ARGUMENT;
    e->error = 0;
    espmon__payload(e, armour, 1, UINT32_MAX);
    make(e, arg);
    espmon__payload_end(e);
    length = e->count;
    crc = e->crc;
    if (length == 0)
        return ESPMON_BAD_ARGUMENT;
    espmon__begin(e);
    espmon__payload(e, armour, 0, length);
    espmon__header(e, kind, name, length, &crc);
    make(e, arg);
    espmon__payload_end(e);
    while (e->count < length && e->error != ESPMON_WRITE_FAILED) { /* the end line stays where it was announced */
        espmon__sent(e, 0);
        e->error = ESPMON_CHANGED;
    }
    if (e->error == 0 && e->crc != crc)
        e->error = ESPMON_CHANGED;
    return espmon__end(e, "\n@ESPFRAME_END\n");
}

typedef struct {
    const void *bytes;
    size_t n;
} espmon__memory;

static void espmon__put_memory(espmon_emitter *e, void *arg) {
    const espmon__memory *memory = (const espmon__memory *)arg;
    espmon_put(e, memory->bytes, memory->n);
}

int espmon_frame(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour, const void *bytes,
                 size_t n) {
    espmon__memory memory;
    if (n > UINT32_MAX / 2u)
        return ESPMON_BAD_ARGUMENT;
    memory.bytes = bytes;
    memory.n = n;
    return espmon_frame_made(e, kind, name, armour, espmon__put_memory, &memory);
}

int espmon_stream_begin(espmon_emitter *e, const char *kind, const char *name, espmon_armour armour) {
    int known = strcmp(kind, "png") == 0 || strcmp(kind, "json") == 0 || strcmp(kind, "cbor") == 0;
    if (!espmon__is_kind(kind) || (name != NULL && !espmon__is_name(name)) || (armour == ESPMON_RAW && !known))
        return ESPMON_BAD_ARGUMENT;
    espmon__begin(e);
    espmon__payload(e, armour, 0, UINT32_MAX);
    espmon__header(e, kind, name, 0, NULL);
    return e->error;
}

int espmon_stream_end(espmon_emitter *e) {
    espmon__payload_end(e);
    return espmon__end(e, "\n@ESPFRAME_END\n");
}

/* -- PNG: chunks whose content is gathered in `block`; deflate with its fixed codes and runs of one byte -------------- */

static void espmon__u32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static void espmon__chunk_put(espmon_emitter *e, const void *bytes, size_t n) {
    e->chunk_crc = espmon_crc32(e->chunk_crc, bytes, n);
    espmon_put(e, bytes, n);
}

static void espmon__chunk_open(espmon_emitter *e, const char *type, uint32_t length) {
    uint8_t size[4];
    espmon__u32(size, length);
    espmon_put(e, size, 4);
    e->chunk_crc = 0;
    espmon__chunk_put(e, type, 4);
}

static void espmon__chunk_close(espmon_emitter *e) {
    uint8_t crc[4];
    espmon__u32(crc, e->chunk_crc);
    espmon_put(e, crc, 4);
}

/* What was gathered becomes one IDAT chunk: bits as they are, or a stored block with its head. */
static void espmon__idat(espmon_emitter *e, int final) {
    uint8_t head[5];
    if (!e->stored) {
        if (e->block_count > 0) {
            espmon__chunk_open(e, "IDAT", e->block_count);
            espmon__chunk_put(e, e->block, e->block_count);
            espmon__chunk_close(e);
        }
    } else {
        espmon__chunk_open(e, "IDAT", e->block_count + 5u + (e->begun ? 0u : 2u));
        if (!e->begun)
            espmon__chunk_put(e, "\x78\x01", 2);
        head[0] = (uint8_t)final;
        head[1] = (uint8_t)e->block_count;
        head[2] = (uint8_t)(e->block_count >> 8);
        head[3] = (uint8_t)~head[1];
        head[4] = (uint8_t)~head[2];
        espmon__chunk_put(e, head, 5);
        espmon__chunk_put(e, e->block, e->block_count);
        espmon__chunk_close(e);
        e->begun = 1;
    }
    e->block_count = 0;
}

static void espmon__block_byte(espmon_emitter *e, uint8_t byte) {
    e->block[e->block_count++] = byte;
    if (e->block_count == ESPMON_BLOCK_BYTES)
        espmon__idat(e, 0);
}

static void espmon__add_bits(espmon_emitter *e, uint32_t value, unsigned count) {
    e->bits |= value << e->bit_count;
    e->bit_count += count;
    for (; e->bit_count >= 8; e->bit_count -= 8, e->bits >>= 8)
        espmon__block_byte(e, (uint8_t)e->bits);
}

/* The fixed code of a literal or length, RFC 1951 3.2.6: its highest bit goes first. */
static void espmon__code(espmon_emitter *e, uint32_t symbol) {
    uint32_t code, turned = 0;
    unsigned count, i;
    if (symbol < 144u) {
        code = 0x30u + symbol;
        count = 8;
    } else if (symbol < 256u) {
        code = 0x190u + symbol - 144u;
        count = 9;
    } else if (symbol < 280u) {
        code = symbol - 256u;
        count = 7;
    } else {
        code = 0xc0u + symbol - 280u;
        count = 8;
    }
    for (i = 0; i < count; i++)
        turned |= (code >> i & 1u) << (count - 1u - i);
    espmon__add_bits(e, turned, count);
}

/* `run` more bytes like the last one: literals, or one match at distance 1. */
static void espmon__end_run(espmon_emitter *e) {
    uint32_t over = e->run - 3u, extra = 0;
    if (e->run >= 3u) {
        while (over >> (extra + 3u) != 0)
            extra++;
        if (e->run == 258u)
            espmon__code(e, 285u);
        else
            espmon__code(e, 257u + 4u * extra + (over >> extra));
        if (extra > 0 && e->run != 258u)
            espmon__add_bits(e, over & ((1u << extra) - 1u), extra);
        espmon__add_bits(e, 0, 5);
    } else {
        for (; e->run > 0; e->run--)
            espmon__code(e, (uint32_t)e->last);
    }
    e->run = 0;
}

static void espmon__pixel_byte(espmon_emitter *e, uint8_t byte) {
    e->sum_a += byte;
    if (e->sum_a >= ESPMON_ADLER)
        e->sum_a -= ESPMON_ADLER;
    e->sum_b += e->sum_a;
    if (e->sum_b >= ESPMON_ADLER)
        e->sum_b -= ESPMON_ADLER;
    if (e->stored) {
        espmon__block_byte(e, byte);
    } else if (e->last == (int)byte && e->run < 258u) {
        e->run++;
    } else {
        espmon__end_run(e);
        espmon__code(e, byte);
        e->last = byte;
    }
}

static unsigned espmon__pixel_bytes(espmon_format format) {
    static const uint8_t sizes[] = {2, 2, 3, 3, 4, 1, 0, 0};
    return sizes[format];
}

static size_t espmon__stride(const espmon_picture *p) {
    if (p->stride != 0)
        return p->stride;
    if (p->format == ESPMON_MONO1)
        return (p->width + 7u) / 8u;
    return p->format == ESPMON_PAGES1 ? p->width : (size_t)p->width * espmon__pixel_bytes(p->format);
}

/* The pixel at `at` as PNG has it; returns how many bytes it is. */
static unsigned espmon__pixel(espmon_format format, const uint8_t *at, uint8_t *rgb) {
    uint16_t packed;
    unsigned low = format == ESPMON_RGB565_SWAPPED ? 1u : 0u;
    switch (format) {
    case ESPMON_RGB565:
    case ESPMON_RGB565_SWAPPED: /* every ESP32 is little-endian */
        packed = (uint16_t)(at[low] | at[1u - low] << 8);
        rgb[0] = (uint8_t)((packed >> 8 & 0xf8) | packed >> 13);
        rgb[1] = (uint8_t)((packed >> 3 & 0xfc) | (packed >> 9 & 3));
        rgb[2] = (uint8_t)((packed << 3 & 0xf8) | (packed >> 2 & 7));
        return 3;
    case ESPMON_RGB888:
        memcpy(rgb, at, 3);
        return 3;
    case ESPMON_BGR888:
    case ESPMON_BGRX8888:
        rgb[0] = at[2];
        rgb[1] = at[1];
        rgb[2] = at[0];
        return 3;
    default:
        rgb[0] = at[0];
        return 1;
    }
}

static void espmon__bit_row(espmon_emitter *e, const espmon_picture *p, const uint8_t *row, uint32_t y) {
    uint32_t x;
    uint8_t byte = 0;
    espmon__pixel_byte(e, 0); /* filter: none */
    for (x = 0; x < p->width; x++) {
        unsigned bits = p->format == ESPMON_MONO1 ? (unsigned)row[x / 8u] << x % 8u : (unsigned)row[x] << (7u - y % 8u);
        byte = (uint8_t)(byte | (bits & 0x80u) >> x % 8u);
        if (x % 8u == 7u || x + 1u == p->width) {
            espmon__pixel_byte(e, byte);
            byte = 0;
        }
    }
}

static void espmon__row(espmon_emitter *e, const espmon_picture *p, const uint8_t *row) {
    unsigned step = espmon__pixel_bytes(p->format), count, i;
    uint8_t before[3] = {0, 0, 0}, now[3];
    uint32_t x;
    espmon__pixel_byte(e, 1); /* filter: difference to the pixel on the left */
    for (x = 0; x < p->width; x++, row += step) {
        count = espmon__pixel(p->format, row, now);
        for (i = 0; i < count; i++) {
            espmon__pixel_byte(e, (uint8_t)(now[i] - before[i]));
            before[i] = now[i];
        }
    }
}

static void espmon__png(espmon_emitter *e, void *arg) {
    const espmon_picture *p = (const espmon_picture *)arg;
    int bits = p->format == ESPMON_MONO1 || p->format == ESPMON_PAGES1;
    uint8_t head[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0};
    uint32_t y;
    espmon__u32(head, p->width);
    espmon__u32(head + 4, p->height);
    head[8] = bits ? 1 : 8;
    head[9] = bits || p->format == ESPMON_GREY8 ? 0 : 2;
    espmon_put(e, "\x89PNG\r\n\x1a\n", 8);
    espmon__chunk_open(e, "IHDR", 13);
    espmon__chunk_put(e, head, 13);
    espmon__chunk_close(e);
    e->stored = p->stored != 0;
    e->begun = e->block_count = e->bit_count = 0;
    e->bits = e->run = e->sum_b = 0;
    e->sum_a = 1;
    e->last = -1;
    if (!e->stored) {
        espmon__block_byte(e, 0x78);
        espmon__block_byte(e, 0x01);
        espmon__add_bits(e, 3, 3); /* the only block, with fixed codes */
    }
    for (y = 0; y < p->height && e->error != ESPMON_WRITE_FAILED; y++) {
        size_t at = espmon__stride(p) * (p->format == ESPMON_PAGES1 ? y / 8u : y);
        const uint8_t *row = (const uint8_t *)(p->pixels != NULL ? NULL : p->row(y, p->row_ctx));
        if (row == NULL)
            row = (const uint8_t *)p->pixels + at;
        if (bits)
            espmon__bit_row(e, p, row, y);
        else
            espmon__row(e, p, row);
    }
    if (!e->stored) {
        espmon__end_run(e);
        espmon__code(e, 256); /* the end of the block */
        if (e->bit_count > 0)
            espmon__add_bits(e, 0, 8u - e->bit_count);
    }
    espmon__idat(e, 1);
    espmon__chunk_open(e, "IDAT", 4);
    espmon__u32(head, e->sum_b << 16 | e->sum_a);
    espmon__chunk_put(e, head, 4);
    espmon__chunk_close(e);
    espmon__chunk_open(e, "IEND", 0);
    espmon__chunk_close(e);
}

static int espmon__is_picture(const espmon_picture *p) {
    int sized = p->width > 0 && p->height > 0 && p->width <= ESPMON_MAX_SIDE && p->height <= ESPMON_MAX_SIDE;
    int pages = p->format == ESPMON_PAGES1;
    return sized && (unsigned)p->format <= (unsigned)ESPMON_PAGES1 && (p->pixels != NULL || (p->row != NULL && !pages));
}

int espmon_png_streamed(espmon_emitter *e, const espmon_picture *picture) {
    if (!espmon__is_picture(picture))
        return ESPMON_BAD_ARGUMENT;
    espmon__begin(e);
    espmon__line(e, "PNG_BEGIN 0\n");
    espmon__payload(e, ESPMON_RAW, 0, UINT32_MAX);
    espmon__png(e, (void *)(uintptr_t)picture);
    return espmon__end(e, "\nPNG_END\n");
}

int espmon_png_measured(espmon_emitter *e, const espmon_picture *picture) {
    char digits[21];
    uint32_t length;
    if (!espmon__is_picture(picture))
        return ESPMON_BAD_ARGUMENT;
    e->error = 0;
    espmon__payload(e, ESPMON_RAW, 1, UINT32_MAX);
    espmon__png(e, (void *)(uintptr_t)picture);
    length = e->count;
    espmon__begin(e);
    espmon__payload(e, ESPMON_RAW, 0, length);
    espmon__line(e, "PNG_BEGIN ");
    espmon__line(e, espmon__decimal(length, digits + 20));
    espmon__line(e, "\n");
    espmon__png(e, (void *)(uintptr_t)picture);
    while (e->count < length && e->error != ESPMON_WRITE_FAILED) {
        espmon__sent(e, 0);
        e->error = ESPMON_CHANGED;
    }
    return espmon__end(e, "\nPNG_END\n");
}

int espmon_png_frame(espmon_emitter *e, const espmon_picture *picture, espmon_armour armour) {
    if (!espmon__is_picture(picture))
        return ESPMON_BAD_ARGUMENT;
    return espmon_frame_made(e, "png", NULL, armour, espmon__png, (void *)(uintptr_t)picture);
}

int espmon_png_failed(espmon_emitter *e) {
    espmon__begin(e);
    espmon__line(e, "PNG_BEGIN 0\n");
    return espmon__end(e, "PNG_END\n");
}

/* -- JSON ------------------------------------------------------------------------------------------------------------ */

static void espmon__text(espmon_emitter *e, const char *text) { espmon_put(e, text, strlen(text)); }

static void espmon__value(espmon_emitter *e) {
    if (e->comma)
        espmon_put(e, ",", 1);
    e->comma = 1;
}

static void espmon__quoted(espmon_emitter *e, const char *text) {
    char escape[6] = {'\\', 'u', '0', '0', '0', '0'};
    espmon_put(e, "\"", 1);
    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t)*text;
        if (c == '"' || c == '\\') {
            escape[1] = (char)c;
            espmon_put(e, escape, 2);
            escape[1] = 'u';
        } else if (c < 0x20 || c == 0x7f) {
            escape[4] = espmon__digits[c >> 4];
            escape[5] = espmon__digits[c & 15];
            espmon_put(e, escape, 6);
        } else {
            espmon_put(e, text, 1);
        }
    }
    espmon_put(e, "\"", 1);
}

void espmon_json_open(espmon_emitter *e, char bracket) {
    espmon__value(e);
    espmon_put(e, &bracket, 1);
    e->comma = 0;
}

void espmon_json_close(espmon_emitter *e, char bracket) {
    espmon_put(e, &bracket, 1);
    e->comma = 1;
}

void espmon_json_key(espmon_emitter *e, const char *key) {
    espmon_json_text(e, key);
    espmon_put(e, ":", 1);
    e->comma = 0;
}

void espmon_json_text(espmon_emitter *e, const char *text) {
    espmon__value(e);
    espmon__quoted(e, text);
}

void espmon_json_fixed(espmon_emitter *e, int64_t value, unsigned decimals) {
    char digits[48];
    char *at, *end = digits + sizeof digits - 1;
    uint64_t size = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    if (decimals > 18)
        decimals = 18;
    at = espmon__decimal(size, end);
    while ((unsigned)(end - at) <= decimals)
        *--at = '0';
    espmon__value(e);
    if (value < 0)
        *--at = '-';
    espmon_put(e, at, (size_t)(end - at) - decimals);
    if (decimals > 0) {
        espmon_put(e, ".", 1);
        espmon_put(e, end - decimals, decimals);
    }
}

void espmon_json_int(espmon_emitter *e, int64_t value) { espmon_json_fixed(e, value, 0); }

void espmon_json_bool(espmon_emitter *e, int value) {
    espmon__value(e);
    espmon__text(e, value ? "true" : "false");
}

void espmon_json_null(espmon_emitter *e) {
    espmon__value(e);
    espmon__text(e, "null");
}

/* -- CBOR, RFC 8949 -------------------------------------------------------------------------------------------------- */

static void espmon__cbor_head(espmon_emitter *e, unsigned kind, uint64_t value) {
    uint8_t head[9];
    unsigned bytes = value < 24u ? 0 : value < 0x100u ? 1 : value < 0x10000u ? 2 : value < 0x100000000u ? 4 : 8, i;
    unsigned info = bytes == 0 ? (unsigned)value : bytes == 1 ? 24u : bytes == 2 ? 25u : bytes == 4 ? 26u : 27u;
    head[0] = (uint8_t)(kind << 5 | info);
    for (i = 0; i < bytes; i++)
        head[1 + i] = (uint8_t)(value >> 8u * (bytes - 1u - i));
    espmon_put(e, head, 1u + bytes);
}

void espmon_cbor_map(espmon_emitter *e, uint32_t pairs) { espmon__cbor_head(e, 5, pairs); }
void espmon_cbor_array(espmon_emitter *e, uint32_t items) { espmon__cbor_head(e, 4, items); }

void espmon_cbor_bytes(espmon_emitter *e, const void *bytes, uint32_t n) {
    espmon__cbor_head(e, 2, n);
    espmon_put(e, bytes, n);
}

void espmon_cbor_text(espmon_emitter *e, const char *text) {
    espmon__cbor_head(e, 3, strlen(text));
    espmon__text(e, text);
}

void espmon_cbor_int(espmon_emitter *e, int64_t value) {
    if (value < 0)
        espmon__cbor_head(e, 1, ~(uint64_t)value);
    else
        espmon__cbor_head(e, 0, (uint64_t)value);
}

void espmon_cbor_float(espmon_emitter *e, float value) {
    uint8_t head[5] = {0xfa, 0, 0, 0, 0};
    uint32_t bits;
    memcpy(&bits, &value, 4);
    espmon__u32(head + 1, bits);
    espmon_put(e, head, 5);
}

void espmon_cbor_bool(espmon_emitter *e, int value) { espmon_put(e, value ? "\xf5" : "\xf4", 1); }
void espmon_cbor_null(espmon_emitter *e) { espmon_put(e, "\xf6", 1); }

/* -- capabilities ---------------------------------------------------------------------------------------------------- */

static void espmon__caps_field(espmon_emitter *e, const char *key, const char *text) {
    if (text != NULL) {
        espmon_json_key(e, key);
        espmon_json_text(e, text);
    }
}

int espmon_caps_line(espmon_emitter *e, const espmon_caps *caps) {
    const char *at;
    size_t i;
    espmon__begin(e);
    espmon__line(e, "@ESPCAPS ");
    espmon__payload(e, ESPMON_RAW, 0, UINT32_MAX);
    espmon_json_open(e, '{');
    espmon_json_key(e, "version");
    espmon_json_int(e, 1);
    espmon__caps_field(e, "app", caps->app);
    espmon__caps_field(e, "app_version", caps->app_version);
    espmon__caps_field(e, "chip", caps->chip);
    espmon__caps_field(e, "console", caps->console);
    espmon__caps_field(e, "transport", caps->transport);
    espmon__caps_field(e, "screenshot", caps->screenshot);
    if (caps->frames != NULL) {
        espmon_json_key(e, "frames");
        espmon_json_open(e, '[');
        espmon_put(e, "\"", 1);
        for (at = caps->frames; *at != '\0'; at++)
            if (*at == ' ')
                espmon_put(e, "\",\"", 3);
            else if ((uint8_t)*at > 0x20 && *at != '"' && *at != '\\')
                espmon_put(e, at, 1);
        espmon_put(e, "\"", 1);
        espmon_json_close(e, ']');
    }
    if (caps->command_count > 0) {
        espmon_json_key(e, "commands");
        espmon_json_open(e, '{');
        for (i = 0; i < caps->command_count; i++) {
            espmon_json_key(e, caps->commands[i].name);
            espmon_json_text(e, caps->commands[i].help != NULL ? caps->commands[i].help : "");
        }
        espmon_json_close(e, '}');
    }
    espmon_json_close(e, '}');
    return espmon__end(e, "\n");
}

#endif /* ESPMON_EMIT_IMPLEMENTATION */
