#include "sensor.h"

#include "kernel.h"

static inline int to_millidegrees(uint32_t raw)
{
    return (int)(raw * 4386 / 100) - 2052000 / 100;
}

static NOINLINE int sensor_sample(struct sensor *sensor, int index)
{
    uint32_t raw = read_register(sensor->registers);
    sensor->samples = index + 1;
    return to_millidegrees(raw);
}

NOINLINE int sensor_update(struct sensor *sensor, int samples)
{
    int sum = 0;
    for (int i = 0; i < samples; i++) {
        sum += sensor_sample(sensor, i);
    }
    sensor->last = sum / samples;
    return sensor->last;
}
