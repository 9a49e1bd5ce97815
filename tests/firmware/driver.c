/* The emitter on this computer: what its arguments ask for goes to stdout. The tests' way to the compiled code.
 *
 *     driver COMMAND ARGUMENT... [COMMAND ARGUMENT...]
 *
 *     png FORMAT WIDTH HEIGHT FILE streamed|measured|raw|base64|rows|stored     pixels are in FILE
 *     frame KIND NAME raw|base64 FILE                                           NAME - for none
 *     stream KIND raw|base64 FILE
 *     json | cbor | caps | failed | log TEXT | hooks | grown | shrunk | broken N
 */
#define ESPMON_EMIT_IMPLEMENTATION
#include "espmon_emit.h"

#include <stdio.h>
#include <stdlib.h>

static espmon_emitter emit;
static int writes_left = -1; /* -1: any number */

static int put(const void *bytes, size_t n, void *ctx) {
    (void)ctx;
    if (writes_left == 0)
        return -1;
    if (writes_left > 0)
        writes_left--;
    return fwrite(bytes, 1, n, stdout) == n ? 0 : -1;
}

static void lock(void *ctx) {
    (void)ctx;
    fputs("<lock>\n", stdout);
}

static void unlock(void *ctx) {
    (void)ctx;
    fputs("<unlock>\n", stdout);
}

static unsigned char *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    long end;
    unsigned char *bytes;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
        exit(3);
    rewind(file);
    bytes = (unsigned char *)malloc((size_t)end + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)end, file) != (size_t)end)
        exit(3);
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

static espmon_picture shown;

static const void *row(uint32_t y, void *ctx) { return (const unsigned char *)ctx + y * espmon__stride(&shown); }

static int png(char **words) {
    size_t size;
    unsigned char *pixels = load(words[3], &size);
    int result;
    shown.format = (espmon_format)atoi(words[0]);
    shown.width = (uint32_t)atoi(words[1]);
    shown.height = (uint32_t)atoi(words[2]);
    shown.pixels = pixels;
    shown.stored = strcmp(words[4], "stored") == 0;
    if (strcmp(words[4], "rows") == 0) {
        shown.pixels = NULL;
        shown.row = row;
        shown.row_ctx = pixels;
    }
    if (strcmp(words[4], "streamed") == 0)
        result = espmon_png_streamed(&emit, &shown);
    else if (strcmp(words[4], "measured") == 0)
        result = espmon_png_measured(&emit, &shown);
    else
        result = espmon_png_frame(&emit, &shown, strcmp(words[4], "base64") == 0 ? ESPMON_BASE64 : ESPMON_RAW);
    free(pixels);
    return result;
}

static espmon_armour armour(const char *word) { return strcmp(word, "base64") == 0 ? ESPMON_BASE64 : ESPMON_RAW; }

static int frame(char **words) {
    size_t size;
    unsigned char *bytes = load(words[3], &size);
    const char *name = strcmp(words[1], "-") == 0 ? NULL : words[1];
    int result = espmon_frame(&emit, words[0], name, armour(words[2]), bytes, size);
    free(bytes);
    return result;
}

static int stream(char **words) {
    size_t size;
    unsigned char *bytes = load(words[2], &size);
    int result = espmon_stream_begin(&emit, words[0], NULL, armour(words[1]));
    if (result == 0) {
        espmon_put(&emit, bytes, size);
        result = espmon_stream_end(&emit);
    }
    free(bytes);
    return result;
}

static void json_value(espmon_emitter *e, void *arg) {
    (void)arg;
    espmon_json_open(e, '{');
    espmon_json_key(e, "text");
    espmon_json_text(e, "a \"quoted\" \\ line\n\t\x7f gr\xc3\xbc\xc3\x9f" "e");
    espmon_json_key(e, "numbers");
    espmon_json_open(e, '[');
    espmon_json_int(e, 0);
    espmon_json_int(e, INT64_MIN);
    espmon_json_int(e, INT64_MAX);
    espmon_json_fixed(e, 2150, 2);
    espmon_json_fixed(e, -5, 3);
    espmon_json_fixed(e, 7, 40);
    espmon_json_close(e, ']');
    espmon_json_key(e, "empty");
    espmon_json_open(e, '{');
    espmon_json_close(e, '}');
    espmon_json_key(e, "rest");
    espmon_json_open(e, '[');
    espmon_json_bool(e, 1);
    espmon_json_bool(e, 0);
    espmon_json_null(e);
    espmon_json_close(e, ']');
    espmon_json_close(e, '}');
}

static void cbor_value(espmon_emitter *e, void *arg) {
    static const int64_t numbers[] = {0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, INT64_MAX,
                                      -1, -24, -25, -256, -257, INT64_MIN};
    const uint32_t count = (uint32_t)(sizeof numbers / sizeof *numbers);
    uint32_t i;
    (void)arg;
    espmon_cbor_map(e, 4);
    espmon_cbor_text(e, "numbers");
    espmon_cbor_array(e, count);
    for (i = 0; i < count; i++)
        espmon_cbor_int(e, numbers[i]);
    espmon_cbor_text(e, "bytes");
    espmon_cbor_bytes(e, "\x00\x01\xff", 3);
    espmon_cbor_text(e, "float");
    espmon_cbor_float(e, 21.5f);
    espmon_cbor_text(e, "rest");
    espmon_cbor_array(e, 3);
    espmon_cbor_bool(e, 1);
    espmon_cbor_bool(e, 0);
    espmon_cbor_null(e);
}

static int caps(void) {
    static const espmon_command commands[] = {{"screenshot", "the screen as \"PNG\""}, {"reboot", NULL}};
    espmon_caps said;
    memset(&said, 0, sizeof said);
    said.app = "driver";
    said.app_version = "1.2.3";
    said.chip = "esp32c3";
    said.console = "esp_console";
    said.transport = "uart";
    said.screenshot = "screenshot";
    said.frames = "png json acme/telemetry";
    said.commands = commands;
    said.command_count = 2;
    return espmon_caps_line(&emit, &said);
}

/* A payload that is another one each time: longer, and shorter. */
static void changing(espmon_emitter *e, void *arg) {
    int *lengths = (int *)arg;
    int n;
    for (n = lengths[0]; n > 0; n--)
        espmon_put(e, "x", 1);
    lengths[0] = lengths[1];
}

static int change(int first, int second) {
    int lengths[2];
    lengths[0] = first;
    lengths[1] = second;
    return espmon_frame_made(&emit, "acme", NULL, ESPMON_RAW, changing, lengths);
}

int main(int count, char **words) {
    int at = 1, result = 0;
    espmon_init(&emit, put, NULL);
    while (at < count && result == 0) {
        const char *command = words[at++];
        char **arguments = words + at;
        if (strcmp(command, "png") == 0) {
            result = png(arguments);
            at += 5;
        } else if (strcmp(command, "frame") == 0) {
            result = frame(arguments);
            at += 4;
        } else if (strcmp(command, "stream") == 0) {
            result = stream(arguments);
            at += 3;
        } else if (strcmp(command, "json") == 0) {
            result = espmon_frame_made(&emit, "json", NULL, ESPMON_RAW, json_value, NULL);
        } else if (strcmp(command, "cbor") == 0) {
            result = espmon_frame_made(&emit, "cbor", NULL, ESPMON_BASE64, cbor_value, NULL);
        } else if (strcmp(command, "caps") == 0) {
            result = caps();
        } else if (strcmp(command, "failed") == 0) {
            result = espmon_png_failed(&emit);
        } else if (strcmp(command, "log") == 0) {
            printf("%s\r\n", words[at++]);
        } else if (strcmp(command, "hooks") == 0) {
            emit.lock = lock;
            emit.unlock = unlock;
            emit.fresh_line = 1;
        } else if (strcmp(command, "grown") == 0) {
            result = change(10, 20);
        } else if (strcmp(command, "shrunk") == 0) {
            result = change(20, 10);
        } else if (strcmp(command, "broken") == 0) {
            writes_left = atoi(words[at++]);
        } else {
            return 2;
        }
        fflush(stdout);
    }
    fprintf(stderr, "%d", result);
    return 0;
}
