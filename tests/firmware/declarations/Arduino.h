/* What the glue needs of Arduino. */
#ifndef ARDUINO_H
#define ARDUINO_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

class Print {
public:
    virtual ~Print() {}
    virtual size_t write(const uint8_t *bytes, size_t n) { return fwrite(bytes, 1, n, stdout); }
};

class HardwareSerial : public Print {
public:
    void begin(unsigned long) {}
    int available() { return 0; }
    int read() { return -1; }
};

extern HardwareSerial Serial;
unsigned long millis();
#endif
