#ifndef CONSOLE_H
#define CONSOLE_H

/* What the person at the console asked for; the snapshot harness sets it before the program starts. */
enum console_request {
    REQUEST_NONE,
    REQUEST_PANIC,
    REQUEST_ABORT,
    REQUEST_ASSERT,
    REQUEST_STACK,
    REQUEST_BUSY,
    REQUEST_LOAD,
    REQUEST_ILLEGAL,
};

extern volatile enum console_request console_request;

void console_run(void);

#endif
