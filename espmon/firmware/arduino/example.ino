// What espmon shows of a sketch: the event "Capabilities announced by the board", and a JSON payload every ten seconds.
// NOT BUILT WITH THE ARDUINO CORE where it was written.
#define ESPMON_EMIT_IMPLEMENTATION
#include "EspmonEmit.h"

EspmonEmit espmon(Serial);
espmon_caps caps = {};
long level;

void measurement(espmon_emitter *e, void *) {
    espmon_json_open(e, '{');
    espmon_json_key(e, "uptime_ms");
    espmon_json_int(e, level);
    espmon_json_close(e, '}');
}

void setup() {
    Serial.begin(115200);
    caps.app = "example";
    caps.transport = "uart";
    caps.frames = "json";
    espmon.caps(caps);
}

void loop() {
    static unsigned long last = 0;
    while (Serial.available() > 0) {
        if (espmon.asked((char)Serial.read())) {
            espmon.caps(caps);
        }
    }
    if (millis() - last >= 10000) {
        last = millis();
        level = (long)last;
        espmon.json(measurement);
    }
}
