/* A temperature sensor on a bus that is sometimes not there. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdint.h>

#define SENSOR_START 0x01

struct sensor_registers {
    volatile uint32_t control;
    volatile uint32_t value;
};

struct sensor {
    const char *name;
    struct sensor_registers *registers;
    int samples;
    int last;
};

int sensor_update(struct sensor *sensor, int samples);

/* Starts a conversion and reads it. */
static inline __attribute__((always_inline)) uint32_t read_register(struct sensor_registers *registers)
{
    registers->control = SENSOR_START;
    return registers->value;
}

#endif
