/* espmon_emit.h for Arduino: payloads for espmon over Serial, or any other Print.
 *
 * NOT BUILT WITH THE ARDUINO CORE where it was written: it is compiled there against a few declarations of its own, taken
 * from Arduino's documentation. Put it and espmon_emit.h beside the sketch. Licence: Apache-2.0.
 *
 *     #define ESPMON_EMIT_IMPLEMENTATION
 *     #include "EspmonEmit.h"
 *
 *     EspmonEmit espmon(Serial);
 *
 *     espmon.json([](espmon_emitter *e, void *) {
 *         espmon_json_open(e, '{');
 *         espmon_json_key(e, "light");
 *         espmon_json_int(e, 512);
 *         espmon_json_close(e, '}');
 *     });
 */
#ifndef ESPMON_ARDUINO_H
#define ESPMON_ARDUINO_H

#include <Arduino.h>

#include "espmon_emit.h"

class EspmonEmit {
public:
    /* `armour`: raw is a quarter less; it needs a port that changes no byte, as Serial does. */
    explicit EspmonEmit(Print &port, espmon_armour armour = ESPMON_RAW) : armour_(armour) {
        espmon_init(&emitter_, put, &port);
    }

    int frame(const char *kind, const void *bytes, size_t n) {
        return espmon_frame(&emitter_, kind, NULL, armour_, bytes, n);
    }

    int file(const char *name, const void *bytes, size_t n) {
        return espmon_frame(&emitter_, "file", name, armour_, bytes, n);
    }

    /* `make` is called twice, and has to write the same both times: read sensors before. */
    int json(espmon_make make, void *arg = NULL) {
        return espmon_frame_made(&emitter_, "json", NULL, armour_, make, arg);
    }

    int cbor(espmon_make make, void *arg = NULL) {
        return espmon_frame_made(&emitter_, "cbor", NULL, armour_, make, arg);
    }

    int png(const espmon_picture &picture) { return espmon_png_frame(&emitter_, &picture, armour_); }

    /* In setup(), and when `asked` says that the host asked. */
    int caps(const espmon_caps &caps) { return espmon_caps_line(&emitter_, &caps); }

    /* Feed every character received; true when the line `@ESPCAPS?` ended with this one. */
    bool asked(char received) {
        static const char question[] = "@ESPCAPS?";
        if (received == '\r' || received == '\n') {
            bool whole = matched_ == sizeof question - 1;
            matched_ = 0;
            return whole;
        }
        matched_ = matched_ < sizeof question - 1 && received == question[matched_] ? matched_ + 1 : sizeof question;
        return false;
    }

    espmon_emitter *emitter() { return &emitter_; }

private:
    static int put(const void *bytes, size_t n, void *ctx) {
        return static_cast<Print *>(ctx)->write(static_cast<const uint8_t *>(bytes), n) == n ? 0 : -1;
    }

    espmon_emitter emitter_;
    espmon_armour armour_;
    size_t matched_ = 0;
};

#endif
