/* What a place that runs a program offers: text out, bytes in, an exit code, and its stack. */
#ifndef EDGERNN_PORT_H
#define EDGERNN_PORT_H

#include <stdint.h>

/* Write a zero-terminated text where a person or a test reads it. */
void port_write(const char *text);

/* Read so many bytes, fewer only at the end of the input; gives how many. Not on chips, where a
 * program that reads brings its own. */
uint32_t port_read(void *to, uint32_t bytes);

/* Nanoseconds of a clock that only goes forward. Programs of Linux only. */
uint64_t port_nanoseconds(void);

/* Read the beginning of a file; gives how many bytes, 0 if it cannot be read. Linux only. */
uint32_t port_file(const char *path, void *to, uint32_t bytes);

/* The core that this runs on; -1 where that is not told. Linux only. */
int port_core(void);

/* Run on this core alone from here on; gives 0, or -1 where that is not allowed. Linux only. */
int port_pin(uint32_t core);

/* End the run with this exit code; never returns. */
void port_exit(int code) __attribute__((noreturn));

/* Lowest word that the stack may reach. */
uint32_t *port_stack_limit(void);

int main(void);

#endif
