/* What a place that runs golden vectors offers: text out, an exit code, and its stack. */
#ifndef EDGERNN_PORT_H
#define EDGERNN_PORT_H

#include <stdint.h>

/* Write a zero-terminated text where a person or a test reads it. */
void port_write(const char *text);

/* End the run with this exit code; never returns. */
void port_exit(int code) __attribute__((noreturn));

/* Lowest word that the stack may reach. */
uint32_t *port_stack_limit(void);

int main(void);

#endif
